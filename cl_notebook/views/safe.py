"""Text from storage, made fit for a terminal: what could move the cursor or turn the reading direction is shown, not obeyed."""

from __future__ import annotations

import unicodedata

_OBEYED = {"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"}


def plain(text: object) -> str:
    r"""Return *text* on one line, with control and direction characters written out (``\n``, ``\x1b``, ``\u202e``)."""
    return "".join(character if _is_harmless(character) else _written_out(character) for character in str(text))


def _is_harmless(character: str) -> bool:
    return (character.isascii() and character.isprintable()) or unicodedata.category(character) not in _OBEYED


def _written_out(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
