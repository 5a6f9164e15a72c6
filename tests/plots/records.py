"""Recorded operations for tests, inserted without a driver."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.model import Kernel, Operation

if TYPE_CHECKING:
    from collections.abc import Iterable

    import cl_notebook as cl

START = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
"""When the first operation begins."""


def record(session: cl.Session, operations: Iterable[dict[str, Any]], kernel: str = "k", host: str = "lab1") -> None:
    """Insert operations of a kernel, each a second after the one before; the *operations* say what is special about them."""
    described = {"id": kernel, "host": host, "user": "me", "pid": 7, "start_ticks": 0, "machine": "", "boot": ""}
    plain: dict[str, Any] = {
        "action": "create",
        "call": "create_volume",
        "status": "done",
        "duration": 0.5,
        "error": None,
        "backend_id": None,
    }
    rows = []
    for number, special in enumerate(operations):
        started = START + dt.timedelta(seconds=number)
        ended = started + dt.timedelta(seconds=plain["duration"])
        resource = {"resource_type": "volume", "resource_id": f"v{number}", "resource_name": f"db{number}", "arguments": {}}
        rows.append({**plain, **resource, "kernel_id": kernel, "started_at": started, "ended_at": ended, **special})
    with session.store.writing() as connection:
        connection.execute(sa.insert(Kernel), {**described, "started_at": START, "notebook": "work/tour.ipynb"})
        connection.execute(sa.insert(Operation), rows)
