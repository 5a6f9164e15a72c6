"""An act that has begun is seen as such by everybody, from the moment at which its intent can be seen."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook.model.operations import guards

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.parametrize("store_url", ["file"], indirect=True)


@contextlib.contextmanager
def _after_commits(session: cl.Session, look: Any) -> Iterator[None]:
    """Call *look* in another thread each time that a connection of *session* is given back, which is right after its commit."""
    looking = threading.Event()

    def returned(_connection: object, _record: object) -> None:
        if looking.is_set():
            return
        looking.set()
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        looking.clear()

    sa.event.listen(session.store.engine, "checkin", returned)
    yield
    sa.event.remove(session.store.engine, "checkin", returned)


def test_no_act_is_taken_for_cut_short_before_it_begins(session: cl.Session, sim: cl.Backend) -> None:
    """Whenever an intent is there, another thread of the kernel finds that its operation is being worked on."""
    found: list[tuple[str, bool]] = []

    def look() -> None:
        with session.store.reading() as connection:
            running = connection.execute(
                sa.select(cl.Operation.action, cl.Operation.resource_id).where(cl.Operation.status == "running")
            )
            acts = running.all()
            at_work = guards.running_operations(session, connection)
        found.extend((action, resource_id in at_work) for action, resource_id in acts)

    with _after_commits(session, look):
        volume = sim.create_volume(1, "db")
        volume.create_snapshot("s")
        volume.extend(2)
        volume.delete(cascade=True)
    assert {action for action, _ in found} == {"create", "extend", "delete"}
    assert all(is_at_work for _, is_at_work in found)
    assert session.journal.running == set()


def test_what_never_began_is_not_running(session: cl.Session, sim: cl.Backend) -> None:
    """An act that is refused, interrupted or fails at any point before its driver is called does not count as running."""
    volume = sim.create_volume(1, "db")

    def interrupt(*_anything: object) -> None:
        raise KeyboardInterrupt

    for point in ("begin", "commit"):
        sa.event.listen(session.store.engine, point, interrupt)
        with pytest.raises(KeyboardInterrupt):
            volume.extend(2)
        sa.event.remove(session.store.engine, point, interrupt)
        assert session.journal.running == set()
    assert volume.extend(3) == 3 * 2**30
