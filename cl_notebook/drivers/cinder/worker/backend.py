"""One backend: its driver, set up as Cinder's volume service sets it up, and the working copy beside it."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from . import bootstrap, calls, config, introspect, log_relay, row_mapping, shadow_db, shadow_sync

if TYPE_CHECKING:
    from .channel import Channel

_TABLES = {"volume": ("volumes", "volume_metadata", "volume_id"), "snapshot": ("snapshots", "snapshot_metadata", "snapshot_id")}


class Backend:
    """A driver at work."""

    def __init__(self, wire: Channel, message: dict[str, Any]) -> None:
        """Import Cinder and the driver, and configure both; no storage is touched."""
        self._wire = wire
        self.name = message["name"]
        self.host = message["host"]
        self._state = message["state"]
        objects = bootstrap.imported()
        cls = introspect.imported(message["path"])
        work = shadow_db.work_folder(message["state"])
        options = config.bounded(cls, {"volume_backend_name": self.name, **message["options"]})
        sections = config.merged(message["defaults"], message["sections"])
        group = config.group_of(self.name, bootstrap.globals_of_cinder())
        if not message["hides_ssl_warnings"]:
            log_relay.show_ssl_warnings()
        with config.file(cls, {**sections, group: options}) as file:
            conf = bootstrap.configured(message, work, file, sections)
        self.context = bootstrap.context(message)
        self.copy = shadow_db.ShadowDatabase(work, conf)
        self.sync = shadow_sync.ShadowSync(self.copy, wire)
        self.resources = calls.Resources(objects, self.context)
        self._lock = threading.Lock()
        self._running = 0
        self.configuration = config.made(conf, cls, group, options)
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
        """Let the driver reach its storage, as Cinder's volume service does at start-up."""
        driver = self.driver
        driver.do_setup(self.context)
        driver.check_for_setup_error()
        driver.init_capabilities()
        driver.set_throttle()
        driver.set_initialized()
        told = calls.stats(driver.get_volume_stats(refresh=False) or {}, self.name)
        return {"stats": told, "features": introspect.features(type(driver), told)}

    def call(self, method: str, words: dict[str, Any]) -> dict[str, Any]:
        """Call the driver, and return its answer with what it changed on the call's own resource and on others."""
        with self._lock:
            self._running += 1
        try:
            with calls.resource_lock(self._state, calls.resource_id(words)), self.sync.holding(words):
                return self._called(method, calls.Call(self, method, words))
        finally:
            with self._lock:
                self._running -= 1
                if not self._running:
                    self.sync.clear()

    def close(self) -> None:
        """Throw the working copy away."""
        self.copy.close()

    def _called(self, method: str, call: calls.Call) -> dict[str, Any]:
        try:
            value = calls.METHODS[method](call)
            return {"value": value, "update": self._update(call), **self._others(call)}
        except BaseException as error:
            with contextlib.suppress(Exception):  # what the driver raised is more than that nothing can be said of what it wrote
                error.cl_notebook_changes = self._others(call, is_failed=True)  # type: ignore[attr-defined] # an error takes any
            raise

    def _update(self, call: calls.Call) -> dict[str, Any] | None:
        if call.told is None or call.subject is None:
            return None
        own = call.told["id"]
        mark = self.copy.changed().get(_TABLES[call.kind][0], {}).get(own, 0)
        now = {**self._written(call.kind, own), **calls.state(call.subject, call.kind)}
        self.copy.settle(_TABLES[call.kind][0], own, mark)
        found = row_mapping.update(call.kind, call.told, now)
        if call.is_adopted or call.subject.name != call.told["name_in_storage"]:
            found["name_in_storage"] = call.subject.name
        return found

    def _written(self, kind: str, own: str) -> dict[str, Any]:
        """Return the columns of a resource that a driver wrote into the working copy."""
        table, metadata, owner = _TABLES[kind]
        told = self.sync.told.get((kind, own))
        if told is None or own not in self.copy.changed().get(table, {}):
            return {}
        now = self.copy.row(table, own) or {}
        now["metadata"] = self.copy.pairs(metadata, owner, own)
        if kind == "volume":
            now["admin_metadata"] = self.copy.pairs("volume_admin_metadata", owner, own)
            now["shared_targets"] = bool(now.get("shared_targets"))
        before = row_mapping.columns(kind, told)
        return {name: value for name, value in now.items() if name in before and value != before[name]}

    def _others(self, call: calls.Call, *, is_failed: bool = False) -> dict[str, Any]:
        """Return what a driver wrote on resources beside the call's own, and on that as well if the call failed."""
        changed, busy = self.copy.changed(), self.sync.held_by_others(call.words)
        found: dict[str, Any] = {"volumes": {}, "snapshots": {}, "initiator_data": []}
        for kind, (table, _metadata, _owner) in _TABLES.items():
            for own, mark in changed.get(table, {}).items():
                told = self.sync.told.get((kind, own))
                is_own = call.told is not None and own == call.told["id"] and not is_failed
                if told is None or is_own or (kind, own) in busy:
                    continue  # a row that a driver made for itself and nobody tracks, or one that another call answers for
                update = row_mapping.update(kind, told, self._written(kind, own))
                if update:
                    found[table][own] = update
                self.copy.settle(table, own, mark)
        for key, mark in changed.get("driver_initiator_data", {}).items():
            row = self.copy.row("driver_initiator_data", key)
            if row is not None:
                found["initiator_data"].append({name: row[name] for name in ("initiator", "namespace", "key", "value")})
            self.copy.settle("driver_initiator_data", key, mark)
        return found
