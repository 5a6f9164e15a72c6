"""Indexes for pages that are sorted or filtered by more columns; of those that are often empty, the rows with a value alone."""

from __future__ import annotations

from cl_notebook.store.migrations import steps

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_WHOLE: dict[str, tuple[tuple[str, ...], ...]] = {
    "volume": (("attach_status", "created_at", "id"), ("host", "created_at", "id"), ("bootable", "created_at", "id")),
    "snapshot": (("volume_size", "id"),),
}
_OF_FILLED: dict[str, tuple[tuple[str, ...], ...]] = {
    "volume": (
        *(("pool_name", "created_at", "id"), ("availability_zone", "created_at", "id"), ("updated_at", "id")),
        *(("provider_id", "id"), ("snapshot_id", "id"), ("source_volid", "id")),
    ),
    "snapshot": (("updated_at", "id"), ("provider_id", "id")),
    "connection": (("attached_host", "created_at", "id"), ("protocol", "created_at", "id"), ("updated_at", "id")),
}
_OLD = {"volume": ("snapshot_id", "source_volid")}
"""Those that a new one begins with."""


def upgrade() -> None:
    """Make the new indexes, then remove those that they stand in for."""
    for table, indexes in _WHOLE.items():
        for columns in indexes:
            steps.create_index(table, *columns)
    for table, indexes in _OF_FILLED.items():
        for columns in indexes:
            steps.create_index(table, *columns, of_filled=True)
    for table, old in _OLD.items():
        for column in old:
            steps.drop_index(table, column)
