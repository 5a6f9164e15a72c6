"""Against what lies under us: sqlite3, pandas and SQLAlchemy over the very same rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy import orm

import cl_notebook as cl
from cl_notebook.store.types import reg
from cl_notebook.testing.stores import fill
from tests.benchmarks.comparing import timed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.benchmarks.comparing import Comparison

    Filled = tuple[Path, str]

FRAME_SQL = """
SELECT volume.id, volume.name, status, size, backend.name AS backend, attach_status, host, pool_name, name_in_storage,
       snapshot_id, source_volid, availability_zone, bootable, description, metadata, extra_specs, qos_specs,
       provider_location, provider_id, volume.created_at, volume.updated_at, volume.version
FROM volume JOIN backend ON volume.backend_id = backend.id ORDER BY volume.created_at, volume.id
"""
"""The columns of `cl.frames.volumes()`."""

INSERT = "INSERT INTO done VALUES (?, 'creating')"
UPDATE = "UPDATE done SET status = 'available' WHERE id = ?"


class Plain:
    """SQLAlchemy's own mapping of the same tables, with relationships of its own."""

    class Volume:
        """A volume."""

    class Snapshot:
        """A snapshot."""

    class Connection:
        """A connection."""

    def __init__(self) -> None:
        """Map copies of the tables."""
        tables = sa.MetaData()
        for name in ("backend", "volume", "snapshot", "connection"):
            reg.metadata.tables[name].to_metadata(tables)
        mapped = orm.registry()
        of = tables.tables
        mapped.map_imperatively(self.Snapshot, of["snapshot"], properties={"metadata_": of["snapshot"].c.metadata})
        mapped.map_imperatively(self.Connection, of["connection"])
        children = {
            "snapshots": orm.relationship(self.Snapshot, backref="volume"),
            "connections": orm.relationship(self.Connection, backref="volume"),
        }
        mapped.map_imperatively(self.Volume, of["volume"], properties={"metadata_": of["volume"].c.metadata, **children})
        orm.configure_mappers()


@pytest.fixture(scope="module")
def plain() -> Plain:
    """Map the tables once."""
    return Plain()


@pytest.fixture(scope="module")
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Make a store of that many volumes, each with two snapshots and a connection; give its file and its backend's id."""
    file = tmp_path_factory.mktemp("stores") / "store.db"
    with cl.Session(file) as session:
        return file, fill(session.store, volumes=request.param)


@pytest.fixture
def engine(filled: Filled) -> Iterator[sa.Engine]:
    """Open the same file with nothing of ours."""
    engine = sa.create_engine(f"sqlite:///{filled[0]}")
    yield engine
    engine.dispose()


@pytest.mark.parametrize("filled", [100_000], indirect=True)
def bench_frame(filled: Filled, compare: Comparison) -> None:
    """A frame of all volumes, against pandas and the bare cursor over the same columns."""
    with cl.Session(filled[0]) as session, closing(sqlite3.connect(filled[0])) as raw:
        frame = cl.frames.volumes(session)
        assert [frame.index.name, *frame.columns] == [column[0] for column in raw.execute(FRAME_SQL).description]

        def ours() -> float:
            return timed(lambda: cl.frames.volumes(session))

        work = "frame of 100,000 volumes"
        compare.measure(work, ours, "pandas.read_sql_query", lambda: timed(lambda: pd.read_sql_query(FRAME_SQL, raw)), 2)
        compare.measure(work, ours, "sqlite3 fetchall", lambda: timed(lambda: raw.execute(FRAME_SQL).fetchall()))


@pytest.mark.parametrize("filled", [1_000, 10_000], indirect=True)
def bench_list(filled: Filled, engine: sa.Engine, plain: Plain, compare: Comparison, request: pytest.FixtureRequest) -> None:
    """The list of all volumes as objects, in a session that holds none yet, against SQLAlchemy's."""
    everything: Any = sa.select(plain.Volume)

    def ours() -> float:
        with cl.Session(filled[0]) as session:
            backend = session.get(cl.Backend, filled[1])
            assert isinstance(backend, cl.Backend)
            return timed(lambda: backend.volumes)

    def theirs() -> float:
        with orm.Session(engine) as session:
            return timed(lambda: session.scalars(everything).all())

    compare.measure(f"list {_count(request)} volumes as objects", ours, "SQLAlchemy ORM", theirs, 3)


@pytest.mark.parametrize("filled", [1_000, 10_000], indirect=True)
def bench_loop(filled: Filled, engine: sa.Engine, plain: Plain, compare: Comparison, request: pytest.FixtureRequest) -> None:
    """The status loop over everything, lists loaded as it goes, against objects that SQLAlchemy loads beforehand."""
    volume: Any = plain.Volume
    everything = sa.select(volume).options(orm.selectinload(volume.snapshots), orm.selectinload(volume.connections))
    queries: list[int] = []

    def ours() -> float:
        with cl.Session(filled[0]) as session:
            backend = session.get(cl.Backend, filled[1])
            assert isinstance(backend, cl.Backend)
            counted = _counted(session.store.engine)
            spent = timed(lambda: _loop(backend))
            queries.append(len(counted))
            return spent

    def theirs() -> float:
        with orm.Session(engine) as session:
            return timed(lambda: [_lines(vol) for vol in session.scalars(everything)])

    counted = _counted(engine)
    theirs()
    other = f"selectinload ({len(counted)} queries)"
    ours()
    compare.measure(f"status loop, {_count(request)} volumes ({queries[-1]} queries)", ours, other, theirs, 1.5)


def bench_create(tmp_path: Path, compare: Comparison) -> None:
    """A volume made for sure, against the two commits on disk that this takes."""
    numbers = iter(range(1_000_000))
    with (
        cl.Session(tmp_path / "store.db") as session,
        closing(sqlite3.connect(tmp_path / "bare.db", isolation_level=None)) as bare,
    ):
        backend = session.backend("sim", volume_driver="sim", path=tmp_path / "sim")
        bare.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE done (id PRIMARY KEY, status)")

        def commits() -> None:
            number = next(numbers)
            bare.execute(INSERT, (number,))
            bare.execute(UPDATE, (number,))

        other = "2 commits by sqlite3"
        compare.measure(
            "create a volume", lambda: timed(lambda: backend.create_volume(1)), other, lambda: timed(commits), rounds=100
        )


def _loop(backend: cl.Backend) -> None:
    backend.refresh()
    for vol in backend.volumes:
        vol.refresh()
        _lines(vol)


def _lines(vol: Any) -> list[str]:
    said = [f"Volume {vol.id} is currently {vol.status}"]
    said += [f"Snapshot {snap.id} for volume {snap.volume.id} is currently {snap.status}" for snap in vol.snapshots]
    for conn in vol.connections:
        host, ip = conn.connector_info["host"], conn.connector_info["ip"]
        said.append(f"Connection from {host} with ip {ip} to volume {conn.volume.id} is {conn.attach_status}")
    return said


def _counted(engine: sa.Engine) -> list[str]:
    statements: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *found: statements.append(found[2]))
    return statements


def _count(request: pytest.FixtureRequest) -> str:
    return f"{request.node.callspec.params['filled']:,}"
