"""Intent, call, outcome: the one way in which anything is changed.

The intent is committed before the driver is called, the driver is called with no transaction open, the outcome is committed after
it. Whenever a kernel is killed there is a row that says what was being done to which resource.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.drivers import call as calling
from cl_notebook.drivers.call import storage_call
from cl_notebook.model import kernel, reading
from cl_notebook.model import operation as op
from cl_notebook.model.apart import Apart
from cl_notebook.model.changes import Change, Insert, Update, apply, bring_in_line
from cl_notebook.model.progress import Reporter
from cl_notebook.store import feed
from cl_notebook.store.base import utcnow

if TYPE_CHECKING:
    from cl_notebook.drivers.base import Driver, Progress
    from cl_notebook.model.backend import Backend
    from cl_notebook.model.context import Context
    from cl_notebook.model.tracked import Tracked

R = TypeVar("R")


Guard = Callable[[sa.Connection], None]
"""Looks at the store inside the transaction of the intent, and raises if the act must not be."""


@dataclass(slots=True, kw_only=True)
class Act(Generic[R]):
    """One act on one resource: what is written before the call, the call, and what is written after it."""

    action: str
    call: str
    """Name of the driver's method (or of os-brick's), as it is shown in the history."""
    do: Callable[[Driver, Progress], R]
    resource: Tracked | None = None
    insert: Insert | None = None
    backend: Backend
    arguments: Mapping[str, Any] = field(default_factory=dict)
    guards: tuple[Guard, ...] = ()
    before: Iterable[Change] = ()
    after: Callable[[sa.Connection, R], Iterable[Change]]
    failed: Callable[[sa.Connection, BaseException], Iterable[Change]] = lambda _connection, _error: ()

    @property
    def target(self) -> Tracked:
        """The resource; one that is being made is there once the intent is committed."""
        if self.resource is None:
            msg = f"{self.action!r} has no resource before its intent is committed"
            raise RuntimeError(msg)
        return self.resource


_BEGIN_OPERATION = sa.insert(op.Operation)
_END_OPERATION = sa.update(op.Operation).where(op.Operation.id == sa.bindparam("operation"))


class Journal:
    """Runs acts for one session and writes them down."""

    def __init__(self, context: Context) -> None:
        """Belong to the session *context*."""
        self._context = context
        self._kernel_id: str | None = None
        self._pid = 0
        self._unwritten: set[int] = set()
        self._apart = Apart()
        self.running: set[int] = set()
        """Operations that are being done in this process now; one that stands as running and is not here lost its outcome."""

    @property
    def kernel_id(self) -> str:
        """The id under which this process stands in the store; the row is made with the first act."""
        if self._kernel_id is None or self._pid != os.getpid():  # a fork is a process of its own
            self._kernel_id, self._pid = self._register_kernel(), os.getpid()
        return self._kernel_id

    @property
    def registered_id(self) -> str | None:
        """The id under which this process stands in the store; None before its first act."""
        return self._kernel_id if self._pid == os.getpid() else None

    def run(self, act: Act[R]) -> R:
        """Do *act*: commit the intent, call the driver, commit the outcome.

        Raises:
            ReadOnly: the session may only look.
            ChangedElsewhere: somebody else changed a row since it was read.
            DriverError, AttachError: the storage or the host refused; the outcome says so.

        """
        __tracebackhide__ = True  # a notebook shows a long story as it is
        self.refuse_if_read_only(act.action)
        context = self._context
        driver = context.driver(act.backend)
        operation = self._intend(act)
        self.running.add(operation)
        self._unwritten.add(operation)
        if getattr(driver, "outlives_interrupts", False):
            return self._apart.run(lambda: self._finish(act, driver, operation), self._doing(act), operation)
        return self._finish(act, driver, operation)

    def _finish(self, act: Act[R], driver: Driver, operation: int) -> R:
        __tracebackhide__ = True
        token = calling.operation.set(operation)
        try:
            return self._call(act, driver, operation)
        finally:
            calling.operation.reset(token)
            self.running.discard(operation)

    def _call(self, act: Act[R], driver: Driver, operation: int) -> R:
        __tracebackhide__ = True
        context, started = self._context, time.monotonic()
        reporter = Reporter(context, lambda status: replace(self._entry(feed.PROGRESS, act.target, operation), status=status))
        try:
            with storage_call(act.backend.name, act.call), context.progress(self._doing(act)) as show, reporter.showing(show):
                result = act.do(driver, reporter)
        except BaseException as error:
            failure = error
            self._settle(act, operation, started, lambda connection: act.failed(connection, failure), error)
            raise
        self._settle(act, operation, started, lambda connection: act.after(connection, result), None)
        return result

    def save(self, resource: Tracked, values: Mapping[str, Any], version: int) -> None:
        """Write plain values of a row that still has *version*: a change without a driver."""
        self.refuse_if_read_only("save")
        entry = self._entry("save", resource, None)
        self._commit([Update(resource, dict(values), version)], lambda _connection: entry)

    def note(self, changes: list[Change], resource: Tracked) -> None:
        """Write what a driver changed on a resource that its call was not about, whatever others wrote meanwhile."""
        entry = self._entry("save", resource, None)
        self._commit(changes, lambda _connection: entry, checked=False)

    def record(
        self,
        action: str,
        changes: list[Change] | Callable[[sa.Connection], Iterable[Change]],
        resource: Tracked | Insert,
        guards: tuple[Guard, ...] = (),
    ) -> list[Tracked]:
        """Write a change that needs no driver as an operation that is done at once; return the objects."""
        self.refuse_if_read_only(action)

        def written(connection: sa.Connection) -> feed.Entry:
            row = self._operation_row(action, None, resource, None, {})
            row |= {"status": op.DONE, "ended_at": row["started_at"], "duration": 0.0}
            number = connection.execute(_BEGIN_OPERATION, row).inserted_primary_key
            return self._entry("outcome", resource, number[0] if number else None)

        self._kernel_id = self.kernel_id
        return self._commit(changes, written, guards)

    def refuse_if_read_only(self, action: str) -> None:
        """Raise ReadOnly if the session may only look."""
        if self._context.settings.read_only:
            msg = f"This session is read-only, so {action} is refused. cl.setup(read_only=False) allows it."
            raise errors.ReadOnly(msg)

    def _intend(self, act: Act[Any]) -> int:
        kernel_id = self.kernel_id
        target = act.insert or act.target
        number = 0

        def written(connection: sa.Connection) -> feed.Entry:
            nonlocal number
            row = self._operation_row(act.action, act.call, target, act.backend, act.arguments)
            key = connection.execute(_BEGIN_OPERATION, row | {"kernel_id": kernel_id}).inserted_primary_key
            number = key[0] if key else 0
            return self._entry("intent", target, number)

        changes = [*([act.insert] if act.insert else []), *act.before]
        made = self._commit(changes, written, act.guards)
        if act.insert:
            act.resource = made[0]
        return number

    def _settle(
        self,
        act: Act[Any],
        operation: int,
        started: float,
        changes: Callable[[sa.Connection], Iterable[Change]],
        error: BaseException | None,
    ) -> None:
        def written(connection: sa.Connection) -> feed.Entry:
            connection.execute(
                _END_OPERATION,
                {
                    "operation": operation,
                    "status": _status(error),
                    "ended_at": utcnow(),
                    "duration": time.monotonic() - started,
                    "error": f"{type(error).__name__}: {error}" if error else None,
                },
            )
            return self._entry("outcome", act.target, operation)

        # Not checked: what the storage did is written down whatever others wrote meanwhile. A new resource whose row was removed
        # before its driver was done gets it back: it is on the storage.
        self._commit(changes, written, checked=False, made=act.target if act.insert else None)
        self._unwritten.discard(operation)

    def _commit(
        self,
        changes: Iterable[Change] | Callable[[sa.Connection], Iterable[Change]],
        written: Callable[[sa.Connection], feed.Entry],
        guards: tuple[Guard, ...] = (),
        *,
        checked: bool = True,
        made: Tracked | None = None,
    ) -> list[Tracked]:
        context = self._context
        todo: list[Change] = []
        with context.lock:
            try:
                with context.store.writing() as connection:
                    context.follower.sync()
                    for guard in guards:
                        guard(connection)
                    todo = list(changes(connection) if callable(changes) else changes)
                    applied = [(change, apply(connection, change, checked=checked, made=made)) for change in todo]
                    number = feed.append(connection, written(connection))
            except errors.ChangedElsewhere:
                for change in todo:
                    if isinstance(change, Update):
                        reading.reread(context, change.resource)
                raise
            brought = [bring_in_line(context, change, values) for change, values in applied]
            context.follower.wrote(number)  # last: until then the change counts as somebody else's, and is read at the next look
            return brought

    def _operation_row(
        self,
        action: str,
        call: str | None,
        target: Tracked | Insert,
        backend: Backend | None,
        arguments: Mapping[str, Any],
    ) -> dict[str, Any]:
        read = target.values.get if isinstance(target, Insert) else lambda name: getattr(target, name, None)
        return {
            "action": action,
            "call": call,
            "status": op.RUNNING,
            "resource_type": target.cls.kind if isinstance(target, Insert) else target.kind,
            "resource_id": read("id"),
            "resource_name": read("name"),
            "backend_id": backend.id if backend is not None else None,
            "arguments": dict(arguments),
            "started_at": utcnow(),
            "kernel_id": self._kernel_id,
        }

    def _entry(self, event: str, target: Tracked | Insert, operation: int | None) -> feed.Entry:
        read = target.values.get if isinstance(target, Insert) else lambda name: getattr(target, name, None)
        return feed.Entry(
            event=event,
            resource_type=target.cls.kind if isinstance(target, Insert) else target.kind,
            resource_id=str(read("id")),
            volume_id=read("volume_id"),
            backend_id=read("backend_id"),
            status=read("status"),
            operation_id=operation,
        )

    def _register_kernel(self) -> str:
        row = kernel.describe(self._context.settings.host)
        with self._context.lock, self._context.store.writing() as connection:
            connection.execute(sa.insert(op.Kernel), row)
        return str(row["id"])

    def wait(self) -> None:
        """Wait for the acts that were interrupted and still go on; another interrupt ends the waiting, and not them."""
        self._apart.wait()

    def close(self) -> None:
        """Say of the operations whose outcome could not be written that they were interrupted: nobody works on them any more."""
        lost = self._unwritten - self.running
        if not lost or self._pid != os.getpid():
            return
        statement = sa.update(op.Operation).where(op.Operation.id.in_(lost), op.Operation.status == op.RUNNING)
        with self._context.store.writing() as connection:
            connection.execute(
                statement.values(status=op.INTERRUPTED, ended_at=utcnow(), error="The outcome could not be written.")
            )
        self._unwritten.clear()

    @staticmethod
    def _doing(act: Act[Any]) -> str:
        return f"{act.action} {act.resource.label() if act.resource is not None else ''}".strip()


def _status(error: BaseException | None) -> str:
    if error is None:
        return op.DONE
    return op.FAILED if isinstance(error, Exception) else op.INTERRUPTED
