"""Complete the line of a magic: verbs, options and their values."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher

from cl_notebook.display.cards import NO_BREAK
from cl_notebook.notebook.command import completers, python_calls
from cl_notebook.notebook.command.completers import Offer
from cl_notebook.notebook.command.cursor import is_in_comment, locate, logical_line, magic_of
from cl_notebook.notebook.command.help import brief
from cl_notebook.notebook.command.lexer import Token, split
from cl_notebook.notebook.command.parser import find_option
from cl_notebook.notebook.command.python_calls import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from IPython.core.completer import CompletionContext
    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.notebook.command.command import Command, Option
    from cl_notebook.notebook.command.cursor import Cursor

IDENTIFIER = "cl_notebook.magics"
"""The identifier of the matcher; a user's configuration disables the matcher by it."""

_HELP_WORDS = (Offer("--help", "explains the verb"),)
_EXPRESSION = re.compile(r"\{[^}]*$|.\$\w*$")
"""The beginning of an expression in a word: its names are Python's."""

_JOINER = "\N{WORD JOINER}"
_PRIORITY = 1000
"""Before IPython's matchers, which are not asked where they would be suppressed: jedi takes long."""


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
    @context_matcher(identifier=IDENTIFIER, priority=_PRIORITY)  # type: ignore[untyped-decorator] # IPython's
    def matcher(context: CompletionContext) -> dict[str, Any]:
        try:
            place = _complete(shell, commands, context)
        except Exception:  # noqa: BLE001 - Tab must never show an error, whatever the store, a driver or a variable does
            place = Place("", [])
        if place is None:
            return {"completions": [], "suppress": False}
        completions = [SimpleCompletion(offer.text, type=_unbroken(shell, offer.about)) for offer in place.offers]
        shown = _Exclusive(completions) if place.is_all else completions
        return {"completions": shown, "matched_fragment": place.fragment, "suppress": place.is_all, "ordered": True}

    return matcher  # type: ignore[no-any-return] # the decorator is untyped


def _unbroken(shell: InteractiveShell, about: str) -> str:
    """Return *about* so that JupyterLab does not break it: it would write the lines over each other."""
    return about.replace(" ", NO_BREAK).replace("-", f"-{_JOINER}") if hasattr(shell, "kernel") else about


class _Exclusive(list[SimpleCompletion]):
    """Completions beside which IPython offers no others, even if there are none: it suppresses others if there are any."""

    def __len__(self) -> int:
        return super().__len__() or 1


def _complete(shell: InteractiveShell, commands: dict[str, Command], context: CompletionContext) -> Place | None:
    """Return what is offered at the cursor; None leaves it to IPython."""
    line = logical_line(context.full_text, context.cursor_line, context.cursor_position)
    called = magic_of(shell, commands, line)
    if called is None:
        end = context.cursor_position + sum(len(above) + 1 for above in context.full_text.split("\n")[: context.cursor_line])
        with contextlib.suppress(Exception):  # this is any Python: whatever fails, IPython completes it
            return python_calls.complete(shell, context.full_text[:end])
        return None
    if is_in_comment(called[1]):
        return Place("", [])
    cursor = locate(*called)
    if _EXPRESSION.search(cursor.current.raw):
        return None
    if cursor.current.raw.startswith("$") and not cursor.current.quote:
        offers = [offer._replace(text=f"${offer.text}") for offer in completers.variables(shell)]
        return Place(cursor.current.raw, completers.matching(offers, cursor.current.raw))
    return _complete_at(shell, cursor)


def _complete_at(shell: InteractiveShell, cursor: Cursor) -> Place:
    current = cursor.current
    if cursor.verb is None:
        verbs = _verbs(cursor) if cursor.argument == 0 else []
        return Place(current.raw, [*verbs, *completers.matching(_HELP_WORDS if current.text else (), current.text)])
    if cursor.pending is not None:
        matches = _values(shell, cursor, cursor.pending, current)
        if matches or not cursor.pending.bare_value:
            return Place(completers.last_value(cursor.pending.completes, current.raw), matches)
    if current.is_option:
        name, sign, value = current.raw.partition("=")
        option = find_option(cursor.options, name) if sign else None
        if option is not None:
            word = split(value)[0] if value else Token("", "", 0)
            return Place(completers.last_value(option.completes, word.raw), _values(shell, cursor, option, word))
        return Place(current.raw, _options(cursor))
    matches = [*(_verbs(cursor) if cursor.may_be_verb and not current.quote else ()), *_arguments(shell, cursor)]
    return Place(current.raw, [*matches, *(_options(cursor) if not current.text and not current.quote else [])])


def _verbs(cursor: Cursor) -> list[Offer]:
    return completers.matching([Offer(verb.name, brief(verb.help)) for verb in cursor.command.verbs], cursor.current.text)


def _options(cursor: Cursor) -> list[Offer]:
    remaining = [
        Offer(option.spelled, brief(option.help)) for option in cursor.options if option.repeat or option.key not in cursor.typed
    ]
    typed = cursor.current.text.replace("_", "-")
    return completers.matching([*remaining, *(_HELP_WORDS if typed else ())], typed)


def _arguments(shell: InteractiveShell, cursor: Cursor) -> list[Offer]:
    arguments = cursor.verb.arguments if cursor.verb else ()
    if not arguments or (cursor.argument >= len(arguments) and not any(argument.repeat for argument in arguments)):
        return []
    first_repeated = next((index for index, argument in enumerate(arguments) if argument.repeat), len(arguments) - 1)
    argument = arguments[min(cursor.argument, first_repeated)]
    if argument.choices:
        offers: Iterable[Offer] = [Offer(word, argument.name.lower()) for word in argument.choices]
    else:
        offers = completers.complete(argument.completes, cursor.current.text, shell, cursor.tokens)
    return completers.match_quoted(offers, cursor.current)


def _values(shell: InteractiveShell, cursor: Cursor, option: Option, current: Token) -> list[Offer]:
    prefix = completers.last_value(option.completes, current.text)
    if option.choices:
        offers: Iterable[Offer] = [Offer(word, "value") for word in option.choices]
    else:
        offers = completers.complete(option.completes, prefix, shell, cursor.tokens)
    return completers.match_quoted(
        offers, Token(current.raw, prefix, current.start, "" if prefix != current.text else current.quote)
    )
