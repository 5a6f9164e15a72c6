"""Map the tables of kernels and operations: what was asked of which resource, by which kernel, when, and how it ended."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cl_notebook.model.context import SessionBound
from cl_notebook.store.types import BigId, Json, LongText, UtcDateTime, reg, utcnow

RUNNING = "running"
DONE = "done"
FAILED = "failed"
INTERRUPTED = "interrupted"
LOST = "lost"
"""The status that frames show for a running operation whose kernel is dead. It is never stored."""

MEANINGS = {
    RUNNING: "a kernel works on it",
    DONE: "it succeeded",
    FAILED: "it raised an error",
    INTERRUPTED: "the user ended it",
    LOST: "its kernel is dead, and nothing finished or undid it",
}
"""By status of an operation, what it says."""


@reg.mapped
class Kernel:
    """A process that worked on the store, with the facts that show later whether it is still alive."""

    __tablename__ = "kernel"

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    host: Mapped[str] = mapped_column(sa.String(255))
    user: Mapped[str] = mapped_column(sa.String(255))
    pid: Mapped[int] = mapped_column(sa.Integer)
    start_ticks: Mapped[int] = mapped_column(sa.BigInteger)
    machine: Mapped[str] = mapped_column(sa.String(255))
    boot: Mapped[str] = mapped_column(sa.String(255))
    notebook: Mapped[str | None] = mapped_column(sa.String(1024))
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=utcnow)
    seen_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    """Time of the last heartbeat, by the database's clock; None if there was none."""


@reg.mapped
class Operation(SessionBound):
    """One operation: its intent is committed before the driver is called, its outcome afterwards.

    ``status`` is ``running``, ``done``, ``failed`` or ``interrupted``; ``duration`` is in seconds; ``call`` names the
    driver's method.
    """

    __tablename__ = "operation"
    __table_args__ = (sa.Index(None, "resource_id", "id"), sa.Index(None, "status"), sa.Index(None, "kernel_id", "id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    action: Mapped[str] = mapped_column(sa.String(32))
    call: Mapped[str | None] = mapped_column(sa.String(64))
    status: Mapped[str] = mapped_column(sa.String(16))
    resource_type: Mapped[str] = mapped_column(sa.String(16))
    resource_id: Mapped[str] = mapped_column(sa.String(36))
    resource_name: Mapped[str | None] = mapped_column(sa.String(255))
    backend_id: Mapped[str | None] = mapped_column(sa.String(36))
    arguments: Mapped[dict[str, Any]] = mapped_column(Json)
    kernel_id: Mapped[str] = mapped_column(sa.ForeignKey("kernel.id"))
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    duration: Mapped[float | None] = mapped_column(sa.Double)
    error: Mapped[str | None] = mapped_column(LongText)

    def _instead_of_copy(self) -> tuple[str, str]:
        """Return the name of the operation and the frame that gives its data."""
        return f"operation {self.id}", f"cl.frames.operations(id={self.id}) gives its data."
