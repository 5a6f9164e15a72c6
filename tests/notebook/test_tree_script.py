"""The front end as a widget carries it: one script and one style sheet, which use no network."""

from __future__ import annotations

import base64
import gzip
import re
from pathlib import Path

import pytest

from cl_notebook.notebook.tree import bundle, wire

STATIC = Path(bundle.__file__).parent / "static"
MODULES = sorted(STATIC.glob("*.js"))
MAX_LINES = 400


def test_every_module_is_in_the_script() -> None:
    """The script holds the functions that every module exports; it imports nothing, and exports nothing but the widget itself."""
    script = bundle.script()
    for module in MODULES:
        for name in _exported_functions(module.read_text(encoding="utf-8")):
            assert re.search(rf"\bfunction\s+{name}\(", script), (module.name, name)
    assert not re.search(r"(^|[;}])import\b", script)
    assert re.findall(r"\bexport\s*\{[^}]*\}", script) == ["export{tree_default as default}"]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_module_is_plain(module: Path) -> None:
    """A module begins with what it is, is short, has no text over several lines, and makes no code or elements of text."""
    text = module.read_text(encoding="utf-8")
    assert text.startswith("// ")
    assert text.count("\n") <= MAX_LINES
    assert [line for line in text.splitlines() if line.count("`") % 2] == []
    assert "innerHTML" not in text
    assert "eval(" not in text


def test_nothing_is_fetched() -> None:
    """Neither the script nor the style names an address: there is no network in a laboratory."""
    both = bundle.script() + bundle.style()
    found = set(re.findall(r"https?://[^\"'\s)]+", both))
    assert found <= {"http://www.w3.org/2000/svg"}
    assert "@import" not in both
    assert "fetch(" not in both


def test_what_is_sent_is_the_script_packed() -> None:
    """The module that a widget carries holds the script, in less than half of its size."""
    packed = re.search(r'atob\("([^"]*)"\)', bundle.packed_script())
    assert packed is not None
    assert gzip.decompress(base64.b64decode(packed[1])).decode() == bundle.script()
    assert len(bundle.packed_script()) < len(bundle.script()) / 2


def test_rows_have_the_fields_that_the_front_end_reads() -> None:
    """A row's list has a value for each of the front end's FIELDS."""
    fields = re.search(r"const FIELDS = \[(.*?)\];", (STATIC / "cache.js").read_text(encoding="utf-8"))
    assert fields is not None
    assert wire.row.__doc__ is not None
    told = re.search(r"one row: (.*?)\.", wire.row.__doc__, re.DOTALL)
    assert told is not None
    assert [name.strip('" ') for name in fields[1].split(",")] == [name.strip() for name in told[1].split(",")]


def _exported_functions(text: str) -> list[str]:
    return re.findall(r"^export (?:async )?function (\w+)", text, re.MULTILINE)
