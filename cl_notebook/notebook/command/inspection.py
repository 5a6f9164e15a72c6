"""Explain the verb at the cursor: ``%cl_volume create?`` in a cell, and the inspect requests of a front end (Shift+Tab)."""

from __future__ import annotations

import contextlib
import inspect
import re
from typing import TYPE_CHECKING, Any

from IPython.core.inputtransformer2 import make_tokens_by_line

from cl_notebook.notebook.command.command import Part
from cl_notebook.notebook.command.cursor import locate, logical_line, magic_of
from cl_notebook.notebook.command.help import WIDTH, Help, command_help, option_row, verb_help
from cl_notebook.notebook.command.lexer import split
from cl_notebook.notebook.command.parser import find_option
from cl_notebook.notebook.magics import drivers
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.notebook.command.command import Command, Option
    from cl_notebook.notebook.command.cursor import Cursor

_REQUEST = "inspect_request"
_QUESTION = re.compile(r"\s*\?{1,2}\s*$")
_ASKED_FIRST = re.compile(r"\s*\?{1,2}\s*(?=%?cl_)")


def install(shell: InteractiveShell, commands: Sequence[Command]) -> None:
    """Make *shell*, and the kernel that it belongs to if there is one, explain the verbs of *commands*."""
    remove(shell)
    by_name = {command.name: command for command in commands}
    shell.input_transformers_cleanup.append(_Questions(shell, by_name))
    handlers = _handlers(shell)
    if _REQUEST in handlers:
        handlers[_REQUEST] = _Inspector(shell, by_name, handlers[_REQUEST])


def remove(shell: InteractiveShell) -> None:
    """Take the explanations from *shell* and its kernel."""
    transformers = shell.input_transformers_cleanup
    transformers[:] = [transformer for transformer in transformers if not isinstance(transformer, _Questions)]
    handlers = _handlers(shell)
    handler = handlers.get(_REQUEST)
    if isinstance(handler, _Inspector):
        handlers[_REQUEST] = handler.following


def explain(shell: InteractiveShell, commands: Mapping[str, Command], code: str, position: int) -> Help | None:
    """Return the help of the magic, or its verb, at *position* of the cell *code*; None if it is on no line of magic.

    An option at the cursor comes first.
    """
    number, column = code.count("\n", 0, position), position - code.rfind("\n", 0, position) - 1
    line = logical_line(code, number)
    called = magic_of(shell, commands, f"{line} ")
    if called is None:
        return None
    command, words = called[0], [token.text for token in split(called[1])]
    end = len(logical_line(code, number, column))
    while end < len(line) and not line[end].isspace():
        end += 1
    called = magic_of(shell, commands, line[:end])
    if called is None or not called[1].strip():  # the cursor is on the name of the magic, or before it
        return command_help(command)
    is_quick = drivers.is_at_hand(words)  # a front end may ask at each step of the cursor
    words = words if is_quick else []
    cursor = locate(command, called[1], with_dynamic=is_quick)
    if cursor.verb is None or cursor.may_be_verb:  # the cursor is on the verb, or where one may be
        verb = command.verb(cursor.current.text) or cursor.verb
        return command_help(command) if verb is None else verb_help(command, verb, words)
    page = verb_help(cursor.command, cursor.verb, words)
    at_cursor = cursor.pending or (_option_at(cursor) if cursor.current.is_option else None)
    return page if at_cursor is None else Help(page.usage, page.meaning, [Part("", [option_row(at_cursor)]), *page.parts])


def _option_at(cursor: Cursor) -> Option | None:
    """Return the option that the word at the cursor spells, or is the beginning of."""
    begun = [option for option in cursor.options if option.spelled.startswith(cursor.current.text.replace("_", "-"))]
    return find_option(cursor.options, cursor.current.raw) or (begun[0] if len(begun) == 1 else None)


class _Questions:
    """Turn ``%cl_volume create?`` into ``%cl_volume create --help``: IPython would look for a variable ``create``."""

    def __init__(self, shell: InteractiveShell, commands: Mapping[str, Command]) -> None:
        self._shell = shell
        self._commands = commands

    def __call__(self, lines: list[str]) -> list[str]:
        if not lines or lines[0].startswith("%%") or not any("?" in line and "cl_" in line for line in lines):
            return lines
        begins = {tokens[0].start[0] for tokens in make_tokens_by_line(lines) if tokens}  # not those in a long string
        return [self._explained(line) if number in begins else line for number, line in enumerate(lines, start=1)]

    def _explained(self, line: str) -> str:
        asked = _ASKED_FIRST.match(line)
        plain = line[asked.end() :].rstrip() if asked else _QUESTION.sub("", line)
        called = None if not asked and plain == line else magic_of(self._shell, self._commands, plain)
        if called is None:
            return line  # IPython knows what %cl_volume? means
        command, rest = called
        words = [token.raw for token in split(rest)]
        verb = command.verb(words[0]) if command.has_verbs else None
        subcommand = verb.subcommand_at(words[1:]) if verb is not None else None
        verbs = words[: 1 if subcommand is None else 2] if command.has_verbs and (verb is not None or not command.default) else []
        return f"{' '.join((command.spelled, *verbs))} --help\n"


class _Inspector:
    """The handler of a kernel's inspect requests: it answers for lines of magic, and passes on all others."""

    def __init__(self, shell: InteractiveShell, commands: Mapping[str, Command], following: Callable[..., Any]) -> None:
        self._shell = shell
        self._commands = commands
        self.following = following

    async def __call__(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:  # noqa: ANN401 - Jupyter's
        content = parent["content"]
        page = None
        with contextlib.suppress(Exception):  # whatever a driver does: Python's own answer is better than none
            page = explain(self._shell, self._commands, content["code"], content["cursor_pos"])
        if page is None:
            reply = self.following(stream, ident, parent)
            if inspect.isawaitable(reply):
                await reply
            return
        shown = "\n".join(map(sanitize, page.text(WIDTH).split("\n")))
        answer = {"status": "ok", "found": True, "data": {"text/plain": shown}, "metadata": {}}
        self._shell.kernel.session.send(stream, "inspect_reply", answer, parent, ident)  # type: ignore[attr-defined] # it has one


def _handlers(shell: InteractiveShell) -> dict[str, Callable[..., Any]]:
    """Return the handlers of requests of the kernel of *shell*, by type; none if it has no kernel."""
    handlers: dict[str, Callable[..., Any]] = getattr(getattr(shell, "kernel", None), "shell_handlers", {})
    return handlers
