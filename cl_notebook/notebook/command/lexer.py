r"""Split the line of a magic into tokens with shell quoting; expand ``{python}`` and ``$var`` in each token.

The line is split before it is expanded, so the value of a variable stays one token and never becomes an option. Text in ``$'…'``
is not expanded; as in bash, ``\n``, ``\x1b`` and ``\u202e`` in it are escapes. An unquoted token that begins with ``#`` begins a
comment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from IPython.utils.text import DollarFormatter

from cl_notebook import errors
from cl_notebook.many import names, selection
from cl_notebook.model.base import Tracked
from cl_notebook.text import LITERAL, quote_literal, quote_word

if TYPE_CHECKING:
    from collections.abc import Mapping

_ESCAPED_IN_QUOTES = '"\\'
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U(00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"'}

_COMMENT = "#"

SEVERAL = "\0"
"""Precedes each id in the text of an expression that gives a list or a frame of resources: no name can contain it."""

__all__ = ["Token", "Value", "quote_literal", "quote_word", "split", "tokenize", "without_comment"]


class Value(str):
    """The text of a token whose pattern, if it looks like one, was not typed: it came from an expression or from ``$'…'``.

    It is a name, never a glob, a range or a term: a name from storage must not select anything else.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a line: its raw text, its text without quotes, and its position in the line.

    ``quote`` is the quote that was not closed, or empty. ``literal``: ranges (start, stop) of the text to leave unexpanded.
    """

    raw: str
    text: str
    start: int
    quote: str = ""
    literal: tuple[tuple[int, int], ...] = ()

    @property
    def is_option(self) -> bool:
        """Whether it was typed as an option: a dash in quotes or from a variable does not count."""
        return self.raw.startswith("-") and self.raw != "-"

    def expand(self, namespace: Mapping[str, Any]) -> Token:
        """Return the token with ``{python}`` and ``$var`` replaced from *namespace*; its text may be a :class:`Value`.

        Like IPython, leave what cannot be evaluated unchanged.
        """
        text, typed, end = "", "", 0
        for start, stop in (*self.literal, (len(self.text), len(self.text))):
            part, typed_part = _expanded(self.text[end:start], namespace)
            text, typed, end = text + part + self.text[start:stop], typed + typed_part, stop
        is_value = typed != text and not selection.is_pattern(typed)
        return replace(self, text=Value(text) if is_value else text, literal=())


class _Lexer:
    """Split a line into tokens; an unquoted ``{…}`` is Python and stays in one token."""

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
    """Format as IPython does, but format a tracked object as its id; ``values`` are the texts of the expressions, in order."""

    def __init__(self) -> None:
        self.values: list[str] = []

    def format_field(self, value: Any, format_spec: str) -> Any:  # noqa: ANN401 - as the base class says
        text = self._text(value, format_spec)
        self.values.append(str(text))
        return text

    def _text(self, value: Any, format_spec: str) -> Any:  # noqa: ANN401 - as the base class says
        if isinstance(value, Tracked):
            return value.id
        ids = None if format_spec or (isinstance(value, (list, tuple, set)) and not value) else _ids_of(value)
        if ids is None:
            return super().format_field(value, format_spec)
        return "".join(f"{SEVERAL}{resource_id}" for resource_id in ids) or SEVERAL


def _ids_of(value: object) -> list[str] | None:
    try:
        return selection.ids_of(value)
    except errors.InvalidInput:  # a frame of something else: it is text, as for IPython
        return None


def split(line: str) -> list[Token]:
    """Split *line* into tokens; the last token may have an unclosed quote."""
    return _Lexer(line).tokens()


def without_comment(line: str) -> str:
    """Return *line* without its comment and without surrounding white space."""
    lexer = _Lexer(line)
    lexer.tokens()
    return line[: lexer.position].strip()


def with_word_replaced(line: str, word: str, text: str) -> str | None:
    """Return *line* with *text* in place of the first token, or value of an option, that is *word*; None if there is none."""
    for token in split(line):
        name, sign, _ = token.raw.partition("=") if token.is_option else ("", "", "")
        if token.text == f"{name}{sign}{word}":
            return f"{line[: token.start]}{name}{sign}{quote_word(text)}{line[token.start + len(token.raw) :]}"
    return None


def tokenize(line: str) -> list[Token]:
    """Split *line* into tokens.

    Raises:
        InvalidInput: a quote is not closed.

    """
    tokens = split(line)
    if tokens and tokens[-1].quote:
        last = tokens[-1]
        msg = f"The quote {last.quote} is not closed: {last.raw!r}. A quote in a word is written \\{last.quote[-1]}."
        raise errors.InvalidInput(msg)
    return tokens


def _expanded(text: str, namespace: Mapping[str, Any]) -> tuple[str, str]:
    """Return *text* with its expressions replaced, and the same without their values: what was typed.

    Ranges such as ``{1..3}`` are no expressions; those in values are escaped beside a typed one.
    """
    if not names.is_range(text):
        return _formatted(text, namespace)
    expanded = typed = ""
    for piece, typed_range in names.separated(text):
        part, typed_part = _formatted(piece, namespace)
        expanded += (part if part == typed_part else names.escaped(part)) + typed_range
        typed += typed_part + typed_range
    return expanded, typed


def _formatted(text: str, namespace: Mapping[str, Any]) -> tuple[str, str]:
    if "{" not in text and "$" not in text:
        return text, text
    formatter = _Formatter()
    try:
        expanded = str(formatter.vformat(text, args=[], kwargs=dict(namespace)))
    except Exception:  # noqa: BLE001 - the expression is the user's: it may raise anything
        return text, text
    typed, position = "", 0
    for value in formatter.values:
        start = expanded.index(value, position)
        typed, position = typed + expanded[position:start], start + len(value)
    return expanded, typed + expanded[position:]
