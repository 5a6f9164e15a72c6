"""Define ``%cl_connection``, the magic for one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook.many.report import Act
from cl_notebook.model import Connection
from cl_notebook.notebook.command import batch, resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb
from cl_notebook.notebook.magics import lists

if TYPE_CHECKING:
    from cl_notebook.notebook.command.command import Invocation
    from cl_notebook.notebook.output.details import Details, SeveralDetails

_HELP = "The connection: its id, the beginning of it, or the variable that holds it."
_CONNECTIONS = Argument("CONNECTION", f"{_HELP} {batch.SEVERAL_WORDS}", "connection", repeat=True)


def _show(call: Invocation) -> Details | SeveralDetails:
    return batch.details(_connections(call, acting=False))


def _attach(call: Invocation) -> Any:  # noqa: ANN401 - the connection, or a report of several
    def attach(connection: Connection) -> Connection:
        connection.attach()
        return connection

    return batch.each(call, Act("attach", "attached"), _connections(call), attach)


def _detach(call: Invocation) -> Any:  # noqa: ANN401 - the connection, or a report of several
    act, lost = Act("detach", "detached"), batch.FORCED_DETACHMENT if call["force"] else ""
    return batch.each(call, act, _connections(call), lambda conn: conn.detach(force=call["force"]), destroys=lost)


def _disconnect(call: Invocation) -> Any:  # noqa: ANN401 - the connection, or a report of several
    act, lost = Act("disconnect", "disconnected"), "The hosts lose their access."
    named = _connections(call)
    return batch.each(call, act, named, lambda connection: connection.disconnect(force=call["force"]), destroys=lost)


def _connections(call: Invocation, *, acting: bool = True) -> resolve.Several[Connection]:
    return resolve.several(call, call["connection"], Connection, acting=acting)


COMMAND = Command(
    "cl_connection",
    "Look at connections, attach and detach them, remove them. %cl_volume connect makes one.",
    (
        Verb("show", "Show the fields of a connection, secrets masked.", _show, (_CONNECTIONS,)),
        lists.listing("cl_connections"),
        Verb("attach", "Attach the volume on its host; the path is the device to use.", _attach, (_CONNECTIONS,), batch.OPTIONS),
        Verb(
            "detach",
            "Detach the device from its host; the host can still reach the volume on the storage.",
            _detach,
            (_CONNECTIONS,),
            (Option("force", "Go on where the host meets errors, or is not reached."), *batch.DESTRUCTIVE),
        ),
        Verb(
            "disconnect",
            "Take away the host's access to the volume, and forget the connection.",
            _disconnect,
            (_CONNECTIONS,),
            (Option("force", "Also while a device is attached."), *batch.DESTRUCTIVE),
        ),
    ),
    (
        "%cl_connection show 3f2a91c0",
        "%cl_connection attach conn",
        "%cl_connection detach conn",
        "%cl_connection disconnect conn",
        "%cl_connection disconnect backend:old --yes",
    ),
    purpose="Act",
    sample="%cl_connection detach 3f2a91c0",
    brief="attach, detach, disconnect a host",
)
"""The magic."""
