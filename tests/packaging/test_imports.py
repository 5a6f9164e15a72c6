"""Imports run one way, and what is heavy comes late."""

from __future__ import annotations

import ast
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
HEAVY = {"pandas", "numpy", "execnet", "os_brick", "oslo_concurrency", "oslo_config", "oslo_privsep", "eventlet", "alembic"}
MAX_LINES = 700


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


def test_every_room_has_its_place() -> None:
    """No part of the package is left out of the order."""
    assert {_room(_name(file)) for file in _files()} <= set().union(*ORDER)


def test_only_the_notebook_wing_knows_the_front_ends() -> None:
    """Nothing below the notebook wing imports IPython or a widget library, not even late."""
    wrong = [
        found.at
        for found in _imports()
        if found.target.split(".")[0] in FRONT_ENDS and not found.for_types and found.room not in {"notebook", "testing"}
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
        and found.room not in {"tabular", "frames", "treemodel", "notebook"}
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
    return target == room or ranks[target] < ranks[room] or {target, room} == {"frames", "treemodel"}


def _imports() -> Iterator[Import]:
    for file in _files():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        typed = {id(node) for block in ast.walk(tree) if _is_type_block(block) for node in ast.walk(block)}
        late = {
            id(node)
            for function in ast.walk(tree)
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
            for node in ast.walk(function)
        }
        for node in ast.walk(tree):
            for target in _targets(node):
                yield Import(
                    at=f"{file.relative_to(PACKAGE.parent)}:{getattr(node, 'lineno', 0)}",
                    room=_room(_name(file)),
                    target=target,
                    for_types=id(node) in typed,
                    in_function=id(node) in late,
                )


def _is_type_block(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _targets(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        inside = [f"{node.module}.{alias.name}" for alias in node.names]
        return [name if _is_module(name) else node.module for name in inside]
    return []
