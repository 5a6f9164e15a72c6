"""cinderlib's volumes, snapshots and connections."""

from __future__ import annotations

import contextlib
import copy
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, cast

from cl_notebook import errors, model
from cl_notebook.cinderlib import exception
from cl_notebook.cinderlib.base import (
    DEFAULT_PROJECT_ID,
    DEFAULT_USER_ID,
    Object,
    OvoList,
    adopt,
    coerced,
    described,
    forward_log,
    stored_fields,
    wrapped,
)
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.model import KeyValue, creation, validation
from cl_notebook.model.connection import checked
from cl_notebook.session import default_session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cl_notebook.drivers.api import ConnectionInfo, SnapshotData, VolumeData

__all__ = ["DEFAULT_PROJECT_ID", "DEFAULT_USER_ID", "Connection", "KeyValue", "Object", "Snapshot", "Volume"]

SCAN_ATTEMPTS = 3
"""How often os-brick looks for a device by default."""

_ATTACHMENT = frozenset({"attach_mode", "attach_time", "attached_host", "detach_time", "instance_uuid", "mountpoint"})
"""Fields of Cinder's attachments that cinderlib lets scripts set."""

_KRBD = {"rbd", "ceph"}
"""Protocols whose volumes get a block device only if ``do_local_attach`` asks for it."""

_PLAIN = frozenset({"id", "name", "description", "size", "pool_name", "availability_zone", "bootable", "metadata"})
"""Fields of a new volume or snapshot that are fields here, too."""


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
    extra_specs: dict[str, str]
    qos_specs: QosSpecs | None = None
    is_public: bool = True
    description: str | None = None
    projects: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The id, which cinderlib uses as the name."""
        return self.id

    @property
    def qos_specs_id(self) -> str | None:
        """The id of the QoS specs, if there are any."""
        return self.qos_specs.id if self.qos_specs is not None else None


def _type_of(ours: Any) -> VolumeType | None:  # noqa: ANN401 - a volume
    if not ours.extra_specs and not ours.qos_specs:
        return None
    qos_specs = QosSpecs(ours.id, dict(ours.qos_specs)) if ours.qos_specs else None
    return VolumeType(ours.id, dict(ours.extra_specs), qos_specs)


class _OnBackend(Object):
    @property
    def backend(self) -> Any:  # noqa: ANN401 - a backend, or its name
        """The backend of the resource; its name, if it is not open and ``fail_on_missing_backend`` is False."""
        if "_backend" not in vars(self):
            backend = wrapped(self.obj.backend)
            name = backend.ours.name
            settings = default_session().settings
            if not settings.fail_on_missing_backend and name not in default_session().backends:
                return name
            vars(self)["_backend"] = backend
        return vars(self)["_backend"]

    @property
    def project_id(self) -> str:
        """The project, as Cinder's drivers get it."""
        return default_session().settings.project_id or DEFAULT_PROJECT_ID

    @property
    def user_id(self) -> str:
        """The user, as Cinder's drivers get it."""
        return default_session().settings.user_id or DEFAULT_USER_ID

    @classmethod
    def new_fields(cls, given: Mapping[str, Any], like: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the fields of a new resource under their names here, coerced as Cinder does; *like* has defaults for them.

        Raises:
            InvalidInput: a value cannot be stored.

        """
        fields, others, for_drivers = dict(like or {}), dict[str, Any](), dict[str, Any]()
        for name, value in given.items():
            plain = cls.aliases.get(name, name)
            if plain in _PLAIN:
                fields[plain] = value if plain in {"id", "pool_name"} else coerced(plain, value)
            elif name in {"extra_specs", "qos_specs"}:
                fields[name] = coerced(name, value)
            elif name in cls.driver_fields:
                for_drivers[name] = validation.json_safe(value, name)
            elif name == "host":
                fields["host"] = validation.name(value, "host")
                fields["pool_name"] = str(value).partition("#")[2] or None
            elif value is not None and name not in {"status", "attach_status"}:
                others[name] = validation.json_safe(value, name)
        if for_drivers:
            fields["driver_data"] = for_drivers
        if others:
            fields["extra"] = {"data": others}
        return fields


class Volume(_OnBackend):
    """A volume. ``Volume(backend, size=1).create()`` is the same as ``backend.create_volume(1)``."""

    own: ClassVar[Any] = model.Volume
    not_found: ClassVar[Any] = exception.VolumeNotFound
    readers: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "display_description": lambda ours: ours.description,
        "volume_type": _type_of,
        "volume_type_id": lambda ours: ours.id if ours.extra_specs or ours.qos_specs else None,
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
        try:
            fields = self.new_fields(given)
            fields["size"] = validation.size(fields["size"])
            if not fields.get("pool_name") and "host" not in fields:
                fields["pool_name"] = self.backend.pool_names[0]
            adopt(self, creation.make_volume(self.backend.obj, fields, is_new_id=vars(self)["_is_new_id"]))
        except errors.Error as error:
            volume = default_session().get(model.Volume, given["id"])
            if volume is not None:
                adopt(self, volume)
            else:
                given["status"] = "error"
            described(error, self)
            raise
        finally:
            forward_log()
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

    def ovo_field(self, name: str) -> Any:  # noqa: ANN401 - a field
        """Return a field as ``_ovo`` has it; the volume is Cinder's object, too."""
        value = super().ovo_field(name)
        return value._ovo if name == "volume" else value  # noqa: SLF001 - cinderlib's name


class Snapshot(_OfVolume):
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
            adopt(self, type(ours).snapshots.target.make(ours, self.new_fields(given)))
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


class Connection(_OfVolume):
    """The export of a volume to a host, and the device of the volume on that host.

    ``Connection(backend, volume=…, connector=…, connection_info=…).save()`` tracks one that exists on the storage.
    """

    own: ClassVar[Any] = model.Connection
    not_found: ClassVar[Any] = exception.ConnectionNotFound
    defaults: ClassVar[Mapping[str, Any]] = {
        "attach_mode": "rw",
        "status": "attached",
        **dict.fromkeys(("attach_time", "attached_host", "deleted_at", "detach_time", "instance_uuid", "mountpoint")),
    }

    def __init__(
        self,
        backend: Any,  # noqa: ANN401 - a backend, or its name
        *,
        volume: Volume | None = None,
        connector: Mapping[str, Any] | None = None,
        connection_info: Mapping[str, Any] | None = None,
        device_scan_attempts: int = SCAN_ATTEMPTS,
        **fields: Any,  # noqa: ANN401 - Cinder's
    ) -> None:
        """Set the fields; :meth:`save` tracks the connection.

        Args:
            backend: the backend of the volume.
            volume: the volume; by default the one with the ``volume_id`` among *fields*.
            connector: os-brick's connector properties of the host.
            connection_info: ``conn``, what os-brick needs; perhaps also ``connector`` and ``device``.
            device_scan_attempts: how often os-brick looks for the device.
            fields: ``attach_mode``, ``attached_host`` and the others of Cinder's attachments.

        """
        # copies: what a script sets in this one must not change the connection whose information it was given
        info = copy.deepcopy(dict(connection_info or {}))
        if connector is not None:
            info.setdefault("connector", copy.deepcopy(dict(connector)))
        multipath = {"use_multipath": fields.pop("use_multipath")} if "use_multipath" in fields else {}
        held_volume = volume if volume is not None else Volume.get_by_id(fields["volume_id"])
        vars(self).update(_backend=backend, _volume=held_volume, _fields=fields, _info=(0, {}, info))
        vars(self).update(scan_attempts=device_scan_attempts, _chosen=multipath)
        self._set_mode(info)

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
            ours = model.Connection.make(volume.obj, connector, extra=ovo_fields, several_hosts=True)
            mode = ((ours.conn_info or {}).get("data") or {}).get("access_mode")
            if mode in {"rw", "ro"} and mode != ours.attach_mode and not ovo_fields.get("attach_mode"):
                ours.write({"attach_mode": mode})
            connection: Connection = wrapped(ours)
            volume.relist()
            return connection

    @property
    def connection_info(self) -> dict[str, Any] | None:
        """``conn``, what os-brick needs; ``connector``, the host's properties; ``device``, if it is attached.

        What a script changes in it is stored by :meth:`save`.
        """
        if self.is_gone:
            return None
        return self._live()

    def _live(self) -> dict[str, Any]:
        """Return the dict of :attr:`connection_info`, read again if the row changed and nothing in the dict did."""
        ours = self.ours
        version, before, live = vars(self).get("_info", (None, {}, {}))
        live = cast("dict[str, Any]", live)
        if ours is None or (version == ours.version and version is not None) or (version is not None and live != before):
            return live
        info: dict[str, Any] = {"conn": copy.deepcopy(ours.conn_info) or {}, "connector": copy.deepcopy(ours.connector_info)}
        if ours.device or ours.path:
            info["device"] = copy.deepcopy(ours.device) or {"path": ours.path}
        live.clear()
        live.update(info)
        self._set_mode(live)
        vars(self)["_info"] = (ours.version, copy.deepcopy(live), live)
        return live

    def _set_mode(self, info: dict[str, Any]) -> None:
        """Put the attach mode into the information for os-brick, or take it from there if none was chosen."""
        data = (info.get("conn") or {}).get("data")
        if self.ours is None:
            fields = vars(self)["_fields"]
            fields["attach_mode"] = fields.get("attach_mode") or (data or {}).get("access_mode") or "rw"
        if data:
            data["access_mode"] = self.attach_mode

    @property
    def conn_info(self) -> dict[str, Any]:
        """What os-brick needs to attach the volume; empty after the connection was removed."""
        info: dict[str, Any] = (self.connection_info or {}).get("conn") or {}
        return info

    @conn_info.setter
    def conn_info(self, value: dict[str, Any] | None) -> None:
        live = self._live()
        live["conn"] = value or {}
        if value and value.get("data") is not None:
            mode = value["data"].setdefault("access_mode", self.attach_mode)
            if mode != self.attach_mode:
                self.put("attach_mode", mode)

    @property
    def connector_info(self) -> dict[str, Any] | None:
        """os-brick's connector properties of the host."""
        return (self.connection_info or {}).get("connector")

    @connector_info.setter
    def connector_info(self, value: dict[str, Any]) -> None:
        self._live()["connector"] = value

    @property
    def device(self) -> dict[str, Any] | None:
        """What os-brick returned for the attached device."""
        return (self.connection_info or {}).get("device")

    @device.setter
    def device(self, value: dict[str, Any] | None) -> None:
        live = self._live()
        if value:
            live["device"] = value
        else:
            live.pop("device", None)

    @property
    def path(self) -> str | None:
        """The path of the device."""
        return (self.device or {}).get("path")

    @property
    def protocol(self) -> str | None:
        """The protocol by which the host reaches the volume."""
        return self.conn_info.get("driver_volume_type")

    @property
    def attached(self) -> bool:
        """Whether a device is recorded."""
        return bool(self.device)

    @property
    def connected(self) -> bool:
        """Whether the host has access."""
        return bool(self.conn_info)

    @property
    def attached_host(self) -> str | None:
        """The host that the script gave; else the one that has the device."""
        given: str | None = self.edits.get("attached_host") or (
            vars(self)["_fields"].get("attached_host") if self.ours is None else stored_fields(self.ours).get("attached_host")
        )
        return given or (None if self.ours is None else self.ours.attached_host)

    @property
    def use_multipath(self) -> bool:
        """Whether os-brick uses several paths: as chosen, else as the host's connector or the information says."""
        chosen = vars(self).get("_chosen", {})
        if "use_multipath" in chosen:
            return bool(chosen["use_multipath"])
        connector = self.connector_info or {}
        if "multipath" in connector:
            return bool(connector["multipath"])
        data = self.conn_info.get("data") or {}
        return ("target_iqns" in data and "target_portals" in data) or not isinstance(data.get("target_wwn", ""), str)

    @use_multipath.setter
    def use_multipath(self, value: bool) -> None:
        vars(self)["_chosen"] = {"use_multipath": bool(value)}
        if self.ours is not None:
            self.put("multipath", bool(value))

    @property
    def scan_attempts(self) -> int:
        """How often os-brick looks for the device."""
        attempts: int = vars(self).get("scan_attempts", SCAN_ATTEMPTS)
        return attempts

    @scan_attempts.setter
    def scan_attempts(self, value: int) -> None:
        vars(self)["scan_attempts"] = int(value)

    @property
    def connector(self) -> Any:  # noqa: ANN401 - os-brick has no types
        """os-brick's connector for the protocol, on this host; None without information to attach by."""
        if not self.conn_info:
            return None
        if vars(self).get("_connector") is None:
            vars(self)["_connector"] = default_session().host.brick_connector(
                cast("ConnectionInfo", self.conn_info),
                multipath=self.use_multipath,
                do_local_attach=True,
                scan_attempts=self.scan_attempts,
            )
        return vars(self)["_connector"]

    def device_attached(self, device: Mapping[str, Any]) -> None:
        """Store the *device* that the host attached by itself, as os-brick returned it."""
        self.device = dict(device)
        self.save()

    def put(self, name: str, value: object) -> None:
        """Set a field of ``_ovo``; ``connection_info`` and ``connector`` are those of the connection."""
        if name == "connection_info":
            live = self._live()
            live.clear()
            live.update(copy.deepcopy(dict(cast("Mapping[str, Any]", value or {}))))
        elif name == "connector":
            self._live()["connector"] = value
        else:
            super().put(name, value)

    def ovo_field(self, name: str) -> Any:  # noqa: ANN401 - a field
        """Return a field as ``_ovo`` has it: its connector is the dict of properties."""
        return self.connector_info if name == "connector" else super().ovo_field(name)

    def save(self) -> None:
        """Store what was set on the connection; track a new one, which exists on the storage already."""
        if self.ours is not None:
            super().save()
            self._read_again()
            return
        fields = {name: value for name, value in vars(self)["_fields"].items() if name not in {"status", "volume_id"}}
        mode, resource_id = fields.pop("attach_mode"), fields.pop("id", None)
        others = {name: value for name, value in fields.items() if value is not None}
        columns = {**self._info_columns(self._live()), "attach_mode": mode}
        columns["extra"] = {"data": validation.json_safe(others, "A connection")} if others else None
        if resource_id is not None:
            columns["id"] = validation.new_id(resource_id, any_text=True)
        self.volume.track()
        adopt(self, model.Connection.record(self.volume.obj, self._live().get("connector") or {}, columns))
        self._read_again()
        self.volume.relist()

    def _read_again(self) -> None:
        """Discard what was changed in :attr:`connection_info`: the next use reads it from the row."""
        _version, _before, live = vars(self).get("_info", (None, {}, {}))
        vars(self)["_info"] = (None, {}, live)

    def edited_columns(self) -> dict[str, Any]:
        """Return the columns for what was set on the connection.

        Raises:
            InvalidInput: a value cannot be stored.

        """
        columns = super().edited_columns()
        version, before, live = vars(self).get("_info", (None, {}, {}))
        if version is not None and live != before:
            changed = self._info_columns(live)
            parts = {"conn": ("conn_info", "protocol"), "connector": ("connector_info", "multipath")}
            parts["device"] = ("device", "path", "attached_host")  # type: ignore[assignment] # of any length
            for part, names in parts.items():
                if live.get(part) != before.get(part):
                    columns = {name: changed[name] for name in names} | columns
        return columns

    def _info_columns(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns for the dict :attr:`connection_info`."""
        stored = validation.json_safe(dict(info), "connection_info")
        conn, connector, device = stored.get("conn") or None, stored.get("connector") or {}, stored.get("device") or None
        return {
            "conn_info": conn,
            "protocol": (conn or {}).get("driver_volume_type"),
            "connector_info": checked(connector),
            "multipath": bool(connector.get("multipath")),
            "device": device,
            "path": (device or {}).get("path"),
            "attached_host": connector["host"] if device else None,
        }

    def refresh(self) -> None:
        """Update the connection from the store; what was changed in its information and not saved is discarded."""
        self._read_again()
        super().refresh()

    def has_edits(self) -> bool:
        """Return whether something was set that is not saved, also in the information."""
        version, before, live = vars(self).get("_info", (None, {}, {}))
        return super().has_edits() or (version is not None and live != before)

    def attach(self) -> None:
        """Attach the volume on this host."""
        with self.acting():
            self.obj.attach()

    def detach(self, force: bool = False, ignore_errors: bool = False, exc: Any = None) -> None:  # noqa: ANN401, FBT001, FBT002 - cinderlib's signature
        """Detach the device from this host; the export stays."""
        del exc
        with self.acting():
            _detach(self.obj, force=force, ignore_errors=ignore_errors)
            vars(self).pop("_connector", None)

    def disconnect(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - cinderlib's signature
        """End the export to the host, also if the host has the device attached, and detaches it by itself.

        Raises:
            BusyOnStorage: a device of the volume is in use on this host.

        """
        volume = self.volume
        with self.acting():
            self.obj.revoke(force=force)
            volume.relist()

    def extend(self) -> int:
        """Extend the device to the size of its volume, and return the size in bytes."""
        with self.acting():
            size: int = self.obj.extend_device()
            return size
