"""Frames that are shown as lists, as text and as HTML."""

from __future__ import annotations

import re
import uuid

import pandas as pd

from cl_notebook.display import listing
from cl_notebook.display.listing import Look
from cl_notebook.tabular import ROWS, page

LOOK = Look("volumes", "No volumes yet: %cl_volume create --size 1")
IDS = [str(uuid.UUID(int=number << 96)) for number in range(1, 31)]


def _text(frame: pd.DataFrame, width: int) -> str:
    return listing.as_text(page(frame), width)


def _html(frame: pd.DataFrame) -> str:
    return listing.as_html(page(frame))


HOSTILE = "<img src=x onerror=alert(1)>'\"\x1b[2J\u202e"


def _volumes(count: int = 3, **columns: object) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": pd.array([f"v{number}" for number in range(count)], dtype="string"),
            "status": pd.Categorical(["available"] * count),
            "size": pd.array(range(1, count + 1), dtype="Int64"),
            **columns,
        },
        index=pd.Index(IDS[:count], name="id", dtype="string"),
    )


def test_a_list_has_short_ids_units_and_signs() -> None:
    """Ids have eight characters, sizes a unit, statuses a sign; numbers stand to the right, headings are the names to type."""
    assert _text(_volumes(2), 80).splitlines() == [
        "id        name  status        size",
        "00000001  v0    ✓ available  1 GiB",
        "00000002  v1    ✓ available  2 GiB",
    ]


def test_ids_that_begin_alike_are_told_apart() -> None:
    """Where eight characters do not tell the ids of a page apart, as many are shown as do."""
    frame = _volumes(2).set_axis(
        pd.Index(["3f2a91c0-1111-4000-8000-000000000000", "3f2a91c0-1211-4000-8000-000000000000"], name="id")
    )
    assert [line.split()[0] for line in _text(frame, 80).splitlines()] == ["id", "3f2a91c0-11", "3f2a91c0-12"]


def test_the_whole_id_is_shown_on_hover_and_copied() -> None:
    """The HTML of an id has the whole one as its title, and as the text that a selection copies."""
    html = _html(_volumes(1))
    assert f"title='{IDS[0]}'" in html
    assert IDS[0] in re.sub(r"<[^>]*>", "", html)


def test_times_are_local_and_relative() -> None:
    """A time says how long ago it was; where there is room, and in HTML, it stands there in the zone of this machine."""
    moment = pd.Timestamp.now("UTC") - pd.Timedelta(minutes=5, seconds=1)
    frame = _volumes(2, created_at=pd.Series([moment, pd.NaT], index=IDS[:2], dtype="datetime64[ns, UTC]"))
    local = f"{moment.to_pydatetime(warn=False).astimezone():%Y-%m-%d %H:%M:%S}"
    assert f"{local}, 5 min ago" in _text(frame, 100)
    assert _text(frame, 60).splitlines()[1].endswith("  5 min ago")
    assert f">{local}</time> <small>5 min ago</small>" in _html(frame)


def test_columns_without_values_are_left_out_and_named() -> None:
    """A column that has no value in the rows that are shown is left out; a line names it."""
    frame = _volumes(2, description=pd.array([None, ""], dtype="string"), metadata=[{}, None])
    assert _text(frame, 80).splitlines()[-1] == "Empty: description, metadata."
    assert "Empty: <code>description</code> <code>metadata</code>" in _html(frame)


def test_a_terminal_keeps_what_matters() -> None:
    """No line is wider than the terminal; name, status and size stay; what was left out is named, with the line that shows it."""
    names = ["a name that goes on and on and on and on and on"] * 3
    frame = _volumes(3, **{f"column_{number}": ["some words"] * 3 for number in range(9)}, version=[1, 2, 3]).assign(name=names)
    for width in (50, 80, 120):
        lines = _text(frame, width).splitlines()
        assert max(map(len, lines)) <= width
        assert re.match(r"id +name +status +size", lines[0])
        shown = [name for name in frame.columns if name in lines[0]]
        left_out = " ".join(line for line in lines if line not in lines[:4])
        assert [name for name in frame.columns if name not in shown and name not in left_out] == []
        assert ("_.iloc[0]" in left_out) == (shown != list(frame.columns))
    assert "_.iloc[0]" not in _text(_volumes(), 80)
    assert "<code class='clc-line'>_.iloc[0]</code></span>" in _html(frame)


def test_a_path_is_never_cut() -> None:
    """What people type from, such as a path or a line of magic, is whole, however narrow the terminal."""
    path = "/dev/disk/by-id/" + "x" * 90
    frame = _volumes(1, path=[path], next=["%cl_scan repair 00000001 --remove-everything"])
    assert path in _text(frame, 40)
    assert path in _html(frame)
    assert "%cl_scan repair 00000001 --remove-everything" in _text(frame, 40)


def test_a_long_path_stands_below_its_row() -> None:
    """Where a path would push other columns out, it stands below its row; a terminal that is wide enough has it in the row."""
    path = "/dev/disk/by-id/" + "x" * 44
    frame = _volumes(2, path=[path, None], backend=["lab", "lab"])
    assert _text(frame, 80).splitlines() == [
        "id        name  status        size  backend",
        "00000001  v0    ✓ available  1 GiB  lab",
        f"  path: {path}",
        "00000002  v1    ✓ available  2 GiB  lab",
    ]
    assert len(_text(frame, 120).splitlines()) == 3


def test_sentences_are_broken_into_lines() -> None:
    """A sentence in the last column goes on below, up to six lines; in HTML it is whole."""
    frame = pd.DataFrame({"name": ["a"], "detail": ["some words " * 40]})
    lines = _text(frame, 60).splitlines()
    assert len(lines) == 1 + 6
    assert max(map(len, lines)) <= 60
    assert lines[-1].endswith("…")
    assert ("some words " * 40) in _html(frame)


def test_a_page_says_how_to_see_the_next() -> None:
    """A list shows a page of rows, and which line shows those after them."""
    frame = _volumes(30)
    lines = _text(frame, 80).splitlines()
    assert lines[-1] == f"10 more: _[{ROWS}:]"
    assert len(lines) == 1 + ROWS + 1
    html = _html(frame)
    assert html.count("<tr>") == 1 + ROWS
    assert f"10 more: <code class='clc-line'>_[{ROWS}:]</code>" in html
    assert len(_text(frame[ROWS:], 80).splitlines()) == 1 + 10


def test_the_rows_of_a_page_are_an_option_of_pandas() -> None:
    """The option display.max_rows of pandas says how many rows a page has; None is all of them."""
    with pd.option_context("display.max_rows", 5):
        assert _text(_volumes(30), 80).splitlines()[-1] == "25 more: _[5:]"
    with pd.option_context("display.max_rows", None):
        assert len(_text(_volumes(30), 80).splitlines()) == 31


def test_an_empty_list_says_what_to_type() -> None:
    """A list without rows is a sentence with the line that creates the first; in HTML the line is code."""
    assert listing.empty_text(LOOK) == LOOK.empty
    assert "No volumes yet: <code class='clc-line'>%cl_volume create --size 1</code>" in listing.empty_html(LOOK)
    assert listing.empty_text(Look("volumes")) == "No volumes."
    for start, line in (
        (Look("volumes", "No volumes yet.", "magic"), "%cl_demo"),
        (Look("volumes", "No volumes yet.", "python"), "cl.demo()"),
    ):
        assert line in listing.empty_text(start)
        assert line in listing.empty_html(start)


def test_many_flags_are_one_column() -> None:
    """Four or more columns of booleans become one that names those that are true."""
    frame = pd.DataFrame({"name": ["a", "b"], "w": [True, False], "x": [False, False], "y": [True, False], "z": [True, True]})
    assert [line.split() for line in _text(frame, 80).splitlines()] == [
        ["name", "capabilities"],
        ["a", "w,", "y,", "z"],
        ["b", "z"],
    ]


def test_nothing_from_storage_runs() -> None:
    """Names of rows, columns and levels are escaped in HTML, and control characters of them in a terminal."""
    frame = pd.DataFrame(
        {"name": [HOSTILE], HOSTILE: [HOSTILE], "path": [HOSTILE], "status": [HOSTILE], "m": [{HOSTILE: [HOSTILE]}]}
    )
    frame.index = pd.Index([HOSTILE], name=HOSTILE)
    html = _html(frame) + listing.empty_html(Look("x", HOSTILE)) + listing.empty_html(Look("x", f"{HOSTILE}: {HOSTILE}"))
    assert "<img" not in html
    assert "'\"" not in html
    assert "\x1b" not in _text(frame, 200) + html
    assert "\u202e" not in _text(frame, 200) + html


def test_only_the_page_is_formatted() -> None:
    """Cells beyond the page are not looked at, so a list of any length takes the same time."""

    class Counted:
        reads = 0

        def __str__(self) -> str:
            type(self).reads += 1
            return "cell"

    frame = pd.DataFrame({"name": [Counted() for _ in range(1000)]})
    _text(frame, 80)
    _html(frame)
    assert Counted.reads <= 2 * ROWS


def test_a_huge_text_does_not_fill_the_page() -> None:
    """Of a description of a million characters, the beginning alone is shown, also in HTML; a path is whole."""
    frame = _volumes(1, description=["漢" * 1_000_000], path=["/" + "x" * 5000])
    assert len(_html(frame)) < 50_000
    assert len(_text(frame, 80)) < 6_000
    assert "x" * 5000 in _html(frame)
