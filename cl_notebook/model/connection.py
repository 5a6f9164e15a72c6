"""Connections: a host that may reach a volume, and the device that it has of it."""

from __future__ import annotations

import uuid
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cl_notebook import errors, masking, usage
from cl_notebook.attach import block_devices
from cl_notebook.drivers.api import ConnectionData, ConnectionInfo, FileBacked, GiB, least_bytes
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.model import encryption, identity_map, trust, validation
from cl_notebook.model.base import Parent, Tracked
from cl_notebook.model.operations import guards
from cl_notebook.model.operations.changes import Delete, Insert, RowChange, SyncAttachStatus, Update
from cl_notebook.model.operations.runner import OperationSpec
from cl_notebook.model.operations.tables import Operation
from cl_notebook.store.types import Json, LongText, index_of_filled, reg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cl_notebook.attach import AttachingHost, VolumeFile
    from cl_notebook.drivers.api import Driver, ModelUpdate, Progress, VolumeData
    from cl_notebook.model.backend import Backend
    from cl_notebook.model.context import Context
    from cl_notebook.model.operations.changes import Guard
    from cl_notebook.model.volume import Volume

R = TypeVar("R")


def checked(connector: Mapping[str, Any]) -> dict[str, Any]:
    """Return *connector*, os-brick's connector properties, as the store will give it back.

    Raises:
        InvalidInput: it is no dict with a ``host``, or cannot be stored.

    """
    host = connector.get("host") if hasattr(connector, "items") else None
    if not isinstance(host, str) or not host:
        msg = f"A connector is os-brick's dict of connector properties with at least a 'host', not {connector!r}."
        raise errors.InvalidInput(msg)
    validation.name(host, "The connector's host")
    return dict(validation.json_safe(dict(connector), "A connector"))


def beside(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns for what else is to be known of a connection: its ``attach_mode``, and what no column stands for.

    Raises:
        InvalidInput: the mode is neither ``rw`` nor ``ro``, or something cannot be stored.

    """
    others = dict(extra)
    mode = others.pop("attach_mode", None) or "rw"
    if mode not in {"rw", "ro"}:
        msg = f"attach_mode must be 'rw' or 'ro', not {mode!r}."
        raise errors.InvalidInput(msg)
    return {"attach_mode": mode, "extra": {"data": validation.json_safe(others, "A connection")} if others else None}


def expected_bytes(told: ConnectionInfo, size: int, *, is_rounded: bool) -> int:
    """Return the least that the device of a volume of *size* GiB must have, in bytes.

    Drivers round the size of what they adopt up to a GiB, and clones have the bytes of their source: one whose size
    *is_rounded* may have almost a GiB less.
    """
    # what a local driver says is exact; others name other things by that word
    exact = told["data"].get("size") if told["driver_volume_type"].lower() == "local" else None
    return int(exact or least_bytes(size) if is_rounded or exact else size * GiB)


def may_be_rounded(volume: Volume, info: Mapping[str, Any]) -> bool:
    """Return whether the device that *info* leads to may be smaller than the volume's size in GiB says.

    Where the device is known by who it is, its size says nothing more. Elsewhere a smaller device may be another one, so only the
    size of a volume that was not made here, or that was made from such a one, is taken for rounded.
    """
    return block_devices.is_known(info) or not _is_made_here(volume)


def _is_made_here(volume: Volume) -> bool:
    made_from: str | None = volume.id
    while made_from is not None:
        wanted = (Operation.resource_id == made_from, Operation.action == "create")
        with volume.context.store.reading() as connection:
            if connection.execute(sa.select(Operation.id).where(*wanted).limit(1)).first() is None:
                return False
        source = identity_map.get(volume.context, type(volume), made_from)
        if source is None:
            return False
        made_from = source.source_volid
        if source.snapshot_id is not None:
            snapshot: Any = identity_map.get(volume.context, identity_map.CLASSES["Snapshot"], source.snapshot_id)
            if snapshot is None:
                return False
            made_from = snapshot.volume_id
    return True


def one_host_alone(cls: type[Connection], volume: Volume, host: str) -> Guard:
    """Return a guard that refuses *host* while another one is connected and the driver cannot let in several."""
    # asked for beforehand: it may open the backend, and a guard holds the session and the store
    is_shared = volume.backend.capabilities.get("multiattach", True)

    def guard(connection: sa.Connection) -> None:
        of_volume = sa.select(cls.connector_info).where(cls.volume_id == volume.id)
        others = sorted({str(row.get("host")) for row in connection.execute(of_volume).scalars()} - {host})
        if others and not is_shared:
            msg = f"{volume.label()} is connected to {', '.join(others)}, and its driver lets in one host alone: detach it there."
            raise errors.ResourceBusy(msg)

    return guard


def row(volume: Volume, connector: dict[str, Any], *, multipath: bool) -> dict[str, Any]:
    """Return the row of a new connection of *volume* to the host that *connector* describes."""
    return {
        "id": str(uuid.uuid4()),
        "volume_id": volume.id,
        "backend_id": volume.backend_id,
        "attach_status": "attaching",
        "attach_mode": "rw",
        "attached_host": None,
        "gateway": None,
        "protocol": None,
        "multipath": bool(connector.get("multipath", multipath)),
        "path": None,
        "connector_info": connector,
        "conn_info": None,
        "device": None,
    }


@reg.mapped
class Connection(Tracked):
    """A connection of one host to a volume.

    ``attach_status`` (also ``status``) is ``attached`` once the storage lets the host in, as in cinderlib; ``path`` is the device
    or file on the host where os-brick attached it, None before; ``rbd:POOL/IMAGE`` stands for one that librbd reaches without a
    device. ``conn_info`` is the storage's answer, kept verbatim. ``gateway`` is the address by which another host is reached,
    None for this one and for hosts that attach by themselves.

    One that was loaded from a document is data: its gateway is not reached before it is typed again, and its device is the one
    that the storage names when it is asked.
    """

    __tablename__ = "connection"
    __table_args__ = (
        sa.Index(None, "volume_id", "created_at", "id"),
        sa.Index(None, "backend_id", "created_at", "id"),
        sa.Index(None, "created_at", "id"),
        sa.Index(None, "attach_status", "created_at", "id"),
        index_of_filled("attached_host", "created_at", "id"),
        index_of_filled("protocol", "created_at", "id"),
        index_of_filled("updated_at", "id"),
    )
    kind: ClassVar[str] = "connection"
    set_by: ClassVar[Mapping[str, str]] = {
        "status": "attach(), detach() and disconnect() change it.",
        "attach_status": "attach(), detach() and disconnect() change it.",
        "path": "attach() and detach() change it.",
    }

    volume_id: Mapped[str] = mapped_column(sa.ForeignKey("volume.id"))
    backend_id: Mapped[str] = mapped_column(sa.ForeignKey("backend.id"))
    attach_status: Mapped[str] = mapped_column(sa.String(32))
    attach_mode: Mapped[str] = mapped_column(sa.String(8))
    attached_host: Mapped[str | None] = mapped_column(sa.String(255))
    gateway: Mapped[str | None] = mapped_column(sa.String(255))
    protocol: Mapped[str | None] = mapped_column(sa.String(32))
    multipath: Mapped[bool] = mapped_column(sa.Boolean)
    path: Mapped[str | None] = mapped_column(LongText)
    connector_info: Mapped[dict[str, Any]] = mapped_column(Json)
    conn_info: Mapped[dict[str, Any] | None] = mapped_column(Json(none_as_null=True))
    device: Mapped[dict[str, Any] | None] = mapped_column(Json(none_as_null=True))

    volume: ClassVar[Parent[Volume]] = Parent("Volume", "volume_id")
    backend: ClassVar[Parent[Backend]] = Parent("Backend", "backend_id")

    @property
    def status(self) -> str:
        """The same as ``attach_status``."""
        return self.attach_status

    @property
    def connected(self) -> bool:
        """Whether the storage lets the host in."""
        return bool(self.conn_info)

    @property
    def attached(self) -> bool:
        """Whether the host has a device of it."""
        return self.path is not None

    @property
    def is_in_reach(self) -> bool:
        """Whether this kernel can attach and detach it: on this host, or through a gateway."""
        if self.gateway is not None:
            return trust.may_reach(self.context, self.id, self.gateway, self.extra)
        return self.attached_host in {None, self.context.settings.host}

    @property
    def is_confirmed(self) -> bool:
        """Whether its device comes from an operation, and not from a document or a store that others can write to."""
        if trust.is_trusted(self.context, self.extra):
            return True
        return self.context.confirmed.devices.get(self.id) == (self.path, self.conn_info)

    @property
    def name_of_host(self) -> str | None:
        """The name of the host that it is attached on, or else that is let in."""
        return self.attached_host or self.connector_info.get("host")

    @property
    def info(self) -> ConnectionInfo:
        """The storage's answer, for os-brick; one that lacks secrets is good for letting go of the device alone.

        Raises:
            InvalidStatus: the connection was never made, or was loaded from a document without its secrets.

        """
        told, lacking = self._told(), masking.missing(self.conn_info)
        if lacking:
            msg = (
                f"{self.label()} lacks {', '.join(sorted(set(lacking)))}: it was loaded from a document without secrets. "
                "disconnect() it, and connect() the volume again."
            )
            raise errors.InvalidStatus(msg)
        return told

    def _told(self) -> ConnectionInfo:
        if not self.conn_info:
            msg = f"{self.label()} was never made on the storage. disconnect() removes it."
            raise errors.InvalidStatus(msg)
        return cast("ConnectionInfo", masking.without(self.conn_info))

    @classmethod
    def make(
        cls,
        volume: Volume,
        connector: Mapping[str, Any],
        *,
        multipath: bool = False,
        gateway: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Connection:
        """Let the host of *connector*, which is reached through *gateway*, in; see ``Volume.connect``.

        *extra* is what its documents say beside the fields, for those who want to know of it what no field stands for.
        """
        values = row(volume, checked(connector), multipath=multipath) | {"gateway": gateway}
        values |= beside(extra or {})
        data, wanted = volume.as_data(), ConnectionData(values["id"], values["connector_info"])

        exported: dict[str, Any] = {}

        def do(driver: Driver, _progress: Progress) -> ConnectionInfo:
            exported.update(driver.create_export(data, wanted.connector) or {})
            operation.side_effects = True if exported else None
            return driver.initialize_connection(replace(data, **exported), wanted)

        def after(info: ConnectionInfo) -> list[RowChange]:
            told = {"conn_info": dict(info), "protocol": info["driver_volume_type"], "attach_status": "attached"}
            return [Update.of(operation.target, told), SyncAttachStatus.of(volume, guards.persisted_fields(exported, data))]

        def failed(error: BaseException) -> list[RowChange]:
            return [*operation.default_failure(error), SyncAttachStatus.of(volume, guards.persisted_fields(exported, data))]

        operation: OperationSpec[ConnectionInfo] = OperationSpec(
            action="connect",
            method="initialize_connection",
            call=do,
            insert=Insert(cls.kind, values),
            backend=volume.backend,
            arguments={"volume_id": volume.id, "host": values["connector_info"]["host"]},
            guards=(
                guards.require_source(volume.context, volume, "connect", "connect it"),
                one_host_alone(cls, volume, values["connector_info"]["host"]),
            ),
            on_success=after,
            on_failure=failed,
        )
        volume.context.journal.run(operation)
        if gateway is not None:
            volume.context.confirmed.gateways[values["id"]] = (gateway, gateway)
        return cast("Connection", operation.target)

    def attach(self) -> str:
        """Attach the volume on its host by os-brick, and return the path of the device or file.

        Attached already, the device is asked for again: it is the same one, or, after the host was restarted, a new one.
        The device of a volume that Cinder encrypted holds ciphertext: ``errors.EncryptedVolume`` warns of it beforehand.

        Raises:
            AttachError: the host could not, or the device is not the right one; the status is ``error_attaching``.

        """
        self.refresh(keep_edits=True)
        encryption.warn(self.volume, stacklevel=2)
        return self.attach_device()

    def attach_device(self) -> str:
        """Do as :meth:`attach` does, for those who have warned of ciphertext."""
        self.refresh(keep_edits=True)
        self._refuse_if_elsewhere("attached there")
        data, before = self.volume.as_data(), self.device if self.attached else None
        info, wanted, host = self.info, ConnectionData(self.id, masking.without(self.connector_info)), self._host()
        anew: dict[str, Any] = {}
        if not self.is_confirmed:  # who is let in, and which device it is, is asked again
            anew, before = self._anew(host), None
            wanted = ConnectionData(self.id, anew["connector_info"])
        is_rounded = may_be_rounded(self.volume, info)

        def do(driver: Driver, _progress: Progress) -> tuple[ModelUpdate, ConnectionInfo, dict[str, Any]]:
            name, exported, told = host.host, None, info
            if before is not None or anew:
                exported = driver.ensure_export(data)
                told = driver.initialize_connection(replace(data, **(exported or {})), wanted)
            size = expected_bytes(told, data.size, is_rounded=is_rounded)
            device = host.attach(told, expected_bytes=size, before=before, **self._flags())
            return exported, told, {"path": device["path"], "device": device, "attached_host": name}

        def after(answer: tuple[ModelUpdate, ConnectionInfo, dict[str, Any]]) -> list[RowChange]:
            exported, told, where = answer
            kept = guards.persisted_fields(exported, data)
            own = Update.of(self, {**where, **anew, "conn_info": dict(told), "attach_status": "attached"})
            return [own, Update.of(self.volume, kept)] if kept else [own]

        # by this a clean-up tells a device that the act brought from one that was there before
        arguments = {"path": self.path} if before is not None else {}
        self._run(self._operation("attach", "connect_volume", do, after, arguments=arguments))
        self.context.confirmed.devices[self.id] = (self.path, self.conn_info)
        if self.gateway is not None:
            self.context.confirmed.gateways[self.id] = (self.gateway, self.gateway)
        return str(self.path)

    def open(self, mode: str = "r+b", *, raw: bool = False) -> VolumeFile:
        """Return the attached volume as an open binary file, also one that librbd reaches without a device.

        It is unbuffered, ends where the volume ends, and is a context manager. Closing it writes what is left; it detaches
        nothing.

        Args:
            mode: ``r+b``, or ``rb`` for reading alone.
            raw: write to a volume even if it is encrypted: what is on it is lost with its header.

        Raises:
            InvalidInput: *mode* is neither ``rb`` nor ``r+b``.
            InvalidStatus: it is not attached on this host, or it is to be written and holds ciphertext.
            Unconfirmed: it was loaded from a document: attach() finds its device.
            AttachError: the device cannot be opened, is not the volume's any more, or is a qcow2 image.

        """
        self.refresh(keep_edits=True)
        if not self.attached:
            msg = f"{self.label()} is not attached: attach() it first."
            raise errors.InvalidStatus(msg)
        self._refuse_if_elsewhere("opened there", gateways=True)
        if not self.is_confirmed:
            msg = (
                f"{self.label()} was loaded, and the storage was not asked yet whether {self.path} is its device. attach() asks, "
                "then it can be opened."
            )
            raise errors.Unconfirmed(msg)
        if mode != "rb":
            self.context.journal.refuse_if_read_only("writing")
            if not raw:
                encryption.refuse_to_write(self)
        elif not raw:
            encryption.warn(self.volume, stacklevel=2)
        device, do_local_attach = self.device or {"path": self.path}, bool(self._flags()["do_local_attach"])
        file = self._host().open(self.info, device, mode, do_local_attach=do_local_attach)
        if file.writable() and not raw:
            encryption.refuse_header(self, file)
        return file

    def detach(self, *, force: bool = False) -> None:
        """Let go of the device on its host; the storage still lets the host in.

        Args:
            force: take the device from under what uses it, with a warning that says what; go on where os-brick meets errors or
                another host is not reached, and take a kernel named as working on it for dead.

        Raises:
            BusyOnStorage: the device, or a partition of it, is mounted or in use; it stays attached.
            HostUnreachable: the other host does not answer.
            AttachError: the host could not; the status is ``error_detaching``.

        """
        self.refresh(keep_edits=True)
        if not force:
            self._refuse_if_elsewhere("detached there")
        info, device, host = self._told(), self.device or {}, self._host() if self.is_in_reach else None
        name, taken = self.volume.name_in_storage, list[str]()
        anew = self._anew(host) if host is not None and not self.is_confirmed else {}
        data = self.volume.as_data()

        def do(driver: Driver, _progress: Progress) -> None:
            if host is None:
                return
            # what others have of it by the same device stays, so that what uses the device loses nothing
            is_shared = isinstance(driver, FileBacked) and bool(driver.connections_of(name) - {self.id})
            try:  # also where no path is known: the host may have got as far as a device before it was cut short
                if anew:  # the storage says what is let go of, and not the document
                    told = self._asked(driver, data, anew["connector_info"], force=force)
                    if told is None:
                        return
                    anew["conn_info"] = dict(told)
                    taken.extend(host.detach(told, {}, force=force, is_shared=is_shared, **self._flags()))
                    return
                taken.extend(host.detach(info, device, force=force, is_shared=is_shared, **self._flags()))
            except errors.HostUnreachable as error:
                if not force:
                    msg = f"{error} With force=True it is forgotten here, whatever is left there."
                    raise errors.HostUnreachable(msg, no_side_effects=error.no_side_effects) from error

        gone = {"path": None, "device": None, "attached_host": None, "attach_status": "attached"}
        self._run(self._operation("detach", "disconnect_volume", do, lambda _answer: [Update.of(self, anew | gone)], force=force))
        self._warn_of(taken, device)

    def disconnect(self, *, force: bool = False) -> None:
        """Shut the host out again and forget the connection.

        Args:
            force: also while a device is attached, with a warning that says what uses it, or a kernel is named as working on it.

        Raises:
            ResourceBusy: the device is still attached on a host.
            BusyOnStorage: this host has a device of it nevertheless, which is mounted or in use.
            DriverError: the storage refused; the status is ``error_detaching``.

        """
        self.refresh(keep_edits=True)
        if self.attached and not force:
            msg = f"{self.label()} is still attached on {self.attached_host} as {self.path}: detach() it there first."
            raise errors.ResourceBusy(msg)
        wanted = ConnectionData(self.id, masking.without(self.connector_info))
        volume, others = self.volume, list[str]()
        data, device, taken = volume.as_data(), self.device or {}, list[str]()

        def find_others(connection: sa.Connection) -> None:
            ids = sa.select(Connection.id).where(Connection.volume_id == self.volume_id, Connection.id != self.id)
            others[:] = connection.execute(ids).scalars()

        def do(driver: Driver, _progress: Progress) -> None:
            found = self._uses(driver, device)
            if found and not force:
                usage.refuse(f"A device of {volume.label()}", found)
            taken.extend(found)
            driver.terminate_connection(data, wanted)
            operation.side_effects = True
            if not others:
                driver.remove_export(data)

        operation = self._operation(
            "disconnect",
            "terminate_connection",
            do,
            lambda _answer: [Delete.of(self), SyncAttachStatus.of(volume)],
            guards=(find_others,),
            force=force,
        )
        self._run(operation)
        self._warn_of(taken, device)

    def release(self, *, force: bool = False) -> None:
        """Let go of the device on its host, if there may be one, and shut the host out: ``detach()`` and ``disconnect()``."""
        is_clean = self.attach_status == "attached" and not self.attached
        mine = self.gateway is not None or self.name_of_host == self.context.settings.host
        if force and not self.is_in_reach:
            mine = False
        if self.connected and mine and not is_clean:
            self.detach(force=force)
        self.disconnect(force=force)

    def extend_device(self) -> int:
        """Let the device on its host follow its volume and return its size in bytes; one that is gone is asked for again."""
        self.context.journal.refuse_if_read_only("extend")
        if not self.is_confirmed:
            self.attach_device()
        host, driver = self._host(), self.backend.driver
        if isinstance(driver, FileBacked):
            with translate_errors(self.backend.name, "ensure_export"):
                driver.ensure_export(self.volume.as_data())
        try:
            return host.extend(self._told(), **self._flags())
        except errors.HostUnreachable:
            raise
        except errors.AttachError:
            self.attach_device()
            return host.extend(self._told(), **self._flags())

    def _uses(self, driver: Driver, device: Mapping[str, Any]) -> list[str]:
        """Return what uses a device of the volume where that can be seen; a driver whose devices are files looks by itself."""
        is_near = self.gateway is not None and self.is_in_reach and self.attached
        is_here = self.gateway is None and self.name_of_host == self.context.settings.host
        if not self.connected or isinstance(driver, FileBacked) or not (is_near or is_here):
            return []
        try:
            return self._host().uses(self._told(), device, do_local_attach=self._flags()["do_local_attach"])
        except errors.HostUnreachable:  # asked by force alone: what was attached there is detached first otherwise
            return []

    def _warn_of(self, taken: list[str], device: Mapping[str, Any]) -> None:
        if taken:
            path = device.get("path") or f"A device of {self.volume.label()}"
            msg = f"{path} was in use when it was taken away: {usage.listed(taken)}. What was not written to it yet may be lost."
            warnings.warn(msg, errors.DeviceInUse, stacklevel=3)

    def _host(self) -> AttachingHost:
        if self.gateway is None:
            return self.context.host
        self.refuse_if_not_typed()
        return self.context.host_at(self._typed_gateway())

    def _typed_gateway(self) -> str | None:
        typed = self.context.confirmed.gateways.get(self.id)
        return typed[1] if typed is not None and typed[0] == self.gateway else self.gateway

    def refuse_if_not_typed(self) -> None:
        """Refuse a connection to another host that was loaded, or is reached through no address, with what to type."""
        if self.gateway is None or self.is_in_reach:
            return
        from cl_notebook.attach import address  # noqa: PLC0415 - only who attaches pays for it

        whose = "stands in a store that others can write to" if self.context.store.foreign else "was loaded from a document"
        if self.is_confirmed:
            msg = f"{self.label()} is reached through {self.gateway!r}, which is no [user@]host[:port]"
        else:
            msg = f"{self.label()} {whose}, which says that its host is reached through {self.gateway!r}"
        plain = str(self.gateway).partition("//")[0]
        typed = f"host={plain!r}" if address.is_one(plain) else "host='user@host'"
        msg += f". Nothing is reached before you type it: volume.attach({typed}) or volume.detach({typed})."
        raise errors.Unconfirmed(msg)

    def _asked(self, driver: Driver, data: VolumeData, connector: dict[str, Any], *, force: bool) -> ConnectionInfo | None:
        """Return what the storage says of a connection that was loaded; with *force* None where it says nothing."""
        try:
            exported = driver.ensure_export(data)
            return driver.initialize_connection(replace(data, **(exported or {})), ConnectionData(self.id, connector))
        except Exception:
            if force:  # nothing is known of a device: none is let go of
                return None
            raise

    def _anew(self, host: AttachingHost) -> dict[str, Any]:
        """Return the columns of a connection that was loaded as *host* says them: who it is, and how it was typed.

        Raises:
            InvalidStatus: it is a connection of another host.

        """
        asked = host.connector_properties(self.backend.driver.storage_protocol, multipath=self.multipath)
        theirs = self.connector_info.get("host")
        if theirs not in {None, asked["host"]}:
            msg = f"{self.label()} lets in {theirs!r}, which is not {asked['host']!r}: disconnect() it, and attach the volume."
            raise errors.InvalidStatus(msg)
        flags = {name: self.connector_info[name] for name in ("do_local_attach",) if name in self.connector_info}
        extra = self.extra if self.context.store.foreign else trust.unflagged(self.extra)
        return {"connector_info": checked({**asked, **flags}), "extra": extra, "gateway": self._typed_gateway()}

    def _flags(self) -> dict[str, bool]:
        # os-brick must be told the same at every call on the connection; do_local_attach means krbd instead of librbd
        return {"multipath": self.multipath, "do_local_attach": bool(self.connector_info.get("do_local_attach"))}

    def _refuse_if_elsewhere(self, what: str, *, gateways: bool = False) -> None:
        self.refuse_if_not_typed()
        if not self.is_in_reach or (gateways and self.gateway is not None):
            msg = f"{self.label()} is attached on {self.attached_host} as {self.path}: it must be {what}."
            raise errors.InvalidStatus(msg)

    def _operation(
        self,
        action: str,
        method: str,
        call: Callable[[Driver, Progress], R],
        on_success: Callable[[R], list[RowChange]],
        *,
        guards: tuple[Guard, ...] = (),
        force: bool = False,
        arguments: Mapping[str, Any] | None = None,
    ) -> OperationSpec[R]:
        return OperationSpec(
            action=action,
            method=method,
            call=call,
            resource=self,
            backend=self.backend,
            arguments=arguments or {},
            guards=guards,
            on_success=on_success,
            force=force,
        )

    def _run(self, operation: OperationSpec[R]) -> R:
        return cast("R", self.context.journal.run(operation))

    def after_creation(self, context: Context) -> None:
        """Stand in the volume's list, if that was loaded."""
        identity_map.add_to_collection(context, self, "Volume", "connections", self.volume_id)

    def after_deletion(self, context: Context) -> None:
        """Leave the volume's list, and say ``deleted``."""
        identity_map.remove_from_collection(context, self, "Volume", "connections", self.volume_id)
        identity_map.apply_committed(context, self, {"attach_status": "deleted", "path": None})

    def summary(self) -> tuple[str, ...]:
        """Id, status, host, path and volume."""
        host = self.connector_info.get("host", "?")
        where = f"at {self.path}" if self.path else ""
        return (self.id, self.attach_status, f"to {host}", where, f"of volume {self.volume_id[:8]}")
