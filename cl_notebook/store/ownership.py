"""Whose a store is: one that others can write to may hold what they want somebody else to run."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path


def foreign(file: Path) -> str:
    """Return why others can have written the SQLite store *file*, or what belongs to it; nothing if only this user can.

    Files of servers are not looked at: who may write there is the server's business.
    """
    for suffix in ("", "-wal", "-journal"):
        part = Path(f"{file}{suffix}")
        try:
            found = part.stat()
        except OSError:
            continue
        if found.st_uid != os.geteuid():
            return f"{part} belongs to the user {_name(found.st_uid)}"
        if found.st_mode & stat.S_IWOTH:
            return f"everybody may write to {part}"
    return ""


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
