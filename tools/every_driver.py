"""Every driver of one Cinder: what its sources read, what is accepted here, and how far opening it gets."""

from __future__ import annotations

import ast
import contextlib
import functools
import json
import re
import subprocess
import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cl_notebook import errors
from cl_notebook.drivers import registry
from cl_notebook.drivers.cinder import factory, process
from tools import plausible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cl_notebook.drivers.cinder.driver import CinderDriver

_PREFIX = "cinder.volume.drivers."
_NAMING = {"volume_driver", "volume_backend_name"}
"""What says which driver a backend has, and what it is called."""

_CHILD = Path(__file__).with_name("every_driver_child.py")
_LIBRARY = re.compile(r"install|librar|import|module|package|client|NoneType", re.IGNORECASE)
_CONFIGURATION = frozenset({"configuration", "_configuration", "conf", "_conf", "config"})


@dataclass
class Tried:
    """One driver that was opened with some options, and how far that got."""

    label: str
    path: str
    cls: type[CinderDriver]
    release: str
    read: frozenset[str]
    """Names that its sources read of their configuration, of those that any driver registers."""
    registered: frozenset[str]
    """Names that stand in its group after it was constructed as Cinder does it."""
    left_out: tuple[str, ...] = ()
    """Options of its section that nothing in Cinder registers: Cinder ignores them."""
    kind: str = ""
    """``array``, ``command``, ``library``, ``check``, ``opened``, or ``fault``."""
    text: str = ""
    trace: str = ""

    @property
    def name(self) -> str:
        """Its path, as far as it differs from others'."""
        return self.path.removeprefix(_PREFIX)

    @property
    def refused(self) -> set[str]:
        """What it reads or registers, and is not accepted here; a backend's name and driver are given by themselves."""
        return set(self.read | self.registered) - {option.name for option in self.cls.options()} - _NAMING


def tried(python: str, sections: Mapping[str, Mapping[str, str]] | None = None) -> list[Tried]:
    """Open every driver of the Cinder in *python* with plausible options, then the backends of *sections*; return the outcomes.

    *sections* are those of a ``cinder.conf``: the name of a backend, and its options as text.
    """
    with tempfile.TemporaryDirectory(prefix="cl_notebook-drivers-") as name, _Child(python, Path(name)) as child:
        labels = [(path, path) for path in child.paths]
        labels += [(label, section["volume_driver"]) for label, section in (sections or {}).items()]
        by_path = _described(child, python, [path for _label, path in labels])
        drivers = [replace(by_path[path], label=label) for label, path in labels]
        requests = {}
        for driver in drivers:
            section = (sections or {}).get(driver.label)
            try:
                requests[driver.label] = _request(driver, section, Path(name))
                driver.left_out = tuple(_unknown(driver, section or {}))
            except errors.InvalidInput as error:
                driver.kind, driver.text = "fault", str(error)
        outcomes = dict(zip(requests, child.answers(requests.values()), strict=True))
        for driver in drivers:
            if driver.label in outcomes:
                driver.kind, driver.text, driver.trace = _judged(outcomes[driver.label], driver.cls.missing)
        return drivers


def _described(child: _Child, python: str, paths: Iterable[str]) -> dict[str, Tried]:
    unique = list(dict.fromkeys(paths))
    answers = child.answers({"do": "described", "path": path} for path in unique)
    sources = Sources(Path(child.folder))
    by_path = {}
    for path, answer in zip(unique, answers, strict=True):
        if not answer.get("ok"):
            msg = f"{path}: {answer}"
            raise RuntimeError(msg)
        cls = factory.create_class(path, python, answer["ok"], [])
        reads = frozenset(sources.read(path.rpartition(".")[0]))
        by_path[path] = Tried(path, path, cls, child.release, reads, frozenset(answer["registered"]))
    known = {
        name for driver in by_path.values() for name in (*driver.registered, *(option.name for option in driver.cls.options()))
    }
    return {path: replace(driver, read=driver.read & known) for path, driver in by_path.items()}


def _unknown(driver: Tried, section: Mapping[str, str]) -> list[str]:
    known = {name for option in driver.cls.options() for name in (option.name, *option.aliases)} | _NAMING
    return [name for name in section if name not in known]


def _request(driver: Tried, section: Mapping[str, str] | None, folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = plausible.options(driver.path, driver.cls.options(), folder)
    if section is not None:
        left_out = {*_unknown(driver, section), *_NAMING}
        values = {name: value for name, value in section.items() if name not in left_out}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.ConfigurationWarning)  # older names are taken for those of today
        config = registry.check_config(driver.path, driver.cls, values)
    state = folder / "state" / driver.label
    state.mkdir(parents=True, exist_ok=True)
    return {"do": "opened", "path": driver.path, "message": driver.cls(config, backend_name="tried").load_request(str(state))}


def _judged(outcome: dict[str, Any], missing: Sequence[str]) -> tuple[str, str, str]:
    if "ok" not in outcome:
        return "fault", outcome["error"].strip().splitlines()[-1], outcome["error"]
    kind, text, trace = (outcome["ok"].get(name, "") for name in ("kind", "text", "trace"))
    if kind == "raised":
        names = outcome["ok"]["names"]
        lacks = [name for name in missing if name in text]
        if "builtins.ModuleNotFoundError" in names or lacks or (missing and _LIBRARY.search(text)):
            return "library", ", ".join(lacks or missing) or text, trace
        if names[0].startswith("rados."):
            return "array", "librados", trace
        if "builtins.OSError" in names and "/etc/" in text:
            return "check", f"a file that its options name: {text}", trace
        is_own = names[0].startswith(("cinder.", "os_brick."))
        return ("check" if is_own else "fault"), f"{names[0].rpartition('.')[2]}: {text}", trace
    return ("fault" if kind == "ours" else kind), text, trace


class _Child:
    def __init__(self, python: str, folder: Path) -> None:
        self._folder = folder
        command = [python, "-W", "ignore", str(_CHILD)]
        self._errors = (folder / "errors").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(  # noqa: S603 - a Python with Cinder
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, cwd=folder
        )
        self._send({"sources": process.sources()})
        first = json.loads(self._receive())
        self.folder, self.release = first["folder"], first["release"]
        self.paths = [row["path"] for row in first["drivers"]]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._stdin.close()
        self._process.wait()
        self._errors.close()
        if self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def _stdin(self) -> Any:  # noqa: ANN401 - a text file
        return self._process.stdin

    def answers(self, requests: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the answers to *requests*, in their order."""
        files = []
        numbered = []
        for number, request in enumerate(requests):
            files.append(self._folder / f"answer-{number}")
            files[-1].unlink(missing_ok=True)
            numbered.append({**request, "answer": str(files[-1])})
        self._send(numbered)
        self._receive()
        return [self._answer(file) for file in files]

    def _answer(self, file: Path) -> dict[str, Any]:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        if not text:
            return {"error": f"no answer; {self._said()[-3000:]}"}
        answer: dict[str, Any] = json.loads(text)
        return answer

    def _send(self, message: object) -> None:
        self._stdin.write(json.dumps(message) + "\n")
        self._stdin.flush()

    def _receive(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise RuntimeError(self._said())
        return line

    def _said(self) -> str:
        self._errors.flush()
        return Path(self._errors.name).read_text(encoding="utf-8", errors="replace")


class Sources:
    """The sources of one Cinder, read and never imported."""

    def __init__(self, folder: Path) -> None:
        """Read those below *folder*, that of the package ``cinder``."""
        self._top = folder.parent
        self._trees: dict[str, ast.Module | None] = {}

    def read(self, module: str) -> set[str]:
        """Return the names that the driver in *module* reads of its configuration, and the modules that it is made of."""
        return {name for part in self._closure(module) for name in self._names(part)}

    def _closure(self, module: str) -> list[str]:
        seen: dict[str, None] = {}
        todo = [module]
        while todo:
            name = todo.pop()
            if name not in seen and name.startswith("cinder.volume.drivers") and self._tree(name) is not None:
                seen[name] = None
                todo += self._imports(name)
        return list(seen)

    def _tree(self, module: str) -> ast.Module | None:
        if module not in self._trees:
            file = self._top.joinpath(*module.split(".")).with_suffix(".py")
            package = self._top.joinpath(*module.split("."), "__init__.py")
            text = next((source.read_text(encoding="utf-8") for source in (file, package) if source.is_file()), None)
            self._trees[module] = ast.parse(text) if text is not None else None
        return self._trees[module]

    def _walked(self, module: str) -> Iterator[ast.AST]:
        tree = self._tree(module)
        return ast.walk(tree) if tree is not None else iter(())

    def _imports(self, module: str) -> Iterator[str]:
        for node in self._walked(module):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
            elif (
                isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("cinder.volume.drivers.")
            ):
                yield from (node.value, node.value.rpartition(".")[0])

    @functools.cached_property
    def _cache(self) -> dict[str, set[str]]:
        return {}

    def _names(self, module: str) -> set[str]:
        if module not in self._cache:
            self._cache[module] = {name for node in self._walked(module) for name in _read_by(node)}
        return self._cache[module]


def _read_by(node: ast.AST) -> Iterator[str]:
    """Yield what *node* reads: ``configuration.x``, ``safe_get("x")``, ``conf.get("x")``, ``getattr(configuration, "x")``."""
    if isinstance(node, ast.Attribute) and _last(node.value) in _CONFIGURATION and isinstance(node.ctx, ast.Load):
        yield node.attr
    elif isinstance(node, ast.Call) and node.args:
        texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        called = node.func
        of_configuration = isinstance(called, ast.Attribute) and _last(called.value) in _CONFIGURATION
        by_method = isinstance(called, ast.Attribute) and (
            called.attr == "safe_get" or (called.attr == "get" and of_configuration and _last(called.value) != "config")
        )
        by_name = isinstance(called, ast.Name) and called.id in {"getattr", "hasattr"}
        if by_method or (by_name and _last(node.args[0]) in _CONFIGURATION):
            yield from texts[:1]


def _last(node: ast.AST) -> str:
    return str(getattr(node, "attr", None) or getattr(node, "id", ""))
