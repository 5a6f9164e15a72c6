"""cinderlib's volumes and snapshots."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from cl_notebook import errors, model
from cl_notebook.cinderlib import exception
from cl_notebook.cinderlib.base import (
    DEFAULT_PROJECT_ID,
    DEFAULT_USER_ID,
    Object,
    OfVolume,
    OnBackend,
    adopt,
    wrapped,
)
from cl_notebook.cinderlib.connections import Connection, detach_of
from cl_notebook.cinderlib.ovo import OvoList
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.model import KeyValue, creation, validation
from cl_notebook.session import default_session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cl_notebook.drivers.api import SnapshotData, VolumeData

__all__ = ["DEFAULT_PROJECT_ID", "DEFAULT_USER_ID", "Connection", "KeyValue", "Object", "Snapshot", "Volume"]

_DEFAULT_TYPE = str(uuid.uuid5(uuid.NAMESPACE_URL, "cinderlib:__DEFAULT__"))
"""The id of the type of volumes without specs."""

_KRBD = {"rbd", "ceph"}
"""Protocols whose volumes get a block device only if ``do_local_attach`` asks for it."""


@dataclass
class QosSpecs:
    """The QoS specs of a volume, as Cinder has them."""

    id: str
    specs: dict[str, str]
    consumer: str = "back-end"

    @property
    def name(self) -> str:
        """The id, which cinderlib uses as the name."""
        return self.id


@dataclass
class VolumeType:
    """The type that cinderlib gives to a volume with specs; its id is that of the volume."""

    id: str
    extra_specs: dict[str, str] = field(default_factory=dict)
    qos_specs: QosSpecs | None = None
    is_public: bool = True
    description: str | None = None
    projects: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The id, which cinderlib uses as the name."""
        return "__DEFAULT__" if self.id == _DEFAULT_TYPE else self.id

    @property
    def qos_specs_id(self) -> str | None:
        """The id of the QoS specs, if there are any."""
        return self.qos_specs.id if self.qos_specs is not None else None


def _type_of(ours: Any) -> VolumeType | None:  # noqa: ANN401 - a volume
    if not ours.extra_specs and not ours.qos_specs:  # cinderlib's databases have a default type, its memory has none
        return None if default_session().settings.store == "memory" else VolumeType(_DEFAULT_TYPE)
    qos_specs = QosSpecs(ours.id, dict(ours.qos_specs)) if ours.qos_specs else None
    return VolumeType(ours.id, dict(ours.extra_specs), qos_specs)


class Volume(OnBackend):
    """A volume. ``Volume(backend, size=1).create()`` is the same as ``backend.create_volume(1)``."""

    own: ClassVar[Any] = model.Volume
    not_found: ClassVar[Any] = exception.VolumeNotFound
    readers: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "display_description": lambda ours: ours.description,
        "volume_type": _type_of,
        "volume_type_id": lambda ours: getattr(_type_of(ours), "id", None),
        "multiattach": lambda ours: (
            bool((ours.driver_data or {}).get("multiattach")) or ours.extra_specs.get("multiattach") == "<is> True"
        ),
    }
    driver_fields: ClassVar[frozenset[str]] = frozenset(
        {
            *("admin_metadata", "encryption_key_id", "glance_metadata", "multiattach", "provider_auth", "provider_geometry"),
            *("replication_driver_data", "replication_extended_status", "replication_status", "service_uuid", "shared_targets"),
        }
    )
    defaults: ClassVar[Mapping[str, Any]] = {
        "admin_metadata": {},
        "attach_status": "detached",
        "glance_metadata": {},
        "multiattach": False,
        "shared_targets": False,
        "size": 1,
        "status": "creating",
        **dict.fromkeys(
            (
                *("cluster", "cluster_name", "consistencygroup", "consistencygroup_id", "deleted_at", "ec2_id"),
                *("encryption_key_id", "group", "group_id", "launched_at", "migration_status", "previous_status"),
                *("provider_auth", "provider_geometry", "replication_driver_data", "replication_extended_status"),
                *("replication_status", "scheduled_at", "service_uuid", "terminated_at"),
            )
        ),
    }

    def __init__(self, backend_or_vol: Any, pool_name: str | None = None, **fields: Any) -> None:  # noqa: ANN401 - cinderlib's signature
        """Set the fields; :meth:`create` creates the volume.

        Args:
            backend_or_vol: the backend, its name, or a volume whose fields are the defaults.
            pool_name: the pool of the storage; by default its first one.
            fields: ``size`` in GiB, ``name`` and the other fields of Cinder's volumes.

        """
        inherited: dict[str, Any] = {}
        if isinstance(backend_or_vol, Volume):
            like, backend_or_vol = backend_or_vol, backend_or_vol.backend
            inherited = {"size": like.size, **like.inherited(), "pool_name": like.pool_name}
        is_name = isinstance(backend_or_vol, str)
        backend = wrapped(default_session().backends[backend_or_vol]) if is_name else backend_or_vol
        chosen = {"pool_name": pool_name} if pool_name else {}
        is_new_id = not fields.get("id")
        if is_new_id:
            fields["id"] = str(uuid.uuid4())
        vars(self).update(_backend=backend, _fields={"size": 1, **inherited, **fields, **chosen}, _is_new_id=is_new_id)

    def create(self) -> None:
        """Create the resource on the storage.

        Raises:
            DriverError: the storage refused; ``resource`` of the error is the volume.

        """
        given = vars(self)["_fields"]
        with self.acting():
            try:
                fields = self.new_fields(given)
                fields["size"] = validation.size(fields["size"])
                if not fields.get("pool_name") and "host" not in fields:
                    fields["pool_name"] = self.backend.pool_names[0]
                adopt(self, creation.make_volume(self.backend.obj, fields, is_new_id=vars(self)["_is_new_id"]))
            except errors.Error:
                volume = default_session().get(model.Volume, given["id"])
                if volume is not None:
                    adopt(self, volume)
                else:
                    given["status"] = "error"
                raise
        self.backend.relist()

    def inherited(self) -> dict[str, Any]:
        """Return the fields that a clone takes over from the volume by default."""
        ours = self.obj
        maps = {name: dict(getattr(ours, name)) for name in ("metadata", "extra_specs", "qos_specs")}
        plain = {name: getattr(ours, name) for name in ("name", "bootable", "availability_zone")}
        return {"description": ours.description or "", **plain, **maps}

    def copied_fields(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a copy of the volume: those *given*, and the others of the volume."""
        like = {**self.inherited(), "name": self.obj.name}
        if self.multiattach:
            given = {"multiattach": True, **given}
        fields = self.new_fields(
            {name: value for name, value in given.items() if name not in {"source_volid", "snapshot_id"}}, like
        )
        if not fields.get("pool_name") and "host" not in fields:
            fields["pool_name"] = self.obj.pool_name or self.backend.pool_names[0]
        return fields

    @classmethod
    def get_by_name(cls, volume_name: str) -> list[Volume]:
        """Return the volumes with that name."""
        volumes: list[Volume] = wrapped(model.Volume.get_by_name(volume_name))
        return volumes

    @property
    def snapshots(self) -> list[Snapshot]:
        """The snapshots of the volume: the same list each time, from which those that are deleted are removed."""
        return [] if self.ours is None else self.held("snapshots", self.obj.snapshots)

    @property
    def connections(self) -> list[Connection]:
        """The connections of the volume, of any host: the same list each time, which ``disconnect()`` shortens."""
        return [] if self.ours is None else self.held("connections", self.obj.connections)

    @property
    def _snapshots(self) -> list[Snapshot] | None:
        return self.lists.get("snapshots")

    @property
    def _connections(self) -> list[Connection] | None:
        return self.lists.get("connections")

    @property
    def volume_attachment(self) -> OvoList:
        """The connections as Cinder's objects."""
        return OvoList(self._connections if self._connections is not None else self.connections)

    def ovo_field(self, name: str) -> Any:  # noqa: ANN401 - a field
        """Return a field as ``_ovo`` has it: lists of Cinder's objects, and the name on the storage."""
        return OvoList(self.snapshots) if name == "snapshots" else super().ovo_field(name)

    @property
    def local_attach(self) -> Connection | None:
        """The connection that is attached on this host."""
        connection: Connection | None = None if self.ours is None else wrapped(self.obj.local_attach)
        return connection

    def create_snapshot(self, name: str = "", description: str = "", **fields: Any) -> Snapshot:  # noqa: ANN401 - the others
        """Create a snapshot of the volume, and return it."""
        snapshot = Snapshot(self, name=name, description=description, **fields)
        snapshot.create()
        return snapshot

    def clone(self, **fields: Any) -> Volume:  # noqa: ANN401 - the fields
        """Create a volume with the bytes of this one; *fields* override those that it takes over."""
        with self.acting():
            volume: Volume = wrapped(self.obj.clone(**self.copied_fields(fields)))
            self.backend.relist()
            return volume

    def extend(self, size: float) -> int:
        """Extend the volume to *size* GiB, and return its size in bytes."""
        with self.acting():
            grown: int = self.obj.extend(int(size))
            return grown

    def delete(self) -> None:
        """Delete the resource from the storage; a deleted one is deleted again, to remove leftovers.

        Raises:
            InvalidVolume: it has snapshots or connections.

        """
        self.track()
        backend = self.backend
        with self.acting():
            if not self.is_gone:
                data: VolumeData = self.obj.as_data()
                try:
                    self.obj.delete()
                except errors.ResourceBusy as error:
                    if isinstance(error, errors.DriverError):
                        raise
                    raise exception.InvalidVolume(str(error)) from error
                vars(self)["_last"] = data
                if isinstance(backend, Object):
                    backend.relist()
            elif "_last" in vars(self):
                with translate_errors(backend.id, "delete_volume"):
                    backend.driver.delete_volume(vars(self)["_last"])

    def attach(self) -> Connection:
        """Attach the volume on this host, as a device or a file; an RBD image is mapped by the kernel."""
        self.track()
        config = self.backend.config
        multipath = bool(config.get("use_multipath_for_image_xfer"))
        enforce = bool(config.get("enforce_multipath_for_image_xfer"))
        with self.acting():
            if self.backend.driver.storage_protocol not in _KRBD:
                attached: Connection = wrapped(self.obj.attach(multipath=multipath, enforce_multipath=enforce))
                return attached
            connector = default_session().host.connector_properties("krbd")
            connection = self.connect({**connector, "do_local_attach": True})
            try:
                connection.attach()
            except BaseException:
                with contextlib.suppress(errors.Error):  # the first error is the one to raise
                    connection.disconnect()
                raise
            return connection

    def detach(self, force: bool = False, ignore_errors: bool = False) -> None:  # noqa: FBT001, FBT002 - cinderlib's signature
        """Detach it from this host, and end the host's access.

        Raises:
            NotLocal: it is not attached here.

        """
        self.track()
        if self.local_attach is None:
            msg = f"{self.obj.label()} is not attached on this host."
            raise exception.NotLocal(msg)
        with self.acting():
            detach_of(self.obj, force=force, ignore_errors=ignore_errors)
            self.relist()

    def connect(self, connector_dict: Mapping[str, Any], **ovo_fields: Any) -> Connection:  # noqa: ANN401 - Cinder's
        """Export the volume to the host of *connector_dict*; *ovo_fields* are stored with the connection.

        Raises:
            TypeError: Cinder's attachments have no such field.

        """
        return Connection.connect(self, connector_dict, **ovo_fields)

    def disconnect(self, connection: Connection, force: bool = False) -> None:  # noqa: FBT001, FBT002 - cinderlib's signature
        """End the export of the volume to the host of *connection*.

        Raises:
            InvalidInput: the connection belongs to another volume.

        """
        if connection.obj.volume_id != self.obj.id:
            msg = f"{connection.obj.label()} is not a connection of {self.obj.label()}."
            raise errors.InvalidInput(msg)
        connection.disconnect(force)

    def cleanup(self) -> None:
        """Detach the volume, and remove its connections."""
        with self.acting():
            self.obj.cleanup()
            self.relist()


class Snapshot(OfVolume):
    """A snapshot. ``Snapshot(volume, name="before").create()`` is the same as ``volume.create_snapshot("before")``."""

    own: ClassVar[Any] = model.Snapshot
    not_found: ClassVar[Any] = exception.SnapshotNotFound
    readers: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "display_description": lambda ours: ours.description,
        "volume_type": lambda ours: _type_of(ours.volume),
        "volume_type_id": lambda ours: Volume.readers["volume_type_id"](ours.volume),
    }
    driver_fields: ClassVar[frozenset[str]] = frozenset({"encryption_key_id", "provider_auth"})
    defaults: ClassVar[Mapping[str, Any]] = {
        "status": "creating",
        **dict.fromkeys(
            (
                *("cgsnapshot", "cgsnapshot_id", "deleted_at", "encryption_key_id", "group_snapshot", "group_snapshot_id"),
                "provider_auth",
            )
        ),
    }

    def __init__(self, volume: Volume, **fields: Any) -> None:  # noqa: ANN401 - the fields
        """Set the fields; :meth:`create` creates the snapshot."""
        fields.pop("backend", None)
        vars(self).update(_backend=volume.backend, _volume=volume, _fields={"volume_id": volume.id, **fields})

    def create(self) -> None:
        """Create the resource on the storage."""
        given = {name: value for name, value in vars(self)["_fields"].items() if name not in {"volume_id", "volume_size"}}
        with self.acting():
            self.volume.track()
            ours = self.volume.obj
            ours.refresh(keep_edits=True)
            adopt(self, model.Snapshot.make(ours, self.new_fields(given)))
            self.volume.relist()

    @classmethod
    def get_by_name(cls, snapshot_name: str) -> list[Snapshot]:
        """Return the snapshots with that name."""
        snapshots: list[Snapshot] = wrapped(model.Snapshot.get_by_name(snapshot_name))
        return snapshots

    def create_volume(self, **fields: Any) -> Volume:  # noqa: ANN401 - the fields
        """Create a volume with the snapshot's bytes; *fields* override those of the snapshot's volume."""
        with self.acting():
            volume: Volume = wrapped(self.obj.create_volume(**self.volume.copied_fields(fields)))
            volume.backend.relist()
            return volume

    def delete(self) -> None:
        """Delete the resource from the storage; a deleted one is deleted again, to remove leftovers."""
        self.track()
        backend, volume = self.backend, self.volume
        with self.acting():
            if not self.is_gone:
                data: SnapshotData = self.obj.as_data()
                self.obj.delete()
                vars(self)["_last"] = data
                volume.relist()
            elif "_last" in vars(self):
                with translate_errors(backend.id, "delete_snapshot"):
                    backend.driver.delete_snapshot(vars(self)["_last"])
