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
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"'}

_COMMENT = "#"

__all__ = ["Token", "expand", "quote_literal", "quote_word", "split", "tokenize", "without_comment"]


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

    def expand(self, namespace: Mapping[str, Any]) -> Token:
        """Return the word with ``{python}`` and ``$var`` replaced from *namespace*."""
        text, end = "", 0
        for start, stop in self.literal:
            text += expand(self.text[end:start], namespace) + self.text[start:stop]
            end = stop
        return replace(self, text=text + expand(self.text[end:], namespace), literal=())


class _Lexer:
    """Reads words off a line. ``{…}`` outside quotes is Python: it is kept whole, whatever stands in it."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.position = 0

    def tokens(self) -> list[Token]:
        tokens: list[Token] = []
        while True:
            while self.position < len(self.line) and self.line[self.position].isspace():
                self.position += 1
            if self.position >= len(self.line) or self.line[self.position] == _COMMENT:
                return tokens
            tokens.append(self._token())

    def _token(self) -> Token:
        start, text = self.position, ""
        literal: list[tuple[int, int]] = []
        while self.position < len(self.line) and not self.line[self.position].isspace():
            character = self.line[self.position]
            quote = LITERAL if self.line.startswith(LITERAL, self.position) else character if character in "'\"" else ""
            if not quote:
                text += self._unquoted(character)
                continue
            inner, closed = self._literal() if quote == LITERAL else self._quoted(quote)
            if quote == LITERAL:
                literal.append((len(text), len(text) + len(inner)))
            text += inner
            if not closed:
                return Token(self.line[start:], text, start, quote, tuple(literal))
        return Token(self.line[start : self.position], text, start, literal=tuple(literal))

    def _unquoted(self, character: str) -> str:
        start = self.position
        self.position += 1
        if character == "\\" and self.position < len(self.line):
            self.position += 1
            return self.line[self.position - 1]
        if character == "{":
            end = self._matching_brace(start)
            if end:
                self.position = end
                return self.line[start:end]
        return character

    def _quoted(self, quote: str) -> tuple[str, bool]:
        text = ""
        self.position += 1
        while self.position < len(self.line):
            character = self.line[self.position]
            self.position += 1
            if character == quote:
                return text, True
            if quote == '"' and character == "\\" and self.line[self.position : self.position + 1] in tuple(_ESCAPED_IN_QUOTES):
                character = self.line[self.position]
                self.position += 1
            text += character
        return text, False

    def _literal(self) -> tuple[str, bool]:
        start = self.position + len(LITERAL)
        self.position = start
        while self.position < len(self.line) and self.line[self.position] != "'":
            self.position += 2 if self.line[self.position] == "\\" else 1
        closed = self.position < len(self.line)
        inner = self.line[start : self.position]
        self.position = min(self.position + 1, len(self.line))
        return _ESCAPE.sub(_unescape, inner), closed

    def _matching_brace(self, start: int) -> int:
        depth = 0
        for index in range(start, len(self.line)):
            depth += {"{": 1, "}": -1}.get(self.line[index], 0)
            if depth == 0:
                return index + 1
        return 0


def _unescape(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    return chr(int(code, 16)) if code else _ESCAPES.get(match[4], match[0])


class _Formatter(DollarFormatter):
    """IPython's own expansion, except that a tracked object stands for its id."""

    def format_field(self, value: Any, format_spec: str) -> Any:  # noqa: ANN401 - as the base class says
        return value.id if isinstance(value, Tracked) else super().format_field(value, format_spec)


def split(line: str) -> list[Token]:
    """Return the words of *line*; the last of them may have its quote left open."""
    return _Lexer(line).tokens()


def without_comment(line: str) -> str:
    """Return *line* without the comment at its end, and without white space around it."""
    lexer = _Lexer(line)
    lexer.tokens()
    return line[: lexer.position].strip()


def tokenize(line: str) -> list[Token]:
    """Return the words of *line*.

    Raises:
        InvalidInput: a quote is not closed.

    """
    tokens = split(line)
    if tokens and tokens[-1].quote:
        last = tokens[-1]
        msg = f"The quote {last.quote} is not closed: {last.raw!r}. A quote in a word is written \\{last.quote[-1]}."
        raise errors.InvalidInput(msg)
    return tokens


def expand(text: str, namespace: Mapping[str, Any]) -> str:
    """Return *text* with ``{python}`` and ``$var`` replaced; what cannot be evaluated stays as it stands, as IPython does it."""
    if "{" not in text and "$" not in text:
        return text
    try:
        return str(_Formatter().vformat(text, args=[], kwargs=dict(namespace)))
    except Exception:  # noqa: BLE001 - the expression is the user's: it may raise anything
        return text
