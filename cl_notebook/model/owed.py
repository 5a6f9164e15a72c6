"""What a session owes its store: outcomes that could not be written when their drivers were done.

They are tried again for a while; then the caller is told, and they stay: in this kernel, and in a file beside the data. They are
written before this session's next act, or when the next session opens the store, whichever comes first.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.model import outcome, reading
from cl_notebook.model.reading import CLASSES
from cl_notebook.model.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cl_notebook.model.context import Context
    from cl_notebook.model.outcome import Kept, Outcome

AWAY = (errors.StoreUnusable, errors.StoreLocked)
"""What a store that is away, full or held by somebody says: it may be otherwise in a moment."""


class Owed:
    """The outcomes that one session owes its store."""

    patience = 15.0
    """Seconds for which an outcome is tried again before its caller is told that it has to wait."""

    def __init__(self, context: Context) -> None:
        """Belong to the session *context*; what other sessions left is looked for by :meth:`collect`."""
        self._context = context
        self._spool = Spool(context.store)
        self._kept: list[Kept] = []

    @property
    def operations(self) -> set[int]:
        """Numbers of the operations that are owed."""
        return {kept.ended.operation for kept in self._kept}

    def settle(self, came: Outcome, write: Callable[[], str], doing: str) -> str:
        """Write an outcome by *write*, and return what that returns.

        Raises:
            OutcomeKept: the store cannot be written; the outcome is kept.

        """
        try:
            return write()
        except AWAY:
            kept = came.plain()
            file = self.add(kept)  # before anything is waited for: the kernel may be killed meanwhile
        try:
            how = self._patiently(write)
        except AWAY as error:
            raise errors.OutcomeKept(_words(doing, kept, file, error), kept.ended.operation) from error
        self._forget(kept)
        return how

    def _patiently(self, write: Callable[[], str]) -> str:
        import tenacity  # noqa: PLC0415 - it takes longer to load than the house, and is seldom needed

        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(AWAY),
            stop=tenacity.stop_after_delay(self.patience),
            wait=tenacity.wait_exponential(multiplier=0.1, max=2),
            reraise=True,
        )
        return attempts(write)

    def add(self, kept: Kept) -> Path | None:
        """Owe the store *kept*; return the file that it is kept in, None if only this kernel has it."""
        with self._context.lock:
            self._kept.append(kept)
        return self._spool.keep(kept)

    def collect(self) -> None:
        """Write what earlier sessions could not, as far as the store takes it."""
        waiting = list(self._spool.waiting())
        if not waiting:
            return
        with contextlib.suppress(errors.StoreError):
            for kept in waiting:
                self._write(kept)

    def write(self) -> None:
        """Write what this session owes.

        Raises:
            StoreError: the store cannot be written still.

        """
        while self._kept:
            with self._context.lock:
                if self._kept:
                    self._write(self._kept[0])

    def close(self) -> None:
        """Write what can be written: what is left stays in its files."""
        with contextlib.suppress(errors.StoreError):
            self.write()

    def _write(self, kept: Kept) -> None:
        context = self._context
        with context.lock:
            context.store.write(lambda connection: outcome.write(connection, kept))
            self._forget(kept)
            context.follower.look()
            for row in (*kept.rows, *kept.if_overtaken):
                held = reading.held(context, CLASSES[row.kind.capitalize()], row.id)
                if held is not None:
                    reading.reread(context, held, keep_unsaved=True)

    def _forget(self, kept: Kept) -> None:
        with self._context.lock:
            self._kept = [each for each in self._kept if each.ended != kept.ended]
        self._spool.drop(kept)


def _words(doing: str, kept: Kept, file: Path | None, error: errors.Error) -> str:
    ended = f"is {kept.ended.status}" if kept.ended.error is None else f"ended with {kept.ended.error}"
    where = f"in {file}" if file else "by this kernel alone, so do not end it"
    return (
        f"{doing} {ended} on the storage, and that could not be written: {error} It is kept {where}, and written before the next "
        "act on this store, or when it is opened next."
    )
