"""Values, tables and cards, as text and as HTML."""

from __future__ import annotations

import datetime as dt

import pytest

from cl_notebook.display import first_steps, markup, text, values

NOW = dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("gib", "shown"), [(None, ""), (0, "0 GiB"), (1, "1 GiB"), (1.25, "1.2 GiB"), (10239, "10,239 GiB"), (20480, "20 TiB")]
)
def test_sizes_have_units(gib: float | None, shown: str) -> None:
    """A size is in GiB, in TiB from ten of them on, with a decimal only if there is one."""
    assert values.size(gib) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "0 s ago"), (59, "59 s ago"), (3599, "59 min ago"), (86400 * 3, "3 d ago"), (-120, "in 2 min")]
)
def test_times_are_relative(seconds: float, shown: str) -> None:
    """How long ago something was is in the largest whole unit."""
    assert values.ago(NOW - dt.timedelta(seconds=seconds), NOW) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 ms"), (0.0004, "0.4 ms"), (0.001, "1 ms"), (0.012, "12 ms"), (1, "1 s"), (3.42, "3.4 s"), (300, "5 min")],
)
def test_durations_have_a_unit_that_fits(seconds: float, shown: str) -> None:
    """How long something took is in milliseconds below a second, with a decimal where the number is small."""
    assert values.duration(seconds) == shown


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("available", "✓ available"),
        ("in-use", "● in-use"),
        ("creating", "… creating"),
        ("error_deleting", "✗ error_deleting"),
        ("closed", "○ closed"),
        ("maintenance", "? maintenance"),
    ],
)
def test_statuses_have_signs(status: str, shown: str) -> None:
    """A status has a sign before it that tells what it means, without colours."""
    assert values.status(status) == shown


def test_text_is_cut_by_columns_of_the_terminal() -> None:
    """Wide characters take two columns, combining ones none, and a cut ends with a sign."""
    assert text.cut("abcdef", 6) == "abcdef"
    assert text.cut("abcdefg", 6) == "abcde…"
    assert text.width(text.cut("漢字漢字", 5)) <= 5
    assert text.cut("e\u0301" * 4, 4) == "e\u0301" * 4


def test_a_table_is_aligned() -> None:
    """Columns are as wide as their widest cell, and numbers stand to the right."""
    assert text.table(["Name", "Size"], [["db", "10 GiB"], ["漢字", "1 GiB"]], [False, True]) == [
        "Name    Size",
        "db    10 GiB",
        "漢字   1 GiB",
    ]


@pytest.mark.parametrize(("share", "shown"), [(0, "░░░░"), (0.5, "▇▇░░"), (1, "▇▇▇▇"), (7, "▇▇▇▇"), (-1, "░░░░")])
def test_a_bar_is_never_longer_than_its_frame(share: float, shown: str) -> None:
    """A bar is filled to its share, and stays within its frame whatever an array reports."""
    assert text.bar(share, 4) == shown


def test_what_comes_from_storage_is_escaped() -> None:
    """Ids, statuses, headings and labels cannot run as HTML."""
    hostile = "<img src=x onerror=alert(1)>'\""
    parts = [
        markup.short_id(hostile),
        markup.status(hostile),
        markup.bar(0.5, hostile),
        markup.table([hostile], []),
        markup.facts([(hostile, "")]),
    ]
    for part in parts:
        assert "<img" not in part
        assert "'\"" not in part


def test_a_bundle_has_what_is_asked_for() -> None:
    """The bundle of a display has both formats, or those that IPython asks for."""
    assert markup.bundle("text", "<b>") == {"text/plain": "text", "text/html": "<b>"}
    assert markup.bundle("text", "<b>", include={"text/plain"}) == {"text/plain": "text"}
    assert markup.bundle("text", "<b>", exclude={"text/plain"}) == {"text/html": "<b>"}


def test_the_first_steps_are_lines_to_copy() -> None:
    """Both forms have the heading and the three lines, of magic or of Python, and the text fits a terminal of 80 columns."""
    shown = first_steps.as_text("No backends yet.", magics=True)
    in_python = first_steps.as_text("No backends yet.", magics=False)
    assert shown.startswith("No backends yet. Three ways to begin:\n")
    assert max(map(text.width, f"{shown}\n{in_python}".split("\n"))) <= 80
    for step in first_steps.FIRST_STEPS:
        assert f"\n    {step.magic}" in shown
        assert markup.command(step.magic) in first_steps.as_html("No backends yet.", magics=True)
        assert f"\n    {step.python}" in in_python
        assert markup.command(step.python) in first_steps.as_html("No backends yet.", magics=False)
