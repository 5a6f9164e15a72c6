"""Indexes for stores of millions: a page, sorted and filtered, and a search by name cost what they cost in a small store."""

from __future__ import annotations

from alembic import op

from cl_notebook.store import search
from cl_notebook.store.migrations import steps

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NEW: dict[str, tuple[tuple[str, ...], ...]] = {
    "volume": (("name", "id"), ("size", "id"), ("status", "created_at", "id"), ("status", "size", "id")),
    "snapshot": (
        *(("name", "id"), ("backend_id", "created_at", "id"), ("created_at", "id")),
        ("status", "created_at", "id"),
    ),
    "connection": (("backend_id", "created_at", "id"), ("created_at", "id"), ("attach_status", "created_at", "id")),
}
_OLD = {"volume": ("name", "status"), "snapshot": ("name", "backend_id", "status"), "connection": ("backend_id", "attach_status")}
"""Those that a new one begins with."""


def upgrade() -> None:
    """Make the new indexes, then remove those that they stand in for."""
    for table, indexes in _NEW.items():
        for columns in indexes:
            steps.create_index(table, *columns)
        for column in _OLD[table]:
            steps.drop_index(table, column)
    search.make_indexes(op.get_bind())
