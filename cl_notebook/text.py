"""Quote text from storage for a line of magic, escape it for display in a terminal, and list it in a sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LITERAL = "$'"
"""The start of a word whose contents are literal, with unprintable characters as escapes."""

_BARE = re.compile(r"[A-Za-z0-9_./:@+,=][A-Za-z0-9_./:@+,=-]*")


def quote_word(text: str) -> str:
    """Quote *text* as one word of a line of magic that the lexer reads back unchanged.

    Nothing in the word is expanded or read as an option. It contains no line break and no unprintable character.
    """
    if _BARE.fullmatch(text):
        return text
    special = set("\\{}$'\"") & set(text)
    if text.isprintable() and not special:
        return f"'{text}'"
    if text.isprintable() and special == {"'"}:
        return f'"{text}"'
    return quote_literal(text)


def quote_literal(text: str) -> str:
    """Quote *text* as ``$'…'``, with backslashes, quotes and unprintable characters escaped."""
    return f"{LITERAL}{''.join(map(_escaped, text))}'"


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def sanitize(text: object) -> str:
    r"""Escape unprintable characters of *text* (``\n``, ``\x1b``, ``\u202e``, ``\xa0``), so that it fits on one line."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii") for character in str(text)
    )


def enumerated(labels: Sequence[str], most: int = 3) -> str:
    """Return *labels* for a sentence, at most *most* of them, and the number of the others: ``a, b, c and 2 more``."""
    more = f" and {len(labels) - most:,} more" if len(labels) > most else ""
    return f"{', '.join(labels[:most])}{more}"
