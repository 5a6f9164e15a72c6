"""Acts that go on when whoever waits for them is interrupted: each in a thread of its own."""

from __future__ import annotations

import contextvars
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from cl_notebook import errors
from cl_notebook.concurrency import Future

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")


class Apart:
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
