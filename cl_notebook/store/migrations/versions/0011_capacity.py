"""What the capacities of pools were, over time."""

from __future__ import annotations

import sqlalchemy as sa

from cl_notebook.store.migrations import steps
from cl_notebook.store.types import BigId

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    steps.create_table(
        "capacity",
        sa.Column("backend_id", sa.String(36), nullable=False),
        sa.Column("seconds", BigId, nullable=False, autoincrement=False),
        sa.Column("step", BigId, nullable=False, autoincrement=False),
        sa.Column("pool", sa.String(255), nullable=False),
        sa.Column("total", sa.Double(), nullable=False),
        sa.Column("free", sa.Double(), nullable=False),
        sa.Column("provisioned", sa.Double()),
        sa.PrimaryKeyConstraint("backend_id", "seconds", "step", "pool", name=sa.schema.conv("pk_capacity")),
    )
