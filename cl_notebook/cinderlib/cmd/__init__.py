"""What cinderlib had as commands."""

from __future__ import annotations

import os


def written(path: str, text: str) -> None:
    """Write *text*, which may hold passwords, to the file *path*; if it is new, only its owner may read it."""
    with open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
