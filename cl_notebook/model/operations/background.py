"""Run operations in threads of their own, so that an interrupt of the caller does not interrupt the storage."""

from __future__ import annotations

import contextvars
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from cl_notebook import errors
from cl_notebook.concurrency import Future
from cl_notebook.model.operations import lifecycle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cl_notebook.model.base import Tracked

R = TypeVar("R")


class BackgroundRunner:
    """Runs functions in threads, each while its caller waits for the result."""

    def __init__(self) -> None:
        """Start without threads."""
        self._threads: dict[Future[Any], threading.Thread] = {}

    def run(self, function: Callable[[], R], doing: str, operation: int) -> R:
        """Run *function* in a thread, and return its result.

        Args:
            function: it writes the outcome of the operation when it is done.
            doing: what it does, for the message.
            operation: the number of the operation, for the message.

        Raises:
            errors.StillRunning: the caller was interrupted; the function continues.

        """
        __tracebackhide__ = True  # a notebook shows a long story as it is
        future: Future[R] = Future()
        context = contextvars.copy_context()

        def work() -> None:
            __tracebackhide__ = True
            try:
                future.set_result(context.run(function))
            except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
                future.set_exception(error)
            finally:
                self._threads.pop(future, None)

        # A daemon: a kernel that ends does not wait for the storage, and the next one finds the operation running.
        thread = threading.Thread(target=work, daemon=True, name=f"operation-{operation}")
        self._threads[future] = thread
        try:
            thread.start()
            return future.result()
        except KeyboardInterrupt:
            if future.done():
                raise
            raise errors.StillRunning(_still_running(doing, operation), operation) from None

    def wait(self) -> None:
        """Wait for all threads that still run."""
        for future, thread in list(self._threads.items()):
            if thread is not threading.current_thread():
                future.exception()


def _still_running(doing: str, operation: int) -> str:
    return (
        f"{doing} continues: the storage is not interrupted in the middle of it. Its outcome is recorded when it comes: "
        f"%cl_history --id {operation}."
    )


def interrupted(doing: str, resource: Tracked, operation: int, cause: KeyboardInterrupt) -> errors.Interrupted:
    """Return the error of an operation that the user interrupted, which says what to do with *resource* now.

    Args:
        doing: what the operation did.
        resource: in the status that the interrupt left.
        operation: the number of the operation.
        cause: its text, such as how many of several were done, stays in the message.

    """
    message = f"{doing} was interrupted: {_state_left(resource)} {cause}".rstrip()
    return errors.Interrupted(message, operation)


@contextmanager
def interruptible(doing: str, hint: str | Callable[[], str]) -> Iterator[None]:
    """Make an interrupt of the block, which is no recorded operation, one line: *doing* was interrupted, and a *hint*.

    *doing* is a noun phrase; *hint*, or what it returns, says what is left, and which line continues it.

    Raises:
        errors.Interrupted: the user interrupted it; an interrupted operation within the block keeps its own message.

    """
    try:
        yield
    except errors.Interrupted:
        raise
    except KeyboardInterrupt as error:
        left = hint if isinstance(hint, str) else hint()
        msg = f"{doing} was interrupted: {left} {error}".rstrip()
        raise errors.Interrupted(msg) from error


def rolled_back(error: BaseException, doing: str) -> None:
    """Change the message of *error*, if it is an interrupt of an operation: all of *doing* was rolled back."""
    if isinstance(error, errors.Interrupted):
        error.args = (f"{doing} was interrupted: what it had connected is disconnected again, and nothing is left to mend.",)


def _state_left(resource: Tracked) -> str:
    status, kind, short = str(getattr(resource, "status", "")), resource.kind, resource.id[:8]
    if status == lifecycle.DELETED:
        return f"the {kind} is not tracked any more, and nothing is left to mend."
    if status not in lifecycle.LEFT_BY.get(kind, {}):
        return f"the {kind} is {status!r}. Do it again, or let %cl_scan compare it with the storage."
    mends = f"%cl_scan repair {short}, in Python cl.inventory.repair(cl.find({short!r})), finishes it or takes it back."
    return f"the {kind} is {status!r} now. {mends}"
