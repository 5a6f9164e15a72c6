"""The tracked snapshot: a volume's bytes at one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cl_notebook import errors
from cl_notebook.model import claims, creation, encryption, identity_map, naming, validation
from cl_notebook.model.base import HasMetadata, Parent, Protectable, Tracked
from cl_notebook.model.context import current
from cl_notebook.model.driver_context import snapshot_data
from cl_notebook.model.operations import guards, lifecycle
from cl_notebook.model.operations.changes import Insert, Update
from cl_notebook.model.operations.runner import OperationSpec
from cl_notebook.store.types import Json, LongText, index_of_filled, reg

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.drivers.api import CanManageSnapshots, Driver, ModelUpdate, Progress, SnapshotData
    from cl_notebook.model.backend import Backend
    from cl_notebook.model.context import Context
    from cl_notebook.model.volume import Volume


@reg.mapped
class Snapshot(HasMetadata, Protectable, Tracked):
    """A snapshot of a volume: the volume's bytes at one moment, tracked in the store.

    ``volume.create_snapshot("before")`` creates one, and ``cl.find("before")`` finds it again. What can be done with it::

        copy    snapshot.create_volume("copy", size=2)
        revert  snapshot.revert() gives its volume these bytes again, in place
        edit    snapshot.name = "monday"; snapshot.metadata["app"] = "crm"; snapshot.save()
        read    snapshot.volume, backend; snapshot.refresh()
        remove  snapshot.delete(); snapshot.unmanage() leaves it on the storage
        guard   snapshot.protect() refuses its deletion, snapshot.unprotect() allows it again

    ``volume_size`` (also ``size``) is the volume's size in GiB when the snapshot was taken.
    """

    __tablename__ = "snapshot"
    __table_args__ = (
        sa.Index(None, "name", "id"),
        sa.Index(None, "volume_id", "created_at", "id"),
        sa.Index(None, "backend_id", "created_at", "id"),
        sa.Index(None, "created_at", "id"),
        sa.Index(None, "status", "created_at", "id"),
        sa.Index(None, "volume_size", "id"),
        index_of_filled("updated_at", "id"),
        index_of_filled("provider_id", "id"),
        sa.Index(None, "name_in_storage", "backend_id"),
    )
    kind: ClassVar[str] = "snapshot"
    created_by: ClassVar[str] = "volume.create_snapshot(name)"
    editable: ClassVar[tuple[str, ...]] = ("name", "description", "protected", "metadata_")
    set_by: ClassVar[Mapping[str, str]] = {
        "status": "cl.inventory.repair(snapshot) asks the storage.",
        "display_name": "Set name.",
    }

    name: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str | None] = mapped_column(LongText)
    status: Mapped[str] = mapped_column(sa.String(32))
    progress: Mapped[str | None] = mapped_column(sa.String(32))
    volume_id: Mapped[str] = mapped_column(sa.ForeignKey("volume.id"))
    volume_size: Mapped[int] = mapped_column(sa.Integer)
    backend_id: Mapped[str] = mapped_column(sa.ForeignKey("backend.id"))
    name_in_storage: Mapped[str] = mapped_column(sa.String(255))
    protected: Mapped[bool] = mapped_column(sa.Boolean, default=False, server_default=sa.false())
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", Json)
    provider_location: Mapped[str | None] = mapped_column(LongText)
    provider_id: Mapped[str | None] = mapped_column(sa.String(255))
    driver_data: Mapped[dict[str, Any] | None] = mapped_column(Json(none_as_null=True))

    volume: ClassVar[Parent[Volume]] = Parent("Volume", "volume_id")
    backend: ClassVar[Parent[Backend]] = Parent("Backend", "backend_id")

    @property
    def display_name(self) -> str:
        """The name, under Cinder's name for the field."""
        return self.name

    @property
    def size(self) -> int:
        """Size in GiB of the volume when the snapshot was taken."""
        return self.volume_size

    @classmethod
    def get_by_name(cls, name: str) -> list[Snapshot]:
        """Return the snapshots whose display name is *name*, the oldest first; names need not be unique."""
        return identity_map.select(
            current(), sa.select(cls).where(cls.name == validation.name(name)).order_by(cls.created_at, cls.id)
        )

    @classmethod
    def make(cls, volume: Volume, fields: Mapping[str, Any]) -> Snapshot:
        """Create a snapshot of *volume* from the *fields* (``name``, ``description``, ``metadata``, ``id``).

        See ``Volume.create_snapshot`` for the errors. An ``id`` is given to restore a lost snapshot.
        """
        values = _new_row(volume, fields)
        data = snapshot_data(values, volume.as_data())
        operation: OperationSpec[ModelUpdate] = OperationSpec(
            action="create",
            call=lambda driver, progress: driver.create_snapshot(data, progress),
            insert=Insert(cls.kind, values),
            backend=volume.backend,
            arguments={"volume_id": volume.id, "name": values["name"]},
            guards=(
                guards.require_source(volume.context, volume, "snapshot", "take a snapshot"),
                *([claims.unclaimed(cls, volume.backend_id, [data.name_in_storage])] if fields.get("id") else ()),
            ),
            on_success=lambda update: [
                Update.of(operation.target, {**guards.persisted_fields(update, data), "status": "available", "progress": "100%"})
            ],
        )
        volume.context.journal.run(operation)
        return cast("Snapshot", operation.target)

    @classmethod
    def adopt(cls, volume: Volume, source: Mapping[str, str], name: str, snapshot_id: str | None = None) -> Snapshot:
        """Adopt the snapshot of *volume* that the reference *source* names on the storage.

        Without a *snapshot_id* the snapshot gets a new id. See ``Volume.manage_snapshot`` for the errors.
        """
        capable_driver: CanManageSnapshots = guards.require_capability(volume.backend.driver, "manage_snapshots", volume)
        values = _new_row(volume, {"name": name, "id": snapshot_id}) | {"status": "managing"}
        creation.refuse_taken(volume.context, cls, snapshot_id)
        data = snapshot_data(values, volume.as_data())
        values["name_in_storage"] = creation.claimed_name(source)

        def call_driver(_driver: Driver, _progress: Progress) -> tuple[int, ModelUpdate]:
            size = capable_driver.manage_existing_snapshot_get_size(data, source)
            operation.side_effects = None
            return size, capable_driver.manage_existing_snapshot(data, source)

        operation: OperationSpec[tuple[int, ModelUpdate]] = OperationSpec(
            action="manage",
            call=call_driver,
            side_effects=False,
            insert=Insert(cls.kind, values),
            backend=volume.backend,
            arguments={"volume_id": volume.id, **source},
            guards=(
                guards.require_source(volume.context, volume, "snapshot", "adopt its snapshot"),
                claims.unclaimed(cls, volume.backend_id, list(source.values())),
            ),
            on_success=lambda result: [
                Update.of(
                    operation.target,
                    {
                        **guards.persisted_fields(result[1], data),
                        "volume_size": result[0],
                        "status": "available",
                        "progress": "100%",
                    },
                )
            ],
        )
        volume.context.journal.run(operation)
        return cast("Snapshot", operation.target)

    @errors.arguments_checked
    def unmanage(self, *, force: bool = False) -> None:
        """Stop tracking the snapshot; it stays on the storage.

        ``force`` assumes that the kernel whose operation on the snapshot is still recorded as running is dead.

        Raises:
            NotSupported: the driver cannot release snapshots.

        """
        self.refresh(keep_edits=True)
        data = self.as_data()
        capable_driver: CanManageSnapshots = guards.require_capability(self.backend.driver, "manage_snapshots", self)
        self.context.journal.run(
            OperationSpec(
                action="unmanage",
                call=lambda _driver, _progress: capable_driver.unmanage_snapshot(data),
                resource=self,
                backend=self.backend,
                force=force,
                guards=(claims.sole(self, "release"),),
            )
        )

    @errors.arguments_checked
    def create_volume(self, name: str = "", *, size: int | str | None = None, **fields: Any) -> Volume:  # noqa: ANN401 - Cinder's fields
        """Create a volume with the bytes of the snapshot.

        Args:
            name: the display name of the new volume.
            size: its size in GiB, at least the snapshot's; by default the same.
            fields: other fields of the new volume, as ``Backend.create_volume`` takes them; pool, specs and bootable flag
                default to those of the snapshot's volume.

        Raises:
            InvalidInput: *size* is smaller than the snapshot, or a field is invalid.
            DriverError: the storage refused.

        """
        new_size = self.volume_size if size is None else validation.size(size)
        validation.at_least(new_size, self.volume_size, f"A volume from {self.label()}")
        source, volume = self.as_data(), self.volume
        inherited = {"extra_specs": volume.extra_specs, "qos_specs": volume.qos_specs, "bootable": volume.bootable}
        return cast(
            "Volume",
            creation.make_volume(
                self.backend,
                {"pool_name": volume.pool_name, **inherited, **fields, "name": name, "size": new_size, "snapshot_id": self.id},
                "create_volume_from_snapshot",
                lambda driver, data, progress: driver.create_volume_from_snapshot(data, source, progress),
                (guards.require_source(self.context, self, "volume", "make a volume from it"),),
                driver_data=encryption.inherited(self) or encryption.inherited(volume),
            ),
        )

    @errors.arguments_checked
    def revert(self) -> None:
        """Restore the volume's bytes from this snapshot, in place; see ``Volume.revert``."""
        self.volume.revert(self)

    @errors.arguments_checked
    def delete(self, *, force: bool = False) -> None:
        """Delete the snapshot on the storage and in the store; volumes created from it stay.

        A snapshot whose adoption or release was interrupted is released instead: it stays on the storage.

        Args:
            force: assume that the kernel whose operation on the snapshot is still recorded as running is dead.

        Raises:
            Protected: the snapshot is protected.
            DriverError: the storage refused; the status is ``error_deleting``.

        """
        self.refresh(keep_edits=True)
        if self.status in lifecycle.UNOWNED_STATUSES:
            self.unmanage(force=force)
            return
        data = self.as_data()
        self.context.journal.run(
            OperationSpec(
                action="delete",
                call=lambda driver, _progress: driver.delete_snapshot(data),
                resource=self,
                backend=self.backend,
                force=force,
                guards=(guards.unprotected(self), claims.sole(self, "delete")),
            )
        )

    def validate(self) -> None:
        """Validate and normalise the fields that :meth:`save` writes."""
        self.name = validation.name(self.name)
        self.protected = validation.flag(self.protected, "protected")
        self.description = validation.text(self.description, "description")
        self.metadata_ = validation.text_map(self.metadata_, "metadata")

    def as_data(self) -> SnapshotData:
        """Return the snapshot as it is passed to a driver, from the values that are committed."""
        return snapshot_data(identity_map.committed_values(self), self.volume.as_data())

    def after_creation(self, context: Context) -> None:
        """Add the snapshot to its volume's list, if that is loaded."""
        identity_map.add_to_collection(context, self, "Volume", "snapshots", self.volume_id)

    def after_deletion(self, context: Context) -> None:
        """Remove the snapshot from its volume's list, and set its status to ``deleted``."""
        identity_map.remove_from_collection(context, self, "Volume", "snapshots", self.volume_id)
        identity_map.apply_committed(context, self, {"status": "deleted"})

    def summary(self) -> tuple[str, ...]:
        """Return name, id, size, status and volume."""
        name = repr(self.name) if self.name else ""
        return (name, self.id, f"{self.volume_size} GiB", self.status, f"of volume {self.volume_id[:8]}")


def _new_row(volume: Volume, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Validate *fields*, and return the row of a new snapshot of *volume*, by column."""
    snapshot_id = validation.new_id(fields.get("id"), any_text=volume.context.settings.non_uuid_ids)
    return {
        "id": snapshot_id,
        "name": validation.name(fields.get("name")),
        "description": validation.text(fields.get("description"), "description"),
        "status": "creating",
        "progress": "0%",
        "volume_id": volume.id,
        "volume_size": volume.as_data().size,
        "backend_id": volume.backend_id,
        "name_in_storage": naming.in_storage(volume.backend, "snapshot", snapshot_id),
        "protected": False,
        "metadata_": validation.text_map(fields.get("metadata"), "metadata"),
        "provider_location": None,
        "provider_id": None,
        "driver_data": fields.get("driver_data"),
        "extra": fields.get("extra"),
    }
