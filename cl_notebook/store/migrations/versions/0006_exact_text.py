"""On MariaDB: text that differs by case or by blanks differs, and long text fits. Elsewhere that was always so."""

from __future__ import annotations

from cl_notebook.store.migrations import steps

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLES = (
    "backend",
    "connection",
    "driver_initiator_data",
    "entry",
    "feed",
    "kernel",
    "key_value",
    "operation",
    "snapshot",
    "volume",
)
_LONG = {
    "connection": ("path",),
    "operation": ("error",),
    "snapshot": ("description", "provider_location"),
    "volume": ("description", "provider_location"),
}


def upgrade() -> None:
    """Change the tables where they are not so."""
    for table in _TABLES:
        steps.make_exact(table)
    for table, columns in _LONG.items():
        for column in columns:
            steps.lengthen(table, column)
    steps.lengthen("key_value", "value", nullable=False)
