"""Declare magics: their verbs, arguments and options, as read by the parser, the help and the completion."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from cl_notebook import errors, quantities, session
from cl_notebook.masking import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell


PURPOSES = ("Begin", "Act", "List", "Look", "Tidy", "Files")
"""What magics are for, in the order in which people need them."""


class Row(NamedTuple):
    """A row of a help: what is typed, and what it means."""

    typed: str
    meaning: str = ""


class Part(NamedTuple):
    """A part of a help: rows under a title; ``notes`` are sentences below them."""

    title: str
    rows: Sequence[Row] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """One ``--option``.

    ``value`` names the value in the help; an option without it is a flag. ``choices`` are the only values allowed, if there are
    any. ``completes`` names the source of the completions (``volume``, ``backend``, ``column:volumes``…). ``convert`` turns the
    text into the value, or raises a :class:`ValueError` that says what is expected. A ``secret`` value appears in no message.
    ``bare_value`` is used if the option is typed without one of its choices. ``aliases`` are other names of the option. A word
    without an option becomes the value of a ``positional`` option that was not typed, if it can be its value.
    """

    name: str
    help: str
    value: str = ""
    short: str = ""
    convert: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()
    completes: str = ""
    repeat: bool = False
    required: bool = False
    secret: bool = False
    bare_value: str = ""
    aliases: tuple[str, ...] = ()
    positional: bool = False

    @property
    def key(self) -> str:
        """The key of the value in :class:`Invocation`."""
        return self.name.replace("-", "_")

    @property
    def spelled(self) -> str:
        """The option as the user types it."""
        return f"--{self.name}"

    def accepts(self, text: str) -> bool:
        """Return whether *text* can be the value of this option."""
        try:
            self.parse_value(text)
        except errors.InvalidInput:
            return False
        return True

    def parse_value(self, text: str) -> Any:  # noqa: ANN401 - each option has a type of its own
        """Convert *text* to the value of this option.

        Raises:
            InvalidInput: *text* is no valid value.

        """
        shown = MASK if self.secret else repr(text)
        if self.choices and text not in self.choices:
            msg = f"{self.spelled} takes {' or '.join(self.choices)}, not {shown}.{errors.did_you_mean(text, self.choices)}"
            raise errors.InvalidInput(msg, option=self.key)
        try:
            return self.convert(text)
        except ValueError as error:
            msg = f"{self.spelled} takes {error}, not {shown}."
            raise errors.InvalidInput(msg, option=self.key) from None


@dataclass(frozen=True, slots=True)
class Argument:
    """One positional argument, called *name* in the help.

    A ``repeat`` argument takes all remaining words. One that ``takes_dashes`` takes words that look like options.
    """

    name: str
    help: str
    completes: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False
    repeat: bool = False
    takes_dashes: bool = False

    @property
    def key(self) -> str:
        """The key of the word in :class:`Invocation`."""
        return self.name.lower()


@dataclass(slots=True)
class Invocation:
    """One use of a magic: the shell, the variables visible to it, and the typed values.

    ``within`` is the session to use; None means the default session.
    """

    shell: InteractiveShell
    namespace: Mapping[str, Any]
    values: dict[str, Any] = field(default_factory=dict)
    within: session.Session | None = None

    @property
    def session(self) -> session.Session:
        """The session to use; the default session is opened on first use."""
        return self.within or session.default_session()

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - each option has a type of its own
        """Return the value of an option or argument; None, an empty list or False if it was omitted."""
        return self.values[key]

    def given(self, *keys: str) -> dict[str, Any]:
        """Return the typed values among *keys*."""
        typed = {key: self.values[key] for key in keys}
        return {key: value for key, value in typed.items() if value is not None and value is not False and value != []}

    def typed(self) -> set[str]:
        """Return the keys of all typed options and arguments."""
        return set(self.given(*self.values))


@dataclass(frozen=True, slots=True)
class Verb:
    """One action of a magic.

    ``dynamic_options`` takes the words typed so far and returns the options that depend on them, such as those of the driver
    that ``--driver`` names. ``extra_word_hint`` is added to the error about a surplus word. ``same_as`` is the line of which this
    verb is another spelling, whose help has the options. ``subcommand`` parses the line if the next word is one of its verbs.
    """

    name: str
    help: str
    run: Callable[[Invocation], Any]
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    dynamic_options: Callable[[Sequence[str]], Sequence[Option]] | None = None
    extra_word_hint: str = ""
    same_as: str = ""
    subcommand: Command | None = None

    def all_options(self, words: Sequence[str]) -> list[Option]:
        """Return all options, including the dynamic ones for *words*."""
        return [*self.options, *(self.dynamic_options(words) if self.dynamic_options else ())]

    def subcommand_at(self, words: Sequence[str]) -> Command | None:
        """Return the subcommand if the first of *words*, those behind this verb as they were typed, is one of its verbs."""
        return self.subcommand if self.subcommand is not None and words and self.subcommand.verb(words[0]) is not None else None


@dataclass(frozen=True, slots=True)
class Command:
    """One magic; a magic with a single action has one verb with an empty name.

    ``notes`` takes the words typed so far and returns parts of the help that depend on them, or on what is installed. The verb of
    a cell magic (``is_cell``) returns the context in which the cell runs. ``default`` names the verb that is used if the first
    word is not a verb. On the map of ``%cl_help`` the magic stands under its ``purpose``, with the line ``sample`` (by default
    the magic alone) and ``brief``, a few words.
    """

    name: str
    help: str
    verbs: tuple[Verb, ...]
    examples: tuple[str, ...] = ()
    notes: Callable[[Sequence[str]], Sequence[Part]] | None = None
    default: str = ""
    is_cell: bool = False
    purpose: str = ""
    sample: str = ""
    brief: str = ""

    @property
    def kind(self) -> str:
        """IPython's kind of magic: ``cell`` or ``line``."""
        return "cell" if self.is_cell else "line"

    @property
    def spelled(self) -> str:
        """The magic as the user types it."""
        return f"{'%%' if self.is_cell else '%'}{self.name}"

    @property
    def has_verbs(self) -> bool:
        """Whether the first word is a verb."""
        return bool(self.verbs[0].name)

    def verb(self, name: str) -> Verb | None:
        """Return the verb called *name*."""
        return next((verb for verb in self.verbs if verb.name == name), None)

    def title(self, verb: Verb) -> str:
        """Return the magic and its verb as the user types them."""
        return f"{self.spelled} {verb.name if verb.name != self.default else ''}".rstrip()


def gib(text: str) -> int:
    """Convert *text* (``10``, ``10G``, ``1.5T``) to a size in whole GiB, or raise ValueError."""
    return quantities.gib(text)  # +5 is refused: it could mean a growth


def count(text: str) -> int:
    """Convert *text* to a number of rows (0 for all), or raise ValueError."""
    return whole(text, "a whole number of rows (0 for all)", least=0)


def whole(text: str, expected: str, *, least: float = -math.inf, most: float = math.inf) -> int:
    """Convert *text* to a whole number from *least* to *most*, or raise ValueError with the text *expected*."""
    try:
        number = int(text, 10)
    except ValueError:
        raise ValueError(expected) from None
    if not least <= number <= most:
        raise ValueError(expected)
    return number


def pair(text: str) -> tuple[str, str]:
    """Split ``key=value`` into its key and its value, or raise ValueError."""
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        msg = "KEY=VALUE"
        raise ValueError(msg)
    return key.strip(), value
