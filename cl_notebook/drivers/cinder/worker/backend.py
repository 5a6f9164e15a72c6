"""One backend: its driver, set up as Cinder's volume service sets it up, and the shadow database beside it."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from . import bootstrap, calls, config, introspect, log_relay, row_mapping, shadow_db, shadow_sync
from .channel import plain

if TYPE_CHECKING:
    from .channel import Channel

_TABLES = {"volume": ("volumes", "volume_metadata", "volume_id"), "snapshot": ("snapshots", "snapshot_metadata", "snapshot_id")}
"""Kind -> its table, the table of its metadata, and the column there that holds its id."""

_MISSING = object()
"""The value of an attribute that a driver does not have."""


class Backend:
    """A loaded driver with its configuration, its shadow database, and the objects that its calls need."""

    def __init__(self, channel: Channel, message: dict[str, Any]) -> None:
        """Import Cinder and the driver, and configure both; no storage is touched."""
        self.name = message["name"]
        self.host = message["host"]
        self._state_folder = message["state"]
        objects = bootstrap.imported()
        cls = introspect.imported(message["path"])
        work = shadow_db.work_folder(message["state"])
        options = config.with_brackets(cls, {"volume_backend_name": self.name, **message["options"]})
        sections = config.merged(message["defaults"], message["sections"])
        group = config.group_of(self.name, bootstrap.cinder_conf())
        if not message["hides_ssl_warnings"]:
            log_relay.show_ssl_warnings()
        with config.file(cls, {**sections, group: options}) as file:
            conf = bootstrap.configured(message, work, file, sections)
        self.context = bootstrap.context(message)
        self.database = shadow_db.ShadowDatabase(work, conf)
        self.sync = shadow_sync.ShadowSync(self.database, channel)
        self.resources = calls.Resources(objects, self.context)
        self._lock = threading.Lock()
        self._running = 0
        self.configuration = config.driver_configuration(conf, cls, group, options)
        for name, value in message["undeclared"].items():
            setattr(self.configuration.conf.backend_conf, name, value)
        self.driver = cls(
            configuration=self.configuration,
            host=self.host,
            cluster_name=None,
            active_backend_id=None,
            db=None,
            image_service=None,
            is_vol_db_empty=False,
        )

    def setup(self) -> dict[str, Any]:
        """Connect the driver to its storage, as Cinder's volume service does at start-up; return statistics and features."""
        driver = self.driver
        driver.do_setup(self.context)
        driver.check_for_setup_error()
        driver.init_capabilities()
        driver.set_throttle()
        driver.set_initialized()
        # init_capabilities() has just asked for the statistics; what it adds for Cinder's scheduler is none of them
        reported = {name: value for name, value in driver.capabilities.items() if name not in {"properties", "vendor_prefix"}}
        stats = calls.stats(reported or driver.get_volume_stats(refresh=False) or {}, self.name)
        return {"stats": stats, "features": introspect.features(type(driver), stats)}

    def attribute(self, name: str) -> dict[str, Any]:
        """Return what the driver's attribute *name* is: ``method``, ``value`` with its value, or ``none``."""
        value = getattr(self.driver, name, _MISSING)
        if callable(value):
            return {"kind": "method"}
        if value is None or isinstance(value, (bool, int, float, str, list, tuple, dict)):
            return {"kind": "value", "value": plain(value)}
        return {"kind": "none"}

    def method(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call the driver's method *name* with plain data."""
        return getattr(self.driver, name)(*args, **kwargs)

    def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Call *method* of the driver; return its value, the update of its resource, and what it changed on other resources."""
        with self._lock:
            self._running += 1
        try:
            with calls.resource_lock(self._state_folder, calls.resource_id(params)), self.sync.pinned(params):
                return self._call(method, calls.Call(self, method, params))
        finally:
            with self._lock:
                self._running -= 1
                if not self._running:
                    self.sync.clear()

    def close(self) -> None:
        """Remove the shadow database."""
        self.database.close()

    def _call(self, method: str, call: calls.Call) -> dict[str, Any]:
        try:
            value = calls.METHODS[method](call)
            return {"value": value, "update": self._update(call), **self._side_effects(call)}
        except BaseException as error:
            with contextlib.suppress(Exception):  # the driver's error matters more than a failure to collect its side effects
                error.cl_notebook_changes = self._side_effects(call, is_failed=True)  # type: ignore[attr-defined] # an error takes any
            raise

    def _update(self, call: calls.Call) -> dict[str, Any] | None:
        """Return what the driver changed on the call's own resource, in the kernel's fields; None if there is no resource."""
        if call.payload is None or call.resource is None:
            return None
        resource_id = call.payload["id"]
        sequence = self.database.changed().get(_TABLES[call.kind][0], {}).get(resource_id, 0)
        columns = {**self._written(call.kind, resource_id), **calls.changed_fields(call.resource, call.kind)}
        self.database.acknowledge(_TABLES[call.kind][0], resource_id, sequence)
        update = row_mapping.update(call.kind, call.payload, columns)
        if call.is_adopted or call.resource.name != call.payload["name_in_storage"]:
            update["name_in_storage"] = call.resource.name
        return update

    def _written(self, kind: str, resource_id: str) -> dict[str, Any]:
        """Return the columns of a resource that drivers changed in the shadow database."""
        table, metadata, owner = _TABLES[kind]
        payload = self.sync.payloads.get((kind, resource_id))
        if payload is None or resource_id not in self.database.changed().get(table, {}):
            return {}
        after = self.database.row(table, resource_id) or {}
        after["metadata"] = self.database.pairs(metadata, owner, resource_id)
        if kind == "volume":
            after["admin_metadata"] = self.database.pairs("volume_admin_metadata", owner, resource_id)
            after["shared_targets"] = bool(after.get("shared_targets"))
        before = row_mapping.columns(kind, payload)
        return {name: value for name, value in after.items() if name in before and value != before[name]}

    def _side_effects(self, call: calls.Call, *, is_failed: bool = False) -> dict[str, Any]:
        """Return what drivers changed on resources other than the call's own, and on that as well if the call failed."""
        changed, pinned = self.database.changed(), self.sync.pinned_by_others(call.params)
        result: dict[str, Any] = {"volumes": {}, "snapshots": {}, "initiator_data": []}
        for kind, (table, _metadata, _owner) in _TABLES.items():
            for resource_id, sequence in changed.get(table, {}).items():
                payload = self.sync.payloads.get((kind, resource_id))
                is_updated = call.payload is not None and resource_id == call.payload["id"] and not is_failed
                if payload is None or is_updated or (kind, resource_id) in pinned:
                    continue  # an untracked row that a driver created for itself, or one that another call reports
                update = row_mapping.update(kind, payload, self._written(kind, resource_id))
                if update:
                    result[table][resource_id] = update
                self.database.acknowledge(table, resource_id, sequence)
        for key, sequence in changed.get("driver_initiator_data", {}).items():
            row = self.database.row("driver_initiator_data", key)
            if row is not None:
                result["initiator_data"].append({name: row[name] for name in ("initiator", "namespace", "key", "value")})
            self.database.acknowledge("driver_initiator_data", key, sequence)
        return result
