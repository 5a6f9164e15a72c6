"""PostgreSQL tells who listens that somebody has committed: watchers then look at once, and otherwise leave the server alone.

Every entry of the feed comes with a NOTIFY in its transaction, which the server delivers when that commits. One connection
listens, in a thread of its own, for as long as somebody asks for news. Where that does not work (another database, a pooler
between us and the server, a connection that was lost) there are no news, and who watches has to look by himself.
"""

from __future__ import annotations

import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import exc

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

CHANNEL = "cl_notebook"
_SLICE = 0.2
_PROOF = 2.0
_AGAIN = 5.0
_FORGOTTEN = 10.0
_PATIENCE = 5.0


class NotifyListener:
    """Counts what the server tells, for those who ask again and again."""

    def __init__(self, engine: sa.Engine) -> None:
        """Belong to the store of *engine*; nothing is begun before somebody asks."""
        self._engine = engine
        self._can = engine.dialect.name == "postgresql" and engine.dialect.driver == "psycopg"
        self._lock = threading.Lock()
        self._asked: dict[Callable[[], None], float] = {}
        self._count = 0
        self._is_heard = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def count(self, wake: Callable[[], None]) -> int | None:
        """Return a number that is another one once somebody has committed; None while nobody tells.

        For the next seconds *wake* is called when it changes, from another thread.
        """
        if not self._can:
            return None
        with self._lock:
            if self._ended.is_set():
                return None
            self._asked[wake] = time.monotonic()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="cl_news", daemon=True)
                self._thread.start()
            return self._count if self._is_heard else None

    def close(self) -> None:
        """Stop listening; the thread is gone when this returns, unless the server does not answer."""
        with self._lock:
            self._ended.set()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_PATIENCE)

    def _run(self) -> None:
        while self._is_wanted():
            try:
                self._listen()
            except (exc.SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error):
                self._is_heard = False
            self._ended.wait(_AGAIN)

    def _listen(self) -> None:
        """Listen on a connection of its own until it is lost, or nobody asks any more."""
        with self._engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()
            bare: Any = connection.connection.dbapi_connection
            connection.exec_driver_sql(f"LISTEN {CHANNEL}")
            self._is_heard = self._self_test(connection, bare)
            self._wake_all()  # of what was committed before
            try:
                while self._is_heard and self._is_wanted(keep=True):
                    for _ in bare.notifies(timeout=_SLICE, stop_after=1):
                        self._wake_all()
            finally:
                self._is_heard = False

    @staticmethod
    def _self_test(connection: sa.Connection, bare: Any) -> bool:  # noqa: ANN401 - psycopg's
        """Say something, and return whether it is heard: a pooler may hand each statement to another connection."""
        channel = f"{CHANNEL}_{uuid.uuid4().hex}"
        connection.exec_driver_sql(f"LISTEN {channel}")
        connection.exec_driver_sql(f"NOTIFY {channel}")
        end = time.monotonic() + _PROOF
        while (left := end - time.monotonic()) > 0:
            if channel in [told.channel for told in bare.notifies(timeout=left, stop_after=1)]:
                return True
        return False

    def _wake_all(self) -> None:
        with self._lock:
            self._count += 1
            asked = list(self._asked)
        for wake in asked:
            wake()

    def _is_wanted(self, *, keep: bool = False) -> bool:
        with self._lock:
            now = time.monotonic()
            self._asked = {wake: at for wake, at in self._asked.items() if now - at < _FORGOTTEN}
            wanted = bool(self._asked) and not self._ended.is_set()
            if not wanted and not keep:
                self._thread = None
            return wanted
