"""cinderlib's connections: the access of a host to a volume, and the device there."""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, cast

from cl_notebook import errors, model
from cl_notebook.cinderlib import exception
from cl_notebook.cinderlib.base import OfVolume, adopt, wrapped
from cl_notebook.model import validation
from cl_notebook.model.connection import checked
from cl_notebook.session import default_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.drivers.api import ConnectionInfo

SCAN_ATTEMPTS = 3
"""How often os-brick looks for a device by default."""

_PARTS = {
    "conn": ("conn_info", "protocol"),
    "connector": ("connector_info", "multipath"),
    "device": ("device", "path", "attached_host"),
}
"""By the key of ``connection_info``, the columns that its value is stored in."""

_ATTACHMENT = frozenset({"attach_mode", "attach_time", "attached_host", "detach_time", "instance_uuid", "mountpoint"})
"""Fields of Cinder's attachments that cinderlib lets scripts set."""


def detach_of(ours: Any, *, force: bool, ignore_errors: bool) -> None:  # noqa: ANN401 - a volume or a connection
    """Detach *ours*; *ignore_errors* repeats with force after an error, but not on a device in use."""
    try:
        ours.detach(force=force)
    except errors.AttachError:
        if force or not ignore_errors:
            raise
        ours.detach(force=True)


@dataclass
class _Information:
    """The dict :attr:`Connection.connection_info`, which scripts change in place."""

    live: dict[str, Any] = field(default_factory=dict)
    """The dict itself, one object for all reads."""
    before: dict[str, Any] = field(default_factory=dict)
    """A copy of what was read from the row."""
    version: int | None = None
    """The version of the row that was read, 0 if there is no row yet; None if it has to be read."""

    @property
    def is_edited(self) -> bool:
        """Whether a script changed the dict, and that is not saved."""
        return self.version is not None and self.live != self.before


class Connection(OfVolume):
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
        volume: Any = None,  # noqa: ANN401 - a volume
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
        multipath = {"use_multipath": bool(fields.pop("use_multipath"))} if "use_multipath" in fields else {}
        if volume is None:
            volume = wrapped(model.Volume.get_by_id(fields["volume_id"]))
        vars(self).update(_backend=backend, _volume=volume, _fields=fields, _info=_Information(info, version=0))
        vars(self).update(scan_attempts=device_scan_attempts, **multipath)
        self._set_mode(info)

    @functools.cached_property
    def _info(self) -> _Information:
        return _Information()

    @classmethod
    def connect(cls, volume: Any, connector: Mapping[str, Any], **ovo_fields: Any) -> Connection:  # noqa: ANN401 - Cinder's
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
        info, ours = self._info, self.ours
        if ours is None or info.is_edited or (info.version is not None and info.version == ours.version):
            return info.live
        info.live.clear()
        info.live.update(conn=copy.deepcopy(ours.conn_info) or {}, connector=copy.deepcopy(ours.connector_info))
        if ours.device or ours.path:
            info.live["device"] = copy.deepcopy(ours.device) or {"path": ours.path}
        self._set_mode(info.live)
        info.version, info.before = ours.version, copy.deepcopy(info.live)
        return info.live

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
    def connector_info(self) -> Any:  # noqa: ANN401 - a dict; None after the connection was removed
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
        given: str | None = self.field("attached_host")
        return given or (None if self.ours is None else self.ours.attached_host)

    @property
    def use_multipath(self) -> bool:
        """Whether os-brick uses several paths: as chosen, else as the host's connector or the information says."""
        chosen: bool | None = vars(self).get("use_multipath")
        if chosen is not None:
            return chosen
        connector = self.connector_info or {}
        if "multipath" in connector:
            return bool(connector["multipath"])
        data = self.conn_info.get("data") or {}
        return ("target_iqns" in data and "target_portals" in data) or not isinstance(data.get("target_wwn", ""), str)

    @use_multipath.setter
    def use_multipath(self, value: bool) -> None:
        vars(self)["use_multipath"] = bool(value)
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
        self._info.version = None

    def edited_columns(self) -> dict[str, Any]:
        """Return the columns for what was set on the connection.

        Raises:
            InvalidInput: a value cannot be stored.

        """
        columns = super().edited_columns()
        info = self._info
        if info.is_edited:
            changed = self._info_columns(info.live)
            for part, names in _PARTS.items():
                if info.live.get(part) != info.before.get(part):
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
        return super().has_edits() or self._info.is_edited

    def attach(self) -> None:
        """Attach the volume on this host."""
        with self.acting():
            self.obj.attach()

    def detach(self, force: bool = False, ignore_errors: bool = False, exc: Any = None) -> None:  # noqa: ANN401, FBT001, FBT002 - cinderlib's signature
        """Detach the device from this host; the export stays."""
        del exc
        with self.acting():
            detach_of(self.obj, force=force, ignore_errors=ignore_errors)
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
