"""Define ``%cl_snapshot``, the magic for one snapshot."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cl_notebook.notebook.command import batch, resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb, gib
from cl_notebook.notebook.magics import fields, lists
from cl_notebook.notebook.output.details import Details

if TYPE_CHECKING:
    from cl_notebook.model import Snapshot, Volume
    from cl_notebook.notebook.command.command import Invocation

_HELP = "The snapshot: its id, the beginning of its id, its name, or the variable that holds it."
_SNAPSHOT = Argument("SNAPSHOT", _HELP, "snapshot")


def _show(call: Invocation) -> Details:
    return Details(resolve.snapshot(call, call["snapshot"]))


def _create_volume(call: Invocation) -> Volume:
    fields: dict[str, Any] = call.given("name", "size", "description")
    if call["metadata"]:
        fields["metadata"] = dict(call["metadata"])
    return resolve.snapshot(call, call["snapshot"]).create_volume(**fields)


def _revert(call: Invocation) -> Volume:
    snapshot = resolve.snapshot(call, call["snapshot"], acting=True)
    snapshot.revert()
    return snapshot.volume


def _manage(call: Invocation) -> Snapshot:
    volume = resolve.volume(call, call["volume"], acting=True)
    return volume.manage_snapshot(resolve.reference(call["reference"]), call["name"] or "")


def _unmanage(call: Invocation) -> Snapshot:
    snapshot = resolve.snapshot(call, call["snapshot"], acting=True)
    snapshot.unmanage()
    return snapshot


def _delete(call: Invocation) -> Snapshot | list[Snapshot]:
    snapshots = [resolve.snapshot(call, text, acting=True) for text in call["snapshot"]]
    return batch.each("deleted", snapshots, lambda snapshot: snapshot.delete(force=call["force"]))


def _create(call: Invocation) -> Snapshot:
    changes = {**call.given("name", "description"), **({"metadata": dict(call["metadata"])} if call["metadata"] else {})}
    return resolve.volume(call, call["volume"]).create_snapshot(**changes)


COMMAND = Command(
    "cl_snapshot",
    "Look at snapshots, make volumes from them, remove them. %cl_volume snapshot takes one.",
    (
        Verb(
            "create",
            "Keep the bytes of a volume as a snapshot; %cl_volume snapshot is the same.",
            _create,
            options=(
                Option("volume", "The volume.", "VOLUME", completes="volume", required=True, positional=True),
                replace(fields.NAME, positional=True),
                fields.DESCRIPTION,
                fields.METADATA,
            ),
        ),
        Verb("show", "Show the fields of a snapshot.", _show, (_SNAPSHOT,)),
        lists.listing("cl_snapshots"),
        *fields.verbs(_SNAPSHOT, lambda call: resolve.snapshot(call, call["snapshot"], acting=True)),
        Verb(
            "create-volume",
            "Make a volume with the bytes of the snapshot.",
            _create_volume,
            (_SNAPSHOT,),
            (
                Option("size", "Size in GiB; the snapshot's by default.", "GIB", convert=gib, positional=True),
                replace(fields.NAME, positional=True),
                fields.DESCRIPTION,
                fields.METADATA,
            ),
        ),
        Verb("revert", "Give the volume the bytes of this snapshot again, in place; gives the volume.", _revert, (_SNAPSHOT,)),
        Verb(
            "manage",
            "Adopt a snapshot that is on the storage already.",
            _manage,
            (
                Argument("VOLUME", "The volume that it is of: its id, its name, or the variable that holds it.", "volume"),
                Argument("REFERENCE", "Its name on the storage, as in %cl_backend manageable --snapshots."),
            ),
            (replace(fields.NAME, positional=True),),
        ),
        Verb("unmanage", "Stop tracking a snapshot; it stays on the storage.", _unmanage, (_SNAPSHOT,)),
        Verb(
            "delete",
            "Remove snapshots from the storage, for good; volumes made from them stay.",
            _delete,
            (Argument("SNAPSHOT", _HELP, "snapshot", repeat=True),),
            (Option("force", "Take a kernel that is still named as working on it for dead."),),
        ),
    ),
    (
        "snap = %cl_snapshot create --volume db before",
        "%cl_snapshot show before",
        "%cl_snapshot set before --description 'before the upgrade'",
        "copy = %cl_snapshot create-volume before --name copy --size 2",
        "%cl_snapshot revert before",
        "%cl_snapshot manage db snap-7 --name adopted",
        "%cl_snapshot delete before",
    ),
)
"""The magic."""
