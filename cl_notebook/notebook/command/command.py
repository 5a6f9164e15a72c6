"""What a magic is: its verbs, their arguments and options. The parser, the help and the completion all read it from here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cl_notebook import errors, session
from cl_notebook.masking import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell


@dataclass(frozen=True, slots=True)
class Option:
    """One ``--option``.

    ``value`` names the value in the help; an option without it is a flag. ``choices`` are the only values allowed, if there are
    any. ``completes`` names the source of the completions (``volume``, ``backend``, ``column:volumes``…). ``convert`` turns the
    text into the value, or raises a :class:`ValueError` that says what is expected. A ``secret`` value appears in no message.
    ``bare_value`` is used if the option is typed without one of its choices.
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

    @property
    def key(self) -> str:
        """The name under which the value is handed on."""
        return self.name.replace("-", "_")

    @property
    def spelled(self) -> str:
        """The option as it is typed."""
        return f"--{self.name}"

    def parse_value(self, text: str) -> Any:  # noqa: ANN401 - each option has a type of its own
        """Return the value that *text* stands for.

        Raises:
            InvalidInput: it is none.

        """
        shown = MASK if self.secret else repr(text)
        if self.choices and text not in self.choices:
            msg = f"{self.spelled} takes {' or '.join(self.choices)}, not {shown}.{errors.did_you_mean(text, self.choices)}"
            raise errors.InvalidInput(msg)
        try:
            return self.convert(text)
        except ValueError as error:
            msg = f"{self.spelled} takes {error}, not {shown}."
            raise errors.InvalidInput(msg) from None


@dataclass(frozen=True, slots=True)
class Argument:
    """One word that has its place: called *name* in the help. A ``repeat`` argument takes all the words that are left."""

    name: str
    help: str
    completes: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False
    repeat: bool = False

    @property
    def key(self) -> str:
        """The name under which the word is handed on."""
        return self.name.lower()


@dataclass(slots=True)
class Invocation:
    """One use of a magic: the shell it is used in, the variables that are seen from there, and what was typed.

    ``within`` is the session to act in; the default one if there is none.
    """

    shell: InteractiveShell
    namespace: Mapping[str, Any]
    values: dict[str, Any] = field(default_factory=dict)
    within: session.Session | None = None

    @property
    def session(self) -> session.Session:
        """The session to act in; the default one is opened when it is first needed."""
        return self.within or session.default_session()

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - each option has a type of its own
        """Return the value of an option or argument; None, an empty list or False if it was left out."""
        return self.values[key]

    def given(self, *keys: str) -> dict[str, Any]:
        """Return those of the options that were typed."""
        typed = {key: self.values[key] for key in keys}
        return {key: value for key, value in typed.items() if value is not None and value is not False and value != []}

    def typed(self) -> set[str]:
        """Return the names of everything that was typed."""
        return set(self.given(*self.values))


@dataclass(frozen=True, slots=True)
class Verb:
    """One action of a magic.

    ``dynamic_options`` takes the words typed so far and returns the options that depend on them, such as those of the driver
    that ``--driver`` names. ``extra_word_hint`` is added to the error about a surplus word.
    """

    name: str
    help: str
    run: Callable[[Invocation], Any]
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    dynamic_options: Callable[[Sequence[str]], Sequence[Option]] | None = None
    extra_word_hint: str = ""

    def all_options(self, words: Sequence[str]) -> list[Option]:
        """Return the options, with those that depend on *words*."""
        return [*self.options, *(self.dynamic_options(words) if self.dynamic_options else ())]


@dataclass(frozen=True, slots=True)
class Command:
    """One magic. One that does a single thing has one verb without a name. ``notes`` writes the end of the help.

    The verb of one that stands above a cell (``is_cell``) returns a context manager, within which the cell is run.
    ``default`` is the verb that is meant where the first word is none.
    """

    name: str
    help: str
    verbs: tuple[Verb, ...]
    examples: tuple[str, ...] = ()
    notes: Callable[[], str] | None = None
    default: str = ""
    is_cell: bool = False

    @property
    def kind(self) -> str:
        """IPython's word for where it stands."""
        return "cell" if self.is_cell else "line"

    @property
    def spelled(self) -> str:
        """The magic as it is typed."""
        return f"{'%%' if self.is_cell else '%'}{self.name}"

    @property
    def has_verbs(self) -> bool:
        """Whether the first word is a verb."""
        return bool(self.verbs[0].name)

    def verb(self, name: str) -> Verb | None:
        """Return the verb called *name*."""
        return next((verb for verb in self.verbs if verb.name == name), None)

    def title(self, verb: Verb) -> str:
        """Return the magic with its verb, as it is typed."""
        return f"{self.spelled} {verb.name if verb.name != self.default else ''}".rstrip()


def gib(text: str) -> int:
    """Return a size in whole GiB."""
    expected = "a whole number of GiB above 0"
    if text.startswith("+"):
        raise ValueError(expected)  # it could be meant as a growth
    number = whole(text, expected)
    if number <= 0:
        raise ValueError(expected)
    return number


def count(text: str) -> int:
    """Return a number of rows."""
    number = whole(text, "a whole number of rows (0 for all)")
    if number < 0:
        msg = "a whole number of rows (0 for all)"
        raise ValueError(msg)
    return number


def whole(text: str, expected: str) -> int:
    """Return a whole number, or say what was *expected*."""
    try:
        return int(text, 10)
    except ValueError:
        raise ValueError(expected) from None


def pair(text: str) -> tuple[str, str]:
    """Return the key and the value of ``key=value``."""
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        msg = "KEY=VALUE"
        raise ValueError(msg)
    return key.strip(), value
