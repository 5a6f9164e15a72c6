"""The statements behind the pictures, on every kind of database."""

from __future__ import annotations

import cl_notebook as cl
from cl_notebook.testing.stores import fill
from tests.plots.records import record


def test_every_database_counts_and_ranks(any_store_url: str) -> None:
    """Latency, timeline and lineage are the same on SQLite, PostgreSQL and MariaDB."""
    with cl.setup(store=any_store_url) as session:
        record(session, [{"duration": number / 1000} for number in range(1, 1201)])
        latency = cl.plot.latency().frame.loc[0]
        assert latency[["done", "median", "p95", "min", "max"]].tolist() == [1200, 0.6, 1.14, 0.001, 1.2]
        timeline = cl.plot.timeline().frame
        assert timeline["operations"].tolist() == [30] * 40
        fill(session.store, volumes=50, snapshots=2)
        lineage = cl.plot.lineage(backend="sim")
        assert lineage.frame["kind"].value_counts().to_dict() == {"volume": 50, "snapshot": 10}
        assert "90 more" in repr(lineage)
        assert len(cl.plot.lineage(cl.Volume.get_by_name("vol-7")[0]).frame) == 3
