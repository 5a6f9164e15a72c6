"""Finds the oslo.config options that a driver reads, from the source of its modules; the driver is not constructed."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import masking

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BASE = "cinder.volume.driver"
_DRIVERS = "cinder.volume.drivers"
_SHARED = ("volume_opts", "iser_opts", "nvmeof_opts", "nvmet_opts", "scst_opts", "backup_opts", "image_opts", "fqdn_opts")
_CONFIGURATION = frozenset({"configuration", "_configuration", "conf", "config"})
_REQUIRED = re.compile(r"required(?!.*cert)|mandatory", re.IGNORECASE)
_OPT = re.compile(r"Opt\(\s*[\"'](\w+)[\"']")
_SETTING_UP = ("__init__", "do_setup", "check_for_setup_error")
_EMPTY: tuple[Any, ...] = (None, "", [])
_KEYRING = (
    "Path to the ceph keyring file of rbd_user, which is given to attaching hosts. Cinder reads it without registering it "
    "(OSSN-0085); without it hosts need a keyring of their own below /etc/ceph."
)
_UNREGISTERED = "The driver reads it, but Cinder does not register it: a Cinder service always finds it empty."


@dataclass(frozen=True)
class Options:
    """The options of one driver.

    Attributes:
        own: options that the driver's modules declare or read, including shared ones that they read.
        others: options that other drivers in the same package declare.
        shared: options that Cinder gives to all drivers.
        listed: names of the options that the driver lists itself, or that no module registers.
        required: names of the options without a default that the driver's code requires.

    """

    own: tuple[Any, ...]
    others: tuple[Any, ...]
    shared: tuple[Any, ...]
    listed: frozenset[str]
    required: frozenset[str]

    def to_register(self, names: Iterable[str]) -> list[Any]:
        """Return the options to register before the driver is constructed; *names* are those that have a value.

        The driver registers the others itself: some drivers check whether an option is registered to tell their variant.
        """
        early = {*self.listed, *names}
        return [opt for opt in (*self.own, *self.others) if opt.name in early] + list(self.shared)


@functools.lru_cache(maxsize=8)
def of_driver(cls: Any) -> Options:
    """Return the options of the driver class *cls*."""
    trees = modules(cls)
    shared_opts = {opt.name: opt for opt in shared()}
    opts = {opt.name: opt for opt in _listed(cls)}
    listed = frozenset(opts)
    for name in trees:
        for opt in _declared(sys.modules.get(name)):
            if opt.name not in shared_opts:
                opts.setdefault(opt.name, opt)
    identifiers = {word for tree in trees.values() for word in _identifiers(tree)}
    opts.update({name: opt for name, opt in shared_opts.items() if name in identifiers and name not in opts})
    known = {*opts, *shared_opts, *_methods()}
    read = set(_read(trees.values())) - known
    likely = ({word for tree in trees.values() for node in ast.walk(tree) if (word := _safe_read(node))} - known) | {
        name for name in _attributes(trees.values()) if name not in known and _is_named_alike(name, opts)
    }
    other_opts = _of_other_drivers(likely | read)
    unregistered = sorted(likely - other_opts.keys() - _assigned(trees.values()))
    opts.update(
        {
            **{name: other_opts[name] for name in sorted(other_opts)},
            **{name: _unregistered(name) for name in unregistered},
        }
    )
    required_lists = [names for names in _required_lists(cls, trees) if all(name in opts for name in names)]
    required = {name for names in required_lists for name in names if opts[name].default in _EMPTY}
    package_opts = {opt.name: opt for name in _package_modules(cls) if name not in trees for opt in _declared(_imported(name))}
    others = tuple(opt for name, opt in package_opts.items() if name not in opts and name not in shared_opts)
    return Options(tuple(opts.values()), others, tuple(shared_opts.values()), listed.union(unregistered), frozenset(required))


def shared() -> list[Any]:
    """Return the options that Cinder gives to every driver: those of the service, the base class and the iSCSI targets."""
    from cinder.volume import driver, manager, targets
    from oslo_config import cfg

    opts = [opt for name in _SHARED for opt in getattr(driver, name, [])]
    opts += manager.volume_backend_opts
    # cinder.cmd.volume registers it for each backend; importing that would patch the process
    opts.append(cfg.StrOpt("backend_host", help="Replaces the host name in the host of the volumes: backend_host@backend."))
    for module in pkgutil.iter_modules(targets.__path__, f"{targets.__name__}."):
        opts += _declared(_imported(module.name))
    return list({opt.name: opt for opt in opts}.values())


def is_secret(opt: Any) -> bool:
    """Return whether the option holds a secret: it is declared secret, or its name says so (``kioxia_token``)."""
    from oslo_config import types

    return bool(opt.secret) or (isinstance(opt.type, types.String) and masking.is_secret(opt.name))


def candidates(cls: Any) -> list[Any]:
    """Return [*cls*] if it is a driver, or else the drivers that *cls* chooses from as a factory; empty if it is neither."""
    if hasattr(cls, "get_driver_options"):
        return [cls]
    drivers = []
    for path in _paths(vars(sys.modules[cls.__module__])):
        module, _, name = path.rpartition(".")
        chosen = getattr(_imported(module), name, None)
        if isinstance(chosen, type) and hasattr(chosen, "get_driver_options"):
            drivers.append(chosen)
    return drivers


def modules(cls: Any) -> dict[str, ast.Module]:
    """Return the modules that make up the driver *cls*: name -> parsed source, the module of *cls* first.

    They are the modules of its classes, the modules that these import or name by a path (within Cinder's drivers, or the package
    of a third-party driver), and the other modules of its package that belong to no other driver, since an option may name one
    (IBM's ``proxy``).
    """
    start = [base.__module__ for base in cls.__mro__]
    of_others = {name for other in _sibling_drivers(cls) for name in _reached([other])}
    return _reached([*start, *(name for name in _package_modules(cls) if name not in of_others)])


def _package_modules(cls: Any) -> list[str]:
    """Return the names of the modules in the package of the driver *cls*; empty if that is Cinder's package of all drivers."""
    package = cls.__module__.rpartition(".")[0]
    folders = getattr(sys.modules.get(package), "__path__", ())
    return [] if package == _DRIVERS else [module.name for module in pkgutil.iter_modules(folders, f"{package}.")]


def _sibling_drivers(cls: Any) -> Iterator[str]:
    for name in _package_modules(cls):
        spec = importlib.util.find_spec(name)
        file = Path(spec.origin or "") if spec is not None else Path()
        if name != cls.__module__ and file.is_file() and "volumedriver" in file.read_text(encoding="utf-8", errors="replace"):
            yield name


def _reached(start: Iterable[str]) -> dict[str, ast.Module]:
    trees: dict[str, ast.Module] = {}
    todo = deque(start)
    top = todo[0].partition(".")[0]
    prefixes = (_DRIVERS, *([top] if top != "cinder" else []))
    while todo:
        name = todo.popleft()
        if name in trees or not any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes):
            continue
        module = _imported(name)
        if module is None:
            continue
        trees[name] = _tree(name)
        todo += [*_imports(trees[name], module), *(part for path in _paths(vars(module)) for part in _modules_in(path))]
    return trees


@functools.lru_cache(maxsize=32)  # a tree takes megabytes, and listing all drivers parses hundreds of modules
def _tree(name: str) -> ast.Module:
    """Return the parsed source of the imported module *name*."""
    try:
        return ast.parse(inspect.getsource(sys.modules[name]))
    except (OSError, TypeError, SyntaxError):  # an empty __init__.py, or one without a source
        return ast.Module([], [])


def _imported(name: str) -> Any:
    """Import and return the module *name*; None if it does not exist or cannot be imported."""
    if name in sys.modules:
        return sys.modules[name]
    try:
        if importlib.util.find_spec(name) is None:
            return None
        return importlib.import_module(name)
    except Exception:  # noqa: BLE001 - a vendor's module may raise anything
        return None


def _imports(tree: ast.Module, module: Any) -> Iterator[str]:
    package = module.__name__ if hasattr(module, "__path__") else module.__name__.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            with contextlib.suppress(ImportError):  # more dots than there are packages
                name = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                yield name
                yield from (f"{name}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_path(node.value):
            yield from _modules_in(node.value)


def _paths(value: Any, depth: int = 4) -> Iterator[str]:
    """Yield the paths of Cinder's drivers in *value*, which may be nested: a factory keeps them in dicts, partly computed."""
    if isinstance(value, str):
        if _is_path(value):
            yield value
    elif isinstance(value, dict) and depth:
        for item in list(value.values()):
            yield from _paths(item, depth - 1)
    elif isinstance(value, (list, tuple)) and depth:
        for item in value:
            yield from _paths(item, depth - 1)


def _is_path(text: str) -> bool:
    return text.startswith(f"{_DRIVERS}.") and text.replace(".", "").isidentifier()


def _modules_in(path: str) -> tuple[str, str]:
    return path, path.rpartition(".")[0]


def _listed(cls: Any) -> Iterator[Any]:
    """Yield the options of ``get_driver_options`` where the driver overrides it."""
    for driver in candidates(cls):
        method = driver.get_driver_options
        if getattr(method, "__module__", _BASE) != _BASE:
            # some drivers read options that are not registered yet; their modules have the missing ones
            with contextlib.suppress(Exception):
                yield from method() or []


def _declared(module: Any) -> list[Any]:
    from oslo_config import cfg

    opts = []
    for value in list(vars(module).values()) if module is not None else []:
        items = value if isinstance(value, (list, tuple)) else [value]
        opts += [item for item in items if isinstance(item, cfg.Opt)]
    return opts


def _identifiers(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _read(trees: Iterable[ast.Module]) -> Iterator[str]:
    """Yield the names that are read from a configuration object, as an attribute or by ``get``."""
    yield from _attributes(trees)
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get" and node.args:
            yield _text(node.args[0]) or ""


def _attributes(trees: Iterable[ast.Module]) -> Iterator[str]:
    nodes = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    yield from (node.attr for node in nodes if isinstance(node.ctx, ast.Load) and _is_configuration(node.value))


def _is_named_alike(name: str, others: Iterable[str]) -> bool:
    """Return whether an option among *others* starts with the same two words, as options of one driver do."""
    start = "_".join(name.split("_")[:2])
    return any(other.startswith(f"{start}_") for other in others)


def _assigned(trees: Iterable[ast.Module]) -> set[str]:
    """Return the names that are assigned as attributes: these are the driver's own values, not options."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    calls = [node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setattr"]
    return names | {_text(call.args[1]) or "" for call in calls if len(call.args) > 1}


def _of_other_drivers(names: set[str]) -> dict[str, Any]:
    """Return name -> option for those of *names* that other drivers register: shared modules read options of some drivers."""
    import cinder.volume.drivers

    top = Path(next(iter(cinder.volume.drivers.__path__)))
    opts: dict[str, Any] = {}
    for name, file in _registering(str(top)):
        if name in names and name not in opts:
            parts = Path(file).relative_to(top).with_suffix("").parts
            declared = {opt.name: opt for opt in _declared(_imported(".".join([_DRIVERS, *parts])))}
            opts.update({name: declared[name]} if name in declared else {})
    return opts


@functools.lru_cache(maxsize=1)
def _registering(top: str) -> list[tuple[str, str]]:
    """Return (option name, file) for each option that is declared in a source below *top*."""
    files = sorted(Path(top).rglob("*.py"))
    return [(name, str(file)) for file in files for name in _OPT.findall(file.read_text(encoding="utf-8", errors="replace"))]


def _unregistered(name: str) -> Any:
    """Return an option for a name that a driver reads although no module registers it."""
    from oslo_config import cfg

    is_keyring = name == "rbd_keyring_conf"
    return cfg.StrOpt(name, default="" if is_keyring else None, help=_KEYRING if is_keyring else _UNREGISTERED)


def _safe_read(node: ast.AST) -> str | None:
    """Return the option name in a call of ``safe_get`` or of ``getattr`` on a configuration; None for other nodes."""
    if not isinstance(node, ast.Call) or not node.args:
        return None
    if isinstance(node.func, ast.Attribute) and node.func.attr == "safe_get":
        return _text(node.args[0])
    if isinstance(node.func, ast.Name) and node.func.id == "getattr" and _is_configuration(node.args[0]):
        return _text(node.args[1])
    return None


def _text(node: ast.AST) -> str | None:
    value = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) and value.isidentifier() and not value.startswith("_") else None


def _methods() -> list[str]:
    from cinder.volume import configuration

    return dir(configuration.BackendGroupConfiguration)


def _is_configuration(node: ast.AST) -> bool:
    return (getattr(node, "attr", None) or getattr(node, "id", None)) in _CONFIGURATION


def _required_lists(cls: Any, trees: dict[str, ast.Module]) -> Iterator[list[str]]:
    """Yield lists of option names that the driver's code calls required, and those without which its setup raises."""
    bases = {base.__module__ for candidate in candidates(cls) for base in candidate.__mro__}
    package = cls.__module__.rpartition(".")[0]
    for name, tree in trees.items():
        if name in bases or (package != _DRIVERS and name.startswith(f"{package}.")):
            yield from (names for node in ast.walk(tree) if (names := _declared_required(node)))
    for method in (method for name in _SETTING_UP for method in _method_chain(cls, name, trees)):
        yield from ([name] for name in _refused_without(method))


def _method_chain(cls: Any, name: str, trees: dict[str, ast.Module]) -> Iterator[ast.FunctionDef]:
    """Yield the method *name* of *cls* as it runs: of the first class that defines it, then those that ``super()`` reaches."""
    for base in cls.__mro__:
        nodes = trees.get(base.__module__, ast.Module([], [])).body
        bodies = [node.body for node in nodes if isinstance(node, ast.ClassDef) and node.name == base.__name__]
        for method in (node for body in bodies for node in body if isinstance(node, ast.FunctionDef) and node.name == name):
            yield method
            if not any(isinstance(node, ast.Name) and node.id == "super" for node in ast.walk(method)):
                return


def _declared_required(node: ast.AST) -> list[str]:
    if not (isinstance(node, ast.Assign) and isinstance(node.value, (ast.List, ast.Tuple, ast.Set))):
        return []
    names = [str(getattr(target, "attr", None) or getattr(target, "id", "")) for target in node.targets]
    return [_text(item) or "" for item in node.value.elts] if any(_REQUIRED.search(name) for name in names) else []


def _refused_without(method: ast.FunctionDef) -> Iterator[str]:
    """Yield the options without which *method* raises unconditionally."""
    for line in method.body:
        if isinstance(line, ast.If) and any(isinstance(node, ast.Raise) for node in line.body):
            either = isinstance(line.test, ast.BoolOp) and isinstance(line.test.op, ast.Or)
            for part in line.test.values if either else [line.test]:  # type: ignore[attr-defined] # a BoolOp
                yield from _missing_in(part)


def _missing_in(test: ast.AST) -> Iterator[str]:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        value: ast.AST = test.operand
        if isinstance(value, ast.Attribute) and _is_configuration(value.value):
            yield value.attr
        elif (name := _safe_read(value)) is not None:
            yield name
