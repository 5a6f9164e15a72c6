"""Compare tracked connections with the block devices of this host."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.attach import block_devices, identity
from cl_notebook.attach.identity import UNREADABLE
from cl_notebook.drivers.api import GiB, least_bytes
from cl_notebook.inventory import verdicts
from cl_notebook.inventory.verdicts import MISSING, OK, SIZE_DIFFERS, STUCK, UNKNOWN, Finding
from cl_notebook.model import Connection, Volume, identity_map
from cl_notebook.model.operations import guards, lifecycle
from cl_notebook.text import quote_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cl_notebook.model.context import Context

LIBRBD = "rbd:"
"""Prefix of the path of an image that librbd accesses without a block device."""


class Link(NamedTuple):
    """A connection with the name, the storage name and the size (GiB) of its volume."""

    id: str
    status: str
    volume_id: str
    name: str
    name_in_storage: str
    attached_host: str | None
    gateway: str | None
    path: str | None
    size: int


def of_backend(session: Context, backend_id: str, *, ids: Iterable[str] | None = None) -> list[Link]:
    """Return the connections of a backend, oldest first; only those with these *ids* if given."""
    conn = Connection
    chosen = (conn.id, conn.attach_status, conn.volume_id, Volume.name, Volume.name_in_storage)
    location = (conn.attached_host, conn.gateway, conn.path)
    statement = sa.select(*chosen, *location, Volume.size).join_from(conn, Volume, conn.volume_id == Volume.id)
    statement = statement.where(conn.backend_id == backend_id).order_by(conn.created_at, conn.id)
    pages: Iterable[Any] = [None] if ids is None else identity_map.pages(list(ids))
    links: list[Link] = []
    with session.store.reading() as connection:
        for page in pages:
            page_statement = statement if page is None else statement.where(conn.id.in_(page))
            links += [Link(*row) for row in connection.execute(page_statement)]
    return links


def connection_infos(session: Context, ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Return the stored connection information (``conn_info``) of these connections, by id; those without any are left out."""
    infos: dict[str, Mapping[str, Any]] = {}
    with session.store.reading() as connection:
        for page in identity_map.pages(list(ids)):
            rows = connection.execute(sa.select(Connection.id, Connection.conn_info).where(Connection.id.in_(page)))
            infos |= {row.id: row.conn_info for row in rows if row.conn_info}
    return infos


def is_local(session: Context, link: Link) -> bool:
    """Return whether the connection is attached on this host, not through a gateway."""
    return link.gateway is None and link.attached_host == session.settings.host


class Connections:
    """The connections of one backend, checked from this host; *root* is the directory of ``dev``, ``proc`` and ``sys``."""

    def __init__(self, session: Context, backend_id: str, backend: str, *, root: Path = Path("/")) -> None:
        """Check the backend with this id and name."""
        self._session = session
        self._backend_id = backend_id
        self._backend = backend
        self._root = root

    def findings(self, *, host: bool) -> list[Finding]:
        """Return a finding for each connection; if *host* is false, only for those that are stuck or have a running operation."""
        judged: dict[str, tuple[Link, Finding | None]] = {}
        links = of_backend(self._session, self._backend_id)
        for _ in range(verdicts.MAX_ROUNDS):
            judged |= self._judged(links, host=host)
            suspects = {
                link.id: link
                for link, finding in (judged[link.id] for link in links)
                if finding is not None and finding.verdict not in {OK, UNKNOWN}
            }
            reread = {link.id: link for link in of_backend(self._session, self._backend_id, ids=suspects)}
            for connection_id in suspects.keys() - reread.keys():
                del judged[connection_id]
            links = [link for link in reread.values() if link != suspects[link.id]]
            if not links:
                break
        return [finding for _, finding in judged.values() if finding is not None]

    def _judged(self, links: list[Link], *, host: bool) -> dict[str, tuple[Link, Finding | None]]:
        with self._session.store.reading() as connection:
            operation = guards.running_operations(self._session, connection)
        conn_infos = connection_infos(
            self._session, [link.id for link in links if host and link.path and is_local(self._session, link)]
        )
        return {
            link.id: (link, self._finding(link, operation.get(link.id), conn_infos.get(link.id), host=host)) for link in links
        }

    def _finding(
        self, link: Link, operation: Mapping[str, Any] | None, info: Mapping[str, Any] | None, *, host: bool
    ) -> Finding | None:
        reason = lifecycle.stuck_reason(Connection.kind, link.status)
        if not (host or reason or operation):
            return None
        if operation is not None:
            verdict, detail, verb = OK, f"It is {link.status}: {verdicts.describe_operation(operation)}.", ""
        elif reason:
            verdict, detail, verb = STUCK, f"It is {link.status}, {reason}.", "repair"
        else:
            verdict, detail, verb = self.settled_verdict(link, info)
        return Finding(
            verdict,
            Connection.kind,
            self._backend,
            id=link.id,
            name=link.name,
            name_in_storage=link.name_in_storage,
            status=link.status,
            device=link.path,
            detail=detail or None,
            next=f"%cl_scan {verb} {quote_word(link.id)}" if verb else None,
        )

    def settled_verdict(self, link: Link, info: Mapping[str, Any] | None) -> tuple[str, str, str]:
        """Return the verdict on a connection in a stable status, the reason, and the verb of %cl_scan that fixes it."""
        if link.path is None or link.path.startswith(LIBRBD):
            return OK, "", ""
        if not is_local(self._session, link):
            return UNKNOWN, f"It is attached on {link.attached_host}, which is not looked at from here.", ""
        return self._check_device(link.path, link.size, info)

    def _check_device(self, path: str, size: int, info: Mapping[str, Any] | None) -> tuple[str, str, str]:
        try:
            (self._root / path.lstrip("/")).stat()
            if info is not None:
                identity.check(info, path, root=self._root)
        except (FileNotFoundError, NotADirectoryError):
            return MISSING, "Its device is gone: was the host restarted?", "repair"
        except OSError as error:
            return UNKNOWN, f"Its device cannot be looked at: {os.strerror(error.errno or 0)}.", ""
        except errors.AttachError as error:
            return MISSING, f"{errors.one_line(error)}.", "repair"
        except UNREADABLE:
            return UNKNOWN, "What the storage said of its device makes no sense.", ""
        return self._check_size(path, size)

    def _check_size(self, path: str, size: int) -> tuple[str, str, str]:
        device_size, backing_size = block_devices.size(path, root=self._root), block_devices.backing_size(path, root=self._root)
        if device_size is None:
            return OK, "", ""
        if device_size < least_bytes(size):
            return SIZE_DIFFERS, f"Its device has {_gib(device_size)} GiB, its volume {size}.", "repair"
        if backing_size is not None and backing_size > device_size:
            return SIZE_DIFFERS, f"Its device has {_gib(device_size)} GiB, its volume's file {_gib(backing_size)}.", "repair"
        return OK, "", ""


def _gib(size: int) -> str:
    return f"{size / GiB:.2f}".rstrip("0").rstrip(".")


def device_verdict(connection: Connection, *, root: Path = Path("/")) -> tuple[str, str]:
    """Return the verdict on the device of a connection in a stable status, and the reason."""
    (link,) = of_backend(connection.context, connection.backend_id, ids=[connection.id])
    checker = Connections(connection.context, connection.backend_id, connection.backend.name, root=root)
    return checker.settled_verdict(link, connection.conn_info)[:2]


def has_device(connection: Connection, *, root: Path = Path("/")) -> bool:
    """Return whether this host has a device that matches the connection information."""
    info: Any = connection.conn_info
    if connection.gateway is not None or not info:
        return False
    try:
        if str(info["driver_volume_type"]).lower() == "local":
            path = str(info["data"]["device_path"])
            identity.check(info, path, root=root)
            return (root / path.lstrip("/")).exists()
        keys = block_devices.keys(info)
    except (*UNREADABLE, errors.AttachError):
        return False
    return any(keys & device.keys for device in block_devices.list_block_devices(root))
