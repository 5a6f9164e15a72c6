"""Text from storage, made fit for a terminal: what could move the cursor or turn the reading direction is shown, not obeyed."""

from __future__ import annotations


def plain(text: object) -> str:
    r"""Return *text* on one line, with what cannot be seen written out (``\n``, ``\x1b``, ``\u202e``, ``\xa0``)."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii") for character in str(text)
    )
