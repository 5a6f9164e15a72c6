"""Describes Cinder's drivers without constructing them: one driver's options and capabilities, or a list of all drivers."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import inspect
import os
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import bootstrap, config, log_relay, options

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMING = frozenset({"volume_driver", "volume_backend_name"})
"""Options that name a backend and its driver; they are not options of the driver."""

_SHARED = "backend_defaults"
_BASE = "cinder.volume.driver"
_METHODS = {
    "revert": ("revert_to_snapshot",),
    "manage": ("manage_existing", "manage_existing_get_size"),
    "list_manageable": ("get_manageable_volumes",),
    "manage_snapshots": ("manage_existing_snapshot", "manage_existing_snapshot_get_size"),
    "list_manageable_snapshots": ("get_manageable_snapshots",),
    "retype": ("retype",),
    "migrate": ("migrate_volume",),
    "groups": ("create_group", "create_group_snapshot"),
    "replication": ("failover_host",),
}
_STATS = {"multiattach": "multiattach", "qos": "QoS_support", "thin": "thin_provisioning_support"}
_KINDS = {
    "Boolean": "bool",
    "Integer": "int",
    "Port": "int",
    "Number": "float",
    "Float": "float",
    "List": "list",
    "MultiString": "list",
    "Dict": "dict",
}
_FACTORY = "ProxyVD"
_WORD = re.compile(r"[a-z0-9]{3,}")


class NoDriverError(LookupError):
    """Cinder has no driver at that path."""


def imported(path: str) -> Any:
    """Import and return the driver class at *path*.

    Raises:
        NoDriverError: there is no driver class at *path*.
        ModuleNotFoundError: the driver needs a library that is not installed.

    """
    from oslo_utils import importutils

    try:
        cls = importutils.import_class(path)
    except ModuleNotFoundError as error:
        if error.name and not path.startswith(error.name):
            raise  # the driver exists, but a library that it imports does not
        raise NoDriverError(path) from None
    except ImportError as error:
        raise NoDriverError(path) from (error if error.__cause__ else None)
    if not options.candidates(cls):
        raise NoDriverError(path)
    return cls


def _with_required(opt: dict[str, Any], driver_options: options.Options) -> dict[str, Any]:
    """Return *opt* with ``required`` and ``checked`` set; a required option that only a sibling driver lists is not enforced."""
    is_listed = opt["name"] in driver_options.listed
    checked = opt["name"] in driver_options.required or (opt["required"] and not is_listed and opt["own"])
    return {**opt, "required": opt["required"] and is_listed, "checked": checked}


def driver(path: str) -> dict[str, Any]:
    """Return the description of the driver at *path*, with Cinder's release; empty if there is no such driver."""
    bootstrap.imported()
    try:
        cls = imported(path)
    except NoDriverError:
        path = _current(path)
        if not path:
            return {}
        cls = imported(path)
    driver_options = options.of_driver(cls)
    names = {opt.name for opt in driver_options.own}
    general = [opt for opt in (*driver_options.shared, *driver_options.others) if opt.name not in names]
    described = [_describe_option(opt, is_own=True) for opt in driver_options.own]
    described += [_describe_option(opt, is_own=False) for opt in general]
    candidates = [features(candidate, {}) for candidate in options.candidates(cls)]
    return {
        "path": path,
        "release": importlib.metadata.version("cinder"),
        "version": str(getattr(cls, "VERSION", "")),
        "help": " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split()),
        "options": [_with_required(opt, driver_options) for opt in described if opt["name"] not in _NAMING],
        "features": {name: any(candidate[name] for candidate in candidates) for name in candidates[0]},
        "missing": _missing(cls),
        "in_default": _default_options(),
    }


def _default_options() -> list[str]:
    """Return the names of Cinder's options in ``[DEFAULT]``."""
    from oslo_config import cfg

    config.register()
    return sorted(cfg.CONF._opts)  # noqa: SLF001 - there is no public list


def _current(path: str) -> str:
    """Return the path by which Cinder's volume manager replaces the older *path*; empty if it has none."""
    if not path.startswith("cinder."):
        return ""
    from cinder.volume import manager

    return str(manager.MAPPING.get(path, ""))


def _missing(cls: Any) -> list[str]:
    """Return the missing libraries among those that the driver's modules import optionally (in ``try``, or by ``try_import``)."""
    trees = options.modules(cls).values()
    optional = [node for tree in trees for attempt in tree.body if isinstance(attempt, ast.Try) for node in attempt.body]
    names = {alias.name for node in optional if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in optional if isinstance(node, ast.ImportFrom) and node.module}
    names |= {name for tree in trees for node in ast.walk(tree) if (name := _try_import(node))}
    return sorted({top for top in (name.partition(".")[0] for name in names) if importlib.util.find_spec(top) is None})


def _try_import(node: ast.AST) -> str:
    """Return the library that *node* imports by oslo's ``try_import``; empty if it is another node."""
    is_call = isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "try_import" and bool(node.args)
    return str(getattr(node.args[0], "value", "")) if is_call else ""  # type: ignore[attr-defined] # a Call


def features(cls: Any, stats: dict[str, Any]) -> dict[str, bool]:
    """Return the driver's capabilities: by the methods that it overrides, and by its statistics once it runs."""
    result = {name: all(_overrides(cls, method) for method in methods) for name, methods in _METHODS.items()}
    sources = [stats, *stats.get("pools", [])]
    true = {str(key).lower() for source in sources for key, value in source.items() if _is_true(value)}
    result.update({name: key.lower() in true for name, key in _STATS.items()})
    result["groups"] = result["groups"] or "consistent_group_snapshot_enabled" in true
    result["extend_attached"] = all(source.get("online_extend_support", True) is not False for source in sources)
    result["clone_bigger"] = True  # the driver interface requires it of every driver
    return result


def _overrides(cls: Any, method: str) -> bool:
    function = getattr(cls, method, None)
    if function is None or getattr(function, "__module__", _BASE) == _BASE or _only_refuses(function):
        return False
    inner = getattr(cls, f"_{method}", None)  # remotefs takes its locks in the public method, and drivers override the other
    return inner is None or not _only_refuses(inner)


def _only_refuses(method: Any) -> bool:
    try:
        (function,) = ast.parse(textwrap.dedent(inspect.getsource(method))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return False
    body = [node for node in getattr(function, "body", []) if not isinstance(node, ast.Expr)]
    return len(body) == 1 and isinstance(body[0], ast.Raise) and "NotImplementedError" in ast.dump(body[0])


def _is_true(value: object) -> bool:
    return value is True or str(value).lower() in {"true", "<is> true"}


def _describe_option(opt: Any, *, is_own: bool) -> dict[str, Any]:
    choices = getattr(opt.type, "choices", None) or ()
    kind = "list" if opt.multi else _KINDS.get(type(opt.type).__name__, "str")
    return {
        "name": opt.name,
        "kind": kind,
        "help": " ".join((opt.help or "").split()) or opt.name.replace("_", " "),
        "default": None if opt.secret else _default(opt.default),
        "required": bool(opt.required),
        "secret": options.is_secret(opt),
        "choices": [str(choice) for choice in choices],
        "minimum": getattr(opt.type, "min", None),
        "maximum": getattr(opt.type, "max", None),
        "item": kind == "list" and not opt.multi and type(getattr(opt.type, "item_type", None)).__name__,
        "deprecated": bool(opt.deprecated_for_removal),
        "own": is_own,
        "aliases": _aliases(opt),
        "multi": bool(opt.multi),
        "ignore_case": bool(getattr(opt.type, "ignore_case", False)),
    }


def _aliases(opt: Any) -> list[str]:
    """Return the older names of *opt* with ``-`` as ``_``; ``group.name`` if the option was in another group."""
    names = []
    for old in opt.deprecated_opts:
        name = (old.name or opt.name).replace("-", "_")
        names.append(name if old.group in {None, _SHARED} else f"{old.group}.{name}")
    return [name for name in dict.fromkeys(names) if name != opt.name]


def _default(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): str(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [str(item) for item in value]
    return log_relay.masked(str(value))


def drivers() -> dict[str, Any]:
    """Return Cinder's ``release``, its ``drivers`` as rows sorted by path, and its ``renamed`` drivers; none is imported.

    A driver is a class with the decorator ``volumedriver``. A factory of drivers (NetApp's unified driver), which derives from
    ``ProxyVD``, counts as one.

    Raises:
        ModuleNotFoundError: there is no Cinder.

    """
    spec = importlib.util.find_spec("cinder")
    if spec is None or not spec.submodule_search_locations:
        msg = "No module named 'cinder'"
        raise ModuleNotFoundError(msg, name="cinder")
    top = Path(next(iter(spec.submodule_search_locations)), "volume", "drivers")
    rows = sorted(_rows(top), key=lambda row: row["path"])
    return {"release": importlib.metadata.version("cinder"), "drivers": rows, "renamed": _renamed(top.parent / "manager.py")}


def _renamed(manager: Path) -> dict[str, str]:
    """Return older path -> current path of drivers, as Cinder's volume manager maps them."""
    for node in ast.parse(manager.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "MAPPING" for target in node.targets):
            return {str(old): str(new) for old, new in ast.literal_eval(node.value).items()}
    return {}


def _rows(top: Path) -> Iterator[dict[str, Any]]:
    for file in top.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        if "volumedriver" in text or _FACTORY in text:
            parts = file.relative_to(top).with_suffix("").parts
            module = ".".join(["cinder", "volume", "drivers", *(part for part in parts if part != "__init__")])
            yield from _classes(ast.parse(text), module)


def _classes(tree: ast.Module, module: str) -> Iterator[dict[str, Any]]:
    search_text = ""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and _is_driver(node):
            constants = dict(_constants(node))
            help_text = (ast.get_docstring(node) or "").strip()
            search_text = search_text or _search_text(tree)
            yield {
                "name": node.name,
                "path": f"{module}.{node.name}",
                "help": " ".join(help_text.split("\n\n")[0].split()),
                "version": str(constants.get("VERSION", "")),
                "supported": bool(constants.get("SUPPORTED", True)),
                "search_text": search_text,
            }


def _is_driver(node: ast.ClassDef) -> bool:
    is_marked = any("volumedriver" in ast.dump(mark) for mark in node.decorator_list)
    return is_marked or any(_FACTORY in ast.dump(base) for base in node.bases)


def _search_text(tree: ast.Module) -> str:
    """Return the words of the module's docstring and of its options' help, to search in.

    The options help: the docstring of Ceph's driver says RADOS, its options say ceph.
    """
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "attr", "").endswith("Opt"))
    values = (
        value for call in calls for value in [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "help")]
    )
    texts = [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    return " ".join(sorted(set(_WORD.findall(" ".join([ast.get_docstring(tree) or "", *texts]).lower()))))


def _constants(node: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant):
            for target in line.targets:
                if isinstance(target, ast.Name):
                    yield target.id, line.value.value


def supported_drivers(version: int) -> dict[str, dict[str, Any]]:
    """Return class name -> description of each driver, as cinderlib gives it: all values as text in *version* 1, typed in 2."""
    bootstrap.imported()
    import cinder.volume.manager  # it registers options that supported_drivers refer to
    from cinder.interface import util

    os.chdir(Path(cinder.__file__).parent.parent)  # Cinder searches for drivers below the working directory
    return {driver.class_name: _supported_driver(driver, version) for driver in util.get_volume_drivers()}


def _supported_driver(driver: Any, version: int) -> dict[str, Any]:
    description = {name: _plain_value(value) for name, value in vars(driver).items() if name not in {"cls", "driver_options"}}
    listed = list(driver.driver_options or [])
    known = {opt.name for opt in listed}
    listed += [opt for opt in options.of_driver(driver.cls).own if opt.name not in known]
    return {**description, "driver_options": [_option(opt, version) for opt in listed]}


def _option(opt: Any, version: int) -> dict[str, Any]:
    if version == 1:
        return {name: str(value) for name, value in _public(opt).items()}
    kind = {**_public(opt.type), "type_class": type(opt.type).__name__}
    return {**_plain_value(_public(opt)), "type": _plain_value(kind)}


def _public(obj: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(obj).items() if not name.startswith("_")}


def _plain_value(value: Any) -> Any:
    """Return *value* as plain data: a class as its name, any other object as text."""
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    if isinstance(value, dict):
        return {str(key): _plain_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain_value(item) for item in value]
    return value.__name__ if isinstance(value, type) else str(value)
