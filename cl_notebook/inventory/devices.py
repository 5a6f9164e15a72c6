"""Find block devices of this host that belong to a known volume but to no tracked connection."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cl_notebook import settings
from cl_notebook.attach import block_devices
from cl_notebook.attach.identity import UNREADABLE
from cl_notebook.drivers.api import FileBacked
from cl_notebook.drivers.local import loopdev
from cl_notebook.inventory import connections, rows
from cl_notebook.inventory.verdicts import LEFTOVER, Finding
from cl_notebook.model import Volume, storage_identity
from cl_notebook.model.operations import lifecycle
from cl_notebook.text import quote_word

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from cl_notebook.attach.block_devices import BlockDevice, Key
    from cl_notebook.inventory.connections import Link
    from cl_notebook.inventory.rows import Row
    from cl_notebook.model import Backend
    from cl_notebook.model.context import Context


class OrphanDevice(NamedTuple):
    """A device of this host without a tracked connection, with its backend, volume and former connection if known.

    ``is_gone``: the file of the loop device was deleted, so the data exist only in the device. ``is_connected``: the storage has
    the volume connected although no connection is tracked, perhaps for a session with another store.
    """

    device: BlockDevice
    backend: Backend
    volume: Row | None
    name_in_storage: str | None
    connection_id: str | None = None
    is_gone: bool = False
    is_connected: bool = False


def findings(
    session: Context, backends: Sequence[Backend], stored: Sequence[Backend] | None = None, *, root: Path = Path("/")
) -> list[Finding]:
    """Return a finding for each orphaned device; *root* is the directory of ``dev`` and ``sys``."""
    return [_finding(orphan) for orphan in orphan_devices(session, backends, stored, root=root)]


def orphan_devices(
    session: Context, backends: Sequence[Backend], stored: Sequence[Backend] | None = None, *, root: Path = Path("/")
) -> list[OrphanDevice]:
    """Return the devices of the *backends*' volumes that have no tracked connection; *stored* are all backends, if read."""
    before = block_devices.list_block_devices(root)
    if not before:
        return []
    # by path, as backends on the same storage yield the same devices
    orphans = {
        orphan.device.path: orphan
        for backend in backends
        for orphan in _Devices(session, backend, stored, root).orphan_devices(before)
    }
    # list again: a device may have been detached while the store was read
    current = {device.path: device for device in block_devices.list_block_devices(root)} if orphans else {}
    return [orphan for path, orphan in orphans.items() if current.get(path) == orphan.device]


class _Devices:
    """The devices of one backend's volumes."""

    def __init__(self, session: Context, backend: Backend, stored: Sequence[Backend] | None, root: Path) -> None:
        self._session = session
        self._backend = backend
        self._stored = stored
        self._root = root

    @functools.cached_property
    def _volumes(self) -> list[Row]:
        return rows.of_backend(self._session, Volume.kind, self._backend.id)

    @functools.cached_property
    def _links(self) -> dict[str, list[Link]]:
        links_by_volume: dict[str, list[Link]] = {}
        for link in connections.of_backend(self._session, self._backend.id):
            links_by_volume.setdefault(link.volume_id, []).append(link)
        return links_by_volume

    def orphan_devices(self, devices: Sequence[BlockDevice]) -> Iterator[OrphanDevice]:
        yield from self._files([device for device in devices if device.file is not None])
        others = [device for device in devices if device.file is None]
        if others:
            yield from self._disks(others)

    def _files(self, devices: Sequence[BlockDevice]) -> Iterator[OrphanDevice]:
        driver = self._session.get_open(self._backend)
        if not isinstance(driver, FileBacked) or not devices:
            return
        folder = Path(os.path.realpath(self._root / str(driver.volumes_folder.absolute()).lstrip("/")))
        inside = [
            device for device in devices if Path(os.path.realpath(self._root / self._file(device).lstrip("/"))).parent == folder
        ]
        names = {row.name_in_storage: row for row in self._volumes} if inside else {}
        others = self._names_of_other_backends({Path(self._file(device)).name for device in inside} - names.keys())
        for device in inside:
            name, is_gone = Path(self._file(device)).name, loopdev.is_gone(device.file or "", self._root)
            if name in others:
                continue
            row = names.get(name)
            if is_gone or row is None or not self._links.get(row.id):
                is_connected = not is_gone and bool(driver.connections_of(name))
                yield OrphanDevice(device, self._backend, row, name, is_gone=is_gone, is_connected=is_connected)

    def _names_of_other_backends(self, names: Collection[str]) -> set[str]:
        """Return those of the *names* that are volumes of other backends on the same storage, which report them."""
        storable = {name for name in names if not settings.UNSTORABLE.search(name)}
        others = storage_identity.same_storage(self._backend, self._stored)[1:] if storable else []
        rows_by_backend = (rows.reread(self._session, Volume.kind, other.id, names=storable) for other in others)
        return {row.name_in_storage for volumes in rows_by_backend for row in volumes}

    def _file(self, device: BlockDevice) -> str:
        file = device.file or ""
        return file.removesuffix(loopdev.DELETED) if loopdev.is_gone(file, self._root) else file

    def _disks(self, devices: Sequence[BlockDevice]) -> Iterator[OrphanDevice]:
        by_key = self._by_key()
        ids, names = {row.id: row for row in self._volumes}, {row.name_in_storage: row for row in self._volumes}
        by_lower_id = {row.id.lower(): row for row in self._volumes}  # device names may be in lower case
        for device in devices:
            links = [link for key in device.keys for link in by_key.get(key, ())]
            row = ids.get(links[0].volume_id) if links else _volume_named_by(device, by_lower_id, names)
            if row is None or any(self._accounts(link) for link in self._links.get(row.id, ())):
                continue
            yield OrphanDevice(device, self._backend, row, row.name_in_storage, links[0].id if links else None)

    def _by_key(self) -> Mapping[Key, list[Link]]:
        links = [link for links in self._links.values() for link in links]
        conn_infos = connections.connection_infos(self._session, [link.id for link in links])
        links_by_key: dict[Key, list[Link]] = {}
        for link in links:
            for key in _keys(conn_infos.get(link.id)):
                links_by_key.setdefault(key, []).append(link)
        return links_by_key

    def _accounts(self, link: Link) -> bool:
        # a busy or interrupted connection is reported by its own finding
        is_unsettled = link.status in lifecycle.BUSY or link.status.startswith("error")
        return is_unsettled or (link.path is not None and connections.is_local(self._session, link))


def _keys(info: Mapping[str, Any] | None) -> Collection[Key]:
    try:
        return block_devices.keys(info) if info else ()
    except UNREADABLE:
        return ()


def _volume_named_by(device: BlockDevice, ids: Mapping[str, Row], names: Mapping[str, Row]) -> Row | None:
    volumes = [ids[volume_id] for volume_id in sorted(block_devices.volume_ids(device)) if volume_id in ids]
    images = [names.get(key[1].partition("/")[2]) for key in device.keys if key[0] == "rbd"]
    return next((row for row in (*volumes, *images) if row is not None), None)


def _finding(orphan: OrphanDevice) -> Finding:
    row, device = orphan.volume, orphan.device
    what = "A multipath map" if device.is_multipath else "A loop device" if device.file else "A disk"
    return Finding(
        LEFTOVER,
        "device",
        orphan.backend.name,
        id=row.id if row else None,
        name=row.name if row else None,
        name_in_storage=orphan.name_in_storage,
        size=row.size if row else None,
        status=row.status if row else None,
        device=device.path,
        detail=f"{what} {_description(orphan)}.",
        next=f"%cl_scan repair {quote_word(device.path)}",
    )


def _description(orphan: OrphanDevice) -> str:
    if orphan.is_gone:
        return "of a file that is gone: what it holds is nowhere else"
    if orphan.is_connected:
        return "of it is here, and no connection in this store, but its storage has it connected"
    return "of it is here, and no connection"
