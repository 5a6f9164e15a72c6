"""A magic's line, split into words: quotes as in a shell, ``{python}`` and ``$var`` expanded inside each word.

Words are split before anything is expanded, so whatever a variable holds stays one word, and never becomes an option.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.utils.text import DollarFormatter

from cl_notebook import errors
from cl_notebook.model.tracked import Tracked

if TYPE_CHECKING:
    from collections.abc import Mapping

_ESCAPED_IN_QUOTES = '"\\'


@dataclass(frozen=True, slots=True)
class Word:
    """One word: as it stands in the line from *start* on, and without its quotes. *quote* is the one that was left open."""

    raw: str
    text: str
    start: int
    quote: str = ""

    @property
    def is_option(self) -> bool:
        """Whether it was typed as an option: a quoted dash, or one that comes out of a variable, is none."""
        return self.raw.startswith("-") and self.raw != "-"


class _Lexer:
    """Reads words off a line. ``{…}`` outside quotes is Python: it is kept whole, whatever stands in it."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.at = 0

    def words(self) -> list[Word]:
        found: list[Word] = []
        while True:
            while self.at < len(self.line) and self.line[self.at].isspace():
                self.at += 1
            if self.at >= len(self.line):
                return found
            found.append(self._word())

    def _word(self) -> Word:
        start, text = self.at, ""
        while self.at < len(self.line) and not self.line[self.at].isspace():
            character = self.line[self.at]
            if character in "'\"":
                inner, closed = self._quoted(character)
                text += inner
                if not closed:
                    return Word(self.line[start:], text, start, character)
            else:
                text += self._bare(character)
        return Word(self.line[start : self.at], text, start)

    def _bare(self, character: str) -> str:
        start = self.at
        self.at += 1
        if character == "\\" and self.at < len(self.line):
            self.at += 1
            return self.line[self.at - 1]
        if character == "{":
            end = self._matching_brace(start)
            if end:
                self.at = end
                return self.line[start:end]
        return character

    def _quoted(self, quote: str) -> tuple[str, bool]:
        text = ""
        self.at += 1
        while self.at < len(self.line):
            character = self.line[self.at]
            self.at += 1
            if character == quote:
                return text, True
            if quote == '"' and character == "\\" and self.line[self.at : self.at + 1] in tuple(_ESCAPED_IN_QUOTES):
                character = self.line[self.at]
                self.at += 1
            text += character
        return text, False

    def _matching_brace(self, start: int) -> int:
        depth = 0
        for place in range(start, len(self.line)):
            depth += {"{": 1, "}": -1}.get(self.line[place], 0)
            if depth == 0:
                return place + 1
        return 0


class _Formatter(DollarFormatter):
    """IPython's own expansion, except that a tracked object stands for its id."""

    def format_field(self, value: Any, format_spec: str) -> Any:  # noqa: ANN401 - as the base class says
        return value.id if isinstance(value, Tracked) else super().format_field(value, format_spec)


def split(line: str) -> list[Word]:
    """Return the words of *line*; the last of them may have its quote left open."""
    return _Lexer(line).words()


def checked(line: str) -> list[Word]:
    """Return the words of *line*.

    Raises:
        InvalidInput: a quote is not closed.

    """
    words = split(line)
    if words and words[-1].quote:
        last = words[-1]
        msg = f"The quote {last.quote} is not closed: {last.raw!r}. A quote in a word is written \\{last.quote}."
        raise errors.InvalidInput(msg)
    return words


def expanded(text: str, namespace: Mapping[str, Any]) -> str:
    """Return *text* with ``{python}`` and ``$var`` replaced; what cannot be evaluated stays as it stands, as IPython does it."""
    if "{" not in text and "$" not in text:
        return text
    try:
        return str(_Formatter().vformat(text, args=[], kwargs=dict(namespace)))
    except Exception:  # noqa: BLE001 - the expression is the user's: it may raise anything
        return text
