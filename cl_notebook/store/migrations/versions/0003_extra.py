"""What a document said of a resource and no column stands for: kept, and written back."""

from __future__ import annotations

import sqlalchemy as sa

from cl_notebook.store.migrations import steps

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    for table in ("backend", "volume", "snapshot", "connection"):
        steps.add_column(table, sa.Column("extra", sa.JSON(none_as_null=True), nullable=True))
