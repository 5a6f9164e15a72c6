"""Define ``%cl_status``, which shows how things are, or prints the status of every volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook.model import Volume, identity_map, lookup
from cl_notebook.notebook.command import resolve
from cl_notebook.notebook.command.command import Command, Option, Verb
from cl_notebook.notebook.output.messages import echo, echo_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cl_notebook.model import Backend
    from cl_notebook.notebook.command.command import Invocation
    from cl_notebook.notebook.output.status import Status
    from cl_notebook.session import Session

_PAGE = 500


def _status(call: Invocation) -> Status | None:
    from cl_notebook.notebook.output.status import Status  # noqa: PLC0415 - `%load_ext` stays light

    backend = None if call["backend"] is None else resolve.backend(call, call["backend"])
    if not call["lines"]:
        return Status(call.session, backend)
    _print_lines(call.session, backend)
    return None


def _print_lines(session: Session, backend: Backend | None) -> None:
    backends = [backend] if backend is not None else lookup.select_backends(session, None)
    if not backends:
        echo("No backends. %cl_backend add makes the first.")
        return
    echo_lines(line for backend in backends for volume in _volumes(session, backend) for line in _report(volume))


def _volumes(session: Session, backend: Backend) -> Iterator[Volume]:
    """Yield the backend's volumes, read in pages, so that a report on a million of them needs little memory."""
    page = sa.select(Volume).where(Volume.backend_id == backend.id).order_by(Volume.created_at, Volume.id).limit(_PAGE)
    volumes = identity_map.select(session, page)
    while volumes:
        yield from volumes
        last = volumes[-1]
        after = sa.or_(Volume.created_at > last.created_at, sa.and_(Volume.created_at == last.created_at, Volume.id > last.id))
        volumes = identity_map.select(session, page.where(after)) if len(volumes) == _PAGE else []


def _report(volume: Volume) -> Iterator[str]:
    volume.refresh()
    yield f"Volume {volume.id} is currently {volume.status}"
    for snapshot in volume.snapshots:
        yield f"Snapshot {snapshot.id} for volume {volume.id} is currently {snapshot.status}"
    for connection in volume.connections:
        properties = connection.connector_info
        host, ip = properties.get("host"), properties.get("ip")
        yield f"Connection from {host} with ip {ip} to volume {volume.id} is {connection.status}"


COMMAND = Command(
    "cl_status",
    "Show on one screen how things are: of each backend the capacity and what is tracked by its status; what runs, what is "
    "stuck, and what failed last, each with the line that deals with it. No backend is opened. In Python: cl.status()",
    (
        Verb(
            "",
            "Show how things are.",
            _status,
            options=(
                Option("backend", "Only this backend.", "BACKEND", completes="backend"),
                Option(
                    "lines", "Print the status of every volume, with its snapshots and connections, instead: a line for each."
                ),
            ),
        ),
    ),
    ("%cl_status", "%cl_status --backend lvm", "now = %cl_status", "%cl_status --lines"),
    purpose="Look",
    brief="what is full, runs, is stuck, failed",
)
"""The magic."""
