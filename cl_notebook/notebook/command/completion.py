"""Complete the line of a magic: verbs, options and their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher

from cl_notebook.notebook.command import completers
from cl_notebook.notebook.command.cursor import is_in_comment, locate, logical_line, magic_of
from cl_notebook.notebook.command.lexer import Token, split
from cl_notebook.notebook.command.parser import find_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from IPython.core.completer import CompletionContext
    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.notebook.command.command import Command, Option
    from cl_notebook.notebook.command.cursor import Cursor

IDENTIFIER = "cl_notebook.magics"
"""The identifier of the matcher; a user's configuration disables the matcher by it."""

_HELP_WORD = ("--help",)


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
            line = logical_line(context.full_text, context.cursor_line, context.cursor_position)
            fragment, matches = _complete(shell, commands, line)
        except Exception:  # noqa: BLE001 - Tab must never show an error, whatever the store, a driver or a variable does
            fragment, matches = None, []
        if fragment is None or not matches:
            return {"completions": [], "suppress": False}
        completions = [SimpleCompletion(text, type=kind) for text, kind in matches]
        return {"completions": completions, "matched_fragment": fragment, "suppress": True, "ordered": True}

    return matcher  # type: ignore[no-any-return] # the decorator is untyped


def _complete(shell: InteractiveShell, commands: dict[str, Command], line: str) -> tuple[str | None, list[tuple[str, str]]]:
    called = magic_of(shell, commands, line)
    if called is None or is_in_comment(called[1]):
        return None, []
    return _complete_at(shell, locate(*called))


def _complete_at(shell: InteractiveShell, cursor: Cursor) -> tuple[str, list[tuple[str, str]]]:
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


def _first_verbs(cursor: Cursor) -> list[tuple[str, str]]:
    """Return the verbs that fit if the magic has a default verb and none is typed."""
    if not cursor.may_be_verb or cursor.current.quote:
        return []
    return _beginning(cursor.current.text, [verb.name for verb in cursor.command.verbs], "verb")


def _options(cursor: Cursor) -> list[tuple[str, str]]:
    remaining = [option.spelled for option in cursor.options if option.repeat or option.key not in cursor.typed]
    typed = cursor.current.text.replace("_", "-")
    return _beginning(typed, [*remaining, *(_HELP_WORD if typed else ())], "option")


def _arguments(shell: InteractiveShell, cursor: Cursor) -> list[tuple[str, str]]:
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


def _values(shell: InteractiveShell, cursor: Cursor, option: Option, current: Token) -> list[tuple[str, str]]:
    prefix = current.text.rpartition(",")[2] if _takes_several(option) else current.text
    tokens: Iterable[str] = option.choices or completers.complete(option.completes, prefix, shell, cursor.tokens)
    matches = Token(current.raw, prefix, current.start, "" if prefix != current.text else current.quote)
    return completers.match_quoted(tokens, matches, option.completes.partition(":")[0] or "value")


def _takes_several(option: Option) -> bool:
    return option.completes.startswith(("value:", "sort:", "columns:"))


def _fragment(option: Option, current: Token) -> str:
    return current.raw.rpartition(",")[2] if _takes_several(option) and "," in current.text else current.raw


def _beginning(prefix: str, tokens: Iterable[str], kind: str) -> list[tuple[str, str]]:
    return [(word, kind) for word in tokens if word.startswith(prefix)]
