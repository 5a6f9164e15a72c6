"""The tracked volume and its operations."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cl_notebook import errors, usage
from cl_notebook.attach import block_devices
from cl_notebook.drivers.api import FileBacked, GiB
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.model import batch, claims, creation, doctor_hint, encryption, identity_map, trash, validation
from cl_notebook.model.base import Children, HasMetadata, Parent, Protectable, Tracked
from cl_notebook.model.context import current
from cl_notebook.model.driver_context import volume_data
from cl_notebook.model.operations import background, guards, lifecycle
from cl_notebook.model.operations.changes import SyncAttachStatus, Update
from cl_notebook.model.operations.runner import OperationSpec
from cl_notebook.store.types import Json, LongText, index_of_filled, reg

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from cl_notebook.drivers.api import CanManage, CanRetype, CanRevert, Driver, ModelUpdate, Progress, VolumeData
    from cl_notebook.model.backend import Backend
    from cl_notebook.model.connection import Connection
    from cl_notebook.model.context import Context
    from cl_notebook.model.operations.changes import RowChange
    from cl_notebook.model.snapshot import Snapshot

T = TypeVar("T")


class Attachable(Tracked):
    """The part of a volume that manages its connections."""

    backend: ClassVar[Parent[Backend]]

    connections: ClassVar[Children[Connection]] = Children("Connection", "volume_id", "volume")

    @property
    def local_attach(self) -> Connection | None:
        """The connection that is attached on this host, also by another kernel; None if there is none."""
        return next((conn for conn in self._connections_on(None) if conn.attached), None)

    @property
    def attached_in_reach(self) -> list[Connection]:
        """The connections that are attached on this host, or on other hosts through gateways."""
        return [conn for conn in self.connections if conn.attached and conn.is_in_reach]

    @errors.arguments_checked
    def connect(self, connector: Mapping[str, Any], *, multipath: bool = False) -> Connection:
        """Export the volume to a host, without attaching it there, and return the connection.

        Args:
            connector: os-brick's connector properties of the host; at least ``host``.
            multipath: use several paths to the storage, unless *connector* says otherwise.

        Raises:
            InvalidInput: *connector* is not a dict with a ``host``.
            ResourceBusy: another host is connected, and the driver does not support several (``multiattach``).
            DriverError: the storage refused; the connection stays tracked as ``error_attaching``, unless the driver reports that
                it changed nothing.

        """
        return type(self).connections.target.make(cast("Volume", self), connector, multipath=multipath)

    @errors.arguments_checked
    def attach(self, *, host: str | None = None, multipath: bool = False, enforce_multipath: bool | None = None) -> Connection:
        """Attach the volume on this host, or on another, and return the connection.

        The connection's ``path`` is the device or file to use.

        A connection of that host is reused: if it is attached, the device is checked, and searched for again after a restart of
        the host; if it is only connected, for instance because a detachment was interrupted, it is attached.

        Args:
            host: address of another host, reachable by ssh: ``[user@]host[:port]``, also with the Python that has os-brick:
                ``root@node2//python=/opt/venv/bin/python``. The connection stores it as its gateway, for the detachment.
            multipath: use several paths to the storage.
            enforce_multipath: fail if multipathd does not run, instead of using one path; by default equal to *multipath*.

        Raises:
            InvalidInput: *host* is not such an address.
            ResourceBusy: another host is connected, and the driver does not support several (``multiattach``).
            HostUnreachable: *host* does not answer. If it was lost while it attached, the connection stays tracked.
            DriverError, AttachError: the storage or the host refused; a new connection is removed again.

        """
        self.refresh(keep_edits=True)
        self.context.journal.refuse_if_read_only("attach")
        encryption.warn(cast("Volume", self), stacklevel=2)
        host = None if host is None else _address(validation.name(host, "host"))
        attaching_host = self.context.host_at(host)
        self._confirm_gateway(host)
        connected = [conn for conn in self._connections_on(host) if conn.connected]
        if not connected:
            protocol = self.backend.driver.storage_protocol
            with doctor_hint.attaching(self.backend.name, host):
                properties = attaching_host.connector_properties(
                    protocol, multipath=multipath, enforce_multipath=enforce_multipath
                )
            connected = [conn for conn in self._connections_on(properties["host"]) if conn.connected] if host is not None else []
        if connected:
            connected[0].attach_device()
            return connected[0]
        before = self._connections_on(host)
        try:
            conn = type(self).connections.target.make(cast("Volume", self), properties, multipath=multipath, gateway=host)
            conn.attach_device()
        except BaseException as error:
            # A host that may still be attaching keeps its access until it is detached there. A connection that cannot be removed
            # stays tracked in an error status; the error to raise is the first one.
            if not _may_continue(error, is_remote=host is not None):
                with contextlib.suppress(errors.Error):
                    for connection in self._connections_on(host):
                        if connection not in before:  # an older one may belong to an operation of another kernel
                            connection.disconnect()
                    background.rolled_back(error, f"attach {self.label()}")
            raise
        return conn

    @errors.arguments_checked
    def detach(self, *, host: str | None = None, force: bool = False) -> None:
        """Detach the volume from this host, or from another, and remove its connection there.

        This also completes a detachment that was interrupted.

        Args:
            host: another host: the address given to ``attach(host=…)``, or the host's name. If the connection was loaded from a
                document, only the address is accepted.
            force: remove the device even if it is in use, with a warning that lists the uses; ignore errors of os-brick and an
                unreachable host; assume that the kernel whose operation is still recorded as running is dead.

        Raises:
            InvalidStatus: the volume is not attached on that host.
            BusyOnStorage: the device, or a partition of it, is mounted or in use; it stays attached.
            HostUnreachable: the other host does not answer.
            DriverError, AttachError: the storage or the host refused; the detachment can be repeated.

        """
        self.refresh(keep_edits=True)
        self.context.journal.refuse_if_read_only("detach")
        self._confirm_gateway(host)
        connections = self._connections_on(host)
        if not connections:
            others = "".join(f" It is on {conn.attached_host}." for conn in self.connections if conn.attached)
            msg = f"{self.label()} is not attached on {host or self.context.settings.host}.{others}"
            raise errors.InvalidStatus(msg)
        to_release = [conn for conn in connections if conn.attached] or connections
        batch.in_turn("detached", to_release, lambda conn: conn.release(force=force), lambda conn: conn.label())

    def _connections_on(self, host: str | None) -> list[Connection]:
        """Return the connections of a host, the attached ones first.

        *host* is the address or the name of a host that is reached through a gateway; None means this host.
        """
        local_host = self.context.settings.host
        matched = [
            conn
            for conn in self.connections
            if (conn.gateway is not None and host is not None and (conn.name_of_host == host or _leads_to(conn.gateway, host)))
            or (conn.gateway is None and host is None and conn.name_of_host == local_host)
        ]
        return sorted(matched, key=lambda conn: not conn.attached)

    def _confirm_gateway(self, host: str | None) -> None:
        """Allow this session to reach connections through the gateway *host*, which the user typed."""
        if host is None:
            return
        for conn in self.connections:
            if conn.gateway is not None and not conn.is_in_reach and _leads_to(conn.gateway, host):
                self.context.confirmed.gateways[conn.id] = (conn.gateway, _address(host))

    def refuse_if_in_use(self, driver: Driver) -> None:
        """Refuse an operation while this host uses a device whose name contains the volume's id.

        No connection needs to be tracked for such a device: its row may have been lost with a store. Drivers whose volumes are
        files check this themselves.

        Raises:
            BusyOnStorage: such a device is mounted or in use.

        """
        device_uses = [] if isinstance(driver, FileBacked) else usage.uses(block_devices.of_volume(self.id))
        if device_uses:
            usage.refuse(f"A device of {self.label()}", device_uses)

    @errors.arguments_checked
    def disconnect(self, connection: Connection, *, force: bool = False) -> None:
        """Revoke the host's access, and remove *connection*; see ``Connection.disconnect``.

        Raises:
            InvalidInput: the connection belongs to another volume.

        """
        if connection.volume_id != self.id:
            msg = f"{connection.label()} is not a connection of {self.label()}."
            raise errors.InvalidInput(msg)
        connection.disconnect(force=force)

    def cleanup(self, *, force: bool = False) -> None:
        """Detach the volume from all hosts within reach, and remove all of its connections.

        Within reach are this host, and those that are reached through gateways.

        Args:
            force: also remove connections that are attached on hosts out of reach, and devices that are in use, with a warning
                that lists the uses; assume that kernels whose operations are still recorded as running are dead.

        Raises:
            BusyOnStorage: a device is mounted or in use; it stays attached.
            ResourceBusy: the volume is attached on a host out of reach; the other connections are removed.

        """
        self.refresh(keep_edits=True)
        self.context.journal.refuse_if_read_only("cleanup")
        out_of_reach = [conn for conn in self.connections if conn.attached and not conn.is_in_reach]
        to_release = [conn for conn in self.connections if force or conn not in out_of_reach]
        batch.in_turn("removed", to_release, lambda conn: conn.release(force=force), lambda conn: conn.label())
        if out_of_reach and not force:
            out_of_reach[0].refuse_if_not_typed()
            msg = f"{self.label()} is attached on {out_of_reach[0].attached_host}: detach it there, or use cleanup(force=True)."
            raise errors.ResourceBusy(msg)


def _address(text: str) -> str:
    from cl_notebook.attach import address  # noqa: PLC0415 - loaded only to attach on another host

    return address.parse(text).text


def _leads_to(gateway: str, typed: str) -> bool:
    from cl_notebook.attach import address  # noqa: PLC0415 - as above

    return address.leads_to(gateway, typed)


def _may_continue(error: BaseException, *, is_remote: bool) -> bool:
    """Return whether the attachment that *error* ended may still be running elsewhere, or be complete.

    An operation of the storage may outlive the call, and an interrupt ends only the wait for a remote host.
    """
    if isinstance(error, errors.HostUnreachable):
        return not error.no_side_effects
    return isinstance(error, (errors.StillRunning, errors.OutcomePending)) or (is_remote and not isinstance(error, Exception))


@reg.mapped
class Volume(HasMetadata, Protectable, Attachable, Tracked):
    """A block volume on the storage of a backend, tracked in the store.

    ``backend.create_volume(1, "db")`` creates one, and ``cl.find("db")`` finds it again, in any kernel.

    What can be done with it::

        use     conn = volume.attach(); conn.path; conn.open(); volume.detach()
        export  conn = volume.connect(connector); volume.disconnect(conn)
        copy    volume.create_snapshot("before"); volume.clone("copy", size=2)
        change  volume.extend("+5"); volume.retype(extra_specs); volume.revert(snapshot)
        edit    volume.name = "ledger"; volume.metadata["app"] = "crm"; volume.save()
        read    volume.snapshots, connections, local_attach, backend; volume.refresh()
        remove  volume.delete(cascade=True); volume.unmanage() leaves it on the storage
        guard   volume.protect() refuses its deletion, volume.unprotect() allows it again
        repair  cl.inventory.repair(volume), after a crash or an error

    ``size`` is in GiB. ``name`` is the display name, ``name_in_storage`` the driver's. ``status`` is ``available``; ``in-use``
    while a host is connected; ``creating``, ``extending`` and the like while an operation runs; ``error…`` after one failed.
    ``snapshot_id`` and ``source_volid`` say what it was created from.
    """

    __tablename__ = "volume"
    __table_args__ = (
        sa.Index(None, "name", "id"),  # with the id, so that a search by name reads only the index
        sa.Index(None, "backend_id", "created_at", "id"),
        # The tree sorts a backend's volumes in these orders, and adds up sizes by status.
        sa.Index(None, "backend_id", "name", "id"),
        sa.Index(None, "backend_id", "size", "id"),
        sa.Index(None, "backend_id", "status", "size", "id"),
        sa.Index(None, "backend_id", "host", "id"),
        # The frames read their pages in these orders.
        sa.Index(None, "created_at", "id"),
        sa.Index(None, "size", "id"),
        sa.Index(None, "status", "created_at", "id"),
        sa.Index(None, "status", "size", "id"),
        sa.Index(None, "attach_status", "created_at", "id"),
        sa.Index(None, "host", "created_at", "id"),
        sa.Index(None, "bootable", "created_at", "id"),
        index_of_filled("pool_name", "created_at", "id"),
        index_of_filled("availability_zone", "created_at", "id"),
        index_of_filled("updated_at", "id"),
        index_of_filled("provider_id", "id"),
        # The rows that claim a name on a storage are looked up before another row may claim it.
        sa.Index(None, "name_in_storage", "backend_id"),
        # A clean-up deletes volumes before the snapshot or volume that they were created from.
        index_of_filled("snapshot_id", "id"),
        index_of_filled("source_volid", "id"),
    )
    kind: ClassVar[str] = "volume"
    created_by: ClassVar[str] = "backend.create_volume(size, name)"
    relations: ClassVar[tuple[str, ...]] = ("snapshots", "connections")
    editable: ClassVar[tuple[str, ...]] = (
        *("name", "description", "bootable", "protected", "metadata_", "extra_specs", "qos_specs", "availability_zone"),
    )
    internal: ClassVar[frozenset[str]] = Tracked.internal | {"attached_in_reach", "refuse_if_in_use"}
    set_by: ClassVar[Mapping[str, str]] = {
        "size": "Use extend({value!r}), which makes it larger.",
        "status": "cl.inventory.repair(volume) asks the storage.",
        "attach_status": "attach() and detach() change it.",
        "display_name": "Set name.",
        "connections": "attach() and connect() make connections, detach() and disconnect() remove them.",
        "snapshots": "create_snapshot() makes a snapshot, its delete() removes it.",
    }

    name: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str | None] = mapped_column(LongText)
    size: Mapped[int] = mapped_column(sa.Integer)
    status: Mapped[str] = mapped_column(sa.String(32))
    attach_status: Mapped[str] = mapped_column(sa.String(32))
    backend_id: Mapped[str] = mapped_column(sa.ForeignKey("backend.id"))
    host: Mapped[str] = mapped_column(sa.String(255))
    pool_name: Mapped[str | None] = mapped_column(sa.String(255))
    name_in_storage: Mapped[str] = mapped_column(sa.String(255))
    snapshot_id: Mapped[str | None] = mapped_column(sa.String(36))
    source_volid: Mapped[str | None] = mapped_column(sa.String(36))
    availability_zone: Mapped[str | None] = mapped_column(sa.String(255))
    bootable: Mapped[bool] = mapped_column(sa.Boolean)
    protected: Mapped[bool] = mapped_column(sa.Boolean, default=False, server_default=sa.false())
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", Json)
    extra_specs: Mapped[dict[str, str]] = mapped_column(Json)
    qos_specs: Mapped[dict[str, str]] = mapped_column(Json)
    provider_location: Mapped[str | None] = mapped_column(LongText)
    provider_id: Mapped[str | None] = mapped_column(sa.String(255))
    driver_data: Mapped[dict[str, Any] | None] = mapped_column(Json(none_as_null=True))

    backend: ClassVar[Parent[Backend]] = Parent("Backend", "backend_id")
    snapshots: ClassVar[Children[Snapshot]] = Children("Snapshot", "volume_id", "volume")

    @property
    def display_name(self) -> str:
        """The name, under Cinder's name for the field."""
        return self.name

    @property
    def in_trash_until(self) -> dt.datetime | None:
        """When the deleted volume expires in the trash; None if it is not there, or another session put it there."""
        return self.__dict__.get(trash.UNTIL)

    @property
    def encrypted(self) -> bool:
        """Whether Cinder encrypted the volume; its device then holds ciphertext for dm-crypt."""
        return encryption.is_encrypted(self)

    @classmethod
    def get_by_name(cls, name: str) -> list[Volume]:
        """Return the volumes whose display name is *name*, the oldest first; names need not be unique."""
        return identity_map.select(
            current(), sa.select(cls).where(cls.name == validation.name(name)).order_by(cls.created_at, cls.id)
        )

    @errors.arguments_checked
    def create_snapshot(self, name: str = "", description: str = "", *, metadata: Mapping[str, str] | None = None) -> Snapshot:
        """Create a snapshot of the volume's present bytes, and return it.

        Raises:
            InvalidStatus: the volume's status does not allow snapshots, for instance because an operation on it is running.
            DriverError: the storage refused; the snapshot stays tracked with the status ``error``, unless the driver reports that
                it changed nothing.

        """
        cls = type(self).snapshots.target
        self.refresh(keep_edits=True)
        return cls.make(self, {"name": name, "description": description, "metadata": metadata})

    @errors.arguments_checked
    def manage_snapshot(
        self,
        reference: str | Mapping[str, str],
        name: str = "",
        *,
        id: str | None = None,  # noqa: A002 - as create_volume's
    ) -> Snapshot:
        """Adopt a snapshot of the volume that is on the storage already, and return it.

        Args:
            reference: its name on the storage, or Cinder's reference dict.
            name: its display name; by default its name on the storage.
            id: its id, for instance that of a snapshot that was lost; by default a new one.

        Raises:
            NotSupported: the driver cannot adopt snapshots.
            AlreadyExists: the snapshot is tracked already, or the id is taken.
            DriverError: the storage has no such snapshot.

        """
        source = creation.reference_dict(reference)
        cls = type(self).snapshots.target
        self.refresh(keep_edits=True)
        return cls.adopt(self, source, name or creation.referenced_name(source), id)

    @errors.arguments_checked
    def clone(self, name: str = "", *, size: int | str | None = None, **fields: Any) -> Volume:  # noqa: ANN401 - as create_volume's
        """Create a volume with the bytes of this one, and return it.

        Args:
            name: the display name of the new volume.
            size: its size in GiB, at least this volume's; by default the same.
            fields: other fields of the new volume, as ``Backend.create_volume`` takes them; pool, specs and bootable flag
                default to those of this volume.

        Raises:
            InvalidInput: *size* is smaller than the volume, or a field is invalid.
            DriverError: the storage refused.

        """
        self.refresh(keep_edits=True)
        new_size = self.size if size is None else validation.size(size)
        validation.at_least(new_size, self.size, f"A clone of {self.label()}")
        source = self.as_data()
        return cast(
            "Volume",
            creation.make_volume(
                self.backend,
                {
                    "extra_specs": self.extra_specs,
                    "qos_specs": self.qos_specs,
                    "pool_name": self.pool_name,
                    "bootable": self.bootable,
                    **fields,
                    "name": name,
                    "size": new_size,
                    "source_volid": self.id,
                },
                "create_cloned_volume",
                lambda driver, data, progress: driver.create_cloned_volume(data, source, progress),
                (guards.require_source(self.context, self, "clone", "clone"),),
                driver_data=encryption.inherited(self),
            ),
        )

    @errors.arguments_checked
    def extend(self, size: int | str, *, force: bool = False) -> int:
        """Grow the volume to *size* GiB, also while it is attached; return its new size in bytes.

        ``size`` may be a text: ``"20G"``, ``"1.5T"``; ``"+5"`` adds 5 GiB to the present size.

        The devices that are attached on this host or through a gateway grow with it; the size returned is the smallest of theirs.
        ``force`` assumes that the kernel whose extension of the volume is still recorded as running is dead.

        Raises:
            InvalidInput: *size* is not larger than the volume.
            DriverError: the storage refused; the status is ``error_extending``, unless the driver reports that it changed
                nothing.
            AttachError: the storage has the new size, but an attached device could not be grown.

        """
        new_size, transition = self._new_size(size), lifecycle.TRANSITIONS[self.kind]["extend"]
        unfinished = {transition.during, transition.failure}
        if new_size <= self.size and self.status not in unfinished:
            msg = f"{self.label()} has {self.size} GiB; extend needs a larger size, not {new_size}. A volume cannot shrink."
            raise errors.InvalidInput(msg)
        data, attached = self.as_data(), self.attached_in_reach
        resized = SyncAttachStatus.of(self, {"size": new_size}, is_over=True)

        def call_driver(driver: Driver, _progress: Progress) -> int:
            driver.extend_volume(data, new_size)
            operation.side_effects = True
            return min((conn.extend_device() for conn in attached), default=new_size * GiB)

        def on_failure(error: BaseException) -> list[RowChange]:
            return [resized] if operation.side_effects else operation.default_failure(error)

        operation: OperationSpec[int] = OperationSpec(
            action="extend",
            call=call_driver,
            resource=self,
            backend=self.backend,
            arguments={"size": new_size, "from": self.size},
            force=force,
            on_success=lambda _bytes: [resized],
            on_failure=on_failure,
        )
        return self._run(operation)

    def _new_size(self, size: int | str) -> int:
        if not isinstance(size, str) or not size.startswith("+"):
            return validation.size(size)
        growth = validation.size(size.removeprefix("+"))
        self.refresh(keep_edits=True)
        return validation.size(self.size + growth)

    @errors.arguments_checked
    def revert(self, snapshot: Snapshot, *, force: bool = False) -> None:
        """Restore the volume's bytes from *snapshot*, in place.

        ``force`` assumes that the kernel whose revert of the volume is still recorded as running is dead.

        Raises:
            InvalidInput: the snapshot belongs to another volume.
            ResourceBusy: the volume has connections.
            BusyOnStorage: this host has a device of the volume that is mounted or in use.
            NotSupported: the driver cannot revert.

        """
        if snapshot.volume_id != self.id:
            msg = f"{snapshot.label()} is not a snapshot of {self.label()}."
            raise errors.InvalidInput(msg)
        self.refresh(keep_edits=True)
        data, snapshot_data = self.as_data(), snapshot.as_data()
        capable_driver: CanRevert = guards.require_capability(self.backend.driver, "revert", self)

        def call_driver(driver: Driver, progress: Progress) -> ModelUpdate:
            self.refuse_if_in_use(driver)
            return capable_driver.revert_to_snapshot(data, snapshot_data, progress)

        self._run(
            OperationSpec(
                action="revert",
                call=call_driver,
                resource=self,
                backend=self.backend,
                arguments={"snapshot_id": snapshot.id},
                force=force,
                guards=(
                    guards.without_dependents(self, {"connection": type(self).connections.target}),
                    guards.require_source(self.context, snapshot, "revert", "revert to"),
                    claims.sole(self, "revert"),
                ),
                on_success=lambda update: [Update.of(self, {**guards.persisted_fields(update, data), "status": "available"})],
            )
        )

    @errors.arguments_checked
    def retype(
        self, extra_specs: Mapping[str, str] | None = None, qos_specs: Mapping[str, str] | None = None, *, force: bool = False
    ) -> None:
        """Replace the specs of the volume in place (Cinder's retype, migration policy ``never``).

        Args:
            extra_specs: the complete new extra specs; None leaves them unchanged.
            qos_specs: the complete new QoS specs; None leaves them unchanged.
            force: assume that the kernel whose retype of the volume is still recorded as running is dead.

        Raises:
            InvalidInput: the specs are not dicts of text.
            NotSupported: the driver cannot retype, or not to these specs; nothing was changed.

        """
        self.refresh(keep_edits=True)
        data = self.as_data()
        extra = dict(data.extra_specs) if extra_specs is None else validation.text_map(extra_specs, "extra_specs")
        qos = dict(data.qos_specs) if qos_specs is None else validation.text_map(qos_specs, "qos_specs")
        capable_driver: CanRetype = guards.require_capability(self.backend.driver, "retype", self)
        self._run(
            OperationSpec(
                action="retype",
                call=lambda _driver, _progress: capable_driver.retype(data, extra, qos),
                resource=self,
                backend=self.backend,
                arguments={"extra_specs": extra, "qos_specs": qos},
                force=force,
                on_success=lambda update: [
                    SyncAttachStatus.of(
                        self, {**guards.persisted_fields(update, data), "extra_specs": extra, "qos_specs": qos}, is_over=True
                    )
                ],
            )
        )

    @errors.arguments_checked
    def delete(self, *, cascade: bool = False, force: bool = False, now: bool = False) -> None:
        """Delete the volume on the storage and in the store; or put it into the trash, if ``cl.setup(trash="1h")`` says so.

        From the trash ``cl.undo()`` brings it back until it expires; its bytes stay on the storage so long. A volume whose status
        is not ``available`` is deleted at once.

        A volume whose adoption or release was interrupted is released instead: it stays on the storage.

        Args:
            cascade: delete its snapshots first; in the trash they stay with it.
            force: assume that the kernel whose operation on the volume is still recorded as running is dead.
            now: delete it for good, also if there is a trash.

        Raises:
            Protected: the volume, or with *cascade* one of its snapshots, is protected.
            ResourceBusy: the volume has connections, or it has snapshots and *cascade* is false.
            BusyOnStorage: this host has a device of the volume, without a connection, that is mounted or in use.
            DriverError: the storage refused; the status is ``error_deleting``.

        """
        self.refresh(keep_edits=True)
        if self.status in lifecycle.UNOWNED_STATUSES:
            self.unmanage(force=force)
            return
        data, cls = self.as_data(), type(self)
        dependents: dict[str, Any] = {"connection": cls.connections.target}
        if not cascade:
            dependents["snapshot"] = cls.snapshots.target
        checks = (
            guards.unprotected(self, cls.snapshots.target if cascade else None),
            guards.without_dependents(self, dependents),
            claims.sole(self, "delete"),
        )
        if not now and trash.accepts(self, cascade=cascade):
            trash.put(self, checks)
            return

        def call_driver(driver: Driver, _progress: Progress) -> None:
            self.refuse_if_in_use(driver)
            snapshots = [*self.snapshots] if cascade else []
            labels = [*(snapshot.label() for snapshot in snapshots), self.label()]
            with batch.count_done("deleted", labels) as done:
                for snapshot in snapshots:
                    snapshot.delete(force=force)
                    done()
                # translate inside the block, which appends the progress only to errors of this package
                with translate_errors(self.backend.name, "delete_volume"):
                    driver.delete_volume(data)

        self._run(
            OperationSpec(
                action="delete",
                call=call_driver,
                resource=self,
                backend=self.backend,
                arguments={"cascade": True} if cascade else {},
                force=force,
                guards=checks,
            )
        )

    @errors.arguments_checked
    def unmanage(self, *, force: bool = False) -> None:
        """Stop tracking the volume; it stays on the storage.

        ``force`` assumes that the kernel whose operation on the volume is still recorded as running is dead.

        Raises:
            ResourceBusy: the volume has snapshots or connections.
            NotSupported: the driver cannot release volumes.

        """
        self.refresh(keep_edits=True)
        data = self.as_data()
        dependents = {"snapshot": type(self).snapshots.target, "connection": type(self).connections.target}
        capable_driver: CanManage = guards.require_capability(self.backend.driver, "manage", self)

        def call_driver(_driver: Driver, _progress: Progress) -> None:
            capable_driver.unmanage(data)

        self._run(
            OperationSpec(
                action="unmanage",
                call=call_driver,
                resource=self,
                backend=self.backend,
                force=force,
                guards=(
                    guards.without_dependents(self, dependents),
                    claims.sole(self, "release"),
                ),
            )
        )

    def validate(self) -> None:
        """Validate and normalise the fields that :meth:`save` writes."""
        self.name = validation.name(self.name)
        self.bootable = validation.flag(self.bootable, "bootable")
        self.protected = validation.flag(self.protected, "protected")
        self.availability_zone = validation.optional_text(self.availability_zone, "availability_zone")
        self.description = validation.text(self.description, "description")
        self.metadata_ = validation.text_map(self.metadata_, "metadata")
        self.extra_specs = validation.text_map(self.extra_specs, "extra_specs")
        self.qos_specs = validation.text_map(self.qos_specs, "qos_specs")

    def as_data(self) -> VolumeData:
        """Return the volume as it is passed to a driver, from the values that are committed."""
        return volume_data(identity_map.committed_values(self))

    def after_creation(self, context: Context) -> None:
        """Add the volume to its backend's list, if that is loaded."""
        identity_map.add_to_collection(context, self, "Backend", "volumes", self.backend_id)

    def after_deletion(self, context: Context) -> None:
        """Remove the volume from its backend's list, and set its status to ``deleted``."""
        identity_map.remove_from_collection(context, self, "Backend", "volumes", self.backend_id)
        identity_map.apply_committed(context, self, {"status": "deleted"})

    def summary(self) -> tuple[str, ...]:
        """Return name, id, size, status, host, and whether the volume is encrypted."""
        name, encrypted = repr(self.name) if self.name else "", "encrypted" if self.encrypted else ""
        return (name, self.id, f"{self.size} GiB", self.status, f"on {self.host}", encrypted)

    def _run(self, operation: OperationSpec[T]) -> T:
        return cast("T", self.context.journal.run(operation))
