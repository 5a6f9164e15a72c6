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
from cl_notebook.inventory.finding import MISSING, OK, SIZE_DIFFERS, STUCK, UNKNOWN, Finding
from cl_notebook.model import Connection, Volume, identity_map
from cl_notebook.model.operations import guards
from cl_notebook.text import quote_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cl_notebook.model.context import Context

LIBRBD = "rbd:"
"""How the path of an image begins that librbd reaches without a device."""


class Link(NamedTuple):
    """A connection, and what is needed of its volume."""

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
    """Return the connections of a backend, or those of them with these ids."""
    conn = Connection
    chosen = (conn.id, conn.attach_status, conn.volume_id, Volume.name, Volume.name_in_storage)
    where = (conn.attached_host, conn.gateway, conn.path)
    statement = sa.select(*chosen, *where, Volume.size).join_from(conn, Volume, conn.volume_id == Volume.id)
    statement = statement.where(conn.backend_id == backend_id).order_by(conn.created_at, conn.id)
    pages: Iterable[Any] = [None] if ids is None else identity_map.pages(list(ids))
    found: list[Link] = []
    with session.store.reading() as connection:
        for page in pages:
            page_statement = statement if page is None else statement.where(conn.id.in_(page))
            found += [Link(*row) for row in connection.execute(page_statement)]
    return found


def connection_infos(session: Context, ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Return what the storage said for each of these connections, as far as it did."""
    found: dict[str, Mapping[str, Any]] = {}
    with session.store.reading() as connection:
        for page in identity_map.pages(list(ids)):
            rows = connection.execute(sa.select(Connection.id, Connection.conn_info).where(Connection.id.in_(page)))
            found |= {row.id: row.conn_info for row in rows if row.conn_info}
    return found


def is_local(session: Context, link: Link) -> bool:
    """Return whether the connection's device, if it has one, is one of this host's."""
    return link.gateway is None and link.attached_host == session.settings.host


class Connections:
    """The connections of one backend, looked at from this host; *root* is where its trees ``dev``, ``proc`` and ``sys`` are."""

    def __init__(self, session: Context, backend_id: str, backend: str, *, root: Path = Path("/")) -> None:
        """Look at the backend called *backend*."""
        self._session = session
        self._backend_id = backend_id
        self._backend = backend
        self._root = root

    def findings(self, *, host: bool) -> list[Finding]:
        """Return a finding for each connection; without *host* only for those that are stuck, or being worked on."""
        judged: dict[str, tuple[Link, Finding | None]] = {}
        links = of_backend(self._session, self._backend_id)
        for _ in range(verdicts.MAX_ROUNDS):
            judged |= self._judged(links, host=host)
            wrong = {
                link.id: link
                for link, found in (judged[link.id] for link in links)
                if found is not None and found.verdict not in {OK, UNKNOWN}
            }
            now = {link.id: link for link in of_backend(self._session, self._backend_id, ids=wrong)}
            for connection_id in wrong.keys() - now.keys():
                del judged[connection_id]
            links = [link for link in now.values() if link != wrong[link.id]]
            if not links:
                break
        return [found for _, found in judged.values() if found is not None]

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
        reason = verdicts.stuck_reason(Connection.kind, link.status)
        if not (host or reason or operation):
            return None
        if operation is not None:
            verdict, detail, act = OK, f"It is {link.status}: {verdicts.describe_operation(operation)}.", ""
        elif reason:
            verdict, detail, act = STUCK, f"It is {link.status}, {reason}.", "repair"
        else:
            verdict, detail, act = self.settled_verdict(link, info)
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
            next=f"%cl_scan {act} {quote_word(link.id)}" if act else None,
        )

    def settled_verdict(self, link: Link, info: Mapping[str, Any] | None) -> tuple[str, str, str]:
        """Return the verdict on a connection that is settled, why, and what is to be done."""
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


def _gib(count: int) -> str:
    return f"{count / GiB:.2f}".rstrip("0").rstrip(".")


def device_verdict(connection: Connection, *, root: Path = Path("/")) -> tuple[str, str]:
    """Return the verdict on the device of a connection that is settled, and why."""
    (link,) = of_backend(connection.context, connection.backend_id, ids=[connection.id])
    checker = Connections(connection.context, connection.backend_id, connection.backend.name, root=root)
    return checker.settled_verdict(link, connection.conn_info)[:2]


def has_device(connection: Connection, *, root: Path = Path("/")) -> bool:
    """Return whether this host has a device that the connection's information leads to."""
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
