"""The seed's loop over many volumes: few queries, and never a stale answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook.model import identity_map
from cl_notebook.testing import stores

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VOLUMES = 1_300


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the URL of a store of many volumes with two snapshots and a connection each."""
    url = f"sqlite:///{tmp_path_factory.mktemp('loop') / 'store.db'}"
    with cl.Session(url) as session:
        stores.fill(session.store, volumes=VOLUMES)
    return url


@pytest.fixture
def backend(store: str) -> Iterator[cl.Backend]:
    """Give the backend in a session that has loaded nothing yet."""
    with cl.Session(store) as session:
        found = session.get(cl.Backend, str(cl.frames.backends(session).index[0]))
        assert isinstance(found, cl.Backend)
        yield found


def _loop(backend: cl.Backend) -> Iterator[tuple[cl.Volume, int, int]]:
    backend.refresh()
    for vol in backend.volumes:
        vol.refresh()
        snapshots = [(snap.id, snap.volume.id, snap.status) for snap in vol.snapshots]
        connections = [(conn.connector_info["host"], conn.volume.id, conn.status) for conn in vol.connections]
        yield vol, len(snapshots), len(connections)


def test_the_number_of_queries_grows_with_the_pages(backend: cl.Backend) -> None:
    """A loop over everything asks once for the volumes and twice a page of them; a second loop asks nothing."""
    sent: list[str] = []
    engine = backend.context.store.engine
    sa.event.listen(engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    assert [counts for _, *counts in _loop(backend)] == [[2, 1]] * VOLUMES
    pages = -(-VOLUMES // identity_map.PAGE)
    assert len([text for text in sent if text.startswith("SELECT")]) == 1 + 2 * pages
    sent.clear()
    assert len(list(_loop(backend))) == VOLUMES
    assert sent == []


def test_a_change_between_two_iterations_is_seen(backend: cl.Backend, store: str, tmp_path: Path) -> None:
    """What another session does to volumes still to come is what the loop finds when it comes to them."""
    with cl.Session(store) as other:
        theirs = other.backend("theirs", volume_driver="sim", path=str(tmp_path))
        changing = theirs.create_volume(1, name="changing")
        for number in range(3):
            theirs.create_volume(1, name=f"other {number}")
        own_backend = cast("cl.Backend", backend.context.open_backend("theirs", {}, replace=False))
        seen = []
        for vol, snapshots, connections in _loop(own_backend):
            seen.append((vol.name, vol.size, vol.status, snapshots, connections))
            if vol.name == "changing":
                for later in theirs.volumes[1:]:
                    later.extend(7)
                    later.create_snapshot()
                    later.connect({"host": "node1", "ip": "10.0.0.7"})
        assert seen == [("changing", 1, "available", 0, 0)] + [(f"other {number}", 7, "in-use", 1, 1) for number in range(3)]
        for later in theirs.volumes[1:]:
            later.create_snapshot()
        assert [snapshots for _, snapshots, _ in _loop(own_backend)] == [0, 2, 2, 2]
        assert changing.is_tracked


def test_one_volume_is_not_read_with_its_neighbours(backend: cl.Backend) -> None:
    """Whoever looks at a single volume does not pay for a page of them."""
    found = backend.volumes_filtered(volume_name="vol-7")
    sent: list[tuple[object, ...]] = []
    sa.event.listen(backend.context.store.engine, "before_cursor_execute", lambda *arguments: sent.append(tuple(arguments[3])))
    assert len(found[0].snapshots) == 2
    assert [found[0].id] == [value for parameters in sent for value in parameters]
