"""cinderlib's volumes, snapshots and connections."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from cl_notebook import errors, model
from cl_notebook.cinderlib import exception
from cl_notebook.cinderlib.base import DEFAULT_PROJECT_ID, DEFAULT_USER_ID, Object, adopt, wrapped
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.model import KeyValue
from cl_notebook.session import default_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.drivers.api import SnapshotData, VolumeData

__all__ = ["DEFAULT_PROJECT_ID", "DEFAULT_USER_ID", "Connection", "KeyValue", "Object", "Snapshot", "Volume"]

_ATTACHMENT = frozenset({"attach_mode", "attach_time", "attached_host", "detach_time", "instance_uuid", "mountpoint"})
"""Fields of Cinder's attachments that cinderlib lets scripts set."""

_KRBD = {"rbd", "ceph"}
"""Protocols whose volumes get a block device only if ``do_local_attach`` asks for it."""


class _OnBackend(Object):
    @property
    def backend(self) -> Object:
        """The backend of the resource."""
        if "_backend" not in vars(self):
            vars(self)["_backend"] = wrapped(self.obj.backend)
        backend: Object = vars(self)["_backend"]
        return backend

    @property
    def project_id(self) -> str:
        """The project, as Cinder's drivers get it."""
        return default_session().settings.project_id or DEFAULT_PROJECT_ID

    @property
    def user_id(self) -> str:
        """The user, as Cinder's drivers get it."""
        return default_session().settings.user_id or DEFAULT_USER_ID


class Volume(_OnBackend):
    """A volume. ``Volume(backend, size=1).create()`` is the same as ``backend.create_volume(1)``."""

    own: ClassVar[Any] = model.Volume
    not_found: ClassVar[type[errors.NotFound]] = exception.VolumeNotFound

    def __init__(self, backend_or_vol: Any, pool_name: str | None = None, **fields: Any) -> None:  # noqa: ANN401 - cinderlib's signature
        """Set the fields; :meth:`create` creates the volume.

        Args:
            backend_or_vol: the backend, its name, or a volume whose fields are the defaults.
            pool_name: the pool of the storage.
            fields: ``size`` in GiB, ``name`` and the others of ``create_volume``.

        """
        if isinstance(backend_or_vol, Volume):
            like, backend_or_vol = backend_or_vol, backend_or_vol.backend
            fields = {"size": like.size, **like.inherited(), "pool_name": like.pool_name, **fields}
        is_name = isinstance(backend_or_vol, str)
        backend = wrapped(default_session().backends[backend_or_vol]) if is_name else backend_or_vol
        chosen = {"pool_name": pool_name} if pool_name else {}
        vars(self).update(_backend=backend, _fields={"size": 1, **fields, **chosen})

    def create(self) -> None:
        """Create the resource on the storage.

        Raises:
            DriverError: the storage refused; ``resource`` of the error is the volume.

        """
        fields = {**vars(self)["_fields"]}
        fields["id"] = fields.get("id") or str(uuid.uuid4())
        try:
            adopt(self, self.backend.obj.create_volume(**fields))
        except errors.Error as error:
            volume = default_session().get(model.Volume, fields["id"])
            if volume is not None:
                adopt(self, volume)
            else:
                self.overrides["status"] = "error"
            error.resource = self  # type: ignore[attr-defined] # where cinderlib put it
            raise

    def inherited(self) -> dict[str, Any]:
        """Return the fields that a clone takes over from the volume by default."""
        ours = self.obj
        maps = {name: dict(getattr(ours, name)) for name in ("metadata", "extra_specs", "qos_specs")}
        plain = {name: getattr(ours, name) for name in ("name", "bootable", "availability_zone")}
        return {"description": ours.description or "", **plain, **maps}

    @classmethod
    def get_by_name(cls, volume_name: str) -> list[Volume]:
        """Return the volumes with that name."""
        volumes: list[Volume] = wrapped(model.Volume.get_by_name(volume_name))
        return volumes

    @property
    def snapshots(self) -> list[Snapshot]:
        """The snapshots of the volume."""
        snapshots: list[Snapshot] = wrapped(self.obj.snapshots)
        return snapshots

    @property
    def connections(self) -> list[Connection]:
        """The connections of the volume, of any host."""
        connections: list[Connection] = wrapped(self.obj.connections)
        return connections

    @property
    def local_attach(self) -> Connection | None:
        """The connection that is attached on this host."""
        connection: Connection | None = wrapped(self.obj.local_attach)
        return connection

    def create_snapshot(self, name: str = "", description: str = "", **fields: Any) -> Snapshot:  # noqa: ANN401 - the others
        """Create a snapshot of the volume, and return it."""
        snapshot = Snapshot(self, name=name, description=description, **fields)
        snapshot.create()
        return snapshot

    def clone(self, **fields: Any) -> Volume:  # noqa: ANN401 - the fields
        """Create a volume with the bytes of this one; *fields* override those that it takes over."""
        with self.acting():
            volume: Volume = wrapped(self.obj.clone(**{**self.inherited(), **fields}))
            return volume

    def extend(self, size: int) -> int:
        """Extend the volume to *size* GiB, and return its size in bytes."""
        with self.acting():
            grown: int = self.obj.extend(size)
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
                self.obj.delete()
                vars(self)["_last"] = data
            elif "_last" in vars(self):
                with translate_errors(backend.id, "delete_volume"):
                    backend.driver.delete_volume(vars(self)["_last"])

    def attach(self) -> Connection:
        """Attach the volume on this host, as a device or a file; an RBD image is mapped by the kernel."""
        self.track()
        multipath = bool(self.backend.config.get("use_multipath_for_image_xfer"))
        enforce = bool(self.backend.config.get("enforce_multipath_for_image_xfer"))
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
        """Detach it from this host, and shut the host out.

        Raises:
            NotLocal: it is not attached here.

        """
        self.track()
        if self.local_attach is None:
            msg = f"{self.obj.label()} is not attached on this host."
            raise exception.NotLocal(msg)
        with self.acting():
            _detach(self.obj, force=force, ignore_errors=ignore_errors)

    def connect(self, connector_dict: Mapping[str, Any], **ovo_fields: Any) -> Connection:  # noqa: ANN401 - Cinder's
        """Export the volume to the host of *connector_dict*; *ovo_fields* are stored with the connection.

        Raises:
            TypeError: Cinder's attachments have no such field.

        """
        return Connection.connect(self, connector_dict, **ovo_fields)

    def disconnect(self, connection: Connection, force: bool = False) -> None:  # noqa: FBT001, FBT002 - cinderlib's signature
        """End the export of the volume to the host of *connection*."""
        with self.acting():
            self.obj.disconnect(connection.obj, force=force)

    def cleanup(self) -> None:
        """Detach the volume, and remove its connections."""
        with self.acting():
            self.obj.cleanup()


def _detach(ours: Any, *, force: bool, ignore_errors: bool) -> None:  # noqa: ANN401 - a volume or a connection
    """Detach *ours*; *ignore_errors* repeats with force after an error, but not on a device in use."""
    try:
        ours.detach(force=force)
    except errors.AttachError:
        if force or not ignore_errors:
            raise
        ours.detach(force=True)


class _OfVolume(_OnBackend):
    @property
    def volume(self) -> Volume:
        """The volume of the resource."""
        if "_volume" not in vars(self):
            vars(self)["_volume"] = wrapped(self.obj.volume)
        held: Volume = vars(self)["_volume"]
        return held


class Snapshot(_OfVolume):
    """A snapshot. ``Snapshot(volume, name="before").create()`` is the same as ``volume.create_snapshot("before")``."""

    own: ClassVar[Any] = model.Snapshot
    not_found: ClassVar[type[errors.NotFound]] = exception.SnapshotNotFound

    def __init__(self, volume: Volume, **fields: Any) -> None:  # noqa: ANN401 - the fields
        """Set the fields; :meth:`create` creates the snapshot."""
        vars(self).update(_backend=volume.backend, _volume=volume, _fields=fields)

    def create(self) -> None:
        """Create the resource on the storage."""
        with self.acting():
            self.volume.track()
            adopt(self, self.volume.obj.create_snapshot(**vars(self)["_fields"]))

    @classmethod
    def get_by_name(cls, snapshot_name: str) -> list[Snapshot]:
        """Return the snapshots with that name."""
        snapshots: list[Snapshot] = wrapped(model.Snapshot.get_by_name(snapshot_name))
        return snapshots

    def create_volume(self, **fields: Any) -> Volume:  # noqa: ANN401 - the fields
        """Create a volume with the snapshot's bytes; *fields* override those of the snapshot's volume."""
        with self.acting():
            volume: Volume = wrapped(self.obj.create_volume(**{**self.volume.inherited(), **fields}))
            return volume

    def delete(self) -> None:
        """Delete the resource from the storage; a deleted one is deleted again, to remove leftovers."""
        self.track()
        backend = self.backend
        with self.acting():
            if not self.is_gone:
                data: SnapshotData = self.obj.as_data()
                self.obj.delete()
                vars(self)["_last"] = data
            elif "_last" in vars(self):
                with translate_errors(backend.id, "delete_snapshot"):
                    backend.driver.delete_snapshot(vars(self)["_last"])


class Connection(_OfVolume):
    """The export of a volume to a host, and the device of the volume on that host."""

    own: ClassVar[Any] = model.Connection
    not_found: ClassVar[type[errors.NotFound]] = exception.ConnectionNotFound

    @classmethod
    def connect(cls, volume: Volume, connector: Mapping[str, Any], **ovo_fields: Any) -> Connection:  # noqa: ANN401 - Cinder's
        """Export *volume* to the host of *connector*; *ovo_fields* are stored with the connection.

        Raises:
            TypeError: Cinder's attachments have no such field.

        """
        unknown = sorted(ovo_fields.keys() - _ATTACHMENT)
        if unknown:
            msg = f"connect() has no argument {unknown[0]!r}; fields of an attachment are {', '.join(sorted(_ATTACHMENT))}."
            raise TypeError(msg)
        with volume.acting():
            overrides = {"attached_host": ovo_fields.pop("attached_host")} if "attached_host" in ovo_fields else {}
            connection: Connection = wrapped(model.Connection.make(volume.obj, connector, extra=ovo_fields))
            connection.overrides.update(overrides)  # until attach(), which stores the real host
            return connection

    def attach(self) -> None:
        """Attach the volume on this host."""
        with self.acting():
            self.obj.attach()

    def detach(self, force: bool = False, ignore_errors: bool = False) -> None:  # noqa: FBT001, FBT002 - cinderlib's signature
        """Detach the device from this host; the export stays."""
        with self.acting():
            _detach(self.obj, force=force, ignore_errors=ignore_errors)

    def disconnect(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - cinderlib's signature
        """End the export to the host."""
        with self.acting():
            self.obj.disconnect(force=force)

    def extend(self) -> int:
        """Extend the device to the size of its volume, and return the size in bytes."""
        with self.acting():
            size: int = self.obj.extend_device()
            return size
