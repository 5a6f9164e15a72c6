r"""A magic's line, split into words: quotes as in a shell, ``{python}`` and ``$var`` expanded inside each word.

Words are split before anything is expanded, so whatever a variable holds stays one word, and never becomes an option. What stands
in ``$'…'`` is not expanded: it is taken as it is, with ``\n``, ``\x1b``, ``\u202e`` for what cannot be typed, as in bash.
A word that begins with ``#`` begins a comment, as in a shell and in Python; in quotes it is a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from IPython.utils.text import DollarFormatter

from cl_notebook import errors
from cl_notebook.model.base import Tracked
from cl_notebook.text import LITERAL, quote_literal, quote_word

if TYPE_CHECKING:
    from collections.abc import Mapping

_ESCAPED_IN_QUOTES = '"\\'
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U(00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})|(.))", re.DOTALL)
_MEANT = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"'}

_COMMENT = "#"

__all__ = ["Token", "checked", "expanded", "quote_literal", "quote_word", "split", "without_comment"]


@dataclass(frozen=True, slots=True)
class Token:
    """One word: as it stands in the line from *start* on, and without its quotes. *quote* is the one that was left open.

    *literal* are the stretches of the text (from, to) that are not to be expanded.
    """

    raw: str
    text: str
    start: int
    quote: str = ""
    literal: tuple[tuple[int, int], ...] = ()

    @property
    def is_option(self) -> bool:
        """Whether it was typed as an option: a quoted dash, or one that comes out of a variable, is none."""
        return self.raw.startswith("-") and self.raw != "-"

    def expanded(self, namespace: Mapping[str, Any]) -> Token:
        """Return the word with ``{python}`` and ``$var`` replaced from *namespace*."""
        text, end = "", 0
        for start, stop in self.literal:
            text += expanded(self.text[end:start], namespace) + self.text[start:stop]
            end = stop
        return replace(self, text=text + expanded(self.text[end:], namespace), literal=())


class _Lexer:
    """Reads words off a line. ``{…}`` outside quotes is Python: it is kept whole, whatever stands in it."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.at = 0

    def words(self) -> list[Token]:
        found: list[Token] = []
        while True:
            while self.at < len(self.line) and self.line[self.at].isspace():
                self.at += 1
            if self.at >= len(self.line) or self.line[self.at] == _COMMENT:
                return found
            found.append(self._word())

    def _word(self) -> Token:
        start, text = self.at, ""
        literal: list[tuple[int, int]] = []
        while self.at < len(self.line) and not self.line[self.at].isspace():
            character = self.line[self.at]
            quote = LITERAL if self.line.startswith(LITERAL, self.at) else character if character in "'\"" else ""
            if not quote:
                text += self._bare(character)
                continue
            inner, closed = self._literal() if quote == LITERAL else self._quoted(quote)
            if quote == LITERAL:
                literal.append((len(text), len(text) + len(inner)))
            text += inner
            if not closed:
                return Token(self.line[start:], text, start, quote, tuple(literal))
        return Token(self.line[start : self.at], text, start, literal=tuple(literal))

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

    def _literal(self) -> tuple[str, bool]:
        start = self.at + len(LITERAL)
        self.at = start
        while self.at < len(self.line) and self.line[self.at] != "'":
            self.at += 2 if self.line[self.at] == "\\" else 1
        closed = self.at < len(self.line)
        inner = self.line[start : self.at]
        self.at = min(self.at + 1, len(self.line))
        return _ESCAPE.sub(_meant, inner), closed

    def _matching_brace(self, start: int) -> int:
        depth = 0
        for place in range(start, len(self.line)):
            depth += {"{": 1, "}": -1}.get(self.line[place], 0)
            if depth == 0:
                return place + 1
        return 0


def _meant(found: re.Match[str]) -> str:
    code = found[1] or found[2] or found[3]
    return chr(int(code, 16)) if code else _MEANT.get(found[4], found[0])


class _Formatter(DollarFormatter):
    """IPython's own expansion, except that a tracked object stands for its id."""

    def format_field(self, value: Any, format_spec: str) -> Any:  # noqa: ANN401 - as the base class says
        return value.id if isinstance(value, Tracked) else super().format_field(value, format_spec)


def split(line: str) -> list[Token]:
    """Return the words of *line*; the last of them may have its quote left open."""
    return _Lexer(line).words()


def without_comment(line: str) -> str:
    """Return *line* without the comment at its end, and without white space around it."""
    lexer = _Lexer(line)
    lexer.words()
    return line[: lexer.at].strip()


def checked(line: str) -> list[Token]:
    """Return the words of *line*.

    Raises:
        InvalidInput: a quote is not closed.

    """
    words = split(line)
    if words and words[-1].quote:
        last = words[-1]
        msg = f"The quote {last.quote} is not closed: {last.raw!r}. A quote in a word is written \\{last.quote[-1]}."
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
