"""Write the help of magics from their declarations: the map of all, a magic with its verbs, one verb; as text and as HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from cl_notebook.display import markup, text
from cl_notebook.notebook.command.command import PURPOSES, Part, Row

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from cl_notebook.notebook.command.command import Argument, Command, Option, Verb

WIDTH = 80
"""The columns of a help whose reader's terminal is not known."""

_MOST_COLUMNS = 100
_LEFT = 28
_INDENT = "    "
_GAP = "  "
_EXAMPLES_OF_MAGIC = 4
_MOST_BRIEF = 36
_CLAUSE = re.compile(r"(?<=[^.…])[.;:](?=\s|$)")


@dataclass(frozen=True, repr=False)
class Help:
    """A page of help: how something is used, what it does, and the parts of that."""

    usage: str
    meaning: str
    parts: Sequence[Part] = ()

    def text(self, columns: int | None = None) -> str:
        """Return the page as lines of at most *columns*, by default those of the terminal; lines to type stay whole."""
        width = columns or min(text.terminal_width(), _MOST_COLUMNS)
        lines = [*text.wrap(self.usage, width, "", _INDENT), *text.wrap(self.meaning, width, _INDENT, _INDENT)]
        for part in self.parts:
            lines += [*([""] if part.title or not part.rows else []), *(text.wrap(part.title, width) if part.title else [])]
            left = min(_LEFT, max((text.width(row.typed) for row in part.rows if row.meaning), default=0))
            for row in part.rows:
                lines += _row(row, left, width)
            for note in part.notes:
                lines += text.wrap(note, width, _INDENT, _INDENT)
        return "\n".join(lines)

    def html(self) -> str:
        """Return the page as HTML without a script."""
        return markup.card(
            f"<div><b>{markup.command(self.usage)}</b></div>" if self.usage else "",
            f"<div class='clc-wrap'>{markup.escaped(self.meaning)}</div>",
            *map(_part, self.parts),
        )

    def __repr__(self) -> str:
        """Return the page as text, as wide as the terminal."""
        return self.text()

    def _repr_mimebundle_(self, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
        return markup.bundle(repr(self), self.html(), include, exclude)


class Map(Help):
    """The map of the magics: as text a line for each, the purpose at the left, in 80 columns."""

    def text(self, columns: int | None = None) -> str:
        """Return the map as lines of at most *columns*, by default 80."""
        width = columns or WIDTH
        left = max(text.width(part.title) for part in self.parts)
        lines = text.wrap(self.meaning, width)
        for part in self.parts:
            for number, row in enumerate(part.rows):
                title = text.pad("" if number else part.title, left)
                lines.append(f"{title}{_GAP}{text.pad(row.typed, width // 2 - 1 - left)}{_GAP}{row.meaning}".rstrip())
        return "\n".join(lines)

    def html(self) -> str:
        """Return the map as one table."""
        rows = [
            (f"<b>{'' if number else markup.escaped(part.title)}</b>", _typed(row), markup.escaped(row.meaning))
            for part in self.parts
            for number, row in enumerate(part.rows)
        ]
        return markup.card(f"<div>{markup.escaped(self.meaning)}</div>", markup.table((), rows, ("", "", "clc-text")))


def map_of(commands: Sequence[Command]) -> Map:
    """Return the map of *commands*, by purpose. Neighbours with the same few words share a line."""
    parts = []
    for purpose in dict.fromkeys((*PURPOSES, *(command.purpose for command in commands))):
        rows = [
            Row(" ".join(command.sample or command.spelled for command in same), words)
            for words, same in groupby(
                (command for command in commands if command.purpose == purpose),
                key=lambda command: command.brief or brief(command.help, _MOST_BRIEF),
            )
        ]
        parts += [Part(purpose or "More", rows)] if rows else []
    return Map("", "%cl_help TOPIC explains: volume, create, volume create, error, --size, names", parts)


def command_help(command: Command, *, live: bool = True) -> Help:
    """Return the help of *command*: a line for each verb, or its only one with all options.

    With *live*, the parts that depend on what is installed are in it, such as the options of drivers.
    """
    examples = Part("Examples:", [Row(example) for example in command.examples])
    if not command.has_verbs:
        usage = f"{command.spelled} {_usage(command.verbs[0])}".rstrip()
        notes = command.notes(()) if live and command.notes is not None else ()
        return Help(usage, command.help, [*_parts(command.verbs[0]), *notes, examples])
    default = command.verb(command.default) if command.default else None
    verbs = [Row(verb.name, brief(verb.help)) for verb in command.verbs]
    hint = f"{command.spelled} {command.verbs[0].name}? explains one, with its options and examples."
    without = [f"Without a verb: {default.name}."] if default is not None else []
    shown = examples._replace(rows=examples.rows[:_EXAMPLES_OF_MAGIC])
    return Help(f"{command.spelled} VERB", command.help, [Part("Verbs:", verbs, [*without, hint]), shown])


def verb_help(command: Command, verb: Verb, words: Sequence[str] = ()) -> Help:
    """Return the help of one verb, with the examples that use it, and the parts that depend on the typed *words*."""
    usage = f"{command.title(verb)} {_usage(verb)}".rstrip()
    if verb.same_as:
        return Help(usage, verb.help, [Part("", notes=[f"Its options: {verb.same_as} --help"])])
    if not command.has_verbs:
        return command_help(command)
    notes = command.notes(words) if command.notes is not None and verb.dynamic_options is not None else ()
    examples = [Row(example) for example in command.examples if f"{command.title(verb)} " in f"{example} "]
    return Help(usage, verb.help, [*_parts(verb), *notes, *([Part("Examples:", examples)] if examples else [])])


def brief(sentence: str, columns: int = 60) -> str:
    """Return the first clause of *sentence*, or what of it ends with a comma, in at most *columns*."""
    end = _CLAUSE.search(sentence)
    clause = sentence[: end.start()] if end else sentence
    return clause if text.width(clause) <= columns else text.cut(clause[:columns].rpartition(",")[0] or clause, columns)


def option_row(option: Option) -> Row:
    """Return an option with its value, and what it means."""
    names = f"{option.short}, {option.spelled}" if option.short else option.spelled
    meaning = _with_choices(option.help, option.choices) + (" Repeatable." if option.repeat else "")
    return Row(f"{names} {option.value}".rstrip(), meaning)


def _parts(verb: Verb) -> list[Part]:
    arguments = [Row(argument.name, _with_choices(argument.help, argument.choices)) for argument in verb.arguments]
    rows = [*arguments, *map(option_row, verb.options)]
    return [Part("", rows)] if rows else []


def _usage(verb: Verb) -> str:
    words = [_placed(argument) for argument in verb.arguments]
    positional = sorted((option for option in verb.options if option.positional), key=lambda option: option.convert is not str)
    words += [option.value if option.required else f"[{option.value}]" for option in positional]
    words += [f"{option.spelled} {option.value}" for option in verb.options if option.required and not option.positional]
    if any(not option.required for option in verb.options) or verb.dynamic_options:
        words.append("[options]")
    return " ".join(words)


def _placed(argument: Argument) -> str:
    shown = f"{argument.name} …" if argument.repeat else argument.name
    return f"[{shown}]" if argument.optional else shown


def _with_choices(sentence: str, choices: tuple[str, ...]) -> str:
    return f"{sentence} One of {', '.join(choices)}." if choices else sentence


def _row(row: Row, left: int, width: int) -> Iterator[str]:
    if not row.meaning:
        yield f"{_INDENT}{row.typed}"
        return
    following = " " * (len(_INDENT) + left + len(_GAP))
    if text.width(row.typed) > left:
        yield f"{_INDENT}{row.typed}"
        yield from text.wrap(row.meaning, width, following, following)
        return
    yield from text.wrap(row.meaning, width, f"{_INDENT}{text.pad(row.typed, left)}{_GAP}", following)


def _typed(row: Row) -> str:
    """Return what is typed, as HTML: a line of magic to be copied, or an option, which does not break."""
    is_line = not row.meaning or row.typed.startswith("%")
    return markup.command(row.typed) if is_line else f"<code>{markup.escaped(row.typed)}</code>"


def _part(part: Part) -> str:
    title = f"<div class='clc-title'>{markup.escaped(part.title)}</div>" if part.title else ""
    rows = [(_typed(row), markup.escaped(row.meaning)) for row in part.rows]
    has_meanings = any(row.meaning for row in part.rows)
    table = markup.table((), rows, ("", "clc-text")) if has_meanings else "<br>".join(typed for typed, _ in rows)
    return title + table + "".join(f"<div class='clc-wrap'>{markup.escaped(note)}</div>" for note in part.notes)
