"""Record heartbeats while operations run, so that kernels on other machines know that this one is alive."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook import concurrency
from cl_notebook.model.operations import tables as op
from cl_notebook.store import changefeed
from cl_notebook.store.errors import is_memory
from cl_notebook.store.types import database_now

if TYPE_CHECKING:
    from cl_notebook.model.context import Context

_log = logging.getLogger(__name__)

HEARTBEAT_INTERVAL = 30.0
"""Seconds between two heartbeats of a kernel that works."""

_UPDATE_SEEN_AT = sa.update(op.Kernel).where(op.Kernel.id == sa.bindparam("kernel")).values(seen_at=database_now())


class Heartbeat:
    """Records heartbeats in a thread that ends soon after the last running operation; one serves all operations."""

    def __init__(self, context: Context) -> None:
        """Serve the session *context*, whose journal lists the running operations."""
        self._context = context
        self._kernel_id = ""
        self._last = -HEARTBEAT_INTERVAL
        self._thread = concurrency.RepeatingThread(
            "cl_notebook-heartbeat", self._record_regularly, lambda: bool(context.journal.running)
        )
        self._is_stopped = False
        self._is_shared = not is_memory(context.store.url)  # no other kernel can read a store in memory

    def touch(self, connection: sa.Connection, kernel_id: str) -> None:
        """Record a heartbeat in the transaction of the intent, at most once per HEARTBEAT_INTERVAL."""
        if self._is_shared and _now() - self._last >= HEARTBEAT_INTERVAL:
            connection.execute(_UPDATE_SEEN_AT, {"kernel": kernel_id})

    def start(self, kernel_id: str) -> None:
        """Record heartbeats from now on: an intent was committed."""
        if not self._is_shared:
            return
        if _now() - self._last >= HEARTBEAT_INTERVAL:
            self._last = _now()
        self._kernel_id = kernel_id
        if not self._is_stopped:
            self._thread.start(HEARTBEAT_INTERVAL)

    def stop(self) -> None:
        """Stop recording."""
        self._is_stopped = True
        self._thread.stop()

    def _record_regularly(self) -> float:
        try:
            self.record()
        except Exception:  # noqa: BLE001 - the running operation reports a store that is unreachable
            _log.debug("A heartbeat could not be written", exc_info=True)
        return HEARTBEAT_INTERVAL

    def record(self) -> None:
        """Record a heartbeat now."""
        context = self._context
        with context.lock:
            if self._is_stopped or context.is_closed:
                return
            number = context.store.write(self._written)
            context.change_tracker.note_own_write(number)
        self._last = _now()

    def _written(self, connection: sa.Connection) -> int:
        self._context.change_tracker.sync()
        connection.execute(_UPDATE_SEEN_AT, {"kernel": self._kernel_id})
        return changefeed.append(connection, changefeed.Entry(changefeed.BEAT, "kernel", self._kernel_id))


def _now() -> float:
    """Return the seconds since the boot, with the time that the machine slept; changes of the clock do not alter them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
