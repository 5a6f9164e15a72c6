"""Which drivers this Cinder ships: read from their sources, none of which is imported (many need their vendor's library)."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_FACTORY = "ProxyVD"
_WORD = re.compile(r"[a-z0-9]{3,}")


def drivers() -> dict[str, Any]:
    """Return the release of Cinder, and a row for each driver under ``cinder.volume.drivers``, and for each factory of drivers.

    A driver is marked as one; a factory (NetApp's unified driver) derives from ``ProxyVD``, and gives one of several drivers.
    """
    found = importlib.util.find_spec("cinder")
    if found is None or not found.submodule_search_locations:
        msg = "No module named 'cinder'"
        raise ModuleNotFoundError(msg, name="cinder")
    top = Path(next(iter(found.submodule_search_locations)), "volume", "drivers")
    rows = sorted(_rows(top), key=lambda row: row["path"])
    return {"release": importlib.metadata.version("cinder"), "drivers": rows, "renamed": _renamed(top.parent / "manager.py")}


def _renamed(manager: Path) -> dict[str, str]:
    """Return the paths of drivers that Cinder's volume manager maps to current ones."""
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
    words = ""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and _is_driver(node):
            constants = dict(_constants(node))
            help_text = (ast.get_docstring(node) or "").strip()
            words = words or _words(tree)
            yield {
                "name": node.name,
                "path": f"{module}.{node.name}",
                "help": " ".join(help_text.split("\n\n")[0].split()),
                "version": str(constants.get("VERSION", "")),
                "supported": bool(constants.get("SUPPORTED", True)),
                "words": words,
            }


def _is_driver(node: ast.ClassDef) -> bool:
    is_marked = any("volumedriver" in ast.dump(mark) for mark in node.decorator_list)
    return is_marked or any(_FACTORY in ast.dump(base) for base in node.bases)


def _words(tree: ast.Module) -> str:
    """Return the words of the module's docstring and of its options: Ceph's driver calls itself RADOS, its options say ceph."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "attr", "").endswith("Opt"))
    values = (value for call in calls for value in [*call.args, *(word.value for word in call.keywords if word.arg == "help")])
    texts = [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    return " ".join(sorted(set(_WORD.findall(" ".join([ast.get_docstring(tree) or "", *texts]).lower()))))


def _constants(node: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant):
            for target in line.targets:
                if isinstance(target, ast.Name):
                    yield target.id, line.value.value
