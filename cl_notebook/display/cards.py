"""Cards: what one object is, as a few lines of text and as HTML whose details fold, from the same cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from cl_notebook.display import markup, text, values
from cl_notebook.errors import hints_in
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Container, Sequence

    from cl_notebook.display.values import Mark

MAX_COLUMNS = 80
"""The widest line of a card as text."""

NO_BREAK = "\xa0"
"""The blank at which no line of text breaks."""

_INDENT = "  "
_SEPARATOR = " · "
_BAR_COLUMNS = 10


class Cell(NamedTuple):
    """One value of a card, as plain text and as HTML. Lines of text break at its blanks, not at :data:`NO_BREAK`."""

    text: str
    markup: str


def plain(value: object) -> Cell:
    """Return *value* as it is, made printable."""
    return Cell(sanitize(value), markup.escaped(value))


def code(value: object) -> Cell:
    """Return *value*, such as a path or an id, in the font of code."""
    return Cell(sanitize(value), f"<code>{markup.escaped(value)}</code>")


def short_id(resource_id: str) -> Cell:
    """Return a short id; the HTML shows the whole one on hover."""
    return Cell(values.short_id(resource_id), markup.short_id(resource_id))


def status(value: str, mark: Mark | None = None) -> Cell:
    """Return a status with its sign, coloured in HTML; *mark* replaces the mark that its spelling gives."""
    sign = (mark or values.mark(value)).sign
    return Cell(f"{sign} {sanitize(value)}".replace(" ", NO_BREAK), markup.status(value, mark))


def moment(time: dt.datetime) -> Cell:
    """Return how long ago *time*, an aware time, was, with the local time beside it."""
    local, ago = values.local_time(time), values.ago(time)
    return Cell(f"{local}, {ago}", f"{local} <small>{ago}</small>")


def ago(time: dt.datetime) -> Cell:
    """Return how long ago *time*, an aware time, was; the HTML shows the local time on hover."""
    shown = values.ago(time)
    return Cell(shown, f"<span title='{values.local_time(time)}'>{shown}</span>")


def bar(share: float, label: str) -> Cell:
    """Return a bar that is filled to *share*, a number from 0 to 1, with *label* after it."""
    return Cell(f"{text.bar(share, _BAR_COLUMNS)} {sanitize(label)}", f"{markup.bar(share, label)} {markup.escaped(label)}")


def joined(cells: Sequence[Cell], separator: str = " ") -> Cell:
    """Return *cells* as one, with *separator* between them."""
    return Cell(separator.join(cell.text for cell in cells), markup.escaped(separator).join(cell.markup for cell in cells))


class Note(NamedTuple):
    """What is wrong with an object, or what has to be known of it: a sentence, and the line of Python that deals with it."""

    sentence: str
    line: str = ""
    is_fault: bool = True


class Section(NamedTuple):
    """A part of a card: in HTML a table that folds below its *title*, as text its *label* and *lines*; none leave it out."""

    label: str
    title: str
    lines: Sequence[str]
    names: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = ()
    classes: Sequence[str] = ()
    """The classes of the columns in the style sheet."""
    summary: str = ""
    """What the HTML shows after the title while the table is folded."""
    remark: str = ""
    """A sentence below the table, for instance how many rows are not shown."""
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """One object: a headline, notes, facts by name, and sections. :meth:`bundle` returns it for ``_repr_mimebundle_``."""

    title: Cell
    headline: Sequence[Cell]
    facts: Sequence[tuple[str, Cell]] = ()
    notes: Sequence[Note] = ()
    sections: Sequence[Section] = ()
    more: Sequence[tuple[str, Cell]] = ()
    """Further facts: the HTML folds them, the text leaves them out."""

    def with_hints(self, *, magic: bool) -> Card:
        """Return the card with the hints of its notes in lines of magic, or (*magic* is false) in Python."""
        notes = [
            note._replace(sentence=hints_in(note.sentence, magic=magic), line=hints_in(note.line, magic=magic))
            for note in self.notes
        ]
        return replace(self, notes=notes)

    def text(self, columns: int | None = None) -> str:
        """Return the card as lines of at most *columns*, by default those of the terminal, at most :data:`MAX_COLUMNS`.

        Only a word that is longer than a line, such as a path, makes a line wider: it has to be copied whole.
        """
        width = columns or min(text.terminal_width(), MAX_COLUMNS)
        lines = _wrapped(_SEPARATOR.join(cell.text for cell in (self.title, *self.headline)), width, "", _INDENT)
        for note in self.notes:
            lines += _wrapped(note.sentence, width, f"{_mark(note).sign} ", _INDENT)
            lines += _wrapped(note.line, width, _INDENT, _INDENT * 2) if note.line else []
        labelled = [(sanitize(name), [cell.text]) for name, cell in self.facts]
        labelled += [(sanitize(part.label), list(part.lines)) for part in self.sections if part.lines]
        label_width = max((text.width(name) for name, _ in labelled), default=0)
        following = " " * (label_width + 2 * len(_INDENT))
        for name, values_shown in labelled:
            label = f"{_INDENT}{text.pad(name, label_width)}{_INDENT}"
            for number, shown in enumerate(values_shown):
                lines += _wrapped(shown, width, following if number else label, following)
        return "\n".join(lines)

    def html(self) -> str:
        """Return the card as HTML without a script."""
        head = _SEPARATOR.join((f"<b>{self.title.markup}</b>", *(cell.markup for cell in self.headline)))
        notes = "".join(map(_note, self.notes))
        facts = _facts(self.facts) if self.facts else ""
        more = markup.fold("all fields", _facts(self.more)) if self.more else ""
        return markup.card(f"<div>{head}</div>", notes, facts, *map(_section, self.sections), more)

    def _repr_mimebundle_(self, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
        return self.bundle(include, exclude)

    def bundle(self, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
        """Return text and HTML by MIME type, with what *include* and *exclude* ask for."""
        return markup.bundle(self.text(), self.html(), include, exclude)


def _facts(pairs: Sequence[tuple[str, Cell]]) -> str:
    return markup.facts((name, cell.markup) for name, cell in pairs)


def _mark(note: Note) -> Mark:
    return values.MARKS["fault"] if note.is_fault else values.Mark("▸", "dim")


def _note(note: Note) -> str:
    sign, tone = _mark(note)
    line = f" <code>{markup.escaped(note.line)}</code>" if note.line else ""
    mark = f"<span class='clc-{tone}' aria-hidden='true'>{sign}</span>"
    return f"<div class='clc-wrap'>{mark} {markup.escaped(note.sentence)}{line}</div>"


def _section(section: Section) -> str:
    title = markup.escaped(section.title)
    title += f" <small>{markup.escaped(section.summary)}</small>" if section.summary else ""
    if not section.rows:
        return f"<div>{title}</div>"
    remark = f"<small>{markup.escaped(section.remark)}</small>" if section.remark else ""
    rows = [[cell.markup for cell in row] for row in section.rows]
    return markup.fold(title, markup.table(section.names, rows, section.classes), remark, is_open=section.is_open)


def _wrapped(value: str, width: int, first: str, following: str) -> list[str]:
    """Break *value*, made printable, at its blanks but not at :data:`NO_BREAK`; see :func:`cl_notebook.display.text.wrap`."""
    printable = NO_BREAK.join(map(sanitize, value.split(NO_BREAK)))
    return [line.replace(NO_BREAK, " ") for line in text.wrap(printable, width, first, following)]
