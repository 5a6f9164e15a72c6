"""Add the time of a kernel's last heartbeat, by the database's clock."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from cl_notebook.store.migrations import steps

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    steps.add_column("kernel", sa.Column("seen_at", moment, nullable=True))
