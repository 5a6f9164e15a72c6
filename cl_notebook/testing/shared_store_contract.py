"""The part of the store contract for stores that several sessions can share: in a file or on a server."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.frames import api
from cl_notebook.model import Volume
from cl_notebook.store import Store, changefeed
from cl_notebook.testing.store_contract import StoreContract

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPENING = "import sys; from cl_notebook.store import Store; sys.stdin.read(); Store(sys.argv[1]).close()"
_WRITING = """
import sys, uuid
from cl_notebook.store import Store, changefeed
store = Store(sys.argv[1])
for _ in range(25):
    with store.writing() as connection:
        changefeed.append(connection, changefeed.Entry("save", "volume", str(uuid.uuid4())))
    with store.writing() as connection:
        changefeed.append_many(connection, [changefeed.Entry("save", "volume", str(uuid.uuid4()))] * 3)
store.close()
"""


def _children(code: str, url: str, number: int = 4) -> list[subprocess.Popen[str]]:
    return [
        subprocess.Popen([sys.executable, "-c", code, url], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603 - ours
        for _ in range(number)
    ]


def _run_together(children: list[subprocess.Popen[str]]) -> None:
    """Start the waiting *children* at the same time, wait for their end, and check that none failed."""
    for child in children:
        assert child.stdin is not None
        child.stdin.close()
        child.stdin = None
    for stderr in [child.communicate()[1] for child in children]:
        assert not stderr, stderr
    assert not any(child.returncode for child in children)


class SharedStoreContract(StoreContract):
    """Tests of shared stores: no change is lost or overwritten silently, and every session can see every change."""

    @pytest.fixture
    def other(self, session: cl.Session, store_url: str) -> Iterator[cl.Session]:
        """Yield another session on the same store, opened after *session*."""
        del session
        with cl.Session(store_url) as opened:
            yield opened

    def test_it_is_there_when_it_is_opened_again(self, store_url: str, tmp_path: object) -> None:
        """Resources of a closed session are tracked in the next session."""
        with cl.Session(store_url) as session:
            lab = session.backend("lab", volume_driver="sim", path=f"{tmp_path}/sim")
            volume = lab.create_volume(1, "db")
            snapshot = volume.create_snapshot("s")
        with cl.Session(store_url) as session:
            reopened = session.find("db")
            assert (reopened.id, [snapshot.id for snapshot in reopened.snapshots]) == (volume.id, [snapshot.id])
            reopened.delete(cascade=True)

    def test_kernels_that_open_a_new_store_make_it_once(self, store_url: str) -> None:
        """Processes that open an empty database at the same time create one store."""
        _run_together(_children(_OPENING, store_url))
        store = Store(store_url)
        assert store.head() == 0
        with store.reading() as connection:
            assert connection.scalar(sa.text("SELECT count(*) FROM alembic_version")) == 1
        store.close()

    def test_kernels_number_what_they_write_one_after_the_other(self, store_url: str) -> None:
        """Processes that write at the same time number their entries without gaps, and a concurrent reader misses none."""
        store = Store(store_url)
        children = _children(_WRITING, store_url)
        seen: list[int] = []
        while any(child.poll() is None for child in children) or not seen or seen[-1] < store.head():
            with store.reading() as connection:
                seen.extend(entry.number for entry in changefeed.since(connection, seen[-1] if seen else 0, 1000))
        _run_together(children)
        assert seen == list(range(1, 401))
        store.close()

    def test_what_another_session_does_is_seen(self, session: cl.Session, lab: cl.Backend, other: cl.Session) -> None:
        """After ``refresh()`` objects and their lists have what another session created, changed and deleted."""
        volume = lab.create_volume(1, "db")
        assert (volume.snapshots, len(lab.volumes)) == ([], 1)
        theirs = other.find("db")
        theirs.create_snapshot("s")
        theirs.name = "renamed"
        theirs.save()
        theirs.backend.create_volume(1, "new")
        lab.refresh()
        volume.refresh()
        assert (volume.name, [snapshot.name for snapshot in volume.snapshots]) == ("renamed", ["s"])
        assert {listed.name for listed in lab.volumes} == {"renamed", "new"}
        theirs.delete(cascade=True)
        volume.refresh()
        lab.refresh()
        assert (volume.status, [listed.name for listed in lab.volumes]) == ("deleted", ["new"])
        assert api.volumes(session)["name"].tolist() == ["new"]

    def test_a_change_made_elsewhere_is_named_and_kept(self, lab: cl.Backend, other: cl.Session) -> None:
        """Saving a resource that another session has changed raises ChangedElsewhere, which names it, and the change stays."""
        volume = lab.create_volume(1, "db")
        theirs = other.find("db")
        theirs.name = "theirs"
        theirs.save()
        volume.description = "mine"
        with pytest.raises(errors.ChangedElsewhere, match=r"'db'.*changed elsewhere|'theirs'.*changed elsewhere"):
            volume.save()
        assert volume.name == "theirs"
        volume.description = "mine"
        volume.save()
        theirs.refresh()
        assert (theirs.name, theirs.description) == ("theirs", "mine")

    def test_saves_at_the_same_time_lose_nothing(self, lab: cl.Backend, store_url: str) -> None:
        """Sessions that increment one number of a volume, and repeat refused saves, lose no increment."""
        volume = lab.create_volume(1, "db", metadata={"n": "0"})

        def count() -> None:
            with cl.Session(store_url) as session:
                loaded = session.get(cl.Volume, volume.id)
                assert isinstance(loaded, cl.Volume)
                for _ in range(5):
                    _count_up(loaded)

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        volume.refresh()
        assert volume.metadata == {"n": "20"}

    def test_one_key_is_made_once(self, store_url: str) -> None:
        """Sessions that set the same new keys at the same time all succeed, and every key is stored once."""
        Store(store_url).close()
        code = """
import sys
import cl_notebook as cl
with cl.Session(sys.argv[1]) as session:
    sys.stdin.read()
    for number in range(20):
        cl.KeyValue.set(f"key {number}", "value", session=session)
"""
        _run_together(_children(code, store_url))
        with cl.Session(store_url) as session:
            assert len(cl.KeyValue.all(session=session)) == 20

    def test_reads_see_one_moment(self, store_url: str) -> None:
        """All reads of one block see the state of the first read, also after other sessions commit."""
        store, writer = Store(store_url), Store(store_url)
        counted = sa.select(sa.func.count()).select_from(changefeed.ENTRY)
        with store.reading() as connection:
            assert connection.scalar(counted) == 0
            with writer.writing() as writing:
                changefeed.append(writing, changefeed.Entry("save", "volume", str(uuid.uuid4())))
            assert (connection.scalar(counted), changefeed.head(connection)) == (0, 0)
        with store.reading() as connection:
            assert (connection.scalar(counted), changefeed.head(connection)) == (1, 1)
        store.close()
        writer.close()

    def test_a_store_to_be_read_is_not_written(self, session: cl.Session, lab: cl.Backend, store_url: str) -> None:
        """A read-only session can read everything, refuses every action and every write, and does not change the store."""
        volume = lab.create_volume(1, "db")
        head = session.store.head()
        with cl.Session(store_url, read_only=True) as reading:
            read = reading.find("db")
            with pytest.raises(errors.ReadOnly):
                read.delete()
            with pytest.raises(errors.ReadOnly):
                cl.KeyValue.set("k", "v", session=reading)
            with pytest.raises(errors.ReadOnly), reading.store.writing():
                pass
            assert api.volumes(reading).index.tolist() == [volume.id]
        assert session.store.head() == head

    def test_a_new_store_is_not_made_to_be_read(self, store_url: str) -> None:
        """A database without a store cannot be opened read-only, and stays empty."""
        with pytest.raises(errors.StoreUnusable):
            Store(store_url, read_only=True)
        Store(store_url).close()

    def test_a_row_that_names_what_is_not_there_is_refused(self, session: cl.Session) -> None:
        """Inserting a volume of a missing backend raises StoreError, and the volume is not stored."""
        table: sa.Table = Volume.__table__  # type: ignore[attr-defined] # mapped
        row = {"id": "x", "name": "", "size": 1, "status": "", "attach_status": "", "backend_id": "nosuch", "host": ""}
        row |= {"name_in_storage": "", "bootable": False, "metadata": {}, "extra_specs": {}, "qos_specs": {}, "version": 1}
        with pytest.raises(errors.StoreError), session.store.writing() as connection:
            connection.execute(sa.insert(table), row | {"created_at": sa.func.now()})
        assert api.volumes(session).empty


def _count_up(volume: cl.Volume) -> None:
    while True:
        volume.metadata = {"n": str(int(volume.metadata["n"]) + 1)}
        try:
            volume.save()
        except errors.ChangedElsewhere:
            continue
        return
