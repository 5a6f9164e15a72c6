"""Acts that go on when whoever waits for them is interrupted: each in a thread of its own."""

from __future__ import annotations

import contextvars
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from cl_notebook import errors
from cl_notebook.concurrency import Future
from cl_notebook.model.operations import lifecycle

if TYPE_CHECKING:
    from collections.abc import Callable

    from cl_notebook.model.base import Tracked

R = TypeVar("R")


class BackgroundRunner:
    """Runs acts beside the thread that waits for them."""

    def __init__(self) -> None:
        """Begin with none."""
        self._going: dict[Future[Any], threading.Thread] = {}

    def run(self, act: Callable[[], R], doing: str, operation: int) -> R:
        """Run *act*, and wait for it.

        Raises:
            errors.StillRunning: the waiting was interrupted; the act goes on, and writes its outcome down when it has one.

        """
        __tracebackhide__ = True  # a notebook shows a long story as it is
        future: Future[R] = Future()
        context = contextvars.copy_context()

        def work() -> None:
            __tracebackhide__ = True
            try:
                future.set_result(context.run(act))
            except BaseException as error:  # noqa: BLE001 - it is raised where the act is waited for
                future.set_exception(error)
            finally:
                self._going.pop(future, None)

        # A daemon: a kernel that ends does not wait for the storage, and the next one finds the operation running.
        thread = threading.Thread(target=work, daemon=True, name=f"operation-{operation}")
        self._going[future] = thread
        try:
            thread.start()
            return future.result()
        except KeyboardInterrupt:
            if future.done():
                raise
            raise errors.StillRunning(_words(doing, operation), operation) from None

    def wait(self) -> None:
        """Wait for all that still runs."""
        for future, thread in list(self._going.items()):
            if thread is not threading.current_thread():
                future.exception()


def _words(doing: str, operation: int) -> str:
    return (
        f"{doing} goes on: the storage is not interrupted in the middle of it. Its outcome is recorded when it comes: "
        f"%cl_history --id {operation}."
    )


def interrupted(doing: str, resource: Tracked, operation: int, cause: KeyboardInterrupt) -> errors.Interrupted:
    """Return the error for *doing*, the act of *operation*, that *cause* ended and that left *resource* as it is now.

    What *cause* says itself, such as how many of several were done, stays in the message.
    """
    message = f"{doing} was interrupted: {_left(resource)} {cause}".rstrip()
    return errors.Interrupted(message, operation)


def rolled_back(error: BaseException, doing: str) -> None:
    """Let *error*, if an interrupt of an act is what it is, say that all of *doing* was taken back."""
    if isinstance(error, errors.Interrupted):
        error.args = (f"{doing} was interrupted: what it had connected is disconnected again, and nothing is left to mend.",)


def _left(resource: Tracked) -> str:
    status, kind, short = str(getattr(resource, "status", "")), resource.kind, resource.id[:8]
    if status == lifecycle.DELETED:
        return f"the {kind} is not tracked any more, and nothing is left to mend."
    if status not in lifecycle.LEFT_BY.get(kind, {}):
        return f"the {kind} is {status!r}. Do it again, or let %cl_scan compare it with the storage."
    mends = f"%cl_scan repair {short}, in Python cl.inventory.repair(cl.find({short!r})), finishes it or takes it back."
    return f"the {kind} is {status!r} now. {mends}"
