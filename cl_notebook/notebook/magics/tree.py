"""Define ``%cl_tree``, which shows the tree, and ``%cl_status``, which prints the status of every volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook.model import Backend, Volume, identity_map
from cl_notebook.notebook.command import resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb
from cl_notebook.notebook.output.messages import echo, echo_lines
from cl_notebook.notebook.tree import display

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cl_notebook.notebook.command.command import Invocation
    from cl_notebook.notebook.tree.widget import Tree
    from cl_notebook.session import Session
    from cl_notebook.treemodel.render import Tree as StaticTree

_PAGE = 500


def _tree(call: Invocation) -> Tree | StaticTree | None:
    text, variable = call["resource"], resolve.variable_name(call)
    target = call.namespace.get(text)
    if type(target).__name__ != "DataFrame":
        target = resolve.resolve(call, text) if text is not None else None
    tree = display.tree(call.session, target)
    if variable is not None:
        call.shell.push({variable: tree})  # type: ignore[no-untyped-call] # IPython's
    if not call["side"]:
        return tree
    display.show(tree)
    return None


def _status(call: Invocation) -> None:
    session = call.session
    if call["backend"] is not None:
        backends = [resolve.backend(call, call["backend"])]
    else:
        backends = identity_map.select(session, sa.select(Backend).order_by(Backend.name))
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


COMMANDS = (
    Command(
        "cl_tree",
        "Show everything that is tracked as a tree, or one resource with what belongs to it, or the resources in a frame. "
        "In a notebook the tree is live: it follows the store, can be filtered, and acts on what is selected.",
        (
            Verb(
                "",
                "Show the tree.",
                _tree,
                arguments=(
                    Argument(
                        "RESOURCE",
                        "An id, the beginning of one, a name, or the variable that holds it; or one that holds a frame.",
                        "any",
                        optional=True,
                    ),
                ),
                options=(
                    Option("side", "Open it beside the notebook (needs the package sidecar)."),
                    Option("variable", "Bind the tree to this variable.", "NAME", short="-v"),
                ),
            ),
        ),
        ("%cl_tree", "%cl_tree lvm", "%cl_tree db", "%cl_tree --side -v tree"),
    ),
    Command(
        "cl_status",
        "Print the status of every volume, with its snapshots and connections, for each backend.",
        (
            Verb(
                "",
                "Print the status of everything.",
                _status,
                options=(Option("backend", "Only this backend.", "BACKEND", completes="backend"),),
            ),
        ),
        ("%cl_status", "%cl_status --backend lvm"),
    ),
)
"""The magics."""
