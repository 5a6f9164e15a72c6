"""Run an act on many resources side by side, in a few threads; go on after a failure, and report every outcome."""

from __future__ import annotations

import contextlib
import contextvars
import copy
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from cl_notebook import concurrency, errors
from cl_notebook.many.report import DONE, FAILED, LISTED, NOT_BEGUN, RUNNING, Item, Outcome, Report, counted
from cl_notebook.model import batch
from cl_notebook.model.context import CountedWork

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


def act_on(context: Context, act: Act, resources: Sequence[T], call: Callable[[T], Any], *, jobs: int = JOBS) -> Report:
    """Call *call* on each of *resources*, *jobs* side by side, and return the report.

    Backends that are closed are opened before, in this thread, because opening may ask for a secret.

    Raises:
        ReadOnly: the session is read-only; nothing was begun.
        Interrupted: the user interrupted it; the message says what is done and what is not.

    """
    context.journal.refuse_if_read_only(act.verb)
    unusable = _open_backends(resources)

    def perform(resource: T) -> Any:  # noqa: ANN401 - what call returns
        problem = unusable.get(getattr(resource, "backend_id", ""))
        if problem is not None:
            raise copy.copy(problem)  # an error gathers the tracebacks of the threads that raise it
        return call(resource)

    tasks = [Task(Item.of(resource), lambda resource=resource: perform(resource)) for resource in resources]  # type: ignore[misc] # mypy does not type lambdas with defaults
    return run(context, act, tasks, jobs=jobs)


def run(context: Context, act: Act, tasks: Sequence[Task], *, jobs: int = JOBS) -> Report:
    """Run *tasks*, *jobs* side by side, and return the report; a failure does not keep the others from running.

    With one job everything runs in this thread, in order.

    Raises:
        ReadOnly: the session is read-only; nothing was begun.
        InvalidInput: *jobs* is no number from 1 to :data:`MOST_JOBS`.
        Interrupted: the user interrupted it; the message says what is done and what is not.

    """
    context.journal.refuse_if_read_only(act.verb)
    if not isinstance(jobs, int) or not 1 <= jobs <= MOST_JOBS:
        msg = f"jobs is how many run side by side, a whole number from 1 to {MOST_JOBS}, not {jobs!r}."
        raise errors.InvalidInput(msg)
    context.journal.kernel_id  # noqa: B018 - registers the kernel once, before threads would do it at the same time
    started = time.monotonic()
    doing = CountedWork(f"{act.verb} {counted(len(tasks), [task.item for task in tasks])}")
    with context.progress(doing) as note:
        pool = _Pool(act, tasks, note)
        if min(jobs, len(tasks)) <= 1:
            pool.run_here()
        else:
            pool.run_in_threads(min(jobs, len(tasks)))
    return Report(act, pool.outcomes(), time.monotonic() - started)


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

    def __init__(self, act: Act, tasks: Sequence[Task], note: Progress) -> None:
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
                batch.append_message(interrupt, self._progress())
            raise
        self._raise_unexpected()

    def run_in_threads(self, count: int) -> None:
        workers: list[concurrency.Future[None]] = []
        try:
            workers.extend(self._start(number) for number in range(count))
            for worker in workers:
                worker.result()
        except KeyboardInterrupt:
            self._is_stopped.set()
            end = time.monotonic() + PATIENCE
            with contextlib.suppress(KeyboardInterrupt, TimeoutError):  # a second interrupt does not wait
                for worker in workers:
                    worker.result(max(0.0, end - time.monotonic()))
            msg = f"{self._act.verb} was interrupted: {self._progress()}"
            raise errors.Interrupted(msg) from None
        self._raise_unexpected()

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
        while not self._is_stopped.is_set():
            try:
                number = self._waiting.popleft()
            except IndexError:
                return
            self._outcomes[number] = self._perform(self._tasks[number])
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

    def _raise_unexpected(self) -> None:
        if self._unexpected:
            batch.append_message(self._unexpected[0], self._progress())
            raise self._unexpected[0]

    def _progress(self) -> str:
        """Return a sentence: how many are done, how many failed, which run still, and which are left."""
        outcomes = self.outcomes()
        labels = {
            kind: [one.item.label for one in outcomes if one.outcome == kind] for kind in (DONE, FAILED, RUNNING, NOT_BEGUN)
        }
        parts = [f"{len(labels[DONE])} of {len(outcomes)} were {self._act.participle}"]
        if labels[FAILED]:
            parts.append(f"failed: {_listed(labels[FAILED])}")
        if labels[RUNNING] and self._is_stopped.is_set():
            parts.append(f"still running, see %cl_history: {_listed(labels[RUNNING])}")
        left = labels[NOT_BEGUN] if self._is_stopped.is_set() else [*labels[RUNNING], *labels[NOT_BEGUN]]
        if left:
            parts.append(f"left: {_listed(left)}")
        return f"{'; '.join(parts)}."


def _listed(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - LISTED} more" if len(labels) > LISTED else ""
    return f"{', '.join(labels[:LISTED])}{more}"
