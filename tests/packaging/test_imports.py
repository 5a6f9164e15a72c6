"""Imports run one way, and what is heavy comes late."""

from __future__ import annotations

import ast
import functools
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cl_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(cl_notebook.__file__).parent
FACE = "cl_notebook"
_PAGE = (PACKAGE.parent / "ARCHITECTURE.md").read_text(encoding="utf-8")
_DRAWN = re.findall(r"^```rooms\n(.*?)^```$", _PAGE, re.DOTALL | re.MULTILINE)
ORDER: tuple[set[str], ...] = tuple(set(line.split()) for line in "".join(_DRAWN).splitlines())
"""The rooms from the ground up, as ARCHITECTURE.md draws them: a room imports from itself and from those below it."""

FRONT_ENDS = {"IPython", "ipywidgets", "anywidget", "ipykernel", "traitlets"}
HEAVY = {
    "pandas",
    "numpy",
    "execnet",
    "os_brick",
    "oslo_concurrency",
    "oslo_config",
    "oslo_privsep",
    "eventlet",
    "alembic",
    "matplotlib",
}
MAX_LINES = 700

TRACKED_CLASSES = {f"cl_notebook.model.{name}" for name in ("backend", "connection", "snapshot", "volume")}
"""They name each other in annotations: the one circle of imports."""

CIRCLES = [TRACKED_CLASSES]


@dataclass(frozen=True)
class Import:
    """One import of one module: where it stands, what it names, and when it is carried out."""

    at: str
    room: str
    target: str
    for_types: bool
    in_function: bool


def test_a_room_imports_only_from_the_rooms_below_it() -> None:
    """Imports within the package run one way; a room above is named for its types alone."""
    wrong = [
        f"{found.at}: {found.room} imports {found.target}"
        for found in _imports()
        if found.target.split(".")[0] == "cl_notebook"
        and not found.for_types
        and not (found.room == FACE and found.in_function)
        and not _is_below(_room(found.target), found.room)
    ]
    assert wrong == []


def test_only_the_tracked_classes_import_each_other() -> None:
    """No modules form a circle of imports, those for types and in functions included, but the four tracked classes."""
    graph = {_name(file): _imported_modules(file) for file in _files()}
    assert sorted(map(sorted, _circles(graph))) == sorted(map(sorted, CIRCLES))


def test_no_circle_exists_at_run_time() -> None:
    """No modules import each other in a circle when they are loaded."""
    graph = {_name(file): _imported_modules(file, at_load=True) for file in _files()}
    assert _circles(graph) == []


def test_every_room_has_its_place() -> None:
    """No part of the package is left out of the order."""
    assert {_room(_name(file)) for file in _files()} <= set().union(*ORDER)


def test_only_the_notebook_wing_knows_the_front_ends() -> None:
    """Nothing below the notebook wing imports IPython or a widget library, not even late."""
    wrong = [
        found.at
        for found in _imports()
        if found.target.split(".")[0] in FRONT_ENDS
        and not found.for_types
        and found.room not in {"notebook", "testing", "__main__"}
    ]
    assert wrong == []


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    """Outside the rooms that are themselves imported late a heavy library is imported by the function that needs it."""
    wrong = [
        found.at
        for found in _imports()
        if found.target.split(".")[0] in HEAVY
        and not found.for_types
        and not found.in_function
        and found.room not in {"tabular", "frames", "treemodel", "plots", "notebook"}
        and "migrations" not in found.at
    ]
    assert wrong == []


def test_importing_the_package_loads_nothing_heavy() -> None:
    """`import cl_notebook` loads neither pandas nor os-brick, no driver, and nothing of IPython."""
    code = "import cl_notebook, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(json.loads(done.stdout))
    assert {module.split(".")[0] for module in modules} & (HEAVY | FRONT_ENDS) == set()
    assert (
        modules
        & {
            "cl_notebook.drivers.local.driver",
            "cl_notebook.drivers.sim.driver",
            "cl_notebook.frames",
            "cl_notebook.treemodel",
            "cl_notebook.notebook",
        }
        == set()
    )


def test_a_tree_opens_without_pandas() -> None:
    """The live tree loads neither pandas nor os-brick: they would take longer, and more memory, than the tree itself."""
    code = "import cl_notebook.notebook.tree.widget, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {module.split(".")[0] for module in json.loads(done.stdout)} & HEAVY == set()


def test_modules_are_short() -> None:
    """No module of the package has more than 700 lines."""
    lengths = {str(file.relative_to(PACKAGE)): len(file.read_text(encoding="utf-8").splitlines()) for file in _files()}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def _files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@functools.cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _name(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and _is_module(".".join(parts[:2])) else FACE


def _is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def _is_below(target: str, room: str) -> bool:
    ranks = {name: rank for rank, names in enumerate(ORDER) for name in names}
    return target == room or ranks[target] < ranks[room]


@functools.cache
def _imports() -> list[Import]:
    return list(_walked_imports())


def _walked_imports() -> Iterator[Import]:
    for file in _files():
        tree = _parsed(file)
        typed, late = _in_type_blocks(tree), _in_functions(tree)
        for node in ast.walk(tree):
            for target in _targets(node):
                yield Import(
                    at=f"{file.relative_to(PACKAGE.parent)}:{getattr(node, 'lineno', 0)}",
                    room=_room(_name(file)),
                    target=target,
                    for_types=id(node) in typed,
                    in_function=id(node) in late,
                )


def _imported_modules(file: Path, *, at_load: bool = False) -> set[str]:
    """Return the modules of the package that *file* imports, or those that it imports while it is loaded.

    A name that a package's ``__init__`` re-exports counts as an import of the module that defines it.
    """
    tree = _parsed(file)
    left_out = _in_type_blocks(tree) | _in_functions(tree) if at_load else set()
    modules = {module for node in ast.walk(tree) if id(node) not in left_out for module in _modules(node, file)}
    return modules - {_name(file)}


def _modules(node: ast.AST, file: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name.split(".")[0] == FACE)
    if isinstance(node, ast.ImportFrom):
        source = _source(node, file)
        if source.split(".")[0] == FACE:
            yield from (_defining_module(source, alias.name) for alias in node.names)


def _source(node: ast.ImportFrom, file: Path) -> str:
    """Return the full name of the module that *node*, in *file*, imports from; the worker's imports are relative."""
    package = ".".join(file.relative_to(PACKAGE.parent).parts[: -node.level]) if node.level else ""
    return ".".join(filter(None, (package, node.module)))


@functools.cache
def _defining_module(module: str, name: str) -> str:
    """Return the module that defines *name*, which is imported from *module*."""
    if _is_module(f"{module}.{name}"):
        return f"{module}.{name}"
    init = PACKAGE.parent.joinpath(*module.split("."), "__init__.py")
    if not init.is_file():
        return module
    for node in ast.walk(_parsed(init)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == FACE:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _defining_module(node.module, alias.name)
    return module


def _circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return the strongly connected components of *graph* that have several modules: those that reach each other."""
    reached = {module: _reachable(graph, module) for module in graph}
    components = {frozenset(other for other in reached[module] if module in reached[other]) for module in graph}
    return [set(component) for component in components if len(component) > 1]


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    reached, waiting = set[str](), [start]
    while waiting:
        for module in graph.get(waiting.pop(), set()) - reached:
            reached.add(module)
            waiting.append(module)
    return reached


def _in_type_blocks(tree: ast.Module) -> set[int]:
    return {id(node) for block in ast.walk(tree) if _is_type_block(block) for node in ast.walk(block)}


def _in_functions(tree: ast.Module) -> set[int]:
    functions = (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return {id(node) for function in functions for node in ast.walk(function)}


def _is_type_block(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _targets(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        inside = [f"{node.module}.{alias.name}" for alias in node.names]
        return [name if _is_module(name) else node.module for name in inside]
    return []
