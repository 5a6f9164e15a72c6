"""Show rows as a list: short ids, units, local times, statuses with signs, and the columns that fit.

How a column is formatted follows from its name and its cells; which columns go first where there is no room, from
:data:`IMPORTANCE`.
"""

from __future__ import annotations

import datetime as dt
import itertools
import textwrap
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from cl_notebook.display import first_steps, markup, text, values
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

GIB, SECONDS = "GiB", "s"
"""The units of columns."""

_ALWAYS_SHOWN = (
    *("name", "resource_name", "variable", "option", "setting", "check", "reference", "verdict", "outcome", "status", "action"),
    *("size", "volume_size", "next", "path", "device", "value", "text"),
)
"""Columns that are shown however little room there is."""

IMPORTANCE = (
    *_ALWAYS_SHOWN,
    *("step", "kind", "type", "error", "seen", "detail"),
    *("reason", "volume", "started_at", "backend", "at", "created_at", "duration", "host", "required", "help", "default"),
    "protocol",
    *("volume_driver", "open", "volumes", "size_on_storage", "level", "attach_status", "owner"),
)
"""Columns from the most important to the one that is left out first; others follow, as they stand in the frame."""

_LAST = ("kernel_id", "updated_at", "version", "package_debian", "package_rpm")

_WHOLE = frozenset(("next", "path", "device", "value", "option", "setting", "reference", "name_in_storage", "variable", "where"))
"""Columns that people type from: never cut."""

_PROSE = frozenset(
    ("detail", "seen", "purpose", "error", "help", "reason", "reason_not_safe", "description", "text", "options", "capabilities")
)
_STATUSES = frozenset(("status", "attach_status", "verdict", "outcome"))
_SIZES = frozenset(("size", "volume_size", "size_on_storage"))
_DURATIONS = frozenset(("duration", "seconds"))

_WIDEST = 24
"""Columns of a terminal that a text takes at most while there is no room to spare."""
_WIDEST_SENTENCE = 30
_WIDEST_PROSE = {"help": 44}
"""The same for columns of sentences, by name, else :data:`_WIDEST_SENTENCE`."""
_NARROWEST = 12
_MOST_CHARACTERS = 2000
"""Characters of a cell at most, also in HTML, but for the columns that people type from."""
_LINES = 6
"""Lines that a sentence in the last column takes at most."""
_GAP = 2
_PAGE_WIDTH = 110
"""The width of a page in em, beyond which columns are left out of HTML."""
_EM_OF_CHARACTER = 0.56
_EM_OF_BOLD = 0.68
_MOST_OF_TEXT = 24
_MOST_OF_PROSE = 18
_MOST_OF_TIME = 11
_MOST_OF_AGO = 6
_ALL_COLUMNS = "A row with all columns:"
_BREAKPOINTS = range(30, _PAGE_WIDTH + 1, 5)

_STYLE = """
.clc-list{container-type:inline-size;font-size:var(--jp-ui-font-size1,13px)}
.clc-list .clc-cut{display:block;max-width:clamp(6em,calc(100cqi - 22em),24em);overflow:hidden;
text-overflow:ellipsis}
.clc-list td.clc-wrap{min-width:min(14em,40cqi);max-width:40em!important}.clc-list td.clc-whole{max-width:none!important}
.clc-list .clc-off{display:none}.clc-list .cl-card td{vertical-align:baseline!important}
""" + "".join(
    f"@container (max-width:{width}em){{.clc-list .clc-c{width},.clc-r{width} time+small{{display:none}}"
    f".clc-list .clc-x{width}{{display:inline}}}}\n"
    for width in _BREAKPOINTS
)


@dataclass(frozen=True)
class Look:
    """How a frame is shown as a list: what its rows are, in the plural, and the sentence for a list without rows.

    A sentence may end with a colon and a line to type; ``start`` puts the ways to begin below it, as lines of ``magic`` or
    of ``python``.
    """

    noun: str = "rows"
    empty: str = ""
    start: Literal["", "magic", "python"] = ""
    units: Mapping[str, str] = field(default_factory=dict)
    """The unit of columns, by name: ``GiB`` or ``s``; that of columns such as ``size`` is known."""


@dataclass(eq=False)
class _Column:
    """A column of the page that is shown: its cells as text, perhaps a shorter form, and as HTML."""

    name: str
    cells: list[str]
    markup: list[str]
    brief: list[str] = field(default_factory=list)
    is_number: bool = False
    is_index: bool = False
    is_cut: bool = False

    @property
    def is_always_shown(self) -> bool:
        return self.is_index or self.name in _ALWAYS_SHOWN

    @property
    def rank(self) -> int:
        if self.is_index:
            return -1
        if self.name in _LAST:
            return len(IMPORTANCE) + 1
        return IMPORTANCE.index(self.name) if self.name in IMPORTANCE else len(IMPORTANCE)

    @property
    def width(self) -> int:
        """The columns of a terminal that its widest cell takes."""
        return max(map(text.width, (self.name, *self.cells)))

    @property
    def least(self) -> int:
        """The columns of a terminal that it takes while there is no room to spare."""
        return min(self.width, _WIDEST) if self.is_cut else self.width

    @property
    def em(self) -> float:
        """The width in em that the column takes in HTML at most, headings being bold."""
        cells = max((text.width(cell) for cell in self.cells), default=0) * _EM_OF_CHARACTER
        if self.brief:
            cells = _MOST_OF_TIME
        elif self.name in _PROSE:
            cells = min(cells, _MOST_OF_PROSE)
        elif self.is_cut:
            cells = min(cells, _MOST_OF_TEXT)
        return max(cells, text.width(self.name) * _EM_OF_BOLD) + 1


class Field(NamedTuple):
    """A column of a page: its name, a cell for each row (None if it has no value), and whether these are numbers."""

    name: str
    cells: Sequence[Any]
    is_number: bool = False
    is_index: bool = False
    """Whether it is what a row is addressed by, and so never left out."""
    unit: str = ""
    """``GiB`` or ``s``, if the name does not tell."""


class Page(NamedTuple):
    """Rows to show, by column; how many more there are, which *next_line* shows; and the line for all columns of a row."""

    fields: Sequence[Field]
    more: int = 0
    next_line: str = ""
    columns_line: str = ""


def as_text(page: Page, width: int | None = None) -> str:
    """Return *page* as the lines of a terminal that is *width* columns wide, by default this one."""
    columns, empty = _columns(page)
    room = width or text.terminal_width()
    below = _below(columns, room)
    shown, left_out = _fitting([column for column in columns if column not in below], room)
    rows = [list(_lines(cells)) for cells in zip(*(column.cells for column in shown), strict=True)]
    in_order = list(itertools.chain.from_iterable(rows))
    head, *body = text.table([column.name for column in shown], in_order, [column.is_number for column in shown])
    lines, rest = [head], iter(body)
    for number, row in enumerate(rows):
        lines += itertools.islice(rest, len(row))
        lines += [f"  {column.name}: {column.cells[number]}" for column in below if column.cells[number]]
    for note in _notes(page, left_out, empty):
        lines += textwrap.wrap(note, max(room, _WIDEST), break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


def as_html(page: Page) -> str:
    """Return *page* as HTML that leaves columns out, by style alone, where the cell of the notebook is narrow."""
    columns, empty = _columns(page)
    breakpoints, whole = _breakpoints(columns)
    shown = [(column, width) for column, width in zip(columns, breakpoints, strict=True) if width is not None]
    rows = zip(*(column.markup for column, _ in shown), strict=True)
    table = markup.table([column.name for column, _ in shown], rows, [_classes(column, width) for column, width in shown])
    left_out = [(column.name, width) for column, width in zip(columns, breakpoints, strict=True) if width != 0]
    notes = [f"<div class='clc-dim'>{note}</div>" for note in _markup_notes(page, left_out, empty)]
    return f"<div class='clc-list clc-r{whole}'><style>{_STYLE}</style>{markup.card(table, *notes)}</div>"


def _lines(cells: Sequence[str]) -> Iterator[list[str]]:
    """Return the lines of a row, several if its last cell is prose that was broken into lines."""
    *before, last = cells
    first, *others = last.split("\n")
    yield [*before, first]
    yield from ([*[""] * len(before), line] for line in others)


def empty_text(look: Look) -> str:
    """Return what a list without rows says."""
    sentence = look.empty or f"No {look.noun}."
    return first_steps.as_text(sentence, magics=look.start == "magic") if look.start else sanitize(sentence)


def empty_html(look: Look) -> str:
    """Return what a list without rows says, as HTML."""
    sentence = look.empty or f"No {look.noun}."
    before, colon, line = sentence.partition(": ")
    if look.start:
        shown = first_steps.as_html(sentence, magics=look.start == "magic")
    else:
        shown = f"{markup.escaped(before)}{colon}{markup.command(line)}" if colon else markup.escaped(sentence)
    return markup.card(f"<div>{shown}</div>")


def _columns(page: Page) -> tuple[list[_Column], list[str]]:
    """Return the columns of *page* that have values, formatted, and the names of the others."""
    columns: list[_Column] = []
    empty: list[str] = []
    for item in page.fields:
        if not item.is_index and all(map(values.is_empty, item.cells)):
            empty.append(sanitize(item.name))
        else:
            columns.append(_column(item))
    return columns, empty


def _column(item: Field) -> _Column:
    cells, name = item.cells, sanitize(item.name)
    column = partial(_Column, name, is_number=item.is_number, is_index=item.is_index)
    if any(isinstance(cell, dt.datetime) for cell in cells):
        now = dt.datetime.now(dt.UTC)
        shown = _formatted(cells, lambda value: f"{values.local_time(value)}, {values.ago(value, now)}")
        html = _formatted(cells, lambda value: markup.moment(value, now))
        return column(shown, html, brief=_formatted(cells, lambda value: values.ago(value, now)))
    if name == "id" or name.endswith(("_id", "_volid")) or (item.is_index and any(map(values.is_uuid, cells))):
        length = values.distinct_length({value for value in cells if values.is_uuid(value)})
        shown = _formatted(cells, lambda value: values.short_id(value, length) if values.is_uuid(value) else sanitize(value))
        html = _formatted(cells, lambda value: markup.short_id(value, length) if values.is_uuid(value) else markup.escaped(value))
        return column(shown, html)
    if name in _STATUSES:
        return column(_formatted(cells, values.status), _formatted(cells, markup.status))
    shown = _formatted(cells, _writer(item))
    is_cut = not item.is_number and name not in _WHOLE and not item.is_index
    if is_cut:
        shown = [text.cut(cell, _MOST_CHARACTERS) if len(cell) > _MOST_CHARACTERS else cell for cell in shown]
    is_long = is_cut and name not in _PROSE
    form = "<code>{}</code>" if name in _WHOLE else "<span class='clc-cut' title='{0}'>{0}</span>" if is_long else "{}"
    return column(shown, [form.format(markup.escaped(cell)) if cell else "" for cell in shown], is_cut=is_cut)


def _formatted(cells: Iterable[Any], write: Callable[[Any], str]) -> list[str]:
    return ["" if value is None or value == "" else write(value) for value in cells]


def _writer(item: Field) -> Callable[[Any], str]:
    if item.is_number and (item.unit == GIB or item.name in _SIZES or item.name.endswith("_gb")):
        return values.size
    if item.is_number and (item.unit == SECONDS or item.name in _DURATIONS):
        return values.duration
    return _plain


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, dict):
        return ", ".join(f"{sanitize(key)}={_plain(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple, set)):
        return ", ".join(map(_plain, value))
    return sanitize(value)


def _by_importance(columns: Iterable[_Column]) -> list[_Column]:
    return sorted(columns, key=lambda column: column.rank)


def _below(columns: Sequence[_Column], room: int) -> list[_Column]:
    """Return the columns that are written below their rows: long ones that are never cut, where there is no room beside them."""
    beside = [column for column in columns if column.rank < IMPORTANCE.index("at")]
    below: list[_Column] = []
    for column in sorted(beside, key=lambda column: -column.width):
        is_last = sum(not other.is_index for other in beside) <= len(below) + 1
        if column.name not in _WHOLE or column.is_index or column.width <= _WIDEST or is_last:
            continue
        if sum(other.least + _GAP for other in beside if other not in below) - _GAP > room:
            below.append(column)
    return below


def _fitting(columns: Sequence[_Column], room: int) -> tuple[list[_Column], list[str]]:
    """Return the *columns* that fit into *room*, with their cells cut, and the names of the others."""
    for column in columns:
        if column.brief and sum(other.width + _GAP for other in columns) > room:
            column.cells = column.brief
    widths: dict[int, int] = {}
    free, is_any_left_out = room + _GAP, False
    for column in _by_importance(columns):
        width = column.least
        if column.name in _PROSE:
            width = min(column.width, _WIDEST_PROSE.get(column.name, _WIDEST_SENTENCE), max(free - _GAP, _WIDEST))
        fits = width + _GAP <= free and not (is_any_left_out and column.name in _LAST)
        is_any_left_out = is_any_left_out or not fits
        if column.is_always_shown or fits:
            widths[id(column)] = width
            free -= width + _GAP
    shown = [column for column in columns if id(column) in widths]
    for column in shown:
        if column.is_cut:
            width = widths[id(column)]
            change = min(free, column.width - width) if free > 0 else -min(-free, max(0, width - _NARROWEST))
            free -= change
            if column.name in _PROSE and column is shown[-1]:
                column.cells = [_paragraph(cell, width + change) for cell in column.cells]
            else:
                column.cells = [text.cut(cell, width + change) for cell in column.cells]
    return shown, [column.name for column in columns if id(column) not in widths]


def _paragraph(cell: str, columns: int) -> str:
    """Return *cell*, a sentence, in lines of that many *columns*; what exceeds :data:`_LINES` of them is cut off."""
    lines = text.wrap(cell, columns)
    if len(lines) > _LINES:
        lines[_LINES - 1 :] = [" ".join(lines[_LINES - 1 :])]
    return "\n".join(text.cut(line, columns) for line in lines)


def _notes(page: Page, left_out: Sequence[str], empty: Sequence[str]) -> Iterator[str]:
    if page.more:
        yield f"{page.more:,} more: {page.next_line}"
    parts = [f"Not shown: {', '.join(left_out)}."] if left_out else []
    parts += [f"Empty: {', '.join(empty)}."] if empty else []
    parts += [f"{_ALL_COLUMNS} {page.columns_line}"] if left_out and page.columns_line else []
    if parts:
        yield " ".join(parts)


def _breakpoints(columns: Sequence[_Column]) -> tuple[list[int | None], int]:
    """Return the width of the cell, in em, up to which each column is left out (0: never, None: always).

    The second value is the width up to which times do not say how long ago they were.
    """
    widths: dict[int, int | None] = {}
    needed = 0.0
    for column in _by_importance(columns):
        needed += column.em
        widths[id(column)] = 0 if column.is_always_shown else _breakpoint(needed)
    ago = sum(_MOST_OF_AGO for column in columns if column.brief)
    return [widths[id(column)] for column in columns], _breakpoint(needed + ago) or _PAGE_WIDTH


def _breakpoint(needed: float) -> int | None:
    return next((width for width in _BREAKPOINTS if width >= needed), None)


def _classes(column: _Column, breakpoint_: int | None) -> str:
    kind = (
        "clc-wrap" if column.name in _PROSE else "clc-wrap clc-whole" if column.name in _WHOLE and column.width > _WIDEST else ""
    )
    name = "clc-num" if column.is_number else kind
    return " ".join([*([name] if name else []), *([f"clc-c{breakpoint_}"] if breakpoint_ else [])])


def _markup_notes(page: Page, left_out: Sequence[tuple[str, int | None]], empty: Sequence[str]) -> Iterator[str]:
    if page.more:
        yield f"{page.more:,} more: {markup.command(page.next_line)}"
    if left_out:
        names = " ".join(_where_left_out(f"<code>{markup.escaped(name)}</code>", width) for name, width in left_out)
        widths = [width for _, width in left_out if width is not None]
        breakpoint_ = max(widths) if len(widths) == len(left_out) else None
        yield _where_left_out("Not shown:", breakpoint_) + " " + names
        if page.columns_line:
            yield _where_left_out(f"{_ALL_COLUMNS} {markup.command(page.columns_line)}", breakpoint_)
    if empty:
        yield f"Empty: {' '.join(f'<code>{markup.escaped(name)}</code>' for name in empty)}"


def _where_left_out(part: str, breakpoint_: int | None) -> str:
    """Return *part* so that it is seen only where a column of that breakpoint is left out."""
    return part if breakpoint_ is None else f"<span class='clc-off clc-x{breakpoint_}'>{part}</span>"
