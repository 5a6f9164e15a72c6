"""Write the help of a magic from its declaration, for ``%cl_volume?`` and ``%cl_volume --help``."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cl_notebook.notebook.command.command import Argument, Command, Option, Verb

_WIDTH = 100
_LEFT = 30


def command_help(command: Command, *, live: bool = True) -> str:
    """Return the whole help of *command*; with *live*, including the options of the installed drivers."""
    parts = [command.help, *("\n".join(_verb(command, verb)) for verb in command.verbs)]
    if live and command.notes is not None:
        parts.append(command.notes())
    if command.examples:
        parts.append("\n".join(["Examples:", *(f"    {example}" for example in command.examples)]))
    return "\n\n".join(part for part in parts if part)


def verb_help(command: Command, verb: Verb) -> str:
    """Return the help of one verb, with the examples that use it."""
    if verb.same_as:
        return "\n".join([*_verb(command, verb), "", f"Its options: {verb.same_as} --help"])
    examples = [example for example in command.examples if command.title(verb) in example] if command.has_verbs else []
    shown = ["", "Examples:", *(f"    {example}" for example in examples)] if examples else []
    notes = (
        ["", command.notes()] if command.notes is not None and (verb.dynamic_options is not None or not command.has_verbs) else []
    )
    return "\n".join([*_verb(command, verb), *notes, *shown])


def _verb(command: Command, verb: Verb) -> Iterator[str]:
    yield f"{command.title(verb)} {_usage(verb)}".rstrip()
    if command.has_verbs:
        yield from textwrap.wrap(verb.help, _WIDTH, initial_indent="    ", subsequent_indent="    ")
    if verb.same_as:
        return
    for argument in verb.arguments:
        yield from columns(argument.name, _with_choices(argument.help, argument.choices))
    for option in verb.options:
        yield from columns(_left(option), _with_choices(option.help, option.choices) + (" Repeatable." if option.repeat else ""))


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


def _left(option: Option) -> str:
    names = f"{option.short}, {option.spelled}" if option.short else option.spelled
    return f"{names} {option.value}".rstrip()


def _with_choices(sentence: str, choices: tuple[str, ...]) -> str:
    return f"{sentence} One of {', '.join(choices)}." if choices else sentence


def columns(left: str, right: str) -> list[str]:
    """Return lines of help: a name on the left, its description wrapped on the right."""
    indent = " " * (_LEFT + 6)
    first = f"    {left:<{_LEFT}}  "
    if len(first) > len(indent):
        return [first.rstrip(), *textwrap.wrap(right, _WIDTH, initial_indent=indent, subsequent_indent=indent)]
    return textwrap.wrap(right, _WIDTH, initial_indent=first, subsequent_indent=indent) or [first.rstrip()]
