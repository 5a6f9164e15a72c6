"""Prints, as JSON, the public names of the cinderlib that runs this: by class, what one can use or is set on its objects."""

import ast
import inspect
import json
import types

import cinderlib
from cinderlib import exception, objects
from cinderlib.persistence import base as persistence


def _set_on(cls: type) -> set[str]:
    """Return what the methods of *cls*, and of those that it inherits from, set on its objects or on itself."""
    found = set()
    for each in inspect.getmro(cls):
        if each.__module__.startswith("cinderlib"):
            targets = [node for node in ast.walk(ast.parse(inspect.getsource(each))) if isinstance(node, ast.Attribute)]
            found |= {
                node.attr
                for node in targets
                if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
            }
    return found


def _of(cls: type) -> list[str]:
    fields = set(getattr(getattr(cls, "OVO_CLASS", None), "fields", ()))
    return _public({*dir(cls), *_set_on(cls), *fields})


def _public(names: set[str]) -> list[str]:
    return sorted(name for name in names if not name.startswith("_"))


def _is_own(value: object) -> bool:
    return not isinstance(value, types.ModuleType) or value.__name__.startswith("cinderlib.")


names = {cls.__name__: _of(cls) for cls in (cinderlib.Backend, objects.Volume, objects.Snapshot, objects.Connection)}
names["KeyValue"] = _of(objects.KeyValue)
names["setup"] = [name for name in inspect.signature(cinderlib.setup).parameters if name != "cinder_config_params"]
names["module"] = [name for name in _public(set(vars(cinderlib))) if _is_own(vars(cinderlib)[name])]
names["exception"] = [name for name in _public(set(vars(exception))) if isinstance(vars(exception)[name], type)]
names["persistence"] = _of(persistence.PersistenceDriverBase)
print(json.dumps(names))  # noqa: T201 - what it is for
