"""cinderlib's persistence plugin, as far as scripts ask it: look-ups in the store of the default session."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cl_notebook import model
from cl_notebook.cinderlib.base import Object, wrapped
from cl_notebook.model import KeyValue, identity_map
from cl_notebook.session import default_session


class Persistence:
    """The store, by cinderlib's names."""

    def get_volumes(
        self, volume_id: str | None = None, volume_name: str | None = None, backend_name: str | None = None
    ) -> list[Object]:
        """Return the volumes that fit all that is given."""
        conditions: dict[str, Any] = {"id": volume_id, "name": volume_name}
        found: list[Object] = wrapped(_select(model.Volume, conditions))
        return [volume for volume in found if backend_name is None or volume.backend.id == backend_name]

    def get_snapshots(
        self, snapshot_id: str | None = None, snapshot_name: str | None = None, volume_id: str | None = None
    ) -> list[Object]:
        """Return the snapshots that fit all that is given."""
        conditions = {"id": snapshot_id, "name": snapshot_name, "volume_id": volume_id}
        found: list[Object] = wrapped(_select(model.Snapshot, conditions))
        return found

    def get_connections(self, connection_id: str | None = None, volume_id: str | None = None) -> list[Object]:
        """Return the connections that fit all that is given."""
        found: list[Object] = wrapped(_select(model.Connection, {"id": connection_id, "volume_id": volume_id}))
        return found

    def get_key_values(self, key: str | None = None) -> list[KeyValue]:
        """Return the pair of that key, or all of them."""
        if key is None:
            return KeyValue.all()
        found = KeyValue.get(key)
        return [] if found is None else [found]

    def set_key_value(self, key_value: KeyValue) -> None:
        """Keep the pair."""
        key_value.save()

    def delete_key_value(self, key_value: KeyValue | str) -> None:
        """Remove the pair, or that of the key."""
        KeyValue.delete(key_value.key if isinstance(key_value, KeyValue) else key_value)


def _select(cls: Any, conditions: dict[str, Any]) -> list[Any]:  # noqa: ANN401 - one of the tracked classes
    wanted = [getattr(cls, name) == value for name, value in conditions.items() if value is not None]
    return identity_map.select(default_session(), sa.select(cls).where(*wanted).order_by(cls.created_at, cls.id))
