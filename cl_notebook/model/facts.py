"""What is known of a resource beside its row: counts, related rows, operations, capacities.

Each costs one query or two, and loads no object. Nothing here opens a backend, or waits for a storage.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import sqlalchemy as sa

from cl_notebook import concurrency, masking
from cl_notebook.drivers.api import HasKnownStats, capabilities
from cl_notebook.model.identity_map import CLASSES
from cl_notebook.model.operations import liveness
from cl_notebook.model.operations.tables import FAILED, LOST, RUNNING, Kernel, Operation

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from cl_notebook.drivers.api import Driver, Stats

STATS_SECONDS = 0.5
"""How long a display waits for statistics that a driver says it knows: its folder may be on a server that is gone."""

LAST_STATS = "_last_stats"
"""Key in the ``__dict__`` of a backend: the driver that reported statistics last, and these."""

WORD_IN_TRASH = "_word_in_trash"
"""Key in the ``__dict__`` of a volume in the trash: what a line to type calls it there."""

_LEFT_OUT = {"version", "backend_id", "config"}

SYMBOLIC = ("unknown", "infinite")
"""Values that a driver may report instead of a capacity in GiB; for several pools, the first of these wins."""


_CAPACITIES = ("total_capacity_gb", "free_capacity_gb", "provisioned_capacity_gb", "allocated_capacity_gb")
"""The keys of a pool's statistics, in the order of the fields of :class:`Pool`."""


class Event(NamedTuple):
    """One operation. ``duration`` is in seconds, ``who`` is ``user@host``; ``status`` may be ``lost``, as in the frames."""

    started_at: dt.datetime
    action: str
    status: str
    duration: float | None
    error: str | None
    who: str
    kind: str
    id: str
    name: str | None


class Listing(NamedTuple):
    """The first rows of a list, and how many rows the whole list has."""

    rows: Sequence[Any]
    total: int


class Pool(NamedTuple):
    """The capacity of a pool in GiB; what the driver does not report is None, ``unknown`` or ``infinite``."""

    name: str
    total: float | str | None
    free: float | str | None
    provisioned: float | str | None
    allocated: float | str | None = None

    @property
    def used(self) -> float | None:
        """The used capacity in GiB; None if it is not known."""
        if not isinstance(self.total, float) or not isinstance(self.free, float):
            return None
        return max(0.0, self.total - self.free)

    @property
    def used_share(self) -> float | None:
        """The used part of the capacity, from 0 to 1; None if it is not known."""
        if self.used is None or not isinstance(self.total, float) or self.total <= 0:
            return None
        return min(1.0, self.used / self.total)


def columns(resource: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - a tracked object of any kind
    """Yield name and value of each column of *resource*, secrets masked."""
    for attribute in sa.inspect(type(resource)).column_attrs:
        name = attribute.columns[0].key
        if name not in _LEFT_OUT:
            yield name, masking.data(getattr(resource, attribute.key), name)


def fields(resource: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - a tracked object of any kind
    """Yield the same as :func:`columns`, with the name of the backend, which is loaded, after the id."""
    for name, content in columns(resource):
        yield name, content
        if name == "id" and resource.kind != "backend":
            yield "backend", resource.backend.name


def options(backend: Any) -> dict[str, Any]:  # noqa: ANN401 - a backend
    """Return the options of the backend's driver, secrets masked."""
    shown = {name: value for name, value in backend.config.items() if name not in {"volume_driver", "volume_backend_name"}}
    return cast("dict[str, Any]", masking.data(shown))


def known_capabilities(backend: Any) -> dict[str, bool]:  # noqa: ANN401 - a backend
    """Return whether the driver has each capability; nothing if it is closed, because it is not opened for that."""
    driver = backend.context.get_open(backend)
    return capabilities(driver) if driver is not None else {}


def history(reading: sa.Connection, resource_id: str, limit: int) -> list[Event]:
    """Return the last operations on a resource, newest first."""
    return _events(reading, sa.select().where(Operation.resource_id == resource_id), limit)


def running(reading: sa.Connection, backend_id: str | None, limit: int) -> list[Event]:
    """Return the operations that are recorded as running, on one backend or on all, newest first."""
    return _events(reading, _on_backend(RUNNING, backend_id), limit)


def failures(reading: sa.Connection, backend_id: str | None, limit: int) -> list[Event]:
    """Return the last operations that failed, on one backend or on all, newest first."""
    return _events(reading, _on_backend(FAILED, backend_id), limit)


def _on_backend(status: str, backend_id: str | None) -> sa.Select[()]:
    statement = sa.select().where(Operation.status == status)
    return statement if backend_id is None else statement.where(Operation.backend_id == backend_id)


def _events(reading: sa.Connection, statement: sa.Select[()], limit: int) -> list[Event]:
    of_operation = (Operation.started_at, Operation.action, Operation.status, Operation.duration, Operation.error)
    of_resource = (
        Operation.resource_type.label("kind"),
        Operation.resource_id.label("resource_id"),
        Operation.resource_name.label("resource_name"),
    )
    rows = reading.execute(
        statement.add_columns(*of_operation, *of_resource, Kernel.user, *liveness.LIVENESS_COLUMNS)
        .join_from(Operation, Kernel, Operation.kernel_id == Kernel.id)
        .order_by(Operation.id.desc())
        .limit(limit)
    )
    return [
        Event(
            row["started_at"],
            row["action"],
            LOST if row["status"] == RUNNING and liveness.is_dead(dict(row)) else row["status"],
            row["duration"],
            row["error"],
            f"{row['user']}@{row['host']}",
            row["kind"],
            row["resource_id"],
            row["resource_name"],
        )
        for row in rows.mappings()
    ]


def listing(reading: sa.Connection, columns: Mapping[str, Any], column: Any, owner_id: str, limit: int) -> Listing:  # noqa: ANN401 - a column
    """Return the oldest rows of the class of *column* where it is *owner_id*, with *columns* by their labels.

    A second query counts them if there are more than *limit*.
    """
    cls, is_of_owner = column.class_, column == owner_id
    statement = sa.select(*(value.label(name) for name, value in columns.items())).where(is_of_owner)
    rows = reading.execute(statement.order_by(cls.created_at, cls.id).limit(limit + 1)).all()
    if len(rows) <= limit:
        return Listing(rows, len(rows))
    return Listing(rows[:limit], reading.execute(sa.select(sa.func.count()).where(is_of_owner)).scalar_one())


def count(column: Any, owner_id: str) -> sa.ScalarSelect[int]:  # noqa: ANN401 - a column of a tracked class
    """Return the subquery that counts the rows where *column* is *owner_id*."""
    return sa.select(sa.func.count()).where(column == owner_id).scalar_subquery()


def value(column: Any, resource_id: str | sa.ScalarSelect[Any] | None) -> sa.ScalarSelect[Any]:  # noqa: ANN401 - a column of a tracked class
    """Return the subquery of *column* in the row *resource_id* of its class; its result is None if there is no such row."""
    return sa.select(column).where(column.class_.id == resource_id).scalar_subquery()


def snapshots(reading: sa.Connection, volume_id: str, limit: int) -> Listing:
    """Return the oldest snapshots of a volume: rows of ``id``, ``name``, ``status``, ``size`` (GiB) and ``created_at``."""
    cls = CLASSES["Snapshot"]
    columns = {"id": cls.id, "name": cls.name, "status": cls.status, "size": cls.volume_size, "created_at": cls.created_at}
    return listing(reading, columns, cls.volume_id, volume_id, limit)


def connections(reading: sa.Connection, volume_id: str, limit: int) -> Listing:
    """Return the oldest connections of a volume: rows of ``id``, ``name`` (the host), ``status`` and ``path``."""
    cls = CLASSES["Connection"]
    host = cls.connector_info["host"].as_string()
    columns = {"id": cls.id, "name": host, "status": cls.attach_status, "path": cls.path}
    return listing(reading, columns, cls.volume_id, volume_id, limit)


def volumes_by_status(reading: sa.Connection, *conditions: sa.ColumnElement[bool]) -> dict[str, list[tuple[str, int, int]]]:
    """Return by the id of their backend status, number and size (GiB) of the volumes that meet all *conditions*.

    Without conditions, or with one on the backend, an index has all of it.
    """
    cls = CLASSES["Volume"]
    statement = sa.select(cls.backend_id, cls.status, sa.func.count(), sa.func.sum(cls.size)).where(*conditions)
    by_backend: dict[str, list[tuple[str, int, int]]] = {}
    for backend_id, status, number, size in reading.execute(statement.group_by(cls.backend_id, cls.status)):
        by_backend.setdefault(backend_id, []).append((status, number, int(size or 0)))
    return by_backend


def pools(backend: Any) -> list[Pool] | None:  # noqa: ANN401 - a backend
    """Return the pools of a backend by the statistics that are known; None if none are."""
    stats = known_stats(backend)
    return None if stats is None else pools_in(stats, backend.name)


def pools_in(stats: object, name: str) -> list[Pool]:
    """Return the pools of the statistics that a driver reported; those without a name, or without pools, are called *name*."""
    whole = [stats] if isinstance(stats, dict) and any(key in stats for key in _CAPACITIES) else []
    return [
        Pool(str(pool.get("pool_name") or name), *(capacity(pool.get(key)) for key in _CAPACITIES))
        for pool in reported_pools(stats) or whole
    ]


def summed(pools: Sequence[Pool]) -> Pool:
    """Return the capacity of *pools* together, under an empty name.

    ``unknown`` beats ``infinite``, and both beat numbers. Pools without a total and a free capacity are left out if others have
    both, as sums over different pools could not be compared.
    """
    comparable = [pool for pool in pools if pool.total is not None and pool.free is not None] or pools
    return Pool("", *(_sum([getattr(pool, name) for pool in comparable]) for name in Pool._fields[1:]))


def _sum(capacities: Sequence[float | str | None]) -> float | str | None:
    symbol = next((symbol for symbol in SYMBOLIC if symbol in capacities), None)
    numbers = [number for number in capacities if isinstance(number, float)]
    return symbol or (capacity(sum(numbers)) if numbers else None)


def reported_pools(stats: object) -> list[dict[str, Any]]:
    """Return the pools of the statistics that a driver reported, without what is none: drivers report all sorts of things."""
    pools = stats.get("pools") if isinstance(stats, Mapping) else None
    return [pool for pool in pools if isinstance(pool, dict)] if isinstance(pools, (list, tuple)) else []


def known_stats(backend: Any) -> Stats | None:  # noqa: ANN401 - a backend
    """Return the statistics of a backend without asking its storage; None if none are known, or they take too long.

    They are those that the driver knows, or else those that ``backend.stats()`` returned last.
    """
    driver = backend.context.get_open(backend)
    if driver is None:
        return None
    if isinstance(driver, HasKnownStats):
        return _in_time(driver)
    last: tuple[Driver, Stats] | None = vars(backend).get(LAST_STATS)
    return last[1] if last is not None and last[0] is driver else None


def _in_time(driver: HasKnownStats) -> Stats | None:
    future = concurrency.Future["Stats | None"]()

    def work() -> None:
        try:
            future.set_result(driver.known_stats())
        except BaseException as error:  # noqa: BLE001 - future.result() raises it
            future.set_exception(error)

    concurrency.daemon(work, "known statistics").start()
    try:
        return future.result(STATS_SECONDS) or None
    except Exception:  # noqa: BLE001 - a display shows what it has
        return None


def capacity(reported: object) -> float | str | None:
    """Return a capacity that a driver *reported*: a number (GiB), ``unknown`` or ``infinite``; None if it is none of them."""
    if isinstance(reported, str) and reported.strip().lower() in SYMBOLIC:
        return reported.strip().lower()
    try:
        number = math.nan if isinstance(reported, bool) else float(cast("Any", reported))
    except (TypeError, ValueError, OverflowError):
        return None
    return "infinite" if number == math.inf else number if math.isfinite(number) else None
