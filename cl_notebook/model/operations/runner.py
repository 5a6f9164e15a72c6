"""Run every change as intent, call and outcome.

The intent is committed before the driver is called, the driver is called with no transaction open, the outcome is committed after
it. Whenever a kernel is killed, a row says which operation ran on which resource. An outcome that the store cannot take is kept
until it can (:mod:`cl_notebook.model.operations.outbox`).
"""

from __future__ import annotations

import functools
import math
import os
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.drivers import errors as calling
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.model import identity_map, trash
from cl_notebook.model.operations import background, lifecycle, liveness, outcome
from cl_notebook.model.operations import tables as op
from cl_notebook.model.operations.background import BackgroundRunner
from cl_notebook.model.operations.changes import (
    Delete,
    Insert,
    Update,
    apply,
    apply_in_memory,
    in_memory,
    insert_in_memory,
    row_of,
)
from cl_notebook.model.operations.guards import had_no_side_effects, require_transition
from cl_notebook.model.operations.heartbeat import Heartbeat
from cl_notebook.model.operations.outbox import AWAY, Outbox
from cl_notebook.model.operations.outcome import CloseResult, PendingOutcome
from cl_notebook.model.operations.progress import Reporter
from cl_notebook.store import changefeed
from cl_notebook.store.types import database_now, utcnow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cl_notebook.drivers.api import Driver, Progress
    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context, StoredBackend
    from cl_notebook.model.operations.changes import Change, Guard, RowChange

R = TypeVar("R")


@dataclass(slots=True, kw_only=True)
class OperationSpec(Generic[R]):
    """One action on one resource: what is written before the driver's call, the call, and what is written after it.

    The statuses and the method come from the table of transitions. ``insert`` is the new row of an action that begins
    with one; any other names its ``resource``.
    """

    action: str
    method: str = ""
    """The method of the driver (or of os-brick), as the history shows it; needed only if the table has several."""
    call: Callable[[Driver, Progress], R]
    resource: Tracked | None = None
    insert: Insert | None = None
    backend: StoredBackend
    arguments: Mapping[str, Any] = field(default_factory=dict)
    guards: tuple[Guard, ...] = ()
    on_success: Callable[[R], Iterable[RowChange]] | None = None
    """What the driver's reply changes; None removes the row. A change that depends on other rows is a ``SyncAttachStatus``."""
    on_failure: Callable[[BaseException], Iterable[RowChange]] | None = None
    """What a failure changes; None does what the table says."""
    force: bool = False
    """Whether a kernel that is still named as working on the resource counts as dead."""
    side_effects: bool | None = None
    """Whether the storage was changed, as far as the call knows; None leaves that to the error."""
    _status_before: str = field(default="", init=False)

    def __post_init__(self) -> None:
        """Take the method from the table, and note the status to which a failure without side effects leads back."""
        if not self.method:
            (self.method,) = self.transition.calls
        if self.resource is not None:
            self._status_before = getattr(self.resource, self._column)

    @property
    def _kind(self) -> str:
        return self.insert.kind if self.insert is not None else self.target.kind

    @property
    def _column(self) -> str:
        return lifecycle.status_column(self._kind)

    @property
    def transition(self) -> lifecycle.Transition:
        """The row of the table for the action."""
        return lifecycle.TRANSITIONS[self._kind][self.action]

    def checks(self, context: Context) -> tuple[Guard, ...]:
        """Return the guards, that of the status first."""
        if self.insert is not None:
            return self.guards
        return (require_transition(context, self.target, self.action, force=self.force), *self.guards)

    def started(self) -> list[Change]:
        """Return what the intent changes."""
        return [self.insert] if self.insert is not None else [Update.of(self.target, {self._column: self.transition.during})]

    def succeeded(self, result: R) -> list[RowChange]:
        """Return what the *result* of the call changes."""
        return [Delete.of(self.target)] if self.on_success is None else list(self.on_success(result))

    def failed(self, error: BaseException) -> list[RowChange]:
        """Return what the failure of the call by *error* changes."""
        return self.default_failure(error) if self.on_failure is None else list(self.on_failure(error))

    def default_failure(self, error: BaseException) -> list[RowChange]:
        """Return what the table says for a failure by *error*."""
        has_changed, transition = self.had_side_effects(error), self.transition
        if not transition.makes_row:
            status = transition.failure if has_changed and transition.failure is not None else self._status_before
            return [Update.of(self.target, {self._column: status})]
        if not has_changed:
            return [Delete.of(self.target)]
        return [] if transition.failure == transition.during else [Update.of(self.target, {self._column: transition.failure})]

    def had_side_effects(self, error: BaseException) -> bool:
        """Return whether the call, which failed by *error*, may have changed something on the storage."""
        return not had_no_side_effects(error) if self.side_effects is None else self.side_effects

    @property
    def target(self) -> Tracked:
        """The resource; a new one exists once the intent is committed."""
        if self.resource is None:
            msg = f"{self.action!r} has no resource before its intent is committed"
            raise RuntimeError(msg)
        return self.resource


_BEGIN_OPERATION = sa.insert(op.Operation)


class Journal:
    """Runs the operations of one session, and records them in the store."""

    def __init__(self, context: Context, before: Journal | None = None) -> None:
        """Serve the session *context*; with *before*, the journal of a session that it replaces, inherit from that."""
        self._context = context
        self._earlier: tuple[str, ...] = () if before is None else before.kernel_ids
        self._kernel_id: str | None = None
        self._pid = 0
        self._unwritten: set[int] = set()
        self._background = BackgroundRunner()
        self._look_into_trash: dict[str, float] = {}
        """By the backend's id, when to look next whether something has expired, by the monotonic clock."""
        self._heartbeat = Heartbeat(context)
        self.outbox = Outbox(context)
        """Writes outcomes, and keeps those that could not be written yet."""
        self.running: set[int] = set()
        """Numbers of the operations that run in this process; a row that says running and is not among them lost its outcome."""

    @property
    def kernel_id(self) -> str:
        """The id of this process in the store; its row is inserted by the first call."""
        if self._kernel_id is None or self._pid != os.getpid():  # a fork is a process of its own
            self._kernel_id, self._pid = self._register_kernel(), os.getpid()
        return self._kernel_id

    @property
    def registered_id(self) -> str | None:
        """The id of this process in the store; None before its row is inserted."""
        return self._kernel_id if self._pid == os.getpid() else None

    @property
    def kernel_ids(self) -> tuple[str, ...]:
        """The ids of this process, and of the sessions that this session continues."""
        kernel_id = self.registered_id
        return self._earlier if kernel_id is None else (*self._earlier, kernel_id)

    def inherit(self, before: Journal) -> None:
        """Continue the session of *before*: its resources count as created by this one."""
        self._earlier = before.kernel_ids

    def run(self, spec: OperationSpec[R]) -> R:
        """Run one operation: commit the intent, call the driver, commit the outcome; return the driver's reply.

        Raises:
            ReadOnly: the session is read-only.
            ChangedElsewhere: a row was changed elsewhere since it was read.
            DriverError, AttachError: the storage or the host refused; the outcome records it.
            OutcomePending: the store was unreachable when the driver had returned; the outcome is written later.
            Interrupted: the user interrupted it; the message says what is left, and how to repair it.

        """
        __tracebackhide__ = True  # a notebook shows a long story as it is
        self.refuse_if_read_only(spec.action)
        self.outbox.flush(*_ids(spec.insert or spec.target))
        driver = spec.backend.driver
        if driver is not None:  # without one, only the host acts, and the backend stays closed
            self._delete_expired(spec.backend)
        operation = self._begin(spec)
        try:
            self._unwritten.add(operation)
            self._heartbeat.start(self.kernel_id)
            if getattr(driver, "uninterruptible", False):
                return self._background.run(lambda: self._finish(spec, driver, operation), self._doing(spec), operation)
            return self._finish(spec, driver, operation)
        except errors.StillRunning:
            raise
        except KeyboardInterrupt as error:
            self.running.discard(operation)
            raise background.interrupted(self._doing(spec), spec.target, operation, error) from error
        except BaseException:
            self.running.discard(operation)  # also if it was interrupted before the driver was called
            raise

    def _delete_expired(self, backend: StoredBackend) -> None:
        """Delete what has expired in the trash of *backend*, if this session has not looked for a while."""
        if time.monotonic() < self._look_into_trash.get(backend.id, 0.0):
            return
        self._look_into_trash[backend.id] = math.inf  # these deletions are operations, too
        try:
            trash.delete_expired(self._context, backend)
        finally:
            self._look_into_trash[backend.id] = time.monotonic() + trash.EVERY

    def _finish(self, spec: OperationSpec[R], driver: Driver, operation: int) -> R:
        __tracebackhide__ = True
        token = calling.operation.set(operation)
        try:
            return self._call(spec, driver, operation)
        finally:
            calling.operation.reset(token)
            self.running.discard(operation)

    def _call(self, spec: OperationSpec[R], driver: Driver, operation: int) -> R:
        __tracebackhide__ = True
        context, started = self._context, time.monotonic()
        reporter = Reporter(
            context, lambda status: replace(self._entry(changefeed.PROGRESS, spec.target, operation), status=status)
        )
        secrets = functools.partial(context.secrets, spec.backend)
        try:
            with (
                translate_errors(spec.backend.name, spec.method, secrets),
                context.progress(self._doing(spec)) as show,
                reporter.showing(show),
            ):
                result = spec.call(driver, reporter)
                changes = spec.succeeded(result)
        except BaseException as error:
            self._end(spec, operation, started, spec.failed(error), error)
            raise
        if self._end(spec, operation, started, changes, None) is CloseResult.OVERTAKEN:
            msg = (
                f"{self._doing(spec)} was done, but another kernel took this one for dead, and went on with "
                f"{spec.target.label()}: its row stays as that one left it. See %cl_history --id {operation}."
            )
            raise errors.ChangedElsewhere(msg)
        return result

    def save(self, resource: Tracked, values: Mapping[str, Any], version: int) -> None:
        """Write *values* to the row of *resource*, which must still have *version*; no driver is called."""
        self.refuse_if_read_only("save")
        self.outbox.flush(*_ids(resource))
        entry = self._entry("save", resource, None)
        self._commit([Update.of(resource, values, version)], lambda _connection: entry)

    def save_side_effects(self, changes: Sequence[Change], resource: Tracked) -> None:
        """Write changes that a driver made on another resource than its call's; versions are not checked."""
        entry = self._entry("save", resource, None)
        self._commit(changes, lambda _connection: entry, checked=False)

    def record_without_driver(
        self,
        action: str,
        changes: Sequence[Change],
        resource: Tracked | Insert,
        guards: tuple[Guard, ...] = (),
        arguments: Mapping[str, Any] | None = None,
    ) -> list[Tracked]:
        """Write *changes* as an operation that needs no driver and is done at once; return the objects of new rows."""
        self.refuse_if_read_only(action)
        self.outbox.flush(*_ids(resource))

        def written(connection: sa.Connection) -> changefeed.Entry:
            row = self._operation_row(action, None, resource, None, arguments or {})
            row |= {"status": op.DONE, "ended_at": row["started_at"], "duration": 0.0}
            number = connection.execute(_BEGIN_OPERATION, row).inserted_primary_key
            return self._entry("outcome", resource, number[0] if number else None)

        self._kernel_id = self.kernel_id
        return self._commit(changes, written, guards)

    def refuse_if_read_only(self, action: str) -> None:
        """Raise ReadOnly, with the *action* in the message, if the session is read-only."""
        if self._context.settings.read_only:
            msg = f"This session is read-only, so {action} is refused. cl.setup(read_only=False) allows it."
            raise errors.ReadOnly(msg)

    def _begin(self, spec: OperationSpec[Any]) -> int:
        kernel_id = self.kernel_id
        target = spec.insert or spec.target
        number = 0

        def written(connection: sa.Connection) -> changefeed.Entry:
            nonlocal number
            self.running.discard(number)  # the transaction is repeated: the number of the first try is void
            row = self._operation_row(spec.action, spec.method, target, spec.backend, spec.arguments)
            key = connection.execute(_BEGIN_OPERATION, row | {"kernel_id": kernel_id}).inserted_primary_key
            number = key[0] if key else 0
            self.running.add(number)  # before the commit: no other thread may take the intent for cut short
            self._heartbeat.touch(connection, kernel_id)
            return self._entry("intent", target, number)

        changes = spec.started()
        try:
            created = self._commit(changes, written, spec.checks(self._context))
        except BaseException as error:
            self.running.discard(number)
            if number and isinstance(error, AWAY):  # whether it was committed is not known; the driver is not called
                self._enqueue_withdrawal(spec, number, error)
            raise
        if spec.insert:
            spec.resource = created[0]
        return number

    def _end(
        self, spec: OperationSpec[Any], operation: int, started: float, changes: list[RowChange], error: BaseException | None
    ) -> CloseResult:
        """Write the outcome of an operation; return how its row was found."""
        pending = PendingOutcome(
            ended=outcome.ended(operation, self.kernel_id, error, time.monotonic() - started),
            rows=changes,
            if_overtaken=spec.failed(errors.Error("taken over")) if spec.insert else [],
            event=asdict(self._entry("outcome", spec.target, operation)),
            made=outcome.whole_row(spec.target) if spec.insert else None,
        )
        result = self.outbox.deliver(pending, self._doing(spec), spec.target)
        self._unwritten.discard(operation)
        return result

    def _enqueue_withdrawal(self, spec: OperationSpec[Any], operation: int, error: errors.StoreError) -> None:
        """Enqueue the outcome that withdraws an intent, which may or may not have been committed."""
        refused = errors.DriverError(f"The driver was not called: {error}", no_side_effects=True)
        rows: list[RowChange] = [Delete(spec.insert.kind, spec.insert.id)] if spec.insert else spec.failed(refused)
        ended = outcome.OperationResult(operation, self.kernel_id, op.INTERRUPTED, utcnow(), 0.0, str(refused))
        event = asdict(self._entry("outcome", spec.insert or spec.target, operation))
        self.outbox.enqueue(PendingOutcome(ended, rows, [], event))

    def _commit(
        self,
        changes: Sequence[Change],
        written: Callable[[sa.Connection], changefeed.Entry],
        guards: tuple[Guard, ...] = (),
        *,
        checked: bool = True,
    ) -> list[Tracked]:
        """Write *changes* and the entry of the feed in one transaction; return the objects of the inserted rows."""
        context = self._context

        def version(change: Change) -> int | None:
            if not checked or not isinstance(change, Update):
                return None
            if change.version is not None:
                return change.version
            resource = in_memory(context, change)
            return None if resource is None else resource.version

        def work(connection: sa.Connection) -> tuple[list[tuple[Change, dict[str, Any] | None]], int]:
            context.change_tracker.sync()
            for guard in guards:
                guard(connection)
            applied = [(change, apply(connection, change, version=version(change))) for change in changes]
            return applied, changefeed.append(connection, written(connection))

        with context.lock:
            try:
                applied, number = context.store.write(work)
            except errors.ChangedElsewhere as error:
                raise self._changed(changes) from error
            created = []
            for change, values in applied:
                if isinstance(change, Insert):
                    created.append(insert_in_memory(context, change, values or {}))
                else:
                    apply_in_memory(context, change, values, in_memory(context, change))
            # Last: until then the change counts as one made elsewhere, and is read again at the next poll.
            context.change_tracker.note_own_write(number)
            return created

    def _changed(self, changes: Iterable[Change]) -> errors.ChangedElsewhere:
        """Return the error that names what was changed elsewhere; the objects are read again."""
        differences = []
        for change in changes:
            resource = in_memory(self._context, change) if isinstance(change, Update) else None
            if resource is None or not isinstance(change, Update):
                continue
            before = identity_map.base_values(resource)
            # a save gives up what it could not write; an operation leaves it to be saved
            identity_map.reload(self._context, resource, keep_edits=change.version is None)
            differences.append(_difference(resource, before))
        msg = f"{'; '.join(differences)}. It is refreshed now: look again, then repeat."
        return errors.ChangedElsewhere(msg)

    def _operation_row(
        self,
        action: str,
        call: str | None,
        target: Tracked | Insert,
        backend: StoredBackend | None,
        arguments: Mapping[str, Any],
    ) -> dict[str, Any]:
        read = _reader(target)
        return {
            "action": action,
            "call": call,
            "status": op.RUNNING,
            "resource_type": target.kind,
            "resource_id": read("id"),
            "resource_name": read("name"),
            "backend_id": backend.id if backend is not None else None,
            "arguments": dict(arguments),
            "started_at": utcnow(),
            "kernel_id": self._kernel_id,
        }

    def _entry(self, event: str, target: Tracked | Insert, operation: int | None) -> changefeed.Entry:
        read = _reader(target)
        return changefeed.Entry(
            event=event,
            resource_type=target.kind,
            resource_id=str(read("id")),
            volume_id=read("volume_id"),
            backend_id=read("backend_id"),
            status=read("status"),
            operation_id=operation,
        )

    def _register_kernel(self) -> str:
        row = liveness.describe(self._context.settings.host)
        insert = sa.insert(op.Kernel).values(**row, seen_at=database_now())
        with self._context.lock:
            self._context.store.write(lambda connection: connection.execute(insert))
        return str(row["id"])

    def wait(self) -> None:
        """Wait for interrupted operations that still run; another interrupt ends the waiting only."""
        self._background.wait()

    def write_waiting(self, resource: Tracked) -> bool:
        """Write the outcomes on *resource* that the store could not take before; return whether there were any."""
        return self.outbox.retry(resource.id)

    def close(self) -> None:
        """Stop the heartbeat, flush the outbox, and mark operations without an outcome as interrupted."""
        self._heartbeat.stop()
        if self._pid != os.getpid():
            return
        self.outbox.close()
        lost = self._unwritten - self.running - self.outbox.operations
        if not lost:
            return
        statement = sa.update(op.Operation).where(op.Operation.id.in_(lost), op.Operation.status == op.RUNNING)
        ended = statement.values(status=op.INTERRUPTED, ended_at=utcnow(), error="The outcome could not be written.")
        self._context.store.write(lambda connection: connection.execute(ended))
        self._unwritten.clear()

    @staticmethod
    def _doing(spec: OperationSpec[Any]) -> str:
        return f"{spec.action} {spec.resource.label() if spec.resource is not None else ''}".strip()


def _reader(target: Tracked | Insert) -> Callable[[str], Any]:
    """Return a function that gives a column of *target*, None if it has no such column."""
    return target.values.get if isinstance(target, Insert) else lambda name: getattr(target, name, None)


def _ids(target: Tracked | Insert) -> tuple[str | None, str | None]:
    """Return the ids of a resource, and of the volume that it belongs to."""
    read = _reader(target)
    return read("id"), read("volume_id")


_UNREPORTED = {"version", "updated_at"}


def _difference(resource: Tracked, before: Mapping[str, Any]) -> str:
    if not resource.is_tracked:
        return f"{resource.label()} was deleted elsewhere since it was read"
    now = row_of(resource)
    names = [name.rstrip("_") for name in now if name not in _UNREPORTED and now[name] != before.get(name)]
    if not names:
        return f"{resource.label()} was changed elsewhere since it was read"
    return f"{resource.label()} was changed elsewhere since it was read: {', '.join(names)}"
