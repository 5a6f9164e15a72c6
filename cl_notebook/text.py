"""Text from storage, made fit for a magic's line and for a terminal."""

from __future__ import annotations

import re

LITERAL = "$'"
"""How a word begins that is taken exactly as it stands, with what cannot be typed written out."""

_BARE = re.compile(r"[A-Za-z0-9_./:@+,=][A-Za-z0-9_./:@+,=-]*")


def quoted(text: str) -> str:
    """Return *text* as one word that means exactly that: nothing in it is expanded, and none of it is an option.

    It has no line break, and nothing in it that cannot be seen, whatever *text* holds.
    """
    if _BARE.fullmatch(text):
        return text
    special = set("\\{}$'\"") & set(text)
    if text.isprintable() and not special:
        return f"'{text}'"
    if text.isprintable() and special == {"'"}:
        return f'"{text}"'
    return literal(text)


def literal(text: str) -> str:
    """Return *text* in ``$'…'``, with what cannot be typed or seen written out."""
    return f"{LITERAL}{''.join(map(_escaped, text))}'"


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def plain(text: object) -> str:
    r"""Return *text* on one line, with what cannot be seen written out (``\n``, ``\x1b``, ``\u202e``, ``\xa0``)."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii") for character in str(text)
    )


__all__ = ["plain"]
