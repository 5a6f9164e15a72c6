"""Repairing connections: by what the storage was told, and by the devices that this host has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.drivers.api import GiB
from cl_notebook.inventory import connections, history
from cl_notebook.inventory.finding import MISSING, SIZE_DIFFERS
from cl_notebook.model.operations import guards, lifecycle
from cl_notebook.model.operations.changes import Update

if TYPE_CHECKING:
    from cl_notebook.model import Connection


def repair(connection: Connection, *, force: bool) -> str:
    """Finish or roll back what was cut short on *connection*, or attach again what lost its device; return what was done."""
    if lifecycle.is_foreign(connection.kind, connection.status):
        _settle(connection)
    if connection.status not in lifecycle.WHOLE[connection.kind]:
        return _cut_short(connection, force=force)
    if not connection.attached:
        return "Nothing is wrong with it."
    _refuse_if_out_of_reach(connection)
    verdict = MISSING if connection.gateway is not None else connections.look(connection)[0]
    if verdict == SIZE_DIFFERS:
        return _grown(connection)
    if verdict != MISSING:
        return "Nothing is wrong with it."
    before = connection.path
    after = connection.attach()
    return f"It was attached again as {after}." if after != before else f"It is attached, as {after}."


def _grown(connection: Connection) -> str:
    size = connection.extend_device()
    verdict, detail = connections.look(connection)
    if verdict == SIZE_DIFFERS:
        msg = f"The device of {connection.label()} does not follow its volume. {detail} Detach it and attach it again."
        raise errors.Refused(msg)
    return f"Its device follows its volume: it has {size / GiB:g} GiB now."


def _cut_short(connection: Connection, *, force: bool) -> str:
    cut = history.of(connection).action
    if not connection.connected or cut in {"disconnect", "connect"}:
        if connection.connected and connection.is_in_reach and connection.attached:
            connection.detach(force=force)
        connection.disconnect(force=force)
        return "It was removed: the host is shut out."
    _refuse_if_out_of_reach(connection)
    if cut == "attach" and connections.has_device(connection):
        return f"Its device is there: it was attached as {connection.attach()}."
    connection.detach(force=force)
    return "It was detached; the storage still lets the host in."


def _settle(connection: Connection) -> None:
    """Give a connection with a foreign status the one that fits what is known of it: whether the storage let the host in."""
    status = "attached" if connection.connected else "error_attaching"
    guard = guards.ready(connection.context, connection, "repair", {connection.status})
    connection.context.journal.record("repair", [Update(connection, {"attach_status": status})], connection, (guard,))


def _refuse_if_out_of_reach(connection: Connection) -> None:
    connection.refuse_if_not_typed()
    if not connection.is_in_reach:
        msg = f"{connection.label()} is attached on {connection.attached_host}: it must be repaired there."
        raise errors.Refused(msg)
