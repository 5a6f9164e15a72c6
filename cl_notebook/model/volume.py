"""Volumes: what is tracked of each, and what can be done with it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cl_notebook import errors
from cl_notebook.drivers.base import GiB
from cl_notebook.model import checks, making, reading, verbs
from cl_notebook.model.context import current
from cl_notebook.model.journal import Act, Delete, Update
from cl_notebook.model.tracked import Children, HasMetadata, Parent, Tracked
from cl_notebook.store.base import reg

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.drivers.base import CanManage, CanRevert, Driver, ModelUpdate, Progress, VolumeData
    from cl_notebook.model.backend import Backend
    from cl_notebook.model.connection import Connection
    from cl_notebook.model.context import Context
    from cl_notebook.model.snapshot import Snapshot

T = TypeVar("T")


@reg.mapped
class Volume(HasMetadata, Tracked):
    """A volume. ``size`` is in GiB, ``name`` the display name, ``name_in_storage`` what the driver calls it."""

    __tablename__ = "volume"
    __table_args__ = (
        sa.Index(None, "name"),
        sa.Index(None, "backend_id", "created_at", "id"),
        sa.Index(None, "created_at", "id"),
        sa.Index(None, "status"),
    )
    kind: ClassVar[str] = "volume"
    relations: ClassVar[tuple[str, ...]] = ("snapshots", "connections")
    editable: ClassVar[tuple[str, ...]] = (
        *("name", "description", "bootable", "metadata_", "extra_specs", "qos_specs", "availability_zone"),
    )

    name: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str | None] = mapped_column(sa.Text)
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
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", sa.JSON)
    extra_specs: Mapped[dict[str, str]] = mapped_column(sa.JSON)
    qos_specs: Mapped[dict[str, str]] = mapped_column(sa.JSON)
    provider_location: Mapped[str | None] = mapped_column(sa.Text)
    provider_id: Mapped[str | None] = mapped_column(sa.String(255))

    backend: ClassVar[Parent[Backend]] = Parent("Backend", "backend_id")
    snapshots: ClassVar[Children[Snapshot]] = Children("Snapshot", "volume_id", "volume")
    connections: ClassVar[Children[Connection]] = Children("Connection", "volume_id", "volume")

    @property
    def display_name(self) -> str:
        """The name, in Cinder's word for it."""
        return self.name

    @property
    def local_attach(self) -> Connection | None:
        """The connection that is attached on this host, also one that another kernel made; None if there is none."""
        host = self.context.settings.host
        return next((conn for conn in self.connections if conn.attached and conn.attached_host == host), None)

    @classmethod
    def get_by_name(cls, name: str) -> list[Volume]:
        """Return the volumes of that display name; names need not be unique."""
        return reading.select(current(), sa.select(cls).where(cls.name == name).order_by(cls.created_at, cls.id))

    def create_snapshot(self, name: str = "", description: str = "", *, metadata: Mapping[str, str] | None = None) -> Snapshot:
        """Keep the volume's bytes of this moment as a snapshot.

        Raises:
            InvalidStatus: the volume is not whole, or is being worked on.
            DriverError: the storage refused; the snapshot stays tracked with the status ``error`` unless nothing was touched.

        """
        cls = type(self).snapshots.target
        return cls.make(self, {"name": name, "description": description, "metadata": metadata})

    def clone(self, name: str = "", *, size: int | None = None, **fields: Any) -> Volume:  # noqa: ANN401 - as create_volume's
        """Make a volume with the bytes of this one, as large or larger (*size* in GiB).

        Raises:
            InvalidInput: *size* is smaller than the volume.
            DriverError: the storage refused.

        """
        grown = self.size if size is None else checks.size(size)
        checks.at_least(grown, self.size, f"A clone of {self.label()}")
        source = self.as_data()
        return making.make_volume(
            self.backend,
            {
                "extra_specs": self.extra_specs,
                "qos_specs": self.qos_specs,
                "pool_name": self.pool_name,
                **fields,
                "name": name,
                "size": grown,
                "source_volid": self.id,
                "bootable": self.bootable,
            },
            "create_cloned_volume",
            lambda driver, data, progress: driver.create_cloned_volume(data, source, progress),
            (verbs.ready(self.context, self, "clone", verbs.SETTLED),),
        )

    def extend(self, size: int) -> int:
        """Grow the volume to *size* GiB, also while it is attached on this host; return its new size in bytes.

        Raises:
            InvalidInput: *size* is not larger than the volume.
            DriverError: the storage refused; the status is ``error_extending`` unless nothing was touched.

        """
        grown = checks.size(size)
        if grown <= self.size and self.status not in {"extending", "error_extending"}:
            msg = f"{self.label()} has {self.size} GiB; extend needs a larger size, not {grown}. A volume cannot shrink."
            raise errors.InvalidInput(msg)
        data, before = self.as_data(), self.status
        local, session = self.local_attach, self.context

        def do(driver: Driver, _progress: Progress) -> int:
            driver.extend_volume(data, grown)
            return session.host.extend(local.info, multipath=local.multipath) if local is not None else grown * GiB

        return self._run(
            Act(
                action="extend",
                call="extend_volume",
                do=do,
                resource=self,
                backend=self.backend,
                arguments={"size": grown, "from": self.size},
                guards=(verbs.ready(self.context, self, "extend", {*verbs.SETTLED, "error_extending"}, {"extending"}),),
                before=[Update(self, {"status": "extending"})],
                after=lambda connection, _bytes: [
                    Update(self, {"size": grown, "status": verbs.settled_status(connection, self)})
                ],
                failed=lambda error: [Update(self, {"status": before if verbs.untouched(error) else "error_extending"})],
            )
        )

    def revert(self, snapshot: Snapshot) -> None:
        """Give the volume the bytes of *snapshot* again, in place.

        Raises:
            InvalidInput: the snapshot is not of this volume.
            InvalidStatus: the volume is attached.
            NotSupported: the driver cannot do that.

        """
        if snapshot.volume_id != self.id:
            msg = f"{snapshot.label()} is not a snapshot of {self.label()}."
            raise errors.InvalidInput(msg)
        data, kept = self.as_data(), snapshot.as_data()

        def do(driver: Driver, progress: Progress) -> ModelUpdate:
            able: CanRevert = verbs.capable(driver, "revert", self)
            return able.revert_to_snapshot(data, kept, progress)

        self._run(
            Act(
                action="revert",
                call="revert_to_snapshot",
                do=do,
                resource=self,
                backend=self.backend,
                arguments={"snapshot_id": snapshot.id},
                guards=(
                    verbs.ready(self.context, self, "revert", {"available", "error"}, {"reverting"}),
                    verbs.ready(self.context, snapshot, "revert to", {"available"}),
                ),
                before=[Update(self, {"status": "reverting"})],
                after=lambda _connection, update: [Update(self, {**verbs.kept(update), "status": "available"})],
                failed=lambda error: [Update(self, {"status": "available" if verbs.untouched(error) else "error"})],
            )
        )

    def delete(self, *, cascade: bool = False, force: bool = False) -> None:
        """Remove the volume from the storage and from the store.

        Args:
            cascade: remove its snapshots first.
            force: take a kernel that is still named as working on it for dead.

        Raises:
            ResourceBusy: it has connections, or snapshots without *cascade*.
            DriverError: the storage refused; the status is ``error_deleting``.

        """
        self.refresh()
        if cascade and not self.connections:
            for snapshot in list(self.snapshots):
                snapshot.delete(force=force)
        data, before = self.as_data(), self.status
        kinds = {"snapshot": type(self).snapshots.target, "connection": type(self).connections.target}
        allowed = {"available", "error", "error_deleting", "error_extending", "in-use"}
        self._run(
            Act(
                action="delete",
                call="delete_volume",
                do=lambda driver, _progress: driver.delete_volume(data),
                resource=self,
                backend=self.backend,
                guards=(
                    verbs.ready(self.context, self, "delete", allowed, verbs.BUSY, force=force),
                    verbs.without_dependents(self, kinds),
                ),
                before=[Update(self, {"status": "deleting"})],
                after=lambda _connection, _answer: [Delete(self)],
                failed=lambda error: [Update(self, {"status": before if verbs.untouched(error) else "error_deleting"})],
            )
        )

    def unmanage(self) -> None:
        """Release the volume: it is not tracked any more, its bytes stay on the storage.

        Raises:
            ResourceBusy: it has snapshots or connections.
            NotSupported: the driver cannot release.

        """
        data = self.as_data()
        kinds = {"snapshot": type(self).snapshots.target, "connection": type(self).connections.target}

        def do(driver: Driver, _progress: Progress) -> None:
            able: CanManage = verbs.capable(driver, "manage", self)
            able.unmanage(data)

        self._run(
            Act(
                action="unmanage",
                call="unmanage",
                do=do,
                resource=self,
                backend=self.backend,
                guards=(
                    verbs.ready(self.context, self, "unmanage", {"available", "error"}, {"unmanaging"}),
                    verbs.without_dependents(self, kinds),
                ),
                before=[Update(self, {"status": "unmanaging"})],
                after=lambda _connection, _answer: [Delete(self)],
                failed=lambda _error: [Update(self, {"status": "available"})],
            )
        )

    def connect(self, connector: Mapping[str, Any], *, multipath: bool = False) -> Connection:
        """Let the host that *connector* (os-brick's connector properties) describes reach the volume.

        Raises:
            InvalidInput: *connector* is no dict with a ``host``.
            DriverError: the storage refused; the connection stays tracked as ``error_attaching`` unless nothing was touched.

        """
        return type(self).connections.target.make(self, connector, multipath=multipath)

    def attach(self, *, multipath: bool = False) -> Connection:
        """Attach the volume on this host and return the connection; its ``path`` is the device or file to use.

        A volume that is attached here already keeps its connection; the device is checked, and found again after a restart.

        Raises:
            DriverError, AttachError: the storage or the host refused; nothing stays connected.

        """
        self.refresh()
        local = self.local_attach
        if local is not None:
            local.attach()
            return local
        properties = self.context.host.connector_properties(self.backend.driver.storage_protocol, multipath=multipath)
        conn = self.connect(properties, multipath=multipath)
        try:
            conn.attach()
        except errors.Error:
            with contextlib.suppress(errors.Error):  # then the connection stays tracked, in error; what counts is the first cause
                conn.disconnect(force=True)
            raise
        return conn

    def detach(self, *, force: bool = False) -> None:
        """Detach the volume from this host and remove its connection.

        Raises:
            InvalidStatus: it is not attached here.

        """
        self.refresh()
        local = self.local_attach
        if local is None:
            msg = f"{self.label()} is not attached on {self.context.settings.host}."
            raise errors.InvalidStatus(msg)
        local.detach(force=force)
        local.disconnect(force=force)

    def disconnect(self, connection: Connection, *, force: bool = False) -> None:
        """Shut the host of *connection* out again.

        Raises:
            InvalidInput: the connection is not of this volume.

        """
        if connection.volume_id != self.id:
            msg = f"{connection.label()} is not a connection of {self.label()}."
            raise errors.InvalidInput(msg)
        connection.disconnect(force=force)

    def cleanup(self) -> None:
        """Detach the volume from this host, and remove all of its connections."""
        self.refresh()
        for conn in list(self.connections):
            if conn.attached and conn.attached_host == self.context.settings.host:
                conn.detach(force=True)
            conn.disconnect(force=True)

    def validate(self) -> None:
        """Check what :meth:`save` is about to write."""
        self.name = checks.name(self.name)
        self.description = checks.text(self.description, "description")
        self.metadata_ = checks.text_map(self.metadata_, "metadata")
        self.extra_specs = checks.text_map(self.extra_specs, "extra_specs")
        self.qos_specs = checks.text_map(self.qos_specs, "qos_specs")

    def as_data(self) -> VolumeData:
        """Return what a driver is told of the volume."""
        return making.volume_data(self.__dict__)

    def after_creation(self, context: Context) -> None:
        """Stand in the backend's list, if that was loaded."""
        reading.list_in(context, self, "Backend", "volumes", self.backend_id)

    def after_deletion(self, context: Context) -> None:
        """Leave the backend's list, and say ``deleted``."""
        reading.unlist_from(context, self, "Backend", "volumes", self.backend_id)
        reading.amend(context, self, {"status": "deleted"})

    def summary(self) -> tuple[str, ...]:
        """Name, id, size, status and backend."""
        return (repr(self.name) if self.name else "", self.id, f"{self.size} GiB", self.status, f"on {self.host}")

    def _run(self, act: Act[T]) -> T:
        return self.context.journal.run(act)
