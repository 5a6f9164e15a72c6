"""cinderlib's persistence plugin, as far as scripts use it: queries of the default session's store."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cl_notebook import model
from cl_notebook.cinderlib.base import Object, wrapped
from cl_notebook.model import KeyValue, identity_map, lookup
from cl_notebook.model.operations.changes import Delete, SyncAttachStatus
from cl_notebook.session import default_session


class Persistence:
    """The default session's store, under cinderlib's names."""

    def get_volumes(
        self, volume_id: str | None = None, volume_name: str | None = None, backend_name: str | None = None
    ) -> list[Object]:
        """Return the volumes that match all arguments given."""
        conditions: dict[str, Any] = {"id": volume_id, "name": volume_name}
        if backend_name:
            backend = lookup.backend_named(default_session(), backend_name)
            if backend is None:
                return []
            conditions["backend_id"] = backend.id
        volumes: list[Object] = wrapped(_select(model.Volume, conditions))
        return volumes

    def get_snapshots(
        self, snapshot_id: str | None = None, snapshot_name: str | None = None, volume_id: str | None = None
    ) -> list[Object]:
        """Return the snapshots that match all arguments given."""
        conditions = {"id": snapshot_id, "name": snapshot_name, "volume_id": volume_id}
        snapshots: list[Object] = wrapped(_select(model.Snapshot, conditions))
        return snapshots

    def get_connections(self, connection_id: str | None = None, volume_id: str | None = None) -> list[Object]:
        """Return the connections that match all arguments given."""
        connections: list[Object] = wrapped(_select(model.Connection, {"id": connection_id, "volume_id": volume_id}))
        return connections

    def get_key_values(self, key: str | None = None) -> list[KeyValue]:
        """Return the pair with that key, or all pairs without one."""
        if key is None:
            return KeyValue.all()
        pair = KeyValue.get(key)
        return [] if pair is None else [pair]

    def set_volume(self, volume: Object) -> None:
        """Store what was set on the volume."""
        volume.save()

    set_snapshot = set_connection = set_volume

    def delete_volume(self, volume: Object) -> None:
        """Remove the volume's row; the storage is not touched."""
        _forget(volume.obj, [Delete.of(volume.obj)])

    delete_snapshot = delete_volume

    def delete_connection(self, connection: Object) -> None:
        """Remove the connection's row; the host keeps its access and its device."""
        _forget(connection.obj, [Delete.of(connection.obj), SyncAttachStatus.of(connection.obj.volume)])

    def set_key_value(self, key_value: KeyValue) -> None:
        """Store the pair."""
        key_value.save()

    def delete_key_value(self, key_value: KeyValue | str) -> None:
        """Delete the pair, or the pair with that key."""
        KeyValue.delete(key_value.key if isinstance(key_value, KeyValue) else key_value)


def _select(cls: Any, conditions: dict[str, Any]) -> list[Any]:  # noqa: ANN401 - one of the tracked classes
    predicates = [getattr(cls, name) == value for name, value in conditions.items() if value]
    return identity_map.select(default_session(), sa.select(cls).where(*predicates).order_by(cls.created_at, cls.id))


def _forget(ours: Any, changes: list[Any]) -> None:  # noqa: ANN401 - a tracked object
    ours.context.journal.record_without_driver("forget", changes, ours)
