"""When a kernel that is at work was last heard of, by the data base's clock."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, unless an upgrade that was cut short has added it: not every data base takes that back."""
    if "seen_at" in {column["name"] for column in sa.inspect(op.get_bind()).get_columns("kernel")}:
        return
    moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    op.add_column("kernel", sa.Column("seen_at", moment, nullable=True))
