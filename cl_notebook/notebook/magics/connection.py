"""Define ``%cl_connection``, the magic for one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook.notebook.command import resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb
from cl_notebook.notebook.magics import lists
from cl_notebook.notebook.output.details import Details

if TYPE_CHECKING:
    from cl_notebook.model import Connection
    from cl_notebook.notebook.command.command import Invocation

_CONNECTION = Argument("CONNECTION", "The connection: its id, the beginning of it, or the variable that holds it.", "connection")


def _show(call: Invocation) -> Details:
    return Details(resolve.connection(call, call["connection"]))


def _attach(call: Invocation) -> Connection:
    connection = resolve.connection(call, call["connection"], acting=True)
    connection.attach()
    return connection


def _detach(call: Invocation) -> Connection:
    connection = resolve.connection(call, call["connection"], acting=True)
    connection.detach(force=call["force"])
    return connection


def _disconnect(call: Invocation) -> Connection:
    connection = resolve.connection(call, call["connection"], acting=True)
    connection.disconnect(force=call["force"])
    return connection


COMMAND = Command(
    "cl_connection",
    "Look at connections, attach and detach them, remove them. %cl_volume connect makes one.",
    (
        Verb("show", "Show the fields of a connection, secrets masked.", _show, (_CONNECTION,)),
        lists.listing("cl_connections"),
        Verb("attach", "Attach the volume on its host; the path is the device to use.", _attach, (_CONNECTION,)),
        Verb(
            "detach",
            "Let go of the device on its host; the storage still lets the host in.",
            _detach,
            (_CONNECTION,),
            (Option("force", "Go on where the host meets errors, or is not reached."),),
        ),
        Verb(
            "disconnect",
            "Shut the host out again, and forget the connection.",
            _disconnect,
            (_CONNECTION,),
            (Option("force", "Also while a device is attached."),),
        ),
    ),
    (
        "%cl_connection show 3f2a91c0",
        "%cl_connection attach conn",
        "%cl_connection detach conn",
        "%cl_connection disconnect conn",
    ),
)
"""The magic."""
