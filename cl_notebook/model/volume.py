"""Volumes: what is tracked of each, and what can be done with it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cl_notebook import errors, usage
from cl_notebook.attach import block_devices
from cl_notebook.drivers.api import FileBacked, GiB
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.model import batch, claims, creation, encryption, identity_map, validation
from cl_notebook.model.base import Children, HasMetadata, Parent, Tracked
from cl_notebook.model.context import current
from cl_notebook.model.driver_context import volume_data
from cl_notebook.model.operations import background, guards, lifecycle
from cl_notebook.model.operations.changes import SyncAttachStatus, Update
from cl_notebook.model.operations.runner import OperationSpec
from cl_notebook.store.types import Json, LongText, index_of_filled, reg

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.drivers.api import CanManage, CanRetype, CanRevert, Driver, ModelUpdate, Progress, VolumeData
    from cl_notebook.model.backend import Backend
    from cl_notebook.model.connection import Connection
    from cl_notebook.model.context import Context
    from cl_notebook.model.operations.changes import RowChange
    from cl_notebook.model.snapshot import Snapshot


class Attachable(Tracked):
    """The part of a volume that knows its connections."""

    backend: ClassVar[Parent[Backend]]

    connections: ClassVar[Children[Connection]] = Children("Connection", "volume_id", "volume")

    @property
    def local_attach(self) -> Connection | None:
        """The connection that is attached on this host, also one that another kernel made; None if there is none."""
        return next((conn for conn in self._of(None) if conn.attached), None)

    @property
    def attached_in_reach(self) -> list[Connection]:
        """The connections that are attached on this host, or on others through a gateway."""
        return [conn for conn in self.connections if conn.attached and conn.is_in_reach]

    def connect(self, connector: Mapping[str, Any], *, multipath: bool = False) -> Connection:
        """Let the host that *connector* (os-brick's connector properties) describes reach the volume.

        Raises:
            InvalidInput: *connector* is no dict with a ``host``.
            ResourceBusy: another host is connected, and the driver cannot let in several.
            DriverError: the storage refused; the connection stays tracked as ``error_attaching`` unless nothing was touched.

        """
        return type(self).connections.target.make(cast("Volume", self), connector, multipath=multipath)

    def attach(self, *, host: str | None = None, multipath: bool = False, enforce_multipath: bool | None = None) -> Connection:
        """Attach the volume on this host, or on another, and return the connection; its ``path`` is the device or file to use.

        A volume that is attached there already keeps its connection; the device is checked, and found again after a restart. So
        does one that the host may reach already, for instance because detaching it was cut short.

        Args:
            host: another host, which ssh reaches: ``[user@]host[:port]``, or with a Python that has os-brick,
                ``root@node2//python=/opt/venv/bin/python``. It is kept with the connection, and reached again to detach.
            multipath: use several paths to the storage.
            enforce_multipath: fail where multipathd does not run, instead of using one path; the same as *multipath* by default.

        Raises:
            InvalidInput: *host* is no such address.
            ResourceBusy: another host is connected, and the driver cannot let in several.
            HostUnreachable: *host* does not answer. If it was lost while it attached, the connection stays tracked.
            DriverError, AttachError: the storage or the host refused; nothing stays connected that was not before.

        """
        self.refresh(keep_edits=True)
        self.context.journal.refuse_if_read_only("attach")
        encryption.warn(cast("Volume", self), stacklevel=2)
        host = None if host is None else _address(validation.name(host, "host"))
        place = self.context.host_at(host)
        self._confirm(host)
        known = [conn for conn in self._of(host) if conn.connected]
        if not known:
            protocol = self.backend.driver.storage_protocol
            properties = place.connector_properties(protocol, multipath=multipath, enforce_multipath=enforce_multipath)
            known = [conn for conn in self._of(properties["host"]) if conn.connected] if host is not None else []
        if known:
            known[0].attach_device()
            return known[0]
        before = self._of(host)
        try:
            conn = type(self).connections.target.make(cast("Volume", self), properties, multipath=multipath, gateway=host)
            conn.attach_device()
        except BaseException as error:
            # What cannot be removed stays tracked, in error. What counts is the first cause. A host that may be going on with it
            # keeps its access until it is detached there.
            if not _goes_on(error, elsewhere=host is not None):
                with contextlib.suppress(errors.Error):
                    for left in self._of(host):
                        if left not in before:  # that may be another kernel's, which is at work on it
                            left.disconnect()
                    background.rolled_back(error, f"attach {self.label()}")
            raise
        return conn

    def detach(self, *, host: str | None = None, force: bool = False) -> None:
        """Detach the volume from this host and remove its connection; also finish a detachment that was cut short.

        Args:
            host: another host that it was attached on by ``attach(host=…)``: the same words, or that host's name; the words if
                the connection was loaded from a document.
            force: take the device from under what uses it, with a warning that says what; go on where os-brick meets errors or
                the other host is not reached, and take a kernel named as working on it for dead.

        Raises:
            InvalidStatus: it is not attached there.
            BusyOnStorage: the device, or a partition of it, is mounted or in use; it stays attached.
            HostUnreachable: the other host does not answer.
            DriverError, AttachError: the storage or the host refused; repeat it once the cause is gone.

        """
        self.refresh(keep_edits=True)
        self.context.journal.refuse_if_read_only("detach")
        self._confirm(host)
        there = self._of(host)
        if not there:
            others = "".join(f" It is on {conn.attached_host}." for conn in self.connections if conn.attached)
            msg = f"{self.label()} is not attached on {host or self.context.settings.host}.{others}"
            raise errors.InvalidStatus(msg)
        going = [conn for conn in there if conn.attached] or there
        batch.in_turn("detached", going, lambda conn: conn.release(force=force), lambda conn: conn.label())

    def _of(self, host: str | None) -> list[Connection]:
        """Return the connections of this host, or of one that is reached through a gateway, those that are attached first."""
        here = self.context.settings.host
        found = [
            conn
            for conn in self.connections
            if (conn.gateway is not None and host is not None and (conn.name_of_host == host or _leads_to(conn.gateway, host)))
            or (conn.gateway is None and host is None and conn.name_of_host == here)
        ]
        return sorted(found, key=lambda conn: not conn.attached)

    def _confirm(self, host: str | None) -> None:
        """Let the connections whose gateway is the address *host*, which was typed, be reached through it in this session."""
        if host is None:
            return
        for conn in self.connections:
            if conn.gateway is not None and not conn.is_in_reach and _leads_to(conn.gateway, host):
                self.context.confirmed.gateways[conn.id] = (conn.gateway, _address(host))

    def refuse_if_in_use(self, driver: Driver) -> None:
        """Refuse to go on while this host has a device that is called by the volume's id, and something uses it.

        Without a connection that leads to it, one that was lost with a store for instance. A driver whose volumes are files looks
        by itself.

        Raises:
            BusyOnStorage: it has.

        """
        found = [] if isinstance(driver, FileBacked) else usage.uses(block_devices.of_volume(self.id))
        if found:
            usage.refuse(f"A device of {self.label()}", found)

    def disconnect(self, connection: Connection, *, force: bool = False) -> None:
        """Shut the host of *connection* out again.

        Raises:
            InvalidInput: the connection is not of this volume.

        """
        if connection.volume_id != self.id:
            msg = f"{connection.label()} is not a connection of {self.label()}."
            raise errors.InvalidInput(msg)
        connection.disconnect(force=force)

    def cleanup(self, *, force: bool = False) -> None:
        """Detach the volume from this host and from those reached through gateways, and remove all of its connections.

        Args:
            force: also connections that are attached on other hosts, those that a kernel is named as working on, and devices
                that are in use, with a warning that says by what.

        Raises:
            BusyOnStorage: a device is mounted or in use; it stays attached.
            ResourceBusy: the volume is attached on a host out of reach; the other connections are gone.

        """
        self.refresh(keep_edits=True)
        self.context.journal.refuse_if_read_only("cleanup")
        elsewhere = [conn for conn in self.connections if conn.attached and not conn.is_in_reach]
        going = [conn for conn in self.connections if force or conn not in elsewhere]
        batch.in_turn("removed", going, lambda conn: conn.release(force=force), lambda conn: conn.label())
        if elsewhere and not force:
            elsewhere[0].refuse_if_not_typed()
            msg = f"{self.label()} is attached on {elsewhere[0].attached_host}: detach it there, or use cleanup(force=True)."
            raise errors.ResourceBusy(msg)


def _address(text: str) -> str:
    from cl_notebook.attach import address  # noqa: PLC0415 - only who attaches elsewhere pays for it

    return address.parse(text).text


def _leads_to(gateway: str, typed: str) -> bool:
    from cl_notebook.attach import address  # noqa: PLC0415 - as above

    return address.leads_to(gateway, typed)


def _goes_on(error: BaseException, *, elsewhere: bool) -> bool:
    """Return whether the storage or another host may still be at what *error* ended the waiting for, or has done it."""
    if isinstance(error, errors.HostUnreachable):
        return not error.no_side_effects
    return isinstance(error, (errors.StillRunning, errors.OutcomePending)) or (elsewhere and not isinstance(error, Exception))


T = TypeVar("T")


@reg.mapped
class Volume(HasMetadata, Attachable, Tracked):
    """A volume. ``size`` is in GiB, ``name`` the display name, ``name_in_storage`` what the driver calls it."""

    __tablename__ = "volume"
    __table_args__ = (
        sa.Index(None, "name", "id"),  # the id, so that a search through all names needs nothing but the index
        sa.Index(None, "backend_id", "created_at", "id"),
        # The tree shows a backend's volumes in these orders, and sums up sizes by status.
        sa.Index(None, "backend_id", "name", "id"),
        sa.Index(None, "backend_id", "size", "id"),
        sa.Index(None, "backend_id", "status", "size", "id"),
        sa.Index(None, "backend_id", "host", "id"),
        # Pages of the lists are read in these.
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
        # What claims a name on a storage is looked up before another row may.
        sa.Index(None, "name_in_storage", "backend_id"),
        # What was made from a snapshot or from another volume goes before it in a clean-up.
        index_of_filled("snapshot_id", "id"),
        index_of_filled("source_volid", "id"),
    )
    kind: ClassVar[str] = "volume"
    relations: ClassVar[tuple[str, ...]] = ("snapshots", "connections")
    editable: ClassVar[tuple[str, ...]] = (
        *("name", "description", "bootable", "metadata_", "extra_specs", "qos_specs", "availability_zone"),
    )
    set_by: ClassVar[Mapping[str, str]] = {
        "size": "extend(SIZE) makes a volume larger.",
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
        """The name, in Cinder's word for it."""
        return self.name

    @property
    def encrypted(self) -> bool:
        """Whether Cinder encrypted it: its device then holds ciphertext, for dm-crypt alone."""
        return encryption.is_encrypted(self)

    @classmethod
    def get_by_name(cls, name: str) -> list[Volume]:
        """Return the volumes of that display name; names need not be unique."""
        return identity_map.select(
            current(), sa.select(cls).where(cls.name == validation.name(name)).order_by(cls.created_at, cls.id)
        )

    def create_snapshot(self, name: str = "", description: str = "", *, metadata: Mapping[str, str] | None = None) -> Snapshot:
        """Keep the volume's bytes of this moment as a snapshot.

        Raises:
            InvalidStatus: the volume is not whole, or is being worked on.
            DriverError: the storage refused; the snapshot stays tracked with the status ``error`` unless nothing was touched.

        """
        cls = type(self).snapshots.target
        self.refresh(keep_edits=True)
        return cls.make(self, {"name": name, "description": description, "metadata": metadata})

    def manage_snapshot(
        self,
        reference: str | Mapping[str, str],
        name: str = "",
        *,
        id: str | None = None,  # noqa: A002 - as create_volume's
    ) -> Snapshot:
        """Adopt a snapshot of the volume that is on the storage already; *reference* is its name there, or Cinder's dict.

        It gets a new id, or the one that is given: that of a snapshot which was lost.

        Raises:
            NotSupported: the driver cannot adopt snapshots.
            AlreadyExists: it is tracked already.
            DriverError: the storage has no such snapshot.

        """
        source = {"source-name": reference} if isinstance(reference, str) else validation.text_map(reference, "reference")
        cls = type(self).snapshots.target
        self.refresh(keep_edits=True)
        return cls.adopt(self, source, name or next(iter(source.values()), ""), id)

    def clone(self, name: str = "", *, size: int | None = None, **fields: Any) -> Volume:  # noqa: ANN401 - as create_volume's
        """Make a volume with the bytes of this one, as large or larger (*size* in GiB).

        Raises:
            InvalidInput: *size* is smaller than the volume.
            DriverError: the storage refused.

        """
        self.refresh(keep_edits=True)
        grown = self.size if size is None else validation.size(size)
        validation.at_least(grown, self.size, f"A clone of {self.label()}")
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
                    "size": grown,
                    "source_volid": self.id,
                },
                "create_cloned_volume",
                lambda driver, data, progress: driver.create_cloned_volume(data, source, progress),
                (guards.require_source(self.context, self, "clone", "clone"),),
                driver_data=encryption.inherited(self),
            ),
        )

    def extend(self, size: int, *, force: bool = False) -> int:
        """Grow the volume to *size* GiB, also while it is attached, here or through a gateway; return its new size in bytes.

        ``force`` takes a kernel that is still named as extending it for dead.

        Raises:
            InvalidInput: *size* is not larger than the volume.
            DriverError: the storage refused; the status is ``error_extending`` unless nothing was touched.
            AttachError: the storage has the new size, the device on this host could not follow.

        """
        grown, transition = validation.size(size), lifecycle.TRANSITIONS[self.kind]["extend"]
        unfinished = {transition.during, transition.failure}
        if grown <= self.size and self.status not in unfinished:
            msg = f"{self.label()} has {self.size} GiB; extend needs a larger size, not {grown}. A volume cannot shrink."
            raise errors.InvalidInput(msg)
        data, attached = self.as_data(), self.attached_in_reach
        settled = SyncAttachStatus.of(self, {"size": grown}, is_over=True)

        def do(driver: Driver, _progress: Progress) -> int:
            driver.extend_volume(data, grown)
            operation.side_effects = True
            return min((conn.extend_device() for conn in attached), default=grown * GiB)

        def failed(error: BaseException) -> list[RowChange]:
            return [settled] if operation.side_effects else operation.default_failure(error)

        operation: OperationSpec[int] = OperationSpec(
            action="extend",
            method="extend_volume",
            call=do,
            resource=self,
            backend=self.backend,
            arguments={"size": grown, "from": self.size},
            force=force,
            on_success=lambda _bytes: [settled],
            on_failure=failed,
        )
        return self._run(operation)

    def revert(self, snapshot: Snapshot, *, force: bool = False) -> None:
        """Give the volume the bytes of *snapshot* again, in place.

        ``force`` takes a kernel that is still named as reverting it for dead.

        Raises:
            InvalidInput: the snapshot is not of this volume.
            ResourceBusy: the volume has connections.
            NotSupported: the driver cannot do that.

        """
        if snapshot.volume_id != self.id:
            msg = f"{snapshot.label()} is not a snapshot of {self.label()}."
            raise errors.InvalidInput(msg)
        self.refresh(keep_edits=True)
        data, kept = self.as_data(), snapshot.as_data()
        able: CanRevert = guards.require_capability(self.backend.driver, "revert", self)

        def do(driver: Driver, progress: Progress) -> ModelUpdate:
            self.refuse_if_in_use(driver)
            return able.revert_to_snapshot(data, kept, progress)

        self._run(
            OperationSpec(
                action="revert",
                method="revert_to_snapshot",
                call=do,
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

    def retype(
        self, extra_specs: Mapping[str, str] | None = None, qos_specs: Mapping[str, str] | None = None, *, force: bool = False
    ) -> None:
        """Give the volume other specs, where it is (Cinder's retype, with the migration policy ``never``).

        Args:
            extra_specs: all of its extra specs from now on; None leaves them.
            qos_specs: all of its QoS specs from now on; None leaves them.
            force: take a kernel that is still named as retyping it for dead.

        Raises:
            NotSupported: the driver cannot do that, or not with these specs; nothing was changed.

        """
        self.refresh(keep_edits=True)
        data = self.as_data()
        extra = dict(data.extra_specs) if extra_specs is None else validation.text_map(extra_specs, "extra_specs")
        qos = dict(data.qos_specs) if qos_specs is None else validation.text_map(qos_specs, "qos_specs")
        able: CanRetype = guards.require_capability(self.backend.driver, "retype", self)
        self._run(
            OperationSpec(
                action="retype",
                method="retype",
                call=lambda _driver, _progress: able.retype(data, extra, qos),
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

    def delete(self, *, cascade: bool = False, force: bool = False) -> None:
        """Remove the volume from the storage and from the store; one whose adoption or release was cut short is released.

        Args:
            cascade: remove its snapshots first.
            force: take a kernel that is still named as working on it for dead.

        Raises:
            ResourceBusy: it has connections, or snapshots without *cascade*.
            BusyOnStorage: this host has a device of it all the same, which is mounted or in use.
            DriverError: the storage refused; the status is ``error_deleting``.

        """
        self.refresh(keep_edits=True)
        if self.status in lifecycle.UNOWNED_STATUSES:
            self.unmanage(force=force)
            return
        data, target = self.as_data(), type(self)
        kinds: dict[str, Any] = {"connection": target.connections.target}
        if not cascade:
            kinds["snapshot"] = target.snapshots.target

        def do(driver: Driver, _progress: Progress) -> None:
            self.refuse_if_in_use(driver)
            going = [*self.snapshots] if cascade else []
            labels = [*(snapshot.label() for snapshot in going), self.label()]
            with batch.count_done("deleted", labels) as done:
                for snapshot in going:
                    snapshot.delete(force=force)
                    done()
                with translate_errors(self.backend.name, "delete_volume"):  # here, for its error to have the words added
                    driver.delete_volume(data)

        self._run(
            OperationSpec(
                action="delete",
                method="delete_volume",
                call=do,
                resource=self,
                backend=self.backend,
                arguments={"cascade": True} if cascade else {},
                force=force,
                guards=(
                    guards.without_dependents(self, kinds),
                    claims.sole(self, "delete"),
                ),
            )
        )

    def unmanage(self, *, force: bool = False) -> None:
        """Release the volume: it is not tracked any more, its bytes stay on the storage.

        ``force`` takes a kernel that is still named as working on it for dead.

        Raises:
            ResourceBusy: it has snapshots or connections.
            NotSupported: the driver cannot release.

        """
        self.refresh(keep_edits=True)
        data = self.as_data()
        kinds = {"snapshot": type(self).snapshots.target, "connection": type(self).connections.target}

        able: CanManage = guards.require_capability(self.backend.driver, "manage", self)

        def do(_driver: Driver, _progress: Progress) -> None:
            able.unmanage(data)

        self._run(
            OperationSpec(
                action="unmanage",
                method="unmanage",
                call=do,
                resource=self,
                backend=self.backend,
                force=force,
                guards=(
                    guards.without_dependents(self, kinds),
                    claims.sole(self, "release"),
                ),
            )
        )

    def validate(self) -> None:
        """Check what :meth:`save` is about to write."""
        self.name = validation.name(self.name)
        self.bootable = validation.flag(self.bootable, "bootable")
        self.availability_zone = validation.optional_text(self.availability_zone, "availability_zone")
        self.description = validation.text(self.description, "description")
        self.metadata_ = validation.text_map(self.metadata_, "metadata")
        self.extra_specs = validation.text_map(self.extra_specs, "extra_specs")
        self.qos_specs = validation.text_map(self.qos_specs, "qos_specs")

    def as_data(self) -> VolumeData:
        """Return what a driver is told of the volume."""
        return volume_data(identity_map.committed_values(self))

    def after_creation(self, context: Context) -> None:
        """Stand in the backend's list, if that was loaded."""
        identity_map.add_to_collection(context, self, "Backend", "volumes", self.backend_id)

    def after_deletion(self, context: Context) -> None:
        """Leave the backend's list, and say ``deleted``."""
        identity_map.remove_from_collection(context, self, "Backend", "volumes", self.backend_id)
        identity_map.apply_committed(context, self, {"status": "deleted"})

    def summary(self) -> tuple[str, ...]:
        """Name, id, size, status and backend."""
        name, told = repr(self.name) if self.name else "", "encrypted" if self.encrypted else ""
        return (name, self.id, f"{self.size} GiB", self.status, f"on {self.host}", told)

    def _run(self, operation: OperationSpec[T]) -> T:
        return cast("T", self.context.journal.run(operation))
