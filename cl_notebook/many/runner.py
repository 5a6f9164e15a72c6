"""Run an act on many resources side by side, in a few threads; go on after a failure, and report every outcome."""

from __future__ import annotations

import contextlib
import contextvars
import copy
import functools
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from cl_notebook import concurrency, errors
from cl_notebook.drivers.api import no_progress
from cl_notebook.many.report import DONE, FAILED, NOT_BEGUN, RUNNING, Item, Outcome, Report, checked, counted
from cl_notebook.model import batch
from cl_notebook.model.context import CountedWork
from cl_notebook.text import enumerated, sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cl_notebook.drivers.api import Progress
    from cl_notebook.many.report import Act
    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context

JOBS = 4
"""Operations that run side by side unless the caller says otherwise."""

MOST_JOBS = 64
"""The most operations side by side; each is a thread with a connection to the store."""

PATIENCE = 1.0
"""Seconds that an interrupt waits for the operations that run, so that the message can say what came of them."""

T = TypeVar("T", bound="Tracked")


@dataclass(frozen=True, slots=True)
class Task:
    """One item, and the call that acts on it and returns the resource to report."""

    item: Item
    call: Callable[[], Any]


def tasks_on(context: Context, act: Act, resources: Sequence[T], call: Callable[[T], Any]) -> list[Task]:
    """Return the tasks that call *call* on each of *resources*.

    Backends that are closed are opened before, in this thread, because opening may ask for a secret.

    Raises:
        ReadOnly: the session is read-only.

    """
    context.journal.refuse_if_read_only(act.verb)
    unusable = _open_backends(resources)

    def perform(resource: T) -> Any:  # noqa: ANN401 - what call returns
        problem = unusable.get(getattr(resource, "backend_id", ""))
        if problem is not None:
            raise copy.copy(problem)  # an error gathers the tracebacks of the threads that raise it
        return call(resource)

    return [Task(Item.of(resource), functools.partial(perform, resource)) for resource in resources]


def returning_resource(call: Callable[[T], Any]) -> Callable[[T], Any]:
    """Return a function that calls *call* with a resource, and returns the resource where *call* returns None."""

    def perform(resource: T) -> Any:  # noqa: ANN401 - what call returns, or the resource
        result = call(resource)
        return resource if result is None else result

    return perform


def act_on(context: Context, act: Act, resources: Sequence[T], call: Callable[[T], Any], *, jobs: int = JOBS) -> Report:
    """Call *call* on each of *resources*, *jobs* side by side, and return the report, as :func:`run` does.

    Raises:
        ReadOnly, InvalidInput, Interrupted: as for :func:`run`.

    """
    return run(context, act, tasks_on(context, act, resources, call), jobs=jobs)


def run(context: Context, act: Act, tasks: Sequence[Task], *, jobs: int = JOBS, writes: bool = True) -> Report:
    """Run *tasks*, *jobs* side by side, and return the report; a failure does not keep the others from running.

    With one job everything runs in this thread, in order.

    Raises:
        ReadOnly: the session is read-only, and the act *writes* to the store; nothing was begun.
        InvalidInput: *jobs* is no number from 1 to :data:`MOST_JOBS`.
        Interrupted: the user interrupted it; the message says what is done and what is not.

    """
    count = _prepared(context, act, tasks, jobs) if writes else 1
    doing = CountedWork(f"{act.verb} {counted(len(tasks), [task.item for task in tasks])}")
    with context.progress(doing) as note:
        pool = _Pool(context, act, tasks, note)
        if count == 1:
            pool.run_here()
        else:
            pool.run_in_threads(count)
    return pool.report()


def start(context: Context, act: Act, tasks: Sequence[Task], *, jobs: int = JOBS) -> Background:
    """Run *tasks* in the background, *jobs* side by side, and return the handle at once.

    Raises:
        ReadOnly: the session is read-only; nothing was begun.
        InvalidInput: *jobs* is no number from 1 to :data:`MOST_JOBS`.

    """
    count = _prepared(context, act, tasks, jobs)
    pool = _Pool(context, act, tasks, no_progress)
    background = Background(pool, f"{act.verb} {counted(len(tasks), [task.item for task in tasks])}")
    context.in_background.append(background)
    pool.start(count)
    return background


def _prepared(context: Context, act: Act, tasks: Sequence[Task], jobs: int) -> int:
    """Return how many threads run *tasks*."""
    context.journal.refuse_if_read_only(act.verb)
    if not isinstance(jobs, int) or not 1 <= jobs <= MOST_JOBS:
        msg = f"jobs is how many run side by side, a whole number from 1 to {MOST_JOBS}, not {jobs!r}."
        raise errors.InvalidInput(msg)
    context.journal.kernel_id  # noqa: B018 - registers the kernel once, before threads would do it at the same time
    return max(1, min(jobs, len(tasks)))


def _open_backends(resources: Sequence[Tracked]) -> dict[str, errors.Error]:
    """Open the backends of *resources*; return the errors of those that cannot be opened, by the backend's id."""
    unusable: dict[str, errors.Error] = {}
    firsts = {getattr(resource, "backend_id", ""): resource for resource in reversed(resources)}
    for backend_id, resource in firsts.items():
        try:
            resource.backend.driver  # type: ignore[attr-defined] # noqa: B018 - opens it
        except AttributeError:  # a backend itself
            continue
        except errors.Error as error:
            unusable[backend_id] = error
    return unusable


class _Pool:
    """The tasks of one act: those that wait, and the outcomes of the others."""

    def __init__(self, context: Context, act: Act, tasks: Sequence[Task], note: Progress) -> None:
        self._context = context
        self._started = time.monotonic()
        self._seconds: float | None = None
        self._workers: list[concurrency.Future[None]] = []
        self._act = act
        self._tasks = tasks
        self._note = note
        self._waiting = deque(range(len(tasks)))
        self._outcomes: dict[int, Outcome] = {}
        self._unexpected: list[BaseException] = []
        self._is_stopped = concurrency.event()

    def outcomes(self) -> list[Outcome]:
        """Return the outcome of every task, in their order."""
        waiting = set(self._waiting)
        return [
            self._outcomes.get(number) or Outcome(task.item, NOT_BEGUN if number in waiting else RUNNING)
            for number, task in enumerate(self._tasks)
        ]

    def run_here(self) -> None:
        try:
            self._work()
        except KeyboardInterrupt as interrupt:
            if len(self._tasks) > 1:
                batch.append_message(interrupt, self.progress())
            raise
        self.raise_unexpected()

    def run_in_threads(self, count: int) -> None:
        try:
            self.start(count)
            self.wait()
        except KeyboardInterrupt:
            self.stop()
            with contextlib.suppress(KeyboardInterrupt, TimeoutError):  # a second interrupt does not wait
                self.wait(PATIENCE)
            msg = f"{self._act.verb} was interrupted: {self.progress()}"
            raise errors.Interrupted(msg) from None
        self.raise_unexpected()

    def start(self, count: int) -> None:
        self._workers.extend(self._start(number) for number in range(count))

    def stop(self) -> None:
        self._is_stopped.set()

    @property
    def is_over(self) -> bool:
        return all(worker.done() for worker in self._workers)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing runs; raise TimeoutError after *timeout* seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        for worker in self._workers:
            worker.result(None if end is None else max(0.0, end - time.monotonic()))

    def report(self) -> Report:
        """Return the outcomes so far."""
        return Report(self._act, self.outcomes(), (self._seconds or time.monotonic()) - self._started)

    def _start(self, number: int) -> concurrency.Future[None]:
        ended: concurrency.Future[None] = concurrency.Future()
        context = contextvars.copy_context()

        def work() -> None:
            try:
                context.run(self._work)
            finally:
                ended.set_result(None)

        # A daemon: a kernel that ends does not wait for the storage, and the next one finds the operation running.
        threading.Thread(target=work, daemon=True, name=f"{self._act.verb}-{number + 1}").start()
        return ended

    def _work(self) -> None:
        while not self._is_stopped.is_set() and not self._context.is_closed:
            try:
                number = self._waiting.popleft()
            except IndexError:
                return
            self._outcomes[number] = self._perform(self._tasks[number])
            self._seconds = time.monotonic()
            self._note(len(self._outcomes), len(self._tasks))

    def _perform(self, task: Task) -> Outcome:
        started = time.monotonic()
        try:
            result = task.call()
        except errors.Error as error:
            return Outcome(task.item, FAILED, time.monotonic() - started, error=error)
        except Exception as error:  # noqa: BLE001 - a defect: it is raised in the caller's thread when the others have ended
            self._is_stopped.set()
            self._unexpected.append(error)
            return Outcome(task.item, FAILED, time.monotonic() - started, error=error)
        return Outcome(task.item, DONE, time.monotonic() - started, result)

    def raise_unexpected(self) -> None:
        if self._unexpected:
            batch.append_message(self._unexpected[0], self.progress())
            raise self._unexpected[0]

    def progress(self) -> str:
        """Return a sentence: how many are done, how many failed, which run still, and which are left."""
        outcomes = self.outcomes()
        labels = {
            kind: [outcome.item.label for outcome in outcomes if outcome.outcome == kind]
            for kind in (DONE, FAILED, RUNNING, NOT_BEGUN)
        }
        parts = [f"{len(labels[DONE])} of {len(outcomes)} were {self._act.participle}"]
        if labels[FAILED]:
            parts.append(f"failed: {enumerated(labels[FAILED])}")
        if labels[RUNNING] and self._is_stopped.is_set():
            parts.append(f"still running, see %cl_history: {enumerated(labels[RUNNING])}")
        left = labels[NOT_BEGUN] if self._is_stopped.is_set() else [*labels[RUNNING], *labels[NOT_BEGUN]]
        if left:
            parts.append(f"left: {enumerated(left)}")
        return f"{'; '.join(parts)}."


class Background:
    """An act on many resources that runs in the background: it has a ``status``, a ``result()`` to wait for, and ``cancel()``."""

    def __init__(self, pool: _Pool, doing: str) -> None:
        """Represent the act of *pool*; *doing* describes it."""
        self._pool = pool
        self._doing = doing

    @property
    def status(self) -> str:
        """``running``; afterwards ``failed`` if anything failed, ``cancelled`` if something was not begun, or ``done``."""
        if not self._pool.is_over:
            return "running"
        outcomes = {outcome.outcome for outcome in self._pool.outcomes()}
        return "failed" if FAILED in outcomes else "cancelled" if NOT_BEGUN in outcomes else "done"

    @property
    def report(self) -> Report:
        """The report as it is now: what is done, what failed, what runs and what has not begun."""
        return self._pool.report()

    @errors.arguments_checked
    def result(self, timeout: float | None = None) -> Report:
        """Wait until it has ended, and return the report.

        An interrupt ends the wait alone.

        Raises:
            InvalidInput: *timeout* is no number of seconds.
            TimeoutError: *timeout* seconds have passed.
            Error: something failed; of several resources it is a PartialFailure, whose ``report`` has all outcomes.

        """
        if timeout is not None and not (isinstance(timeout, (int, float)) and timeout >= 0):
            msg = f"timeout is a number of seconds, 0 or more, not {timeout!r}. Without it, result() waits until all has ended."
            raise errors.InvalidInput(msg)
        self._pool.wait(timeout)
        self._pool.raise_unexpected()
        return checked(self.report)

    @errors.arguments_checked
    def cancel(self) -> str:
        """Begin nothing more, and return a sentence on what is done and what is not; what runs comes to its end."""
        self._pool.stop()
        return self._pool.progress()

    def __repr__(self) -> str:
        """Return what is done, and how far it is."""
        outcomes = [outcome.outcome for outcome in self._pool.outcomes()]
        ended = sum(outcome in {DONE, FAILED} for outcome in outcomes)
        return sanitize(f"<{self._doing} in the background: {self.status}, {ended} of {len(outcomes)}>")
