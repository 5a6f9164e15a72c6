"""Lay out reports: sections of sentences, each with a mark and the line of magic that deals with it, as text and as HTML."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

from cl_notebook.display import markup, text, values
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

INDENT = "  "


class Entry(NamedTuple):
    """One thing: a status for its mark, a sentence about it, and the line of magic that deals with it, if there is one."""

    status: str
    sentence: str
    magic: str = ""


class Section(NamedTuple):
    """Entries under a title; ``note`` is a sentence below them, such as how many more there are."""

    title: str
    entries: Sequence[Entry]
    note: str = ""


def as_text(sections: Iterable[Section], width: int) -> Iterator[str]:
    """Yield the lines of *sections*; sentences are wrapped to *width* columns, lines of magic stay whole, to be copied."""
    for section in sections:
        yield from ("", *wrapped(f"{section.title}:", width))
        for entry in section.entries:
            yield from wrapped(f"{values.mark(entry.status).sign} {entry.sentence}", width, INDENT, INDENT * 2)
            if entry.magic:
                yield f"{INDENT * 2}{sanitize(entry.magic)}"
        if section.note:
            yield from wrapped(section.note, width, INDENT)


def as_html(sections: Iterable[Section]) -> str:
    """Return *sections* as HTML for a card."""
    return "".join(
        f"<div class='clc-title'>{markup.escaped(section.title)}</div>"
        f"<div class='clc-entries'>{''.join(map(_entry, section.entries))}"
        f"{f'<div>{markup.escaped(section.note)}</div>' if section.note else ''}</div>"
        for section in sections
    )


def _entry(entry: Entry) -> str:
    line = f"<br>{markup.command(entry.magic)}" if entry.magic else ""
    return f"<div>{markup.sign(entry.status)} {markup.escaped(entry.sentence)}{line}</div>"


def columns() -> int:
    """Return how wide a report is as text: as the terminal, within limits."""
    return max(40, min(text.terminal_width(), 120))


def wrapped(sentence: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """Return *sentence* in lines of at most *width* columns, the first one behind *first*, the others behind *rest*."""
    after = first if rest is None else rest
    lines = textwrap.wrap(sanitize(sentence), width, initial_indent=first, subsequent_indent=after, break_on_hyphens=False)
    return lines or [first]


def number(count: int, noun: str) -> str:
    """Return *count* with its *noun*, in the plural with an ``s`` unless it is one: ``3 volumes``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def capital(sentence: str) -> str:
    """Return *sentence* with its first letter in upper case, and the rest as it is."""
    return sentence[:1].upper() + sentence[1:]
