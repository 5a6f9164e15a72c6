"""The tables of "Coming from cinderlib": complete, and true of what is here."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import cl_notebook as cl

ROOT = Path(cl.__file__).parent.parent
PAGE = (ROOT / "docs" / "from-cinderlib.md").read_text(encoding="utf-8")
SECTIONS = {
    "setup": "Setup parameters",
    "module": "Module",
    "exception": "Exceptions",
    "persistence": "Persistence plugins",
    **{name: name for name in ("Backend", "Volume", "Snapshot", "Connection", "KeyValue")},
}
"""What the names are of, and the heading that they stand under."""

OF_OBJECTS = {"Backend", "Volume", "Snapshot", "Connection"}
EVERY_OBJECT = "Every object"
CODE = re.compile(r"`([^`]+)`")
OURS = re.compile(r"(?:cl|Backend|Volume|Snapshot|Connection|KeyValue)(?:\.\w+)+")
KEYWORDS = re.compile(r"(\w+)=")


@dataclass(frozen=True)
class Row:
    """What one row says: names of cinderlib's, what became of them, and what is here."""

    names: tuple[str, ...]
    verdict: str
    here: tuple[str, ...]


def _rows(heading: str) -> list[Row]:
    section = PAGE.partition(f"\n### {heading}\n")[2].partition("\n### ")[0]
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    assert cells, heading
    return [
        Row(tuple(CODE.findall(first)), verdict.strip(), tuple(CODE.findall(" ".join(rest)))) for first, verdict, *rest in cells
    ]


def _is_there(path: str) -> bool:
    """Return whether a dotted name leads to something of ours; what is set when the object is made counts."""
    first, *names = path.split(".")
    value: Any = cl if first == "cl" else getattr(cl, first)
    for name in names:
        if hasattr(value, name):
            value = getattr(value, name)
        else:
            return f"self.{name} = " in inspect.getsource(value)
    return True


@pytest.fixture(scope="module")
def theirs(peer: Path) -> dict[str, list[str]]:
    """Ask the real cinderlib for its names."""
    script = Path(__file__).with_name("cinderlib_names.py")
    process = subprocess.run([peer, script], capture_output=True, text=True, check=True)
    names: dict[str, list[str]] = json.loads(process.stdout)
    return names


def test_every_public_name_has_its_row(theirs: dict[str, list[str]]) -> None:
    """Every parameter, module name, attribute, method and exception of cinderlib stands in the table of its section."""
    missing = {}
    for of, names in theirs.items():
        headings = [SECTIONS[of], *([EVERY_OBJECT] if of in OF_OBJECTS else [])]
        listed = {name for heading in headings for row in _rows(heading) for name in row.names}
        missing[of] = sorted(set(names) - listed)
    assert {of: names for of, names in missing.items() if names} == {}


@pytest.mark.parametrize("heading", [*SECTIONS.values(), EVERY_OBJECT])
def test_every_row_says_what_became_of_its_names(heading: str) -> None:
    """A row says same, better or gone; what is gone says why, or what is here instead."""
    assert [row for row in _rows(heading) if row.verdict not in {"same", "better", "gone"}] == []
    assert re.findall(r"\| gone \| *\|", PAGE) == []


@pytest.mark.parametrize("heading", [*SECTIONS.values(), EVERY_OBJECT])
def test_what_is_named_here_is_here(heading: str) -> None:
    """Every name of ours that a row gives leads to something."""
    named = [word for row in _rows(heading) for word in row.here]
    paths = [match[0] for match in map(OURS.match, named) if match]
    assert [path for path in paths if not _is_there(path)] == []
    asked = [word for word in named if word.startswith("cl.setup(")]
    assert {key for word in asked for key in KEYWORDS.findall(word)} <= set(inspect.signature(cl.setup).parameters)


@pytest.mark.parametrize("of", ["setup", "module", "Backend", "Volume", "Snapshot", "Connection", "KeyValue"])
def test_what_is_the_same_has_the_same_name(of: str) -> None:
    """What is the same or better has its name here, too."""
    known = set(inspect.signature(cl.setup).parameters) if of == "setup" else set(dir(cl if of == "module" else getattr(cl, of)))
    kept = [name for row in _rows(SECTIONS[of]) if row.verdict != "gone" for name in row.names]
    assert [name for name in kept if name not in known | {of}] == []


@pytest.mark.parametrize("of", sorted(OF_OBJECTS))
def test_what_every_object_has_each_has(of: str) -> None:
    """What the page says of every object is true of each class."""
    kept = [name for row in _rows(EVERY_OBJECT) if row.verdict != "gone" for name in row.names]
    assert [name for name in kept if not hasattr(getattr(cl, of), name)] == []
