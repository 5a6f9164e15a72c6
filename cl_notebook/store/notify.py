"""Listen to PostgreSQL's notifications of commits, so that watchers need not poll the server.

Every entry of the feed comes with a NOTIFY in its transaction, which the server delivers on commit. One connection listens, in a
thread of its own, as long as a watcher asks. Where notifications do not arrive (another database, a connection pooler, a lost
connection) the count is None, and watchers have to poll.
"""

from __future__ import annotations

import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import exc

from cl_notebook.concurrency import RepeatingThread

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

CHANNEL = "cl_notebook"
_SLICE = 0.2
"""Seconds that one wait for notifications lasts."""

_SELF_TEST_SECONDS = 2.0
"""Seconds in which the listener's own notification has to arrive."""

_RETRY_SECONDS = 5.0
"""Seconds after which a lost connection is opened again."""

_INTEREST_SECONDS = 10.0
"""Seconds for which a watcher is woken after it asked for the count."""

_JOIN_SECONDS = 5.0
"""Seconds that close() waits for the thread."""


class NotifyListener:
    """Counts the commits that the server notifies of, and wakes the watchers of the count."""

    def __init__(self, engine: sa.Engine) -> None:
        """Belong to the store of *engine*; the thread starts with the first call of :meth:`count`."""
        self._engine = engine
        self._is_supported = engine.dialect.name == "postgresql" and engine.dialect.driver == "psycopg"
        self._lock = threading.Lock()
        self._watchers: dict[Callable[[], None], float] = {}
        self._count = 0
        self._is_listening = False
        self._is_closed = False
        self._thread = RepeatingThread("cl_news", self._listen_once, self._has_watchers)

    def count(self, wake: Callable[[], None]) -> int | None:
        """Return a count that changes with every commit to the store; None while notifications do not arrive.

        For the next 10 seconds *wake* is called from another thread when the count changes.
        """
        if not self._is_supported:
            return None
        with self._lock:
            if self._is_closed:
                return None
            self._watchers[wake] = time.monotonic()
        self._thread.start()
        with self._lock:
            return self._count if self._is_listening else None

    def close(self) -> None:
        """Stop listening, and wait for the thread to end, at most 5 seconds."""
        self._is_closed = True
        self._thread.stop(_JOIN_SECONDS)

    def _listen_once(self) -> float:
        try:
            self._listen()
        except (exc.SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error):
            self._is_listening = False
        return _RETRY_SECONDS

    def _listen(self) -> None:
        """Listen on a connection of its own until it is lost or the last watcher has stopped asking."""
        with self._engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()
            bare: Any = connection.connection.dbapi_connection
            connection.exec_driver_sql(f"LISTEN {CHANNEL}")
            self._is_listening = self._self_test(connection, bare)
            self._wake_all()  # for commits before LISTEN
            try:
                while self._is_listening and self._has_watchers():
                    for _ in bare.notifies(timeout=_SLICE, stop_after=1):
                        self._wake_all()
            finally:
                self._is_listening = False

    @staticmethod
    def _self_test(connection: sa.Connection, bare: Any) -> bool:  # noqa: ANN401 - psycopg's
        """Return whether a notification of our own arrives: a pooler may send each statement to another connection."""
        channel = f"{CHANNEL}_{uuid.uuid4().hex}"
        connection.exec_driver_sql(f"LISTEN {channel}")
        connection.exec_driver_sql(f"NOTIFY {channel}")
        end = time.monotonic() + _SELF_TEST_SECONDS
        while (seconds_left := end - time.monotonic()) > 0:
            if channel in [notification.channel for notification in bare.notifies(timeout=seconds_left, stop_after=1)]:
                return True
        return False

    def _wake_all(self) -> None:
        with self._lock:
            self._count += 1
            watchers = list(self._watchers)
        for wake in watchers:
            wake()

    def _has_watchers(self) -> bool:
        with self._lock:
            now = time.monotonic()
            self._watchers = {wake: at for wake, at in self._watchers.items() if now - at < _INTEREST_SECONDS}
            return bool(self._watchers) and not self._is_closed
