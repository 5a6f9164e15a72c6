"""Which tables a SQLite file has, read without leaving a trace: whose file it is, is known before anything in it is touched."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def tables(path: Path) -> frozenset[str] | None:
    """Return the names of the tables in the file itself, without its log; None if it is none of SQLite's, or cannot be read.

    Opening a file the usual way may write to it: a hot journal is rolled back, a log is made or folded in (sqlite.org/uri.html:
    ``immutable``).
    """
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as bare:
            return frozenset(row[0] for row in bare.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
    except (sqlite3.Error, ValueError):
        return None
