"""Indexes for what a kernel made, and for what was made from a volume or a snapshot: a clean-up asks for both."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NEW = (("operation", ("kernel_id", "id")), ("volume", ("snapshot_id",)), ("volume", ("source_volid",)))


def upgrade() -> None:
    """Make the indexes, but for those that an upgrade made that was cut short: not every data base takes them back."""
    for table, columns in _NEW:
        name = f"ix_{table}_{'_'.join(columns)}"
        if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
            op.create_index(op.f(name), table, list(columns))
