"""A flag that refuses deletion, and the trash: the rows of deleted volumes, whose bytes stay on the storage for a while."""

from __future__ import annotations

import sqlalchemy as sa

from cl_notebook.store.migrations import steps
from cl_notebook.store.types import Json, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, which is false for what is there, and make the table."""
    for table in ("volume", "snapshot"):
        steps.add_column(table, sa.Column("protected", sa.Boolean(), nullable=False, server_default=sa.false()))
    steps.create_table(
        "trash",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("volume_id", sa.String(36), nullable=False),
        sa.Column("backend_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("name_in_storage", sa.String(255), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("fields", Json(), nullable=False),
        sa.Column("kernel_id", sa.String(36), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", "kind", name=sa.schema.conv("pk_trash")),
        sa.ForeignKeyConstraint(["backend_id"], ["backend.id"], name=sa.schema.conv("fk_trash_backend_id_backend")),
        sa.ForeignKeyConstraint(["kernel_id"], ["kernel.id"], name=sa.schema.conv("fk_trash_kernel_id_kernel")),
    )
    steps.create_index("trash", "volume_id")
    steps.create_index("trash", "name_in_storage", "backend_id")
    steps.create_index("trash", "backend_id", "expires_at")
