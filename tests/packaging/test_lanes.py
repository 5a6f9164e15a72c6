"""Each test is in the lane that its folder and its fixtures ask for."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lanes import FIXTURES, FOLDERS, LANES, fixtures_of, lane_of

if TYPE_CHECKING:
    import pytest

TESTS = Path(__file__).parents[1]


def test_a_test_is_in_the_lane_of_its_folder(request: pytest.FixtureRequest) -> None:
    """Every test of a folder that has a lane is in this lane, or in one that needs more."""
    order = list(LANES)
    wrong = [
        item.nodeid
        for item in request.session.items
        for folder, lane in FOLDERS.items()
        if item.path.is_relative_to(TESTS / folder) and order.index(lane_of(item)) > order.index(lane)
    ]
    assert wrong == []


def test_the_fast_lane_asks_for_no_fixture_of_the_others(request: pytest.FixtureRequest) -> None:
    """A test that is marked as fast uses no fixture that needs more than the virtual environment, and has no other lane."""
    fast = [item for item in request.session.items if item.get_closest_marker("fast")]
    assert {item.nodeid: names for item in fast if (names := fixtures_of(item) & FIXTURES.keys())} == {}
    assert [item.nodeid for item in fast if {mark.name for mark in item.iter_markers()} & (LANES.keys() - {"fast"})] == []


def test_every_name_that_asks_for_a_lane_is_one() -> None:
    """Each folder, file and fixture that decides on a lane is there under this name."""
    assert [folder for folder in FOLDERS if not (TESTS / folder).exists()] == []
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in TESTS.rglob("*.py")]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    fixtures = {node.name for node in functions if any("fixture" in ast.unparse(mark) for mark in node.decorator_list)}
    assert FIXTURES.keys() - fixtures == set()
    assert {*FOLDERS.values(), *FIXTURES.values()} <= LANES.keys()
