"""Which backends are one storage under several names: what one of them tracks is not there to be adopted by another."""

from __future__ import annotations

import functools
import itertools
import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.drivers import registry
from cl_notebook.drivers.base import KnowsStorage
from cl_notebook.model import reading
from cl_notebook.model.reading import CLASSES
from cl_notebook.model.records import StoreRecords

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cl_notebook.drivers.base import SnapshotData, VolumeData
    from cl_notebook.model.backend import Backend
    from cl_notebook.model.context import Context


def of(backend: Backend) -> list[Backend]:
    """Return the backends of the store that are on the storage of *backend*: itself first."""
    return [backend, *others(backend.context, backend.id, backend.volume_driver, backend.stored_config)]


def volumes(backend: Backend) -> Iterator[VolumeData]:
    """Yield the volumes that are tracked on the storage of *backend*, under whatever name, page by page."""
    return itertools.chain.from_iterable(StoreRecords.of(each).every_volume() for each in of(backend))


def snapshots(backend: Backend) -> Iterator[SnapshotData]:
    """Yield the snapshots that are tracked on the storage of *backend*, under whatever name, page by page."""
    return itertools.chain.from_iterable(StoreRecords.of(each).every_snapshot() for each in of(backend))


def others(context: Context, backend_id: str, driver_name: str, config: Mapping[str, Any]) -> list[Backend]:
    """Return the backends, but for the one with that id, that lead to the storage to which *config* leads."""
    cls: Any = CLASSES["Backend"]
    stored = reading.select(context, sa.select(cls).where(cls.id != backend_id).order_by(cls.name))
    wanted = identity(driver_name, config) if stored else ""
    return [each for each in stored if identity(each.volume_driver, each.stored_config) == wanted]


def identity(driver_name: str, config: Mapping[str, Any]) -> str:
    """Return what is the same for the configurations that lead to one storage.

    A driver that cannot tell, as Cinder's cannot, is on the same storage where everything but the name is the same.
    """
    cls = _class(driver_name)
    if cls is not None and isinstance(cls, KnowsStorage):
        try:
            return cls.storage_identity(config)
        except (KeyError, TypeError, ValueError):  # it was loaded by its name alone
            pass
    given = {name: value for name, value in config.items() if value is not None}
    return f"{driver_name} {json.dumps(given, sort_keys=True, default=str)}"


def _class(driver_name: str) -> type | None:
    if not driver_name or registry.is_path(driver_name):
        return None
    try:
        return _loaded(driver_name)
    except errors.Error:
        return None


@functools.cache
def _loaded(driver_name: str) -> type:
    return registry.load_driver(driver_name)
