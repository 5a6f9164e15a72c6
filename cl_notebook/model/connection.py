"""The tracked connection of a host to a volume: access on the storage, and the attached device."""

from __future__ import annotations

import uuid
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cl_notebook import errors, masking, usage
from cl_notebook.drivers.api import ConnectionData, ConnectionInfo, FileBacked
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.model import creation, doctor_hint, encryption, identity_map, trust, validation
from cl_notebook.model.base import Parent, Tracked
from cl_notebook.model.operations import guards
from cl_notebook.model.operations.changes import Delete, Insert, RowChange, SyncAttachStatus, Update
from cl_notebook.model.operations.runner import OperationSpec
from cl_notebook.store.types import Json, LongText, index_of_filled, reg
from cl_notebook.text import enumerated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cl_notebook.attach import AttachingHost, VolumeFile
    from cl_notebook.drivers.api import Driver, ModelUpdate, Progress, VolumeData
    from cl_notebook.model.backend import Backend
    from cl_notebook.model.context import Context
    from cl_notebook.model.operations.changes import Guard
    from cl_notebook.model.volume import Volume

R = TypeVar("R")

_ON_HOST = frozenset({"attach", "detach"})
"""Actions that can do without the storage."""


@reg.mapped
class Connection(Tracked):
    """A connection of one host to a volume: access on the storage, and the device once it is attached.

    ``volume.attach()`` makes one for this host, ``volume.connect(connector)`` for another. What can be done with it::

        use     path = conn.attach(); with conn.open() as file: file.read(512)
        read    conn.path, device, name_of_host, protocol, volume; conn.refresh()
        remove  conn.detach() removes the device, conn.disconnect() the access, too

    ``attach_status`` (also ``status``) is ``attached`` as soon as the storage gives the host access, as in cinderlib. ``path`` is
    the device or file on the host after os-brick attached it, and None before; ``rbd:POOL/IMAGE`` is a volume that librbd reads
    without a device. ``conn_info`` is the storage's reply, unchanged. ``gateway`` is the address by which another host is
    reached; it is None for this host, and for hosts that attach the volume themselves.

    The fields of a connection that was loaded from a document are not trusted: its gateway is contacted only after the user typed
    the address again, and its device is the one that the storage reports when it is asked again.
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
    created_by: ClassVar[str] = "volume.attach(), or volume.connect(connector)"
    internal: ClassVar[frozenset[str]] = Tracked.internal | {
        *("attach_device", "extend_device", "record", "refuse_if_not_typed", "release", "revoke", "is_without_backend"),
    }
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
        """The value of ``attach_status``."""
        return self.attach_status

    @property
    def connected(self) -> bool:
        """Whether the storage gives the host access."""
        return bool(self.conn_info)

    @property
    def attached(self) -> bool:
        """Whether the volume is attached on the host, as a device, a file or a librbd image."""
        return self.path is not None

    @property
    def is_in_reach(self) -> bool:
        """Whether this kernel can attach and detach the connection: on this host, or through a gateway."""
        if self.gateway is not None:
            return trust.may_reach(self.context, self.id, self.gateway, self.extra)
        return self.attached_host in {None, self.context.settings.host}

    @property
    def is_confirmed(self) -> bool:
        """Whether path and ``conn_info`` come from an operation, not from a document or foreign store."""
        if trust.is_trusted(self.context, self.extra):
            return True
        return self.context.confirmed.devices.get(self.id) == (self.path, self.conn_info)

    @property
    def is_without_backend(self) -> bool:
        """Whether the host attaches and detaches without asking the storage (``fail_on_missing_backend=False``).

        The backend is not open then. What the connection says of itself is used, also if a document says it: a node that only
        attaches has no backend, and starting it that way is the decision to trust what it is sent.
        """
        return not self.context.settings.fail_on_missing_backend and self.backend.name not in self.context.backends

    @property
    def name_of_host(self) -> str | None:
        """The name of the host on which the volume is attached, or else of the host that has access."""
        return self.attached_host or self.connector_info.get("host")

    @property
    def info(self) -> ConnectionInfo:
        """The storage's reply as os-brick takes it, complete with secrets.

        Raises:
            InvalidStatus: the storage never gave access, or the connection was loaded from a document without its secrets.

        """
        info, missing = self._saved_info(), masking.missing(self.conn_info)
        if missing:
            msg = (
                f"{self.label()} lacks {', '.join(sorted(set(missing)))}: it was loaded from a document without secrets. "
                "disconnect() it, and connect() the volume again."
            )
            raise errors.InvalidStatus(msg)
        return info

    def _saved_info(self) -> ConnectionInfo:
        """Return the storage's reply without masked secrets, which suffices to detach the device.

        Raises:
            InvalidStatus: the storage never gave access.

        """
        if not self.conn_info:
            msg = f"{self.label()} was never completed on the storage. disconnect() removes it."
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
        several_hosts: bool = False,
    ) -> Connection:
        """Give a host access to *volume*, and return the connection; see ``Volume.connect``.

        Args:
            volume: the volume.
            connector: os-brick's connector properties of the host.
            multipath: use several paths to the storage, unless *connector* says otherwise.
            gateway: address by which the host is reached; None for this host, and for hosts that attach by themselves.
            extra: further data for its documents: ``attach_mode``, and fields that have no column.
            several_hosts: leave it to the driver to refuse a second host.

        """
        values = _new_row(volume, checked(connector), multipath=multipath) | {"gateway": gateway}
        values |= _extra_columns(extra or {})
        data, connection_data = volume.as_data(), ConnectionData(values["id"], values["connector_info"])

        exported: dict[str, Any] = {}

        def call_driver(driver: Driver, _progress: Progress) -> ConnectionInfo:
            exported.update(driver.create_export(data, connection_data.connector) or {})
            operation.side_effects = True if exported else None
            return driver.initialize_connection(replace(data, **exported), connection_data)

        def on_success(info: ConnectionInfo) -> list[RowChange]:
            columns = {"conn_info": dict(info), "protocol": info["driver_volume_type"], "attach_status": "attached"}
            return [Update.of(operation.target, columns), SyncAttachStatus.of(volume, guards.persisted_fields(exported, data))]

        def on_failure(error: BaseException) -> list[RowChange]:
            return [*operation.default_failure(error), SyncAttachStatus.of(volume, guards.persisted_fields(exported, data))]

        operation: OperationSpec[ConnectionInfo] = OperationSpec(
            action="connect",
            call=call_driver,
            insert=Insert(cls.kind, values),
            backend=volume.backend,
            arguments={"volume_id": volume.id, "host": values["connector_info"]["host"]},
            guards=(
                guards.require_source(volume.context, volume, "connect", "connect it"),
                *(() if several_hosts else (_refuse_second_host(cls, volume, values["connector_info"]["host"]),)),
            ),
            on_success=on_success,
            on_failure=on_failure,
        )
        volume.context.journal.run(operation)
        if gateway is not None:
            volume.context.confirmed.gateways[values["id"]] = (gateway, gateway)
        return cast("Connection", operation.target)

    @classmethod
    def record(cls, volume: Volume, connector: Mapping[str, Any], columns: Mapping[str, Any]) -> Connection:
        """Track a connection of *volume* that exists on the storage already, and return it; the driver is not called.

        Args:
            volume: the volume.
            connector: os-brick's connector properties of the host.
            columns: further columns of the row, such as ``conn_info``.

        """
        values = _new_row(volume, checked(connector), multipath=False) | {"attach_status": "attached", **columns}
        insert = Insert(cls.kind, values)
        journal = volume.context.journal
        created = journal.record_without_driver("add", [insert, SyncAttachStatus.of(volume)], insert)
        return cast("Connection", created[0])

    @errors.arguments_checked
    def attach(self) -> str:
        """Attach the volume on its host by os-brick, and return the path of the device or file.

        If it is attached already, the device is searched for again: it is the same, or a new one after a restart of the host. The
        warning ``errors.EncryptedVolume`` is issued first if Cinder encrypted the volume, because its device holds ciphertext.

        Raises:
            InvalidStatus: the storage never gave access, or the host is out of reach.
            Unconfirmed: the connection was loaded from a document, and its gateway was not typed in this session.
            DriverError: the storage refused.
            AttachError: os-brick failed, or the device is not the volume's; the status is ``error_attaching``.

        """
        self.refresh(keep_edits=True)
        encryption.warn(self.volume, stacklevel=2)
        return self.attach_device()

    def attach_device(self) -> str:
        """Attach the volume as :meth:`attach` does, without the warning of ciphertext."""
        self.refresh(keep_edits=True)
        self._refuse_if_elsewhere("attached there")
        data, before = self.volume.as_data(), self.device if self.attached else None
        saved_info, connection_data = self.info, ConnectionData(self.id, masking.without(self.connector_info))
        host, host_columns = self._host(), dict[str, Any]()
        asks_storage = not self.is_without_backend
        if asks_storage and not self.is_confirmed:  # trust neither the connector nor the device of a document
            host_columns, before = self._columns_from(host), None
            connection_data = ConnectionData(self.id, host_columns["connector_info"])
        is_rounded = creation.may_be_rounded(self.volume, saved_info)

        def call_driver(driver: Driver, _progress: Progress) -> tuple[ModelUpdate, ConnectionInfo, dict[str, Any]]:
            host_name, exported, info = host.host, None, saved_info
            if asks_storage and (before is not None or host_columns):
                exported = driver.ensure_export(data)
                info = driver.initialize_connection(replace(data, **(exported or {})), connection_data)
            size = creation.expected_bytes(info, data.size, is_rounded=is_rounded)
            device = host.attach(info, expected_bytes=size, before=before, **self._flags())
            return exported, info, {"path": device["path"], "device": device, "attached_host": host_name}

        def on_success(result: tuple[ModelUpdate, ConnectionInfo, dict[str, Any]]) -> list[RowChange]:
            exported, info, device_columns = result
            volume_columns = guards.persisted_fields(exported, data)
            update = Update.of(self, {**device_columns, **host_columns, "conn_info": dict(info), "attach_status": "attached"})
            return [update, Update.of(self.volume, volume_columns)] if volume_columns else [update]

        # The history shows by it whether this operation attached the device; a clean-up removes only devices that it did attach.
        arguments = {"path": self.path} if before is not None else {}
        with doctor_hint.attaching(self.backend.name, self.gateway):
            self._run(self._operation("attach", call_driver, on_success, arguments=arguments))
        self.context.confirmed.devices[self.id] = (self.path, self.conn_info)
        if self.gateway is not None:
            self.context.confirmed.gateways[self.id] = (self.gateway, self.gateway)
        return str(self.path)

    @errors.arguments_checked
    def open(self, mode: str = "r+b", *, raw: bool = False) -> VolumeFile:
        """Open the attached volume as a binary file, also a librbd image, which has no device.

        The file is unbuffered, ends where the volume ends, and is a context manager. Closing it flushes it, and leaves the volume
        attached.

        Args:
            mode: ``r+b``, or ``rb`` for read-only access.
            raw: open an encrypted volume, too: writing over its LUKS header destroys all of its data.

        Raises:
            InvalidInput: *mode* is neither ``rb`` nor ``r+b``.
            InvalidStatus: the volume is not attached on this host, or it is encrypted and opened for writing.
            Unconfirmed: the connection was loaded from a document; ``attach()`` confirms its device.
            AttachError: the device cannot be opened, is not the volume's any more, or is a qcow2 image.
            ReadOnly: the session is read-only, and *mode* is ``r+b``.

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

    @errors.arguments_checked
    def detach(self, *, force: bool = False) -> None:
        """Detach the device from its host; the host still has access on the storage.

        Args:
            force: remove the device even if it is in use, with a warning that lists the uses; ignore errors of os-brick and an
                unreachable host; assume that the kernel whose operation is still recorded as running is dead.

        Raises:
            InvalidStatus: the storage never gave access, or the host is out of reach.
            BusyOnStorage: the device, or a partition of it, is mounted or in use; it stays attached.
            HostUnreachable: the other host does not answer.
            AttachError: os-brick failed; the status is ``error_detaching``.

        """
        self.refresh(keep_edits=True)
        if not force:
            self._refuse_if_elsewhere("detached there")
        info, device, host = self._saved_info(), self.device or {}, self._host() if self.is_in_reach else None
        name, device_uses = self.volume.name_in_storage, list[str]()
        is_foreign = not self.is_confirmed and not self.is_without_backend
        host_columns = self._columns_from(host) if host is not None and is_foreign else {}
        data = self.volume.as_data()

        def call_driver(driver: Driver, _progress: Progress) -> None:
            if host is None:
                return
            # A device that serves other connections, too, stays attached, so that its uses do not matter.
            is_shared = isinstance(driver, FileBacked) and bool(driver.connections_of(name) - {self.id})
            try:  # also without a path: an interrupted attachment may have left a device
                if host_columns:  # detach what the storage reports, and not what a document says
                    reported = self._request_info(driver, data, host_columns["connector_info"], force=force)
                    if reported is None:
                        return
                    host_columns["conn_info"] = dict(reported)
                    device_uses.extend(host.detach(reported, {}, force=force, is_shared=is_shared, **self._flags()))
                    return
                device_uses.extend(host.detach(info, device, force=force, is_shared=is_shared, **self._flags()))
            except errors.HostUnreachable as error:
                if not force:
                    msg = f"{error} With force=True it is forgotten here, whatever is left there."
                    raise errors.HostUnreachable(msg, no_side_effects=error.no_side_effects) from error

        columns = {"path": None, "device": None, "attached_host": None, "attach_status": "attached"}
        operation = self._operation(
            "detach",
            call_driver,
            lambda _result: [Update.of(self, host_columns | columns)],
            force=force,
        )
        self._run(operation)
        self._warn_of_uses(device_uses, device)

    @errors.arguments_checked
    def disconnect(self, *, force: bool = False) -> None:
        """Revoke the host's access on the storage, and remove the connection.

        Args:
            force: disconnect even while the device is attached, with a warning that lists its uses; assume that the kernel whose
                operation is still recorded as running is dead.

        Raises:
            ResourceBusy: the device is still attached on a host.
            BusyOnStorage: a device of the volume that is not recorded as attached is mounted or in use.
            DriverError: the storage refused; the status is ``error_detaching``.

        """
        self.refresh(keep_edits=True)
        if self.attached and not force:
            msg = f"{self.label()} is still attached on {self.attached_host} as {self.path}: detach() it there first."
            raise errors.ResourceBusy(msg)
        self.revoke(force=force)

    def revoke(self, *, force: bool = False) -> None:
        """Revoke the access as :meth:`disconnect` does, also of a host that has the device and detaches it itself."""
        self.refresh(keep_edits=True)
        connection_data = ConnectionData(self.id, masking.without(self.connector_info))
        volume, other_ids = self.volume, list[str]()
        data, device, device_uses = volume.as_data(), self.device or {}, list[str]()

        def find_other_connections(connection: sa.Connection) -> None:
            ids = sa.select(Connection.id).where(Connection.volume_id == self.volume_id, Connection.id != self.id)
            other_ids[:] = connection.execute(ids).scalars()

        def call_driver(driver: Driver, _progress: Progress) -> None:
            device_uses.extend(self._device_uses(driver, device))
            if device_uses and not force:
                usage.refuse(f"A device of {volume.label()}", device_uses)
            driver.terminate_connection(data, connection_data)
            operation.side_effects = True
            if not other_ids:
                driver.remove_export(data)

        operation = self._operation(
            "disconnect",
            call_driver,
            lambda _result: [Delete.of(self), SyncAttachStatus.of(volume)],
            guards=(find_other_connections,),
            force=force,
        )
        self._run(operation)
        self._warn_of_uses(device_uses, device)

    def release(self, *, force: bool = False) -> None:
        """Detach the device from its host, if it may have one, then disconnect the host."""
        has_no_device = self.attach_status == "attached" and not self.attached
        can_detach = self.gateway is not None or self.name_of_host == self.context.settings.host
        if force and not self.is_in_reach:
            can_detach = False
        if self.connected and can_detach and not has_no_device:
            self.detach(force=force)
        self.disconnect(force=force)

    def extend_device(self) -> int:
        """Grow the device on its host to the size of its volume, and return that size in bytes.

        A device that is missing or cannot be grown is attached again.

        Raises:
            AttachError: the device could not be grown.

        """
        self.context.journal.refuse_if_read_only("extend")
        if not self.is_confirmed:
            self.attach_device()
        host, driver = self._host(), self.backend.driver
        if isinstance(driver, FileBacked):
            with translate_errors(self.backend.name, "ensure_export"):
                driver.ensure_export(self.volume.as_data())
        try:
            return host.extend(self._saved_info(), **self._flags())
        except errors.HostUnreachable:
            raise
        except errors.AttachError:
            self.attach_device()
            return host.extend(self._saved_info(), **self._flags())

    def refuse_if_not_typed(self) -> None:
        """Refuse a connection whose gateway was not typed in this session, or is not an address.

        Connections that operations of this user created are accepted.

        Raises:
            Unconfirmed: the gateway comes from a document or a foreign store, or is not an address.

        """
        if self.gateway is None or self.is_in_reach:
            return
        from cl_notebook.attach import address  # noqa: PLC0415 - loaded only to attach

        origin = "stands in a store that others can write to" if self.context.store.foreign else "was loaded from a document"
        if self.is_confirmed:
            msg = f"{self.label()} is reached through {self.gateway!r}, which is no [user@]host[:port]"
        else:
            msg = f"{self.label()} {origin}, which says that its host is reached through {self.gateway!r}"
        plain = str(self.gateway).partition("//")[0]
        argument = f"host={plain!r}" if address.is_one(plain) else "host='user@host'"
        msg += f". Nothing is reached before you type it: volume.attach({argument}) or volume.detach({argument})."
        raise errors.Unconfirmed(msg)

    def after_creation(self, context: Context) -> None:
        """Add the connection to its volume's list, if that is loaded."""
        identity_map.add_to_collection(context, self, "Volume", "connections", self.volume_id)

    def after_deletion(self, context: Context) -> None:
        """Remove the connection from its volume's list, and set its status to ``deleted``."""
        identity_map.remove_from_collection(context, self, "Volume", "connections", self.volume_id)
        identity_map.apply_committed(context, self, {"attach_status": "deleted", "path": None})

    def summary(self) -> tuple[str, ...]:
        """Return id, status, host, path and volume."""
        host = self.connector_info.get("host", "?")
        path = f"at {self.path}" if self.path else ""
        return (self.id, self.attach_status, f"to {host}", path, f"of volume {self.volume_id[:8]}")

    def _device_uses(self, driver: Driver, device: Mapping[str, Any]) -> list[str]:
        """Return the uses of the volume's devices on its host, as texts; none if the host is out of reach.

        Drivers whose volumes are files check this themselves.
        """
        is_by_gateway = self.gateway is not None and self.is_in_reach and self.attached
        is_local = self.gateway is None and self.name_of_host == self.context.settings.host
        if not self.connected or isinstance(driver, FileBacked) or not (is_by_gateway or is_local):
            return []
        try:
            return self._host().uses(self._saved_info(), device, do_local_attach=self._flags()["do_local_attach"])
        except errors.HostUnreachable:  # only with force: otherwise the device there is detached before
            return []

    def _warn_of_uses(self, device_uses: list[str], device: Mapping[str, Any]) -> None:
        if device_uses:
            path = device.get("path") or f"A device of {self.volume.label()}"
            listed = usage.listed(device_uses)
            msg = f"{path} was in use when it was taken away: {listed}. What was not written to it yet may be lost."
            warnings.warn(msg, errors.DeviceInUse, stacklevel=3)

    def _host(self) -> AttachingHost:
        if self.gateway is None:
            return self.context.host
        self.refuse_if_not_typed()
        return self.context.host_at(self._typed_gateway())

    def _typed_gateway(self) -> str | None:
        """Return the gateway's address as the user typed it in this session, else as it is stored."""
        typed = self.context.confirmed.gateways.get(self.id)
        return typed[1] if typed is not None and typed[0] == self.gateway else self.gateway

    def _request_info(self, driver: Driver, data: VolumeData, connector: dict[str, Any], *, force: bool) -> ConnectionInfo | None:
        """Ask the storage for the connection information; with *force* return None if it refuses."""
        try:
            exported = driver.ensure_export(data)
            return driver.initialize_connection(replace(data, **(exported or {})), ConnectionData(self.id, connector))
        except Exception:
            if force:  # without the information no device can be detached
                return None
            raise

    def _columns_from(self, host: AttachingHost) -> dict[str, Any]:
        """Return columns that replace those of a document: the connector of *host*, the typed gateway.

        Raises:
            InvalidStatus: the connection gives access to another host.

        """
        reported = host.connector_properties(self.backend.driver.storage_protocol, multipath=self.multipath)
        name = self.connector_info.get("host")
        if name not in {None, reported["host"]}:
            msg = f"{self.label()} connects {name!r}, not {reported['host']!r}: disconnect() it, and attach the volume."
            raise errors.InvalidStatus(msg)
        flags = {flag: self.connector_info[flag] for flag in ("do_local_attach",) if flag in self.connector_info}
        extra = self.extra if self.context.store.foreign else trust.unflagged(self.extra)
        return {"connector_info": checked({**reported, **flags}), "extra": extra, "gateway": self._typed_gateway()}

    def _flags(self) -> dict[str, bool]:
        # os-brick needs the same values in every call on a connection; do_local_attach is krbd instead of librbd
        return {"multipath": self.multipath, "do_local_attach": bool(self.connector_info.get("do_local_attach"))}

    def _refuse_if_elsewhere(self, remedy: str, *, gateways: bool = False) -> None:
        """Refuse a connection whose host is out of reach, or, with *gateways*, is any other host; *remedy* says what to do."""
        self.refuse_if_not_typed()
        if not self.is_in_reach or (gateways and self.gateway is not None):
            msg = f"{self.label()} is attached on {self.attached_host} as {self.path}: it must be {remedy}."
            raise errors.InvalidStatus(msg)

    def _operation(
        self,
        action: str,
        call: Callable[[Driver, Progress], R],
        on_success: Callable[[R], list[RowChange]],
        *,
        guards: tuple[Guard, ...] = (),
        force: bool = False,
        arguments: Mapping[str, Any] | None = None,
    ) -> OperationSpec[R]:
        return OperationSpec(
            action=action,
            call=call,
            resource=self,
            backend=HostOnly(self.backend) if action in _ON_HOST and self.is_without_backend else self.backend,
            arguments=arguments or {},
            guards=guards,
            on_success=on_success,
            force=force,
        )

    def _run(self, operation: OperationSpec[R]) -> R:
        return cast("R", self.context.journal.run(operation))


class HostOnly:
    """A backend for operations that only concern a host: its driver is neither opened nor called."""

    driver: ClassVar[Any] = None

    def __init__(self, backend: Backend) -> None:
        """Wrap *backend*."""
        self._backend = backend

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of the backend
        return getattr(self._backend, name)


def checked(connector: Mapping[str, Any]) -> dict[str, Any]:
    """Validate os-brick's connector properties, and return them as plain data that can be stored.

    Raises:
        InvalidInput: *connector* is not a dict with a ``host``, or cannot be stored as JSON.

    """
    host = connector.get("host") if hasattr(connector, "items") else None
    if not isinstance(host, str) or not host:
        msg = f"A connector is os-brick's dict of connector properties with at least a 'host', not {connector!r}."
        raise errors.InvalidInput(msg)
    validation.name(host, "The connector's host")
    return dict(validation.json_safe(dict(connector), "A connector"))


def _extra_columns(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns ``attach_mode`` (default ``rw``) and ``extra`` for further data.

    Raises:
        InvalidInput: the mode is neither ``rw`` nor ``ro``, or a value cannot be stored as JSON.

    """
    others = dict(extra)
    mode = others.pop("attach_mode", None) or "rw"
    if mode not in {"rw", "ro"}:
        msg = f"attach_mode must be 'rw' or 'ro', not {mode!r}."
        raise errors.InvalidInput(msg)
    return {"attach_mode": mode, "extra": {"data": validation.json_safe(others, "A connection")} if others else None}


def _refuse_second_host(cls: type[Connection], volume: Volume, host: str) -> Guard:
    """Return a guard that refuses *host* if another is connected and the driver lacks ``multiattach``."""
    # read outside the guard, which holds the session's lock and a transaction: it may open the backend
    is_shared = volume.backend.capabilities.get("multiattach", True)

    def guard(connection: sa.Connection) -> None:
        of_volume = sa.select(cls.connector_info).where(cls.volume_id == volume.id)
        others = sorted({str(row.get("host")) for row in connection.execute(of_volume).scalars()} - {host})
        if others and not is_shared:
            msg = (
                f"{volume.label()} is connected to {enumerated(others)}, and its driver supports only one host: detach it there."
            )
            raise errors.ResourceBusy(msg)

    return guard


def _new_row(volume: Volume, connector: dict[str, Any], *, multipath: bool) -> dict[str, Any]:
    """Return the row of a new connection of *volume* to the host that *connector* describes, by column."""
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
