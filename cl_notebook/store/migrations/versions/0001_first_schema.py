"""The first schema: backends, volumes, snapshots, connections, operations, the change feed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from cl_notebook.store.migrations import steps

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _moment() -> sa.types.TypeEngine[Any]:
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def _number() -> sa.types.TypeEngine[Any]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table, parents first."""
    _backend()
    _entry()
    _feed()
    _kernel()
    _key_value()
    _operation()
    _volume()
    _connection()
    _snapshot()
    feed = sa.table("feed", sa.column("id", sa.Integer), sa.column("head", sa.BigInteger))
    if op.get_bind().scalar(sa.select(feed.c.id)) is None:
        op.bulk_insert(feed, [{"id": 1, "head": 0}])


def _backend() -> None:
    steps.create_table(
        "backend",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("volume_driver", sa.String(length=255), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("updated_at", _moment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backend")),
        sa.UniqueConstraint("name", name=op.f("uq_backend_name")),
    )


def _entry() -> None:
    steps.create_table(
        "entry",
        sa.Column("number", _number(), autoincrement=False, nullable=False),
        sa.Column("operation_id", _number(), nullable=True),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("resource_type", sa.String(length=16), nullable=False),
        sa.Column("resource_id", sa.String(length=36), nullable=False),
        sa.Column("volume_id", sa.String(length=36), nullable=True),
        sa.Column("backend_id", sa.String(length=36), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=True),
        sa.Column("at", _moment(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_entry")),
    )
    steps.create_index("entry", "resource_id", "number")


def _feed() -> None:
    steps.create_table(
        "feed",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed")),
    )


def _kernel() -> None:
    steps.create_table(
        "kernel",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("user", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("start_ticks", sa.BigInteger(), nullable=False),
        sa.Column("machine", sa.String(length=255), nullable=False),
        sa.Column("boot", sa.String(length=255), nullable=False),
        sa.Column("notebook", sa.String(length=1024), nullable=True),
        sa.Column("started_at", _moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kernel")),
    )


def _key_value() -> None:
    steps.create_table(
        "key_value",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_key_value")),
    )


def _operation() -> None:
    steps.create_table(
        "operation",
        sa.Column("id", _number(), autoincrement=True, nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("call", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("resource_type", sa.String(length=16), nullable=False),
        sa.Column("resource_id", sa.String(length=36), nullable=False),
        sa.Column("resource_name", sa.String(length=255), nullable=True),
        sa.Column("backend_id", sa.String(length=36), nullable=True),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("kernel_id", sa.String(length=36), nullable=False),
        sa.Column("started_at", _moment(), nullable=False),
        sa.Column("ended_at", _moment(), nullable=True),
        sa.Column("duration", sa.Double(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["kernel_id"], ["kernel.id"], name=op.f("fk_operation_kernel_id_kernel")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation")),
    )
    steps.create_index("operation", "resource_id", "id")
    steps.create_index("operation", "status")


def _volume() -> None:
    steps.create_table(
        "volume",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("attach_status", sa.String(length=32), nullable=False),
        sa.Column("backend_id", sa.String(length=36), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pool_name", sa.String(length=255), nullable=True),
        sa.Column("name_in_storage", sa.String(length=255), nullable=False),
        sa.Column("snapshot_id", sa.String(length=36), nullable=True),
        sa.Column("source_volid", sa.String(length=36), nullable=True),
        sa.Column("availability_zone", sa.String(length=255), nullable=True),
        sa.Column("bootable", sa.Boolean(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("extra_specs", sa.JSON(), nullable=False),
        sa.Column("qos_specs", sa.JSON(), nullable=False),
        sa.Column("provider_location", sa.Text(), nullable=True),
        sa.Column("provider_id", sa.String(length=255), nullable=True),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("updated_at", _moment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["backend_id"], ["backend.id"], name=op.f("fk_volume_backend_id_backend")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volume")),
    )
    steps.create_index("volume", "backend_id", "created_at", "id")
    steps.create_index("volume", "backend_id", "host", "id")
    steps.create_index("volume", "backend_id", "name", "id")
    steps.create_index("volume", "backend_id", "size", "id")
    steps.create_index("volume", "backend_id", "status", "size", "id")
    steps.create_index("volume", "created_at", "id")
    steps.create_index("volume", "name")
    steps.create_index("volume", "status")


def _connection() -> None:
    steps.create_table(
        "connection",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("volume_id", sa.String(length=36), nullable=False),
        sa.Column("backend_id", sa.String(length=36), nullable=False),
        sa.Column("attach_status", sa.String(length=32), nullable=False),
        sa.Column("attach_mode", sa.String(length=8), nullable=False),
        sa.Column("attached_host", sa.String(length=255), nullable=True),
        sa.Column("protocol", sa.String(length=32), nullable=True),
        sa.Column("multipath", sa.Boolean(), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("connector_info", sa.JSON(), nullable=False),
        sa.Column("conn_info", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("device", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("updated_at", _moment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["backend_id"], ["backend.id"], name=op.f("fk_connection_backend_id_backend")),
        sa.ForeignKeyConstraint(["volume_id"], ["volume.id"], name=op.f("fk_connection_volume_id_volume")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection")),
    )
    steps.create_index("connection", "attach_status")
    steps.create_index("connection", "backend_id")
    steps.create_index("connection", "volume_id", "created_at", "id")


def _snapshot() -> None:
    steps.create_table(
        "snapshot",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("progress", sa.String(length=32), nullable=True),
        sa.Column("volume_id", sa.String(length=36), nullable=False),
        sa.Column("volume_size", sa.Integer(), nullable=False),
        sa.Column("backend_id", sa.String(length=36), nullable=False),
        sa.Column("name_in_storage", sa.String(length=255), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("provider_location", sa.Text(), nullable=True),
        sa.Column("provider_id", sa.String(length=255), nullable=True),
        sa.Column("created_at", _moment(), nullable=False),
        sa.Column("updated_at", _moment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["backend_id"], ["backend.id"], name=op.f("fk_snapshot_backend_id_backend")),
        sa.ForeignKeyConstraint(["volume_id"], ["volume.id"], name=op.f("fk_snapshot_volume_id_volume")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshot")),
    )
    steps.create_index("snapshot", "backend_id")
    steps.create_index("snapshot", "name")
    steps.create_index("snapshot", "status")
    steps.create_index("snapshot", "volume_id", "created_at", "id")
