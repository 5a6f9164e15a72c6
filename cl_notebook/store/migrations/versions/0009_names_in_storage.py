"""Indexes of the names on the storage: what is tracked under one is looked up before another row may claim it."""

from __future__ import annotations

from cl_notebook.store.migrations import steps

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TABLES = ("volume", "snapshot")


def upgrade() -> None:
    """Make them."""
    for table in _TABLES:
        steps.create_index(table, "name_in_storage", "backend_id")
