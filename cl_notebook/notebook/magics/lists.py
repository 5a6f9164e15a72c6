"""Define the lists, such as ``%cl_volumes``; each returns a DataFrame, or prints text in another format."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.frames.columns import AGES, FLAG, KEY_VALUES, MOMENT, NUMBER, REAL, SOURCES, UNSEARCHED
from cl_notebook.notebook.command.command import Command, Option, Part, Row, Verb, count
from cl_notebook.notebook.output.messages import echo, echo_err

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from cl_notebook.frames.columns import Column
    from cl_notebook.notebook.command.command import Invocation

PAGE = 1000
"""Default of ``--limit``, in rows: quick also from a store of millions."""

FORMATS = ("frame", "table", "json", "csv", "yaml", "value")

_FIRST_LINES = {
    "volumes": "%cl_volume create --size 1 --name db",
    "snapshots": "%cl_volume snapshot VOLUME --name before",
    "connections": "%cl_volume attach VOLUME",
}
"""What creates the first of a kind."""

FORMAT = Option("format", "What to give: a DataFrame, or text.", "FORMAT", short="-f", choices=FORMATS)
_EXAMPLES = {NUMBER: "'>10'", REAL: "'>0.5'", MOMENT: "'>2026-01-31'", FLAG: "true"}


def _common(kind: str) -> tuple[Option, ...]:
    return (
        Option("long", "Show all columns."),
        Option("column", "Show this column.", "COLUMN", short="-c", repeat=True, completes=f"column:{kind}"),
        Option("sort", "Sort by this column; :desc turns it round.", "COLUMN[:desc]", repeat=True, completes=f"sort:{kind}"),
        Option("limit", f"Rows at most; 0 is all of them, {PAGE} if it is left out.", "N", convert=count),
        Option("marker", "Go on after the row with this id.", "ID", completes=f"id:{kind}"),
        FORMAT,
    )


def filter_options(kind: str) -> tuple[Option, ...]:
    """Return the options that filter the rows of *kind*, one for each column that can be searched."""
    age = AGES.get(kind, "created_at")
    by_value = (
        Option(
            name.replace("_", "-"),
            f"Only where {name} is that.",
            "VALUE",
            completes=f"value:{kind}:{name}",
            aliases=("age",) if name == age else (),
        )
        for name in ("id", *_filterable(kind))
    )
    by_key = (
        Option(
            name.replace("_", "-"),
            f"Only where {name} has that.",
            "KEY[=VALUE]",
            repeat=True,
            aliases=("property",) if name == "metadata" else (),
        )
        for name in _by_key(kind)
    )
    return (*by_value, *by_key)


def _text_filters(kind: str) -> list[Option]:
    """Return the filter options for names and status, the most common first."""
    common_names = ("name", "resource_name", "volume", "status", "volume_driver")
    return [option for key in common_names for option in filter_options(kind) if option.key == key]


def _filterable(kind: str) -> dict[str, Column]:
    return {name: column for name, column in SOURCES[kind].columns.items() if column.kind not in UNSEARCHED}


def _by_key(kind: str) -> list[str]:
    return [name for name in SOURCES[kind].columns if name in KEY_VALUES]


def _list(kind: str, default_sort: str | None, call: Invocation) -> pd.DataFrame | None:
    from cl_notebook.frames import api  # noqa: PLC0415 - pandas is loaded when a frame is made

    chosen = call["column"] or None
    limit = PAGE if call["limit"] is None else call["limit"] or None
    marker = call["marker"]
    frame = api.read(
        kind,
        call.session,
        columns=_columns(api.DEFAULT_COLUMNS[kind], chosen, long=call["long"]),
        sort=call["sort"] or default_sort,
        limit=limit and limit + 1,
        marker=_number(marker) if kind == "operations" and marker else marker,
        first_lines=_FIRST_LINES,
        **call.given(*(option.key for option in filter_options(kind))),
    )
    more = limit is not None and len(frame) > limit
    shown = frame.iloc[:limit] if more else frame
    _give_note(call, shown, more=more)
    return formed(call, shown, chosen)


def columns_of(kind: str) -> tuple[str, ...]:
    """Return the names of the columns that ``-c`` accepts for *kind*."""
    return ("id", *SOURCES[kind].columns)


def _columns(short: Sequence[str], chosen: Sequence[str] | None, *, long: bool) -> list[str] | None:
    if chosen is None:
        return None if long else list(short)
    return [name for name in dict.fromkeys(chosen) if name != "id"]


def _number(marker: str) -> int:
    try:
        return int(marker)
    except ValueError:
        msg = f"--marker takes the number of an operation, not {marker!r}."
        raise errors.InvalidInput(msg) from None


def _give_note(call: Invocation, frame: pd.DataFrame, *, more: bool) -> None:
    if not more:
        return
    print_note(call, f"There are more than these {len(frame)} rows. The next: --marker {frame.index[-1]}. All: --limit 0.")


def print_note(call: Invocation, text: str) -> None:
    """Print *text*, which goes with a frame: to standard error if ``--format`` is one that other programs read."""
    sys.stdout.flush()
    (echo if call["format"] in {None, "frame", "table"} else echo_err)(text)


def formed(call: Invocation, frame: pd.DataFrame, chosen: Sequence[str] | None = None) -> pd.DataFrame | None:
    """Return *frame*, or print it in the format of ``--format``, with the *chosen* columns only, and return None."""
    form = call["format"]
    if form in {None, "frame"}:
        return frame
    from cl_notebook.notebook.output.formats import as_text  # noqa: PLC0415 - as above

    text = as_text(frame, form, list(dict.fromkeys(chosen)) if chosen else None)
    if text:
        echo(text)
    return None


def _example(name: str, column: Column) -> str:
    if column.kind in _EXAMPLES:
        return _EXAMPLES[column.kind]
    return "error,available" if name == "status" else "3f2a91c0-…" if name.endswith("_id") else "'db*'"


def _notes(kind: str) -> list[Part]:
    examples = {"id": "'3f2a*'", **{name: _example(name, column) for name, column in _filterable(kind).items()}}
    rows = [Row(f"--{name.replace('_', '-')} VALUE", f"such as {example}") for name, example in examples.items()]
    rows += [
        Row(f"--{name.replace('_', '-')} KEY[=VALUE]", "such as owner=bob, or owner for all that have the key")
        for name in _by_key(kind)
    ]
    text_note = "Texts are exact, or globs ('db*'); several with commas (error,available); '!error' for all but that one."
    comma_note = "Write \\, for a comma within a text: 'a\\,b'. A single text may also have its commas as they are."
    number_note = "Numbers and times take > >= < <= != before them, or are ranges: 2..4. Sizes are in GiB, or 1.5T; times in UTC."
    age_note = "A day is a date, today or yesterday. --age '>1h' finds what is older than an hour, --age '<2d' the last two days."
    look_note = 'What is shown is short, the DataFrame has all: %config ClNotebook.display = "pandas" shows it raw.'
    notes = (text_note, comma_note, number_note, age_note, look_note)
    return [Part("Filters (an underscore may be typed for a dash):", rows), Part("Values:", notes=notes)]


def _command(kind: str, name: str, what: str, examples: tuple[str, ...], sort: str | None = None) -> Command:
    examples_of_filters = " or ".join(f"--{option.name} VALUE" for option in _text_filters(kind)[:2])
    verb = Verb(
        "",
        what,
        partial(_list, kind, sort),
        options=_common(kind),
        dynamic_options=lambda _words: filter_options(kind),
        extra_word_hint=f"Filters are options, such as {examples_of_filters}.",
    )
    text = f"{what} The list is a DataFrame, indexed by id: rows = %{name}"
    brief = "who did what, and how it ended" if kind == "operations" else "as DataFrames"
    sample = "%cl_history --status failed" if kind == "operations" else ""
    return Command(name, text, (verb,), examples, notes=lambda _words: _notes(kind), purpose="List", sample=sample, brief=brief)


def listing(name: str) -> Verb:
    """Return the verb ``list`` for the magic of one resource: the list called *name*, as in the OpenStack client."""
    command = next(command for command in COMMANDS if command.name == name)
    return replace(command.verbs[0], name="list", help=f"The same as %{name}.", same_as=f"%{name}")


COMMANDS = (
    _command(
        "backends",
        "cl_backends",
        "List the backends that are tracked, with the volumes on each.",
        ("%cl_backends", "%cl_backends --volume-driver local --sort volumes:desc", "df = %cl_backends --long"),
    ),
    _command(
        "volumes",
        "cl_volumes",
        "List the volumes that are tracked.",
        (
            "%cl_volumes",
            "%cl_volumes --status error --backend lvm --name 'db*' --size '>10'",
            "%cl_volumes --size 10..20 --age '<1d' --metadata owner=bob",
            "%cl_volumes -c name -c size --sort size:desc --limit 10",
            "%cl_volumes -f json",
            "df = %cl_volumes --long --limit 0",
        ),
    ),
    _command(
        "snapshots",
        "cl_snapshots",
        "List the snapshots that are tracked.",
        ("%cl_snapshots", "%cl_snapshots --volume db --sort created_at:desc", "df = %cl_snapshots --status '!available'"),
    ),
    _command(
        "connections",
        "cl_connections",
        "List the connections that are tracked.",
        ("%cl_connections", "%cl_connections --host 'web*' -c volume -c path", "df = %cl_connections --status attached"),
    ),
    _command(
        "operations",
        "cl_history",
        "List what was done, by whom, and how it ended; the newest first.",
        (
            "%cl_history --limit 20",
            "%cl_history --status failed,interrupted -c action -c resource_name -c error",
            "%cl_history --status lost",
            "%cl_log --operation 12",
            "df = %cl_history --started-at '>2026-01-31'",
        ),
        sort="id:desc",
    ),
)
"""The lists."""
