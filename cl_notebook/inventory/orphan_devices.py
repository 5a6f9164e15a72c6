"""Detach an orphaned block device of this host without losing data or breaking a use of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.drivers.local import loopdev
from cl_notebook.inventory import devices
from cl_notebook.model import Connection, identity_map, lookup

if TYPE_CHECKING:
    from cl_notebook.inventory.devices import OrphanDevice
    from cl_notebook.model.context import Context


def detach_orphan(session: Context, path: str, *, remove: bool = False) -> str:
    """Let go of the device at *path* and return what was done; see :func:`cl_notebook.inventory.repair`.

    One whose file is gone is all that there is of a volume, and one of a volume that is connected may be in use on another
    store: they go only if *remove* says so.
    """
    session.journal.refuse_if_read_only("repair")
    backends = lookup.select_backends(session, None)
    for backend in backends:  # only who is open knows where its files are
        if session.get_open(backend) is None:
            _open_if_possible(session, backend.name)
    orphans = [orphan for orphan in devices.orphan_devices(session, backends, backends) if orphan.device.path == path]
    if not orphans:
        msg = f"{path} is not left over from a volume that is known here: %cl_scan --verdict 'leftover device' lists what is."
        raise errors.Refused(msg)
    if not remove:
        _refuse_data_loss(orphans[0])
    return _detach(session, orphans[0])


def _refuse_data_loss(orphan: OrphanDevice) -> None:
    path, name = orphan.device.path, orphan.name_in_storage
    if orphan.is_gone:
        msg = (
            f"{path} holds what is left of {name!r}, whose file is gone. Copy it, for instance: "
            f"dd if={path} of=FILE bs=1M conv=sparse. Then %cl_scan repair {path} --yes detaches it."
        )
        raise errors.Refused(msg)
    if orphan.is_connected:
        msg = (
            f"Its storage has {name!r} connected, and nothing in this store accounts for that: {path} may be in use. Detach it "
            f"where it is tracked; or, if nothing uses it, %cl_scan repair {path} --yes detaches it."
        )
        raise errors.Refused(msg)


def _open_if_possible(session: Context, name: str) -> None:
    try:
        session.open_backend(name, {}, replace=False)
    except errors.StoreError:
        raise
    except errors.Error:
        return  # what is on it cannot be told, and stays


def _detach(session: Context, orphan: OrphanDevice) -> str:
    path = orphan.device.path
    connection = identity_map.get(session, Connection, orphan.connection_id) if orphan.connection_id is not None else None
    if orphan.device.file is not None:
        with translate_errors(orphan.backend.name, "loop device"):
            loopdev.remove(path)
    elif connection is not None and connection.is_in_reach:
        connection.detach()
    else:
        msg = (
            f"{path} belongs to no connection, so the way in which it was attached is not known. Once nothing uses it: "
            f"{_commands(orphan)}."
        )
        raise errors.Refused(msg)
    session.journal.record_without_driver("repair", [], orphan.backend)
    return f"{path} was let go."


def _commands(orphan: OrphanDevice) -> str:
    names = sorted(orphan.device.names)
    if any(key[0] == "rbd" for key in orphan.device.keys):
        return f"rbd unmap {orphan.device.path}"
    if any(key[0] in {"nvme", "nqn"} for key in orphan.device.keys):
        return f"nvme disconnect -d {names[0]}"
    disks = [
        f"blockdev --flushbufs /dev/{name} && echo 1 > /sys/block/{name}/device/delete" for name in names if name[:2] != "dm"
    ]
    return " && ".join([f"multipath -f {orphan.device.path}", *disks] if orphan.device.is_multipath else disks)
