"""Indexes for what a kernel made, and for what was made from a volume or a snapshot: a clean-up asks for both."""

from __future__ import annotations

from cl_notebook.store.migrations import steps

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    steps.create_index("operation", "kernel_id", "id")
    steps.create_index("volume", "snapshot_id")
    steps.create_index("volume", "source_volid")
