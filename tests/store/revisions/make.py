"""Writes a store as text, made by the cl_notebook that it is run with: ``PYTHONPATH=/an/older/tree python make.py FILE``.

What earlier revisions left is kept beside it; a newer one is added when the schema changes again. Of a revision that no
cl_notebook ended with, ``python make.py FILE REVISION`` writes what an upgrade of the store before it leaves, ended there.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import pool

import cl_notebook as cl
from cl_notebook.store import schema
from cl_notebook.store.engine import new_engine
from cl_notebook.store.url import parse_url

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


def upgrade(store: Path, revision: str) -> None:
    """Make *store* from the text of the revision before *revision*, and upgrade it by this one."""
    before = max(file for file in Path(__file__).parent.glob("*.sql") if file.stem < revision)
    with contextlib.closing(sqlite3.connect(store)) as raw:
        raw.executescript(before.read_text())
    engine = new_engine(parse_url(f"sqlite:///{store}"), poolclass=pool.NullPool)
    with engine.begin() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def main(file: str, revision: str = "") -> None:
    """Write the text of a new store to *file*, or of one that was upgraded to *revision*."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "s.db"
        if revision:
            upgrade(store, revision)
        else:
            with cl.setup(str(store)) as session:
                fill(session, Path(folder) / "sim")
        with contextlib.closing(sqlite3.connect(store)) as raw:
            text = "\n".join(raw.iterdump())
        Path(file).write_text(text.replace(folder, PLACE) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
