"""The write-ahead log of a SQLite store: folded into its file when nothing is written, when it is closed, when the process ends.

SQLite itself does so after a thousand pages, and when the last connection is closed. A small store would never get there, and its
file alone would be empty. A checkpoint is passive: it waits for nobody, and what a reader still needs is left for the next one.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import TYPE_CHECKING

from sqlalchemy import exc, pool

from cl_notebook import concurrency
from cl_notebook.store.marker import HEAD

if TYPE_CHECKING:
    import threading

    import sqlalchemy as sa

    from cl_notebook.store.marker import Marker
    from cl_notebook.store.sqlite_file import SqliteFile

_log = logging.getLogger(__name__)

IDLE = 1.0
"""Seconds without a write after which the log is folded in."""

AT_MOST = 30.0
"""Seconds after which it is, however busy the store may be."""


class WriteAheadLog:
    """Folds the log of one store into its file, in a thread that ends once there is nothing left to fold."""

    def __init__(self, file: SqliteFile, engine: sa.Engine, marker: Marker) -> None:
        """Belong to the store of *engine*, which may write; *marker* remembers how much of it is in the file."""
        self._file = file
        self._engine = engine
        self._marker = marker
        self._lock = concurrency.lock()
        self._folding = concurrency.lock()
        self._stopped = concurrency.event()
        self._thread: threading.Thread | None = None
        self._first: float | None = None
        self._last: float | None = None

    def written(self) -> None:
        """Note that something was committed."""
        self._last = time.monotonic()
        if self._first is not None:
            return
        with self._lock:
            self._first = self._last
            if (self._thread is None or not self._thread.is_alive()) and not self._stopped.is_set():
                self._thread = concurrency.daemon(self._fold_now_and_then, "cl_notebook-wal")
                self._thread.start()

    def _fold_now_and_then(self) -> None:
        while not self._stopped.wait(IDLE):
            now, first = time.monotonic(), self._first
            if first is not None and now - (self._last or first) < IDLE and now - first < AT_MOST:
                continue
            if first is not None:
                self._first = None  # before: what is written meanwhile is for the next time
                self.fold()
            with self._lock:
                if self._first is None:
                    self._thread = None
                    return

    def fold(self) -> None:
        """Write the log into the file, as far as other processes let us."""
        waiting = self._engine.pool
        with self._folding:
            if not isinstance(waiting, pool.QueuePool) or not waiting.checkedin() or not self._file.is_in_place():
                return
            try:
                bare = self._engine.raw_connection()
                try:
                    self._fold(bare.cursor())
                finally:
                    bare.close()
            except (exc.SQLAlchemyError, sqlite3.Error):  # a disk that is full, a store that is held: the log keeps everything
                _log.debug("The log of %s cannot be folded in", self._file.path, exc_info=True)

    def _fold(self, cursor: sa.engine.interfaces.DBAPICursor) -> None:
        cursor.execute(HEAD)
        head = cursor.fetchone()
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        busy, pages, folded = cursor.fetchone() or (1, 0, 0)
        is_ours = self._last is not None  # who only opens a store that stands in another's place does not stand for it yet
        if head is not None and is_ours and not busy and pages == folded:
            self._marker.put(*head)

    def close(self) -> None:
        """Fold in what there is, and begin nothing any more."""
        self._stopped.set()
        self.fold()
