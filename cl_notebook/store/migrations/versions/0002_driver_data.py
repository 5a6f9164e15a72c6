"""What drivers want kept beside the fields that every volume has, and through which gateway a host was reached."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cl_notebook.store.migrations import steps

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table."""
    for table in ("volume", "snapshot"):
        steps.add_column(table, sa.Column("driver_data", sa.JSON(none_as_null=True), nullable=True))
    steps.add_column("connection", sa.Column("gateway", sa.String(length=255), nullable=True))
    steps.create_table(
        "driver_initiator_data",
        sa.Column("backend_id", sa.String(length=36), nullable=False),
        sa.Column("initiator", sa.String(length=255), nullable=False),
        sa.Column("namespace", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("backend_id", "initiator", "namespace", "key", name=op.f("pk_driver_initiator_data")),
    )
