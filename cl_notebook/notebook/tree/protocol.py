"""Define the messages of the front end, and validate them; a message that does not match these types is rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

if TYPE_CHECKING:
    import datetime as dt

    from cl_notebook.treemodel.rows import Row

MOST_ROWS = 500
"""Largest number of rows in one reply: several screens full."""

VISIBLE_ROWS = 15
"""Largest number of rows that a tree below a cell makes room for by itself."""

_Text = Annotated[str, msgspec.Meta(max_length=1000)]
_Id = Annotated[str, msgspec.Meta(max_length=64)]
_Ids = Annotated[list[_Id], msgspec.Meta(max_length=10_000)]
_Index = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=MOST_ROWS)]


class Message(msgspec.Struct, tag_field="do", frozen=True, kw_only=True):
    """A message of the front end. ``id`` is its number, which the reply repeats as ``re``."""

    id: Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Hello(Message, tag="hello", frozen=True, kw_only=True):
    """A view was opened."""


class Bye(Message, tag="bye", frozen=True, kw_only=True):
    """A view was closed."""


class Ping(Message, tag="ping", frozen=True, kw_only=True):
    """A view is still open."""


class Mark(msgspec.Struct, frozen=True):
    """A row, and the index where it was last seen."""

    id: _Id
    index: _Index


class Window(Message, frozen=True, kw_only=True):
    """A message whose reply has the rows of a window: ``count`` rows from the index ``start`` on."""

    start: _Index
    count: _Count


class Rows(Window, tag="rows", frozen=True, kw_only=True):
    """Read rows. With an ``anchor`` the window moves with that row."""

    anchor: Mark | None = None
    focus: Mark | None = None


class Open(Window, tag="open", frozen=True, kw_only=True):
    """Open (``on``) or close a branch."""

    row: _Id
    on: bool


class All(Window, tag="all", frozen=True, kw_only=True):
    """Open (``on``) or close every backend."""

    on: bool


class Select(Message, tag="select", frozen=True, kw_only=True):
    """Change the selection by these ids: replace, add, remove or toggle."""

    ids: _Ids
    how: Literal["set", "add", "remove", "toggle"]


class Range(Message, tag="range", frozen=True, kw_only=True):
    """Select the rows from the index ``first`` to ``last``, both included."""

    first: _Index
    last: _Index
    how: Literal["set", "add"]


class Seek(Message, tag="seek", frozen=True, kw_only=True):
    """Find the next row after the index ``after`` whose name begins with ``text``."""

    text: _Text
    after: _Index


class Reveal(Message, tag="reveal", frozen=True, kw_only=True):
    """Open the branches above a row, so that it is visible."""

    row: _Id


class Details(Message, tag="details", frozen=True, kw_only=True):
    """Read everything for the details pane of one resource."""

    row: _Id


class Shown(Message, tag="shown", frozen=True, kw_only=True):
    """Return the line of magic that shows one resource."""

    row: _Id


class Offers(Message, tag="offers", frozen=True, kw_only=True):
    """Read the actions that are available for several resources at once."""

    ids: _Ids


class Begin(Message, tag="begin", frozen=True, kw_only=True):
    """Run the line of one of the ways to begin, by its ``number``."""

    number: _Index


class Drivers(Message, tag="drivers", frozen=True, kw_only=True):
    """Search the drivers that a backend can be added with, those of Cinder in the interpreter ``python``."""

    text: _Text
    python: _Text = ""


class Addition(Message, tag="addition", frozen=True, kw_only=True):
    """Read what the form of a new backend with this driver asks for."""

    driver: _Text
    python: _Text = ""


class Chosen(Message, frozen=True, kw_only=True):
    """A message about an action on these resources, with the values typed for its fields."""

    act: _Text
    ids: _Ids
    values: dict[_Text, str | int | float | bool | None] = {}


class Line(Chosen, tag="line", frozen=True, kw_only=True):
    """Return the magic that an action would run."""


class Act(Chosen, tag="act", frozen=True, kw_only=True):
    """Run an action."""


_ANY: Any = (
    Hello
    | Bye
    | Ping
    | Rows
    | Open
    | All
    | Select
    | Range
    | Seek
    | Reveal
    | Details
    | Shown
    | Offers
    | Begin
    | Drivers
    | Addition
    | Line
    | Act
)


def read(content: object) -> Message:
    """Decode *content*, a JSON object that a view sent, into a message.

    Raises:
        ValueError: it is not a valid message (:class:`msgspec.ValidationError`); the text says what is wrong.

    """
    message: Message = msgspec.convert(content, _ANY, strict=True)
    return message


class BusyFields(msgspec.Struct, frozen=True):
    """A running operation on a resource. ``since`` is in seconds since 1970, ``done`` a fraction of 1; ``gone``: kernel ended."""

    doing: str
    since: float | None
    done: float | None
    gone: bool


class RowFields(msgspec.Struct, array_like=True, frozen=True):
    """One row as sent to the front end: a list of these values in this order. Sizes are in GiB, times in seconds since 1970.

    ``more`` are values of further columns; a row without any is sent without it.
    The front end's ``schema.js`` is generated from it (``make js``).
    """

    kind: str
    id: str
    name: str
    status: str
    size: int | None
    where: str
    created: float | None
    level: int
    position: int
    siblings: int
    children: int
    open: bool
    busy: BusyFields | None
    more: dict[str, str] | None


def row(one: Row) -> list[Any]:
    """Return one row as the list that is sent, with the values of :class:`RowFields`."""
    busy = None if one.busy is None else BusyFields(one.busy.doing, seconds(one.busy.since), one.busy.done, one.busy.gone)
    fields = RowFields(
        *(one.kind, one.id, one.name, one.status, one.size, one.where, seconds(one.created_at)),
        *(one.level, one.position, one.siblings, one.children, one.open, busy, dict(one.more or {})),
    )
    payload: list[Any] = msgspec.to_builtins(fields)
    return payload if one.more else payload[:-1]


def seconds(moment: dt.datetime | None) -> float | None:
    """Return *moment* in seconds since 1970-01-01 UTC, or None."""
    return None if moment is None else moment.timestamp()
