"""Plan a clean-up and run it step by step, continuing after failures."""

from __future__ import annotations

import contextvars
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar, cast

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.concurrency import Future
from cl_notebook.inventory.cleanup import ownership, scope, steps
from cl_notebook.inventory.cleanup.scope import Scope
from cl_notebook.inventory.cleanup.steps import DELETE_SNAPSHOT, DELETE_VOLUME, DETACH, DISCONNECT, DONE, FAILED, NOT_DONE, Step
from cl_notebook.model import Backend, Connection, batch, identity_map
from cl_notebook.model.identity_map import CLASSES
from cl_notebook.session import default_session
from cl_notebook.store import damage

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    import pandas as pd

    from cl_notebook.display.cards import Card
    from cl_notebook.inventory.cleanup.ownership import Kernels
    from cl_notebook.model import Volume
    from cl_notebook.model.base import Tracked
    from cl_notebook.session import Session

R = TypeVar("R")

INTERRUPTED = "It was interrupted before this."


class Plan:
    """The plan of a clean-up: ``frame`` shows the steps, ``run()`` executes them."""

    def __init__(self, session: Session, planned: Sequence[Step]) -> None:
        """Make a plan of the *planned* steps, in this order."""
        self._session = session
        self._store = session.store
        self.steps = tuple(planned)
        self.report: pd.DataFrame | None = None
        """The frame of the last :meth:`run`; None before."""

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.steps)

    def __repr__(self) -> str:
        """Return the number of steps of each kind."""
        return f"<Plan {self.summary or 'of nothing'}>"

    def _repr_mimebundle_(self, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
        """Return the plan as a card: its steps by backend and action, those that cannot be done, and how to run it."""
        return self._card().bundle(include, exclude)

    def _card(self) -> Card:
        from cl_notebook.display.cards import Note  # noqa: PLC0415 - `%load_ext` stays light
        from cl_notebook.inventory.cleanup import plan_view  # noqa: PLC0415 - as above

        if self.report is None:
            note = Note("Nothing is removed before you run it:", "plan.run()", is_fault=False)
        else:
            note = Note("It was run; plan.report has the outcome of each step.", is_fault=False)
        return plan_view.card(self.steps, self.summary, [note])

    @property
    def summary(self) -> str:
        """The number of steps of each kind, and of those that cannot be done, in words; empty if there are none."""
        counted = Counter(step.action for step in self.steps if not step.detail)
        parts = [f"{action} {counted[action]}" for action in steps.ACTIONS if counted[action]]
        blocked = len(self.steps) - counted.total()
        return ", ".join([*parts, *([f"cannot be done {blocked}"] if blocked else [])])

    @property
    def frame(self) -> pd.DataFrame:
        """The steps in their order, indexed by the id of the resource.

        Columns: ``step`` (its number), ``action`` (``detach``, ``disconnect``, ``delete snapshot`` or ``delete volume``),
        ``kind``, ``name``, ``volume`` (the name of the volume that it belongs to), ``backend``, ``size`` (GiB), ``status``,
        ``owner`` (``user@host``) and ``notebook`` of who made or adopted it, ``created_at`` (UTC), and ``detail``: why it cannot
        be done, empty if nothing is known to stand in its way.
        """
        with damage.named(self._store):
            return cast("pd.DataFrame", steps.frame(self.steps))

    def run(self, *, now: bool = False) -> pd.DataFrame:
        """Execute the steps, and return the frame with the outcome of each.

        Volumes go to the trash if there is one (``cl.setup(trash="1h")``), unless *now* is true; snapshots are deleted for good.

        ``outcome`` is ``done``, ``failed`` or ``not done``; ``detail`` is the reason. After a failure the run continues, except
        with steps that depend on the failed one. An interrupt stops the run after the current step; a second one does not wait
        for that step. The next plan has the steps that were not done.

        Raises:
            ReadOnly: the session is read-only.
            Refused: the session has switched to another store since the plan was made.

        """
        session = self._session
        session.journal.refuse_if_read_only("a clean-up")
        if not session.store.is_same_as(self._store):
            msg = f"This is a plan for {self._store!r}, and its session is on {session.store!r} now. Make a new one."
            raise errors.Refused(msg)
        work = _Run(session, self.steps, now=now)
        try:
            with session.progress(f"clean up, {self.summary}"):
                _run_uninterrupted(work.run, work.stop)
        except BaseException as error:
            batch.append_message(error, f"{work.done} of {len(self.steps)} steps were done; plan.report says which.")
            raise
        finally:
            self.report = work.report()
        return self.report


def plan_cleanup(
    session: Session | None = None,
    *,
    backend: Backend | str | None = None,
    owner: str | None = None,
    all: bool = False,  # noqa: A002 - the interface's word
) -> Plan:
    """Return the plan that removes what this session made: volumes, snapshots, and connections, also those to others' volumes.

    What was found again (``cl.find``), adopted (``manage``) or loaded (``cl.load``, ``cl.import_cinderlib``) was not made here.
    A device that the session attached over a connection that was there before is detached. What depends on a resource and is
    not part of the plan, such as a clone of a snapshot made elsewhere, keeps it. Nothing is changed before ``run()``.

    Args:
        session: whose; the default one by default.
        backend: instead, everything on this backend, also what others created; with *owner*, what that owner created there.
        owner: instead, what this owner made: a user, ``user@host``, a notebook, or the id of a kernel.
        all: instead, everything that is tracked.

    Raises:
        InvalidInput: *all* and *owner* are given both.
        NotFound: there is no such backend, or nobody is called so; the message lists the owners that there are.

    """
    session = session or default_session()
    if all and owner is not None:
        msg = "A clean-up takes everything (all) or what one owner made (owner), not both."
        raise errors.InvalidInput(msg)
    kernels: Kernels | None = None
    if owner is not None:
        with session.store.reading() as connection:
            kernels = ownership.kernels_of(connection, owner)
    elif not all and backend is None:
        kernels = session.journal.kernel_ids
    backend_id = None if backend is None else _backend(session, backend).id
    with damage.named(session.store):
        return Plan(session, scope.read(session, Scope(kernels, backend_id=backend_id)))


def plan_since(session: Session, operation: int) -> Plan:
    """Return the plan that removes what *session* created after the operation with this number."""
    return Plan(session, scope.read(session, Scope(session.journal.kernel_ids, since=operation)))


def _backend(session: Session, backend: Backend | str) -> Backend:
    name = backend.name if isinstance(backend, Backend) else str(backend)
    stored = {row.name: row for row in identity_map.select(session, sa.select(Backend))}
    if name not in stored:
        msg = f"No backend is called {name!r}.{errors.did_you_mean(name, stored)}"
        raise errors.NotFound(msg)
    return stored[name]


class _Run:
    """One run of a plan: the steps, and the outcomes so far."""

    def __init__(self, session: Session, planned: Sequence[Step], *, now: bool) -> None:
        self._session = session
        self._steps = planned
        self._now = now
        self._removed_ids = scope.removed_ids(planned)
        self._outcomes: dict[int, tuple[str, str]] = {}
        self._under_way: int | None = None
        self.stop = threading.Event()

    def run(self) -> None:
        for step in self._steps:
            if self.stop.is_set():
                return
            self._under_way = step.number
            self._outcomes[step.number] = self._outcome(step)
        self._under_way = None

    @property
    def done(self) -> int:
        """The number of steps that were done."""
        return sum(outcome == DONE for outcome, _ in list(self._outcomes.values()))

    def report(self) -> Any:  # noqa: ANN401 - a DataFrame, loaded late
        return steps.frame(self._steps, [self._outcomes.get(step.number) or self._unknown(step) for step in self._steps])

    def _unknown(self, step: Step) -> tuple[str, str]:
        if step.number == self._under_way:
            return NOT_DONE, "It still runs, and was not waited for."
        return NOT_DONE, INTERRUPTED

    def _outcome(self, step: Step) -> tuple[str, str]:
        try:
            before = self._unmet_need(step)
            return (NOT_DONE, before) if before else self._execute(step)
        except Exception as error:  # noqa: BLE001 - continue with the other resources
            return FAILED, errors.one_line(error)

    def _unmet_need(self, step: Step) -> str:
        for number in step.needs:
            if self._outcomes[number][0] != DONE:
                before = self._steps[number - 1]
                return f"It needs step {number} ({before.action} of {before.label}), which is not done."
        return ""

    def _execute(self, step: Step) -> tuple[str, str]:
        resource = identity_map.get(self._session, CLASSES[step.kind.capitalize()], step.id)
        if resource is None:
            return DONE, "It was gone already."
        reason = self._blocker(step, resource)
        if reason:
            return NOT_DONE, reason
        if step.action == DELETE_VOLUME:
            cast("Volume", resource).delete(now=self._now)
        else:
            _ACTS[step.action](resource)
        return DONE, ""

    def _blocker(self, step: Step, resource: Tracked) -> str:
        if isinstance(resource, Connection) and resource.attached and not resource.is_in_reach:
            return scope.attached_elsewhere(resource) if resource.gateway is None else scope.loaded_gateway(resource)
        return scope.blockers(self._session, [step], self._removed_ids).get(step.id, "")


def _detach(resource: Any) -> None:  # noqa: ANN401 - a connection
    if resource.connected:
        resource.detach()


_ACTS: dict[str, Callable[[Any], object]] = {
    DETACH: _detach,
    DISCONNECT: lambda connection: connection.disconnect(),
    DELETE_SNAPSHOT: lambda snapshot: snapshot.delete(),
}


def _run_uninterrupted(work: Callable[[], R], stop: threading.Event) -> R:
    """Run *work* in a thread, so that an interrupt does not break off a step; the first one sets *stop* and waits."""
    future: Future[R] = Future()
    context = contextvars.copy_context()

    def target() -> None:
        try:
            future.set_result(context.run(work))
        except BaseException as error:  # noqa: BLE001 - future.result() raises it in the caller
            future.set_exception(error)

    thread = threading.Thread(target=target, daemon=True, name="clean-up")
    try:
        thread.start()
        return future.result()
    except KeyboardInterrupt:
        stop.set()
        return future.result()
