"""Writes a store as text, made by the cl_notebook that it is run with: ``PYTHONPATH=/an/older/tree python make.py FILE``.

What earlier revisions left is kept beside it; a newer one is added when the schema changes again.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import tempfile
from pathlib import Path

import cl_notebook as cl

HOST = {"host": "node1", "ip": "192.0.2.7", "initiator": "iqn.x", "multipath": False}

PLACE = "/var/lib/lab"
"""What stands in the text for the folder that everything was made in."""


def fill(session: cl.Session, folder: Path) -> None:
    """Make volumes, snapshots, connections, an operation that fails and, where there are any, key-value pairs."""
    lab = session.backend("lab", volume_driver="sim", path=str(folder), faults="create_snapshot:2")
    ledger = lab.create_volume(2, "ledger \u4e2d\u6587 \U0001f4be", description="of all", metadata={"team": "bl\u00fc"})
    before = ledger.create_snapshot("before the flood", metadata={"why": "test"})
    before.create_volume(name="copy")
    ledger.clone(name='it\'s 100% \\ a "clone"')
    ledger.connect(HOST)
    lab.create_volume(1, "gone").delete()
    with contextlib.suppress(cl.errors.DriverError):
        ledger.create_snapshot("refused")
    if hasattr(cl.KeyValue, "set"):
        cl.KeyValue.set("rack", "b7 \u00e9")


def main(file: str) -> None:
    """Write the text of a new store to *file*."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "s.db"
        with cl.setup(str(store)) as session:
            fill(session, Path(folder) / "sim")
        with contextlib.closing(sqlite3.connect(store)) as raw:
            text = "\n".join(raw.iterdump())
        Path(file).write_text(text.replace(folder, PLACE) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
