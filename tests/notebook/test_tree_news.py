"""The tree's watcher on a server that tells what is new."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook.notebook.tree.poller import Watcher

if TYPE_CHECKING:
    from tests.servers import Server


class _Watched:
    """Records that the store has changed."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[str] = queue.SimpleQueue()

    def on_store_changed(self) -> None:
        self.events.put("moved")

    def on_counts(self) -> None:
        """Nothing is counted here."""

    on_idle = on_heartbeat = on_counts

    def on_error(self, problem: str | None) -> None:
        self.events.put(str(problem))


def test_a_watcher_is_notified_and_does_not_ask(postgresql: Server) -> None:
    """On PostgreSQL a watcher learns of a commit elsewhere, and while there is none it sends no query."""
    url = postgresql.new_url()
    with cl.Session(url) as session, cl.Session(url) as other:
        watched = _Watched()
        watcher = Watcher(session, watched)
        while session.store.notify_listener.count(watcher._wake_callback) is None:
            pass
        for _ in range(2):  # the second look knows the state of the first
            watcher._look()
        sent: list[str] = []
        sa.event.listen(session.store.engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
        for _ in range(10):
            watcher._look()
        assert sent == []
        watcher.renew()
        cl.KeyValue.set("k", "v", session=other)
        assert watched.events.get(timeout=60) == "moved"
        watcher.stop()
