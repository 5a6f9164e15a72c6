"""Read how things are: the backends with their resources by status, what runs, what is stuck, what failed last.

No backend is opened, and no storage is asked: its capacity is the one that its open driver knows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from cl_notebook.display import values
from cl_notebook.model import Connection, Operation, Snapshot, Volume, designation, facts, identity_map, lookup, trash
from cl_notebook.model.operations import guards, lifecycle
from cl_notebook.model.operations.tables import FAILED, INTERRUPTED, RUNNING
from cl_notebook.treemodel import rows

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from cl_notebook.model import Backend
    from cl_notebook.session import Session

EXAMPLES = 5
"""How many of the resources that are stuck, of running operations and of failures are read: so many fit on a screen."""

_FAILURES = 200
"""How many of the newest failures are read, to find the last one of each backend."""

_CLASSES: tuple[Any, ...] = (Volume, Snapshot, Connection)


class Capacity(NamedTuple):
    """Capacity of a storage in GiB, summed over its pools."""

    total: float
    free: float


class BackendState(NamedTuple):
    """One backend: ``counts`` has by kind of resource their number by status; ``size`` is that of its volumes in GiB.

    ``is_known`` says whether its statistics are known; ``capacity`` is None also if they have no numbers for it.
    """

    id: str
    name: str
    volume_driver: str
    is_open: bool
    counts: Mapping[str, Mapping[str, int]]
    size: int
    stuck: int = 0
    is_known: bool = False
    capacity: Capacity | None = None


class Running(NamedTuple):
    """An operation that a living kernel performs; ``done`` is a fraction from 0 to 1, or None."""

    action: str
    label: str
    backend: str
    started_at: dt.datetime
    done: float | None
    process: str


class Waiting(NamedTuple):
    """An operation that ended, as ``status`` says, while the store could not be written; ``magic`` is the line that writes it."""

    action: str
    status: str
    label: str
    backend: str
    magic: str


class Stuck(NamedTuple):
    """A resource whose operation failed or was cut short: ``reason`` is what is wrong, ``magic`` the line that mends it."""

    status: str
    label: str
    backend: str
    reason: str
    magic: str


class Failure(NamedTuple):
    """The last operation that failed on a backend; ``magic`` is the line that shows all of it."""

    operation: int
    action: str
    status: str
    label: str
    backend: str
    at: dt.datetime
    error: str
    magic: str


@dataclass(frozen=True, slots=True)
class Overview:
    """What was read. Of ``running``, ``waiting`` and ``stuck`` only the first :data:`EXAMPLES`; counts are those of all."""

    backends: tuple[BackendState, ...]
    running: tuple[Running, ...]
    running_count: int
    waiting: tuple[Waiting, ...]
    waiting_count: int
    stuck: tuple[Stuck, ...]
    failures: tuple[Failure, ...]
    trash_count: int = 0
    """The number of deleted volumes that can be brought back."""
    trash_size: int = 0
    """Their size in GiB."""


def read(session: Session, backend: Backend | None = None) -> Overview:
    """Return how things are on all backends, or on one.

    Raises:
        StoreError: the store cannot be read.

    """
    stored = [backend] if backend is not None else lookup.select_backends(session, None)
    with session.store.reading() as connection:
        reader = _Reader(session, connection, stored)
        states, (running, running_count) = reader.states(), reader.running()
        waiting, waiting_count = reader.waiting()
        stuck, failures = reader.stuck(), reader.failures()
        in_trash = trash.totals(connection, None if backend is None else backend.id)
    states = [_with_capacity(state, backend) for state, backend in zip(states, stored, strict=True)]
    return Overview(tuple(states), running, running_count, waiting, waiting_count, stuck, failures, *in_trash)


def _with_capacity(state: BackendState, backend: Backend) -> BackendState:
    pools = facts.pools(backend)
    return state if pools is None else state._replace(capacity=capacity_of(pools), is_known=True)


class _Reader:
    """Reads the store in one transaction."""

    def __init__(self, session: Session, connection: sa.Connection, stored: Sequence[Backend]) -> None:
        self._connection = connection
        self._stored = stored
        self._names = {backend.id: backend.name for backend in stored}
        self._waiting = {pending.ended.operation: pending.ended.status for pending in session.journal.outbox.waiting}
        self.operations = guards.running_operations(session, connection)
        if len(stored) == 1:
            statement = sa.select(Operation.resource_id).where(Operation.status == RUNNING, *self._only(Operation))
            requested = set(connection.execute(statement).scalars())
            self.operations = {resource_id: row for resource_id, row in self.operations.items() if resource_id in requested}
        self._volumes = facts.volumes_by_status(connection, *self._only(Volume))
        self._counts = self._count()

    def _only(self, cls: Any) -> list[sa.ColumnElement[bool]]:  # noqa: ANN401 - a mapped class
        """Return the condition that a row is of the requested backend, if it is one."""
        return [cls.backend_id == self._stored[0].id] if len(self._stored) == 1 else []

    def states(self) -> list[BackendState]:
        busy = self._busy_counts()
        return [
            BackendState(
                backend.id,
                backend.name,
                backend.volume_driver,
                backend.is_open,
                self._counts[backend.id],
                sum(size for _, _, size in self._volumes.get(backend.id, ())),
                self._stuck_count(backend.id, busy),
            )
            for backend in self._stored
        ]

    def _count(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return by backend, kind and status the number of resources."""
        counts: dict[str, dict[str, dict[str, int]]] = {
            backend.id: {cls.kind: {} for cls in _CLASSES} for backend in self._stored
        }
        for backend_id, by_status in self._volumes.items():
            if backend_id in counts:
                counts[backend_id][Volume.kind] = {status: count for status, count, _ in by_status}
        for cls in (Snapshot, Connection):
            for backend_id, status, count in self._counted(cls):
                if backend_id in counts and count:
                    counts[backend_id][cls.kind][status] = count
        return counts

    def _counted(self, cls: Any) -> Iterable[tuple[str, str, int]]:  # noqa: ANN401 - a mapped class
        """Yield by backend and status the number of snapshots or connections.

        No index has both. Nearly all have one status: their number is what the rest leaves.
        """
        status, count = _status_of(cls), sa.func.count()
        (common,) = lifecycle.WHOLE[cls.kind]
        totals = Counter(dict(self._by_backend(sa.select(cls.backend_id, count).where(*self._only(cls)))))
        for name in self._statuses(status):
            if name == common:
                continue
            for backend_id, number in self._by_backend(sa.select(cls.backend_id, count).where(status == name)):
                totals[backend_id] -= number
                yield backend_id, name, number
        yield from ((backend_id, common, number) for backend_id, number in totals.items())

    def _by_backend(self, statement: Any) -> Iterable[tuple[str, int]]:  # noqa: ANN401 - a SELECT
        rows_read = self._connection.execute(statement.group_by(statement.selected_columns[0]))
        return [(row[0], row[1]) for row in rows_read]

    def _statuses(self, column: Any) -> Iterable[str]:  # noqa: ANN401 - a column
        """Yield the statuses that occur, each by one step in the index of the column."""
        name = ""
        while (name := self._connection.execute(sa.select(sa.func.min(column)).where(column > name)).scalar_one()) is not None:
            yield name

    def _busy_counts(self) -> Counter[tuple[str, str]]:
        """Return the number of resources that have a running operation, by backend and kind."""
        counted: Counter[tuple[str, str]] = Counter()
        for cls in _CLASSES:
            statement = sa.select(cls.backend_id, sa.func.count()).where(_status_of(cls).in_(lifecycle.BUSY_BY_KIND[cls.kind]))
            for page in identity_map.pages(list(self.operations)):
                for backend_id, count in self._connection.execute(statement.where(cls.id.in_(page)).group_by(cls.backend_id)):
                    counted[backend_id, cls.kind] += count
        return counted

    def _stuck_count(self, backend_id: str, busy: Counter[tuple[str, str]]) -> int:
        total = 0
        for kind, by_status in self._counts[backend_id].items():
            suspects = sum(count for status, count in by_status.items() if lifecycle.stuck_reason(kind, status))
            total += max(0, suspects - busy[backend_id, kind])
        return total

    def running(self) -> tuple[tuple[Running, ...], int]:
        """Return the first of the operations that run, and how many run."""
        operations = [row for row in self.operations.values() if row["operation"] not in self._waiting]
        first = sorted(operations, key=lambda row: row["operation"])[:EXAMPLES]
        progress = rows.running(self._connection, [row["resource_id"] for row in first])
        statement = sa.select(*_OPERATION).where(Operation.id.in_([row["operation"] for row in first]))
        running = tuple(
            Running(
                row.action,
                _label(row.resource_type, row.resource_name, row.resource_id),
                self._names.get(row.backend_id, ""),
                row.started_at,
                progress[row.resource_id].done if row.resource_id in progress else None,
                _process(self.operations[row.resource_id]),
            )
            for row in self._connection.execute(statement.order_by(Operation.id))
        )
        return running, len(operations)

    def waiting(self) -> tuple[tuple[Waiting, ...], int]:
        """Return the first of the operations whose outcome waits for the store, and how many there are."""
        condition = (Operation.id.in_(sorted(self._waiting)), *self._only(Operation))
        count = self._connection.execute(sa.select(sa.func.count()).where(*condition)).scalar_one() if self._waiting else 0
        if not count:
            return (), 0
        statement = sa.select(*_OPERATION).where(*condition).order_by(Operation.id).limit(EXAMPLES)
        operations = self._connection.execute(statement).all()
        words = designation.words(self._connection, [row.resource_id for row in operations])
        waiting = tuple(
            Waiting(
                row.action,
                self._waiting[row.id],
                _label(row.resource_type, row.resource_name, row.resource_id),
                self._names.get(row.backend_id, ""),
                f"%cl_scan repair {words[row.resource_id]}",
            )
            for row in operations
        )
        return waiting, count

    def stuck(self) -> tuple[Stuck, ...]:
        return tuple(entry for cls in _CLASSES for entry in self._stuck_of(cls))[:EXAMPLES]

    def _stuck_of(self, cls: Any) -> Iterable[Stuck]:  # noqa: ANN401 - a mapped class
        kind, status = cls.kind, _status_of(cls)
        statuses = {name for counts in self._counts.values() for name in counts[kind] if lifecycle.stuck_reason(kind, name)}
        if not statuses:
            return
        name = cls.name if cls is not Connection else Volume.name
        statement = sa.select(cls.id, name.label("name"), status.label("status"), cls.backend_id)
        if cls is Connection:
            statement = statement.join_from(Connection, Volume, Connection.volume_id == Volume.id)
        statement = statement.where(status.in_(statuses), *self._only(cls)).order_by(cls.created_at, cls.id)
        limited = statement.limit(EXAMPLES + len(self.operations))
        stuck = [row for row in self._connection.execute(limited) if row.id not in self.operations][:EXAMPLES]
        words = designation.words(self._connection, [row.id for row in stuck])
        for row in stuck:
            yield Stuck(
                row.status,
                _label(kind, row.name, row.id),
                self._names.get(row.backend_id, ""),
                f"{row.status}, {lifecycle.stuck_reason(kind, row.status)}",
                f"%cl_scan repair {words[row.id]}",
            )

    def failures(self) -> tuple[Failure, ...]:
        newest: dict[str | None, Any] = {}
        for status in (FAILED, INTERRUPTED):  # one query each, as the index has the newest of one status at hand
            statement = sa.select(*_OPERATION).where(Operation.status == status, *self._only(Operation))
            for row in self._connection.execute(statement.order_by(Operation.id.desc()).limit(_FAILURES)):
                if row.backend_id not in newest or newest[row.backend_id].id < row.id:
                    newest[row.backend_id] = row
        return tuple(
            Failure(
                row.id,
                row.action,
                row.status,
                _label(row.resource_type, row.resource_name, row.resource_id),
                self._names.get(row.backend_id, ""),
                row.ended_at or row.started_at,
                (row.error or "").partition("\n")[0],
                f"%cl_history --id {row.id} --long",
            )
            for row in sorted(newest.values(), key=lambda row: -row.id)
        )


_OPERATION = (
    *(Operation.id, Operation.action, Operation.status, Operation.resource_type, Operation.resource_id, Operation.resource_name),
    *(Operation.backend_id, Operation.started_at, Operation.ended_at, Operation.error),
)


def _status_of(cls: Any) -> Any:  # noqa: ANN401 - a mapped class, and its column
    return getattr(cls, lifecycle.status_column(cls.kind))


def _label(kind: str, name: str | None, resource_id: str) -> str:
    of_volume = " of" if kind == Connection.kind and name else ""
    return f"{kind}{of_volume} {name!r}" if name else f"{kind} {values.short_id(resource_id)}"


def _process(kernel: Mapping[str, Any]) -> str:
    return f"process {kernel['pid']} on {kernel['host']}"


def capacity_of(pools: Sequence[facts.Pool]) -> Capacity | None:
    """Return the capacity of *pools* together; None if it is not a number (``unknown``, ``infinite``)."""
    together = facts.summed(pools)
    if together.used_share is None or not isinstance(together.total, float) or not isinstance(together.free, float):
        return None
    return Capacity(together.total, together.free)
