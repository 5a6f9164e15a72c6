"""cinderlib's persistence plugin, as far as scripts use it: queries of the default session's store."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cl_notebook import model
from cl_notebook.cinderlib.base import Object, wrapped
from cl_notebook.model import KeyValue, identity_map
from cl_notebook.session import default_session


class Persistence:
    """The default session's store, under cinderlib's names."""

    def get_volumes(
        self, volume_id: str | None = None, volume_name: str | None = None, backend_name: str | None = None
    ) -> list[Object]:
        """Return the volumes that match all arguments given."""
        conditions: dict[str, Any] = {"id": volume_id, "name": volume_name}
        volumes: list[Object] = wrapped(_select(model.Volume, conditions))
        return [volume for volume in volumes if backend_name is None or volume.backend.id == backend_name]

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

    def set_key_value(self, key_value: KeyValue) -> None:
        """Store the pair."""
        key_value.save()

    def delete_key_value(self, key_value: KeyValue | str) -> None:
        """Delete the pair, or the pair with that key."""
        KeyValue.delete(key_value.key if isinstance(key_value, KeyValue) else key_value)


def _select(cls: Any, conditions: dict[str, Any]) -> list[Any]:  # noqa: ANN401 - one of the tracked classes
    predicates = [getattr(cls, name) == value for name, value in conditions.items() if value is not None]
    return identity_map.select(default_session(), sa.select(cls).where(*predicates).order_by(cls.created_at, cls.id))
