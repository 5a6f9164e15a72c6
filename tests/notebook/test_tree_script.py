"""The front end as a widget carries it: one script and one style sheet, which use no network."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import re
from pathlib import Path

import pytest

from cl_notebook.notebook.tree import assets, protocol
from cl_notebook.treemodel.rows import Row, RunningOperation
from tools import front_end_schema

STATIC = Path(assets.__file__).parent / "static"
MODULES = sorted(STATIC.glob("*.js"))
MAX_LINES = 400


def test_every_module_is_in_the_script() -> None:
    """The script holds the functions that every module exports; it imports nothing, and exports nothing but the widget itself."""
    script = assets.script()
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
    both = assets.script() + assets.style()
    found = set(re.findall(r"https?://[^\"'\s)]+", both))
    assert found <= {"http://www.w3.org/2000/svg"}
    assert "@import" not in both
    assert "fetch(" not in both


def test_what_is_sent_is_the_script_packed() -> None:
    """The module that a widget carries holds the script and the style, in less than half of their size."""
    packed = re.search(r'atob\("([^"]*)"\)', assets.packed_script())
    assert packed is not None
    assert json.loads(gzip.decompress(base64.b64decode(packed[1]))) == [assets.script(), assets.style()]
    assert len(assets.packed_script()) < (len(assets.script()) + len(assets.style())) / 2


def test_the_front_end_knows_what_python_defines() -> None:
    """``schema.js``, from which the front end reads rows and sends requests, is what Python's definitions give."""
    assert front_end_schema.SCHEMA.read_text(encoding="utf-8") == front_end_schema.schema()


def test_rows_are_sent_in_the_order_that_the_front_end_reads() -> None:
    """A row's list has the row's values in the order of the front end's ROW_FIELDS."""
    fields = re.search(r"export const ROW_FIELDS = .*?\((\[.*?\])\);", front_end_schema.schema(), re.DOTALL)
    assert fields is not None
    moment = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    busy = RunningOperation("create", moment, 0.5, gone=False)
    row = Row("volume", "v1", "ledger", "creating", 3, "host", moment, 2, 4, 5, 6, open=True, busy=busy, more={"pool": "fast"})
    assert dict(zip(json.loads(fields[1]), protocol.row(row), strict=True)) == {
        "kind": "volume",
        "id": "v1",
        "name": "ledger",
        "status": "creating",
        "size": 3,
        "where": "host",
        "created": moment.timestamp(),
        "level": 2,
        "position": 4,
        "siblings": 5,
        "children": 6,
        "open": True,
        "busy": {"doing": "create", "since": moment.timestamp(), "done": 0.5, "gone": False},
        "more": {"pool": "fast"},
    }


def _exported_functions(text: str) -> list[str]:
    return re.findall(r"^export (?:async )?function (\w+)", text, re.MULTILINE)
