"""Locate the cursor in a line of magic: which magic, verb, option and argument it is at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl_notebook.notebook.command.lexer import Token, split, without_comment
from cl_notebook.notebook.command.parser import find_option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.notebook.command.command import Command, Option, Verb

_MAGIC = re.compile(r"(?:[^%]*=)?\s*%(cl_\w+)\s|%%(cl_\w+)\s|\s*(cl_\w+)\s")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position of the cursor: its verb, the option that needs a value (``pending``), and the argument's index.

    ``current`` is the token that the cursor is at, or an empty one; ``tokens`` are those between the verb and it.
    """

    command: Command
    verb: Verb | None
    options: Sequence[Option]
    pending: Option | None
    argument: int
    typed: frozenset[str]
    current: Token
    tokens: Sequence[Token] = ()
    may_be_verb: bool = False


def logical_line(text: str, number: int, end: int | None = None) -> str:
    """Return line *number* of *text* up to the column *end*, joined with the lines before it that end in a backslash."""
    lines = text.split("\n")
    line = lines[number][:end]
    for before in reversed(lines[:number]):
        if not before.endswith("\\"):
            break
        line = f"{before[:-1]} {line}"
    return line


def magic_of(shell: InteractiveShell, commands: Mapping[str, Command], line: str) -> tuple[Command, str] | None:
    """Return the magic among *commands* that *line* calls, and the text behind its name and a blank; None if it calls none."""
    match = _MAGIC.match(line)
    if match is None:
        return None
    line_magic, cell_magic, bare = match.groups()
    name = line_magic or cell_magic or bare
    if name not in commands or commands[name].is_cell != bool(cell_magic):
        return None
    if bare and (not shell.automagic or name in shell.user_ns):
        return None
    return commands[name], line[match.end() :]


def is_in_comment(rest: str) -> bool:
    """Return whether the end of *rest*, the text behind a magic's name, is in a comment."""
    return without_comment(rest) != rest.strip()


def locate(command: Command, rest: str, *, with_dynamic: bool = True) -> Cursor:
    """Return where the cursor is at the end of *rest*, the text behind the name of *command*.

    Without *with_dynamic* the options that depend on other words are not asked for: a Cinder driver takes seconds to load.
    """
    tokens = split(rest)
    is_new = not tokens or (rest[-1:].isspace() and not tokens[-1].quote)
    current = Token("", "", len(rest)) if is_new else tokens.pop()
    verb = command.verbs[0]
    default = command.verb(command.default) if command.default else None
    may_be_verb = default is not None and not tokens
    if default is not None and not (tokens and tokens[0].raw in {verb.name for verb in command.verbs}):
        verb = default
    elif command.has_verbs:
        if not tokens:
            return Cursor(command, None, (), None, 0, frozenset(), current)
        known = command.verb(tokens[0].text)
        if known is None:
            return Cursor(command, None, (), None, -1, frozenset(), current)
        subcommand = known.subcommand_at([token.raw for token in tokens[1:]])
        if subcommand is not None:
            return locate(subcommand, rest[tokens[1].start :], with_dynamic=with_dynamic)
        tokens.pop(0)
        verb = known
    # not expanded: it must not run the user's code
    options = verb.all_options([word.text for word in tokens]) if with_dynamic else verb.options
    pending, argument, typed = _walk(tokens, options)
    return Cursor(command, verb, options, pending, argument, typed, current, tokens, may_be_verb)


def _walk(tokens: Sequence[Token], options: Sequence[Option]) -> tuple[Option | None, int, frozenset[str]]:
    pending: Option | None = None
    argument, typed = 0, set()
    for word in tokens:
        if pending is not None:
            pending = None
        elif word.is_option:
            option = find_option(options, word.text)
            if option is not None:
                typed.add(option.key)
                pending = option if option.value and "=" not in word.text else None
        else:
            argument += 1
    return pending, argument, frozenset(typed)
