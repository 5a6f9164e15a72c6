"""Define ``%cl_snapshot``, the magic for one snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook.notebook.command import batch, resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb, gib, pair
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


COMMAND = Command(
    "cl_snapshot",
    "Look at snapshots, make volumes from them, remove them. %cl_volume snapshot takes one.",
    (
        Verb("show", "Show the fields of a snapshot.", _show, (_SNAPSHOT,)),
        Verb(
            "create-volume",
            "Make a volume with the bytes of the snapshot.",
            _create_volume,
            (_SNAPSHOT,),
            (
                Option("name", "Display name.", "NAME"),
                Option("size", "Size in GiB; the snapshot's by default.", "GIB", convert=gib),
                Option("description", "What it is for.", "TEXT"),
                Option("metadata", "A key and a value to keep with it.", "KEY=VALUE", convert=pair, repeat=True),
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
            (Option("name", "Display name.", "NAME"),),
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
        "%cl_snapshot show before",
        "copy = %cl_snapshot create-volume before --name copy --size 2",
        "%cl_snapshot revert before",
        "%cl_snapshot manage db snap-7 --name adopted",
        "%cl_snapshot delete before",
    ),
)
"""The magic."""
