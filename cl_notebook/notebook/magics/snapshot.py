"""Define ``%cl_snapshot``, the magic for one snapshot."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cl_notebook.many import names
from cl_notebook.many.report import Act
from cl_notebook.model import Snapshot
from cl_notebook.notebook.command import batch, resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb, gib
from cl_notebook.notebook.magics import fields, lists

if TYPE_CHECKING:
    from cl_notebook.model import Volume
    from cl_notebook.notebook.command.command import Invocation
    from cl_notebook.notebook.output.details import Details, SeveralDetails

_HELP = "The snapshot: its id, the beginning of its id, its name, or the variable that holds it."
_SNAPSHOT = Argument("SNAPSHOT", _HELP, "snapshot")
_SNAPSHOT_OR_MANY = replace(_SNAPSHOT, help=f"{_HELP} {batch.ONE_WORD}")
_SNAPSHOTS = Argument("SNAPSHOT", f"{_HELP} {batch.SEVERAL_WORDS}", "snapshot", repeat=True)


def _show(call: Invocation) -> Details | SeveralDetails:
    return batch.details(_snapshots(call, acting=False))


def _create_volume(call: Invocation) -> Any:  # noqa: ANN401 - the volume, or a report of several
    typed = fields.typed(call, "size", "description")
    named = _snapshots(call, acting=False)
    name_of = batch.names_of(named, call["name"], names.numbered)
    act = Act("make a volume of", "made a volume of")
    return batch.each(call, act, named, lambda snapshot: snapshot.create_volume(name=name_of[snapshot.id], **typed))


def _revert(call: Invocation) -> Any:  # noqa: ANN401 - the volume, or a report of several
    def revert(snapshot: Snapshot) -> Volume:
        snapshot.revert()
        return snapshot.volume

    lost = "What was written to their volumes since is lost."
    return batch.each(call, Act("revert to", "reverted to"), _snapshots(call), revert, destroys=lost)


def _snapshots(call: Invocation, *, acting: bool = True) -> resolve.Several[Snapshot]:
    words = call["snapshot"]
    return resolve.several(call, [words] if isinstance(words, str) else words, Snapshot, acting=acting)


def _manage(call: Invocation) -> Snapshot:
    volume = resolve.volume(call, call["volume"], acting=True)
    return volume.manage_snapshot(resolve.reference(call["reference"]), call["name"] or "")


def _unmanage(call: Invocation) -> Any:  # noqa: ANN401 - the snapshot, or a report of several
    return batch.each(call, Act("unmanage", "unmanaged"), _snapshots(call), Snapshot.unmanage)


def _delete(call: Invocation) -> Any:  # noqa: ANN401 - the snapshot, or a report of several
    act, lost = Act("delete", "deleted"), "What they hold is lost for good."
    return batch.each(call, act, _snapshots(call), lambda snapshot: snapshot.delete(force=call["force"]), destroys=lost)


def _create(call: Invocation) -> Snapshot:
    return resolve.volume(call, call["volume"]).create_snapshot(**fields.typed(call, "name", "description"))


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
        Verb("show", "Show the fields of a snapshot.", _show, (_SNAPSHOTS,)),
        lists.listing("cl_snapshots"),
        *fields.verbs(_SNAPSHOT, _snapshots),
        Verb(
            "create-volume",
            "Make a volume with the bytes of the snapshot.",
            _create_volume,
            (_SNAPSHOT_OR_MANY,),
            (
                Option("size", "Size in GiB; the snapshot's by default.", "GIB", convert=gib, positional=True),
                replace(fields.NAME, positional=True),
                fields.DESCRIPTION,
                fields.METADATA,
                *batch.OPTIONS,
            ),
        ),
        Verb(
            "revert",
            "Give the volume the bytes of this snapshot again, in place; gives the volume.",
            _revert,
            (_SNAPSHOTS,),
            batch.DESTRUCTIVE,
        ),
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
        Verb("unmanage", "Stop tracking a snapshot; it stays on the storage.", _unmanage, (_SNAPSHOTS,), batch.OPTIONS),
        Verb(
            "delete",
            "Remove snapshots from the storage, for good; volumes made from them stay.",
            _delete,
            (_SNAPSHOTS,),
            (Option("force", "Take a kernel that is still named as working on it for dead."), *batch.DESTRUCTIVE),
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
        "%cl_snapshot delete nightly-* --yes",
    ),
    purpose="Act",
    sample="%cl_snapshot create --volume db s1",
    brief="take, use, restore, delete snapshots",
)
"""The magic."""
