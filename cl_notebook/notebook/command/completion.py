"""Complete the line of a magic: verbs, options and their values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher

from cl_notebook.notebook.command import completers
from cl_notebook.notebook.command.lexer import Token, split, without_comment
from cl_notebook.notebook.command.parser import find_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from IPython.core.completer import CompletionContext
    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.notebook.command.command import Command, Option, Verb

IDENTIFIER = "cl_notebook.magics"
"""The identifier of the matcher; a user's configuration disables the matcher by it."""

_MAGIC = re.compile(r"(?:[^%]*=)?\s*%(cl_\w+)\s|%%(cl_\w+)\s|\s*(cl_\w+)\s")
_HELP_WORD = ("--help",)


@dataclass(frozen=True, slots=True)
class _Cursor:
    """The position of the cursor: its verb, the option that needs a value (``pending``), and the argument's index."""

    command: Command
    verb: Verb | None
    options: Sequence[Option]
    pending: Option | None
    argument: int
    typed: frozenset[str]
    current: Token
    tokens: Sequence[Token] = ()
    may_be_verb: bool = False


def install(shell: InteractiveShell, commands: Sequence[Command]) -> None:
    """Install completion of the *commands* in *shell*."""
    remove(shell)
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(_matcher(shell, {command.name: command for command in commands}))


def remove(shell: InteractiveShell) -> None:
    """Remove the completion from *shell*."""
    if shell.Completer is not None:
        matchers = shell.Completer.custom_matchers
        matchers[:] = [matcher for matcher in matchers if getattr(matcher, "matcher_identifier", None) != IDENTIFIER]


def _matcher(shell: InteractiveShell, commands: dict[str, Command]) -> Callable[[CompletionContext], Any]:
    @context_matcher(identifier=IDENTIFIER)  # type: ignore[untyped-decorator] # IPython's
    def matcher(context: CompletionContext) -> dict[str, Any]:
        try:
            fragment, matches = _complete(shell, commands, _line(context))
        except Exception:  # noqa: BLE001 - Tab must never show an error, whatever the store, a driver or a variable does
            fragment, matches = None, []
        if fragment is None or not matches:
            return {"completions": [], "suppress": False}
        completions = [SimpleCompletion(text, type=kind) for text, kind in matches]
        return {"completions": completions, "matched_fragment": fragment, "suppress": True, "ordered": True}

    return matcher  # type: ignore[no-any-return] # the decorator is untyped


def _line(context: CompletionContext) -> str:
    """Return the text before the cursor, joined with the preceding lines that end in a backslash."""
    lines = context.full_text.split("\n")
    line = lines[context.cursor_line][: context.cursor_position]
    for before in reversed(lines[: context.cursor_line]):
        if not before.endswith("\\"):
            break
        line = f"{before[:-1]} {line}"
    return line


def _complete(shell: InteractiveShell, commands: dict[str, Command], line: str) -> tuple[str | None, list[tuple[str, str]]]:
    matches = _MAGIC.match(line)
    if matches is None:
        return None, []
    line_magic, cell_magic, bare = matches.groups()
    name = line_magic or cell_magic or bare
    if name not in commands or commands[name].is_cell != bool(cell_magic):
        return None, []
    if bare and (not shell.automagic or name in shell.user_ns):
        return None, []
    rest = line[matches.end() :]
    if without_comment(rest) != rest.strip():
        return None, []  # the cursor is in a comment
    return _complete_at(shell, _locate(commands[name], rest))


def _locate(command: Command, rest: str) -> _Cursor:
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
            return _Cursor(command, None, (), None, 0, frozenset(), current)
        known = command.verb(tokens.pop(0).text)
        if known is None:
            return _Cursor(command, None, (), None, -1, frozenset(), current)
        verb = known
    options = verb.all_options([word.text for word in tokens])  # not expanded: it must not run the user's code
    pending, argument, typed = _walk(tokens, options)
    return _Cursor(command, verb, options, pending, argument, typed, current, tokens, may_be_verb)


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


def _complete_at(shell: InteractiveShell, cursor: _Cursor) -> tuple[str, list[tuple[str, str]]]:
    current = cursor.current
    if cursor.verb is None:
        verbs = [verb.name for verb in cursor.command.verbs] if cursor.argument == 0 else []
        return current.raw, _beginning(current.text, [*verbs, *_HELP_WORD] if current.text else verbs, "verb")
    if cursor.pending is not None:
        matches = _values(shell, cursor, cursor.pending, current)
        if matches or not cursor.pending.bare_value:
            return _fragment(cursor.pending, current), matches
    if current.is_option:
        name, sign, value = current.raw.partition("=")
        option = find_option(cursor.options, name) if sign else None
        if option is not None:
            word = split(value)[0] if value else Token("", "", 0)
            return _fragment(option, word), _values(shell, cursor, option, word)
        return current.raw, _options(cursor)
    matches = [*_first_verbs(cursor), *_arguments(shell, cursor)]
    return current.raw, [*matches, *(_options(cursor) if not current.text and not current.quote else [])]


def _first_verbs(cursor: _Cursor) -> list[tuple[str, str]]:
    """Return the verbs that fit if the magic has a default verb and none is typed."""
    if not cursor.may_be_verb or cursor.current.quote:
        return []
    return _beginning(cursor.current.text, [verb.name for verb in cursor.command.verbs], "verb")


def _options(cursor: _Cursor) -> list[tuple[str, str]]:
    remaining = [option.spelled for option in cursor.options if option.repeat or option.key not in cursor.typed]
    typed = cursor.current.text.replace("_", "-")
    return _beginning(typed, [*remaining, *(_HELP_WORD if typed else ())], "option")


def _arguments(shell: InteractiveShell, cursor: _Cursor) -> list[tuple[str, str]]:
    arguments = cursor.verb.arguments if cursor.verb else ()
    if not arguments or (cursor.argument >= len(arguments) and not any(argument.repeat for argument in arguments)):
        return []
    first_repeated = next((index for index, argument in enumerate(arguments) if argument.repeat), len(arguments) - 1)
    argument = arguments[min(cursor.argument, first_repeated)]
    tokens = (
        completers.complete(argument.completes, cursor.current.text, shell, cursor.tokens)
        if argument.completes
        else argument.choices
    )
    return completers.match_quoted(tokens, cursor.current, argument.completes.partition(":")[0])


def _values(shell: InteractiveShell, cursor: _Cursor, option: Option, current: Token) -> list[tuple[str, str]]:
    prefix = current.text.rpartition(",")[2] if _takes_several(option) else current.text
    tokens: Iterable[str] = option.choices or completers.complete(option.completes, prefix, shell, cursor.tokens)
    matches = Token(current.raw, prefix, current.start, "" if prefix != current.text else current.quote)
    return completers.match_quoted(tokens, matches, option.completes.partition(":")[0] or "value")


def _takes_several(option: Option) -> bool:
    return option.completes.startswith(("value:", "sort:"))


def _fragment(option: Option, current: Token) -> str:
    return current.raw.rpartition(",")[2] if _takes_several(option) and "," in current.text else current.raw


def _beginning(prefix: str, tokens: Iterable[str], kind: str) -> list[tuple[str, str]]:
    return [(word, kind) for word in tokens if word.startswith(prefix)]
