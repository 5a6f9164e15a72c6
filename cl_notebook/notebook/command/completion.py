"""Tab in a magic's line: verbs, options, and what may stand as their values."""

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
"""The name of the matcher, by which a user's configuration can turn it off."""

_MAGIC = re.compile(r"(?:[^%]*=)?\s*%(cl_\w+)\s|%%(cl_\w+)\s|\s*(cl_\w+)\s")
_HELP_WORD = ("--help",)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the cursor is: in which verb, after which option that waits for its value, at which argument."""

    command: Command
    verb: Verb | None
    options: Sequence[Option]
    waiting: Option | None
    argument: int
    typed: frozenset[str]
    current: Token
    words: Sequence[Token] = ()
    may_be_verb: bool = False


def install(shell: InteractiveShell, commands: Sequence[Command]) -> None:
    """Let *shell* complete the *commands*."""
    remove(shell)
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(_matcher(shell, {command.name: command for command in commands}))


def remove(shell: InteractiveShell) -> None:
    """Take the completion out of *shell* again."""
    if shell.Completer is not None:
        matchers = shell.Completer.custom_matchers
        matchers[:] = [matcher for matcher in matchers if getattr(matcher, "matcher_identifier", None) != IDENTIFIER]


def _matcher(shell: InteractiveShell, commands: dict[str, Command]) -> Callable[[CompletionContext], Any]:
    @context_matcher(identifier=IDENTIFIER)  # type: ignore[untyped-decorator] # IPython's
    def matcher(context: CompletionContext) -> dict[str, Any]:
        try:
            fragment, found = _complete(shell, commands, _line(context))
        except Exception:  # noqa: BLE001 - Tab must never show an error, whatever the store, a driver or a variable does
            fragment, found = None, []
        if fragment is None or not found:
            return {"completions": [], "suppress": False}
        completions = [SimpleCompletion(text, type=kind) for text, kind in found]
        return {"completions": completions, "matched_fragment": fragment, "suppress": True, "ordered": True}

    return matcher  # type: ignore[no-any-return] # the decorator is untyped


def _line(context: CompletionContext) -> str:
    """Return what stands before the cursor, with the lines before that a backslash continues."""
    lines = context.full_text.split("\n")
    line = lines[context.cursor_line][: context.cursor_position]
    for before in reversed(lines[: context.cursor_line]):
        if not before.endswith("\\"):
            break
        line = f"{before[:-1]} {line}"
    return line


def _complete(shell: InteractiveShell, commands: dict[str, Command], line: str) -> tuple[str | None, list[tuple[str, str]]]:
    found = _MAGIC.match(line)
    if found is None:
        return None, []
    line_magic, cell_magic, bare = found.groups()
    name = line_magic or cell_magic or bare
    if name not in commands or commands[name].is_cell != bool(cell_magic):
        return None, []
    if bare and (not shell.automagic or name in shell.user_ns):
        return None, []
    rest = line[found.end() :]
    if without_comment(rest) != rest.strip():
        return None, []  # the cursor is in a comment
    return _at(shell, _place(commands[name], rest))


def _place(command: Command, rest: str) -> _Place:
    words = split(rest)
    is_new = not words or (rest[-1:].isspace() and not words[-1].quote)
    current = Token("", "", len(rest)) if is_new else words.pop()
    verb = command.verbs[0]
    default = command.verb(command.default) if command.default else None
    may_be_verb = default is not None and not words
    if default is not None and not (words and words[0].raw in {verb.name for verb in command.verbs}):
        verb = default
    elif command.has_verbs:
        if not words:
            return _Place(command, None, (), None, 0, frozenset(), current)
        known = command.verb(words.pop(0).text)
        if known is None:
            return _Place(command, None, (), None, -1, frozenset(), current)
        verb = known
    options = verb.all_options([word.text for word in words])  # nothing is expanded: Tab must not run the user's expressions
    waiting, argument, typed = _walk(words, options)
    return _Place(command, verb, options, waiting, argument, typed, current, words, may_be_verb)


def _walk(words: Sequence[Token], options: Sequence[Option]) -> tuple[Option | None, int, frozenset[str]]:
    waiting: Option | None = None
    argument, typed = 0, set()
    for word in words:
        if waiting is not None:
            waiting = None
        elif word.is_option:
            option = find_option(options, word.text)
            if option is not None:
                typed.add(option.key)
                waiting = option if option.value and "=" not in word.text else None
        else:
            argument += 1
    return waiting, argument, frozenset(typed)


def _at(shell: InteractiveShell, place: _Place) -> tuple[str, list[tuple[str, str]]]:
    current = place.current
    if place.verb is None:
        verbs = [verb.name for verb in place.command.verbs] if place.argument == 0 else []
        return current.raw, _beginning(current.text, [*verbs, *_HELP_WORD] if current.text else verbs, "verb")
    if place.waiting is not None:
        found = _values(shell, place, place.waiting, current)
        if found or not place.waiting.bare:
            return _fragment(place.waiting, current), found
    if current.is_option:
        name, sign, value = current.raw.partition("=")
        option = find_option(place.options, name) if sign else None
        if option is not None:
            word = split(value)[0] if value else Token("", "", 0)
            return _fragment(option, word), _values(shell, place, option, word)
        return current.raw, _options(place)
    found = [*_first_verbs(place), *_arguments(shell, place)]
    return current.raw, [*found, *(_options(place) if not current.text and not current.quote else [])]


def _first_verbs(place: _Place) -> list[tuple[str, str]]:
    """Return the verbs that may still be meant, where one need not be typed."""
    if not place.may_be_verb or place.current.quote:
        return []
    return _beginning(place.current.text, [verb.name for verb in place.command.verbs], "verb")


def _options(place: _Place) -> list[tuple[str, str]]:
    left = [option.spelled for option in place.options if option.repeat or option.key not in place.typed]
    typed = place.current.text.replace("_", "-")
    return _beginning(typed, [*left, *(_HELP_WORD if typed else ())], "option")


def _arguments(shell: InteractiveShell, place: _Place) -> list[tuple[str, str]]:
    arguments = place.verb.arguments if place.verb else ()
    if not arguments or (place.argument >= len(arguments) and not arguments[-1].repeat):
        return []
    argument = arguments[min(place.argument, len(arguments) - 1)]
    words = completers.of(argument.means, place.current.text, shell, place.words) if argument.means else argument.words
    return completers.quoted(words, place.current, argument.means.partition(":")[0])


def _values(shell: InteractiveShell, place: _Place, option: Option, current: Token) -> list[tuple[str, str]]:
    prefix = current.text.rpartition(",")[2] if _takes_several(option) else current.text
    words: Iterable[str] = option.words or completers.of(option.means, prefix, shell, place.words)
    found = Token(current.raw, prefix, current.start, "" if prefix != current.text else current.quote)
    return completers.quoted(words, found, option.means.partition(":")[0] or "value")


def _takes_several(option: Option) -> bool:
    return option.means.startswith(("value:", "sort:"))


def _fragment(option: Option, current: Token) -> str:
    return current.raw.rpartition(",")[2] if _takes_several(option) and "," in current.text else current.raw


def _beginning(prefix: str, words: Iterable[str], kind: str) -> list[tuple[str, str]]:
    return [(word, kind) for word in words if word.startswith(prefix)]
