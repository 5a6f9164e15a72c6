"""Parse the line of a magic into a verb and its values; options cannot be abbreviated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.notebook.command.lexer import tokenize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cl_notebook.notebook.command.command import Argument, Command, Option, Verb
    from cl_notebook.notebook.command.lexer import Token

HELP = ("--help", "-h")

_SWITCHES = frozenset({"yes", "no", "on", "off", "1", "0"})
"""Words that people type for true and false: after such an option they are a wrong value, not the next word."""


@dataclass(slots=True)
class Parsed:
    """A parsed line. ``verb`` is None if no verb was typed; ``help`` is true if help was requested."""

    verb: Verb | None
    values: dict[str, Any] = field(default_factory=dict)
    help: bool = False
    command: Command | None = None
    """The magic that has the verb, if it is not the one that was typed."""


def parse(command: Command, line: str, namespace: Mapping[str, Any]) -> Parsed:
    """Parse *line* for *command*, with ``{python}`` and ``$var`` expanded from *namespace*.

    Raises:
        InvalidInput: a word is invalid, missing or surplus; the message says which, and suggests a correction.

    """
    tokens = tokenize(line)
    verb, rest = _verb(command, tokens)
    if verb is None:
        return Parsed(None, help=True)
    subcommand = verb.subcommand_at([token.raw for token in rest])
    if subcommand is not None:
        parsed = parse(subcommand, line[rest[0].start :], namespace)
        parsed.command = subcommand
        return parsed
    return _Parser(command, verb, rest, namespace).result()


def _verb(command: Command, tokens: Sequence[Token]) -> tuple[Verb | None, Sequence[Token]]:
    if not command.has_verbs:
        return command.verbs[0], tokens
    if tokens and tokens[0].raw in HELP:
        return None, tokens
    known = [verb.name for verb in command.verbs]
    if command.default and not (tokens and tokens[0].raw in known):
        return command.verb(command.default), tokens
    if not tokens:
        msg = f"%{command.name} needs a verb: {', '.join(known)}. %{command.name}? shows the help."
        raise errors.InvalidInput(msg)
    verb = command.verb(tokens[0].text)
    if verb is None:
        token = tokens[0].text
        msg = f"%{command.name} has no verb {token!r}.{errors.did_you_mean(token, known)} Verbs: {', '.join(known)}."
        raise errors.InvalidInput(msg)
    return verb, tokens[1:]


def find_option(options: Sequence[Option], token: str) -> Option | None:
    """Return the option that *token* (``--name``, ``-n`` or ``--name=…``) spells."""
    stem = token.partition("=")[0]
    name = stem.removeprefix("--").replace("_", "-") if stem.startswith("--") else ""
    for option in options:
        if (name and name in (option.name, *option.aliases)) or (option.short and option.short == stem):
            return option
    return None


class _Parser:
    """The parser of one line."""

    def __init__(self, command: Command, verb: Verb, tokens: Sequence[Token], namespace: Mapping[str, Any]) -> None:
        self.title = command.title(verb)
        self.verb = verb
        # expanded once: the user's expressions may have side effects
        self.tokens = [token.expand(namespace) for token in tokens]
        self.options = verb.all_options([token.text for token in self.tokens])
        self.values: dict[str, Any] = {option.key: _empty(option) for option in self.options}
        self.values |= {argument.key: [] if argument.repeat else None for argument in verb.arguments}
        self.arguments = list(verb.arguments)
        self.surplus: list[str] = []

    def result(self) -> Parsed:
        options_end = False
        while self.tokens:
            token = self.tokens.pop(0)
            if token.raw == "--" and not options_end:
                options_end = True
            elif token.raw in HELP and not options_end:
                return Parsed(self.verb, help=True)
            elif token.is_option and not options_end and not (self.arguments and self.arguments[0].takes_dashes):
                self._take_option(token)
            else:
                self._take_argument(token.text)
        self._place_surplus()
        self._refuse_if_missing()
        return Parsed(self.verb, self.values)

    def _take_option(self, token: Token) -> None:
        stem, sign, attached = token.text.partition("=")
        option = find_option(self.options, stem)
        if option is None:
            raise errors.InvalidInput(self._unknown(stem))
        if not option.value:
            if sign:
                msg = f"{self.title}: {option.spelled} takes no value."
                raise errors.InvalidInput(msg)
            self.values[option.key] = True
            return
        value = option.parse_value(attached if sign else self._next(option))
        if option.repeat:
            self.values[option.key].append(value)
        else:
            self.values[option.key] = value

    def _next(self, option: Option) -> str:
        # a value may begin with a dash: only a known option means that the value is missing
        follows = self.tokens[0] if self.tokens else None
        if option.bare_value and (follows is None or follows.text.lower() not in {*option.choices, *_SWITCHES}):
            return option.bare_value
        if follows is None or (follows.is_option and (follows.raw in HELP or find_option(self.options, follows.text))):
            msg = f"{self.title}: {option.spelled} needs a value: {option.spelled} {option.value}."
            raise errors.InvalidInput(msg)
        return self.tokens.pop(0).text

    def _take_argument(self, text: str) -> None:
        if not self.arguments:
            self.surplus.append(text)
            return
        argument = self.arguments[0]
        if argument.choices and text not in argument.choices:
            msg = f"{self.title} has no {argument.name.lower()} {text!r}.{errors.did_you_mean(text, argument.choices)}"
            raise errors.InvalidInput(msg)
        if argument.repeat:
            self.values[argument.key].append(text)
        else:
            self.values[self.arguments.pop(0).key] = text

    def _place_surplus(self) -> None:
        """Make the words beyond the arguments values of the positional options that were not typed."""
        for option in self.options:
            if not option.positional or self.values[option.key] not in (None, []):
                continue
            # a size comes last, as in `create db 10`: so the name may look like a size
            words = self.surplus if option.convert is str else self.surplus[::-1]
            word = next((word for word in words if option.accepts(word)), None)
            if word is not None:
                self.surplus.remove(word)
                self.values[option.key] = option.parse_value(word)
        if self.surplus:
            for option in self.options:
                if option.positional and option.convert is not str and self.values[option.key] is None:
                    option.parse_value(self.surplus[-1])  # raises: it says what a size is
            msg = f"{self.title}: {self.surplus[0]!r} is one word too many."
            raise errors.InvalidInput(f"{msg} {self.verb.extra_word_hint}".rstrip())

    def _unknown(self, stem: str) -> str:
        known = [option.spelled for option in self.options]
        cure = errors.did_you_mean(stem.replace("_", "-"), known) or f" Options: {', '.join(known) or 'none'}."
        return f"{self.title} has no option {stem}.{cure}"

    def _refuse_if_missing(self) -> None:
        for argument in self.arguments:
            if not argument.optional and not self.values[argument.key]:
                raise errors.InvalidInput(_missing(self.title, argument))
        for option in self.options:
            if option.required and self.values[option.key] in (None, []):
                msg = f"{self.title} needs {option.spelled} {option.value}: {_lower_first(option.help)}"
                raise errors.InvalidInput(msg)


def _missing(title: str, argument: Argument) -> str:
    return f"{title} needs a {argument.name}: {_lower_first(argument.help)}"


def _lower_first(sentence: str) -> str:
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]


def _empty(option: Option) -> Any:  # noqa: ANN401 - each option has a type of its own
    if option.repeat:
        return []
    return None if option.value else False
