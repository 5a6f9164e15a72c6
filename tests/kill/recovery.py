"""The next kernel, on the store of one that was killed: what it must find, and what it makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook.model import trash, undo

if TYPE_CHECKING:
    import pandas as pd

    from cl_notebook.inventory.verdicts import Finding
    from tests.kill.storage import Found

_EXPLAINED = {"ok", "stuck", "missing"}
_VAGUE = {"unknown", "size differs"}

TABLES = (cl.Volume, cl.Snapshot, cl.Connection)


def untracked(session: cl.Session, found: Found) -> set[str]:
    """Return what is on the storage and has no row, not even in the trash."""
    with session.store.reading() as connection:
        volumes, snapshots = (set(connection.scalars(sa.select(cls.name_in_storage))) for cls in (cl.Volume, cl.Snapshot))
        in_trash = set(connection.scalars(sa.select(trash.TABLE.c.name_in_storage)))
        connections = set(connection.scalars(sa.select(cl.Connection.id)))
    return (found.volumes - volumes - in_trash) | (found.snapshots - snapshots - in_trash) | (found.connections - connections)


def tracked(session: cl.Session) -> list[str]:
    """Return the ids of all resources that are in the store, and of the operations that nobody ended."""
    with session.store.reading() as connection:
        rows = [found for cls in TABLES for found in connection.scalars(sa.select(cls.id))]
        running = connection.scalars(sa.text("SELECT action || ' ' || id FROM operation WHERE status = 'running'"))
        return [*rows, *running]


def unexplained(session: cl.Session, *, lists: bool = True) -> list[Finding]:
    """Return the findings of a scan that do not say, of what is tracked, that it is as it should be or was cut short.

    Of a storage that *lists* nothing it may say that it does not know, or rely on the reported sizes. What a driver keeps
    for its own use, and nobody can adopt, does not count.
    """
    return [
        finding
        for finding in cl.inventory.findings(session)
        if (lists or finding.verdict not in _VAGUE) and not is_drivers_own(finding)
        if finding.verdict not in _explained(finding) or (finding.verdict != "ok" and not (finding.detail and finding.next))
    ]


def _explained(finding: Finding) -> set[str]:
    # a device that does not have the new size of its volume yet
    return _EXPLAINED | ({"size differs"} if finding.kind == "connection" else set())


def is_drivers_own(finding: Finding) -> bool:
    """Return whether a driver keeps the *finding* for its own use, so that it cannot be adopted."""
    return finding.verdict == "untracked" and finding.next is None and "cannot be" in (finding.detail or "")


def repaired(session: cl.Session, *, remove: bool = False) -> pd.DataFrame:
    """Finish or roll back everything that was cut short, and return what could not be.

    With *remove* this takes away what nobody knows to be whole.
    """
    report = cl.inventory.repair_all(session=session, remove=remove)
    return report[~report["done"].astype(bool)]


def cleaned_up(session: cl.Session) -> pd.DataFrame:
    """Remove everything that is tracked or in the trash, and return the steps that were not done."""
    undo.empty(session)
    report = cl.inventory.plan_cleanup(session, all=True).run()
    return report[report["outcome"] != "done"]
