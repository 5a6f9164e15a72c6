"""Remove the resources that a block created when the block ends, also after an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.inventory.cleanup.plan import plan_since
from cl_notebook.inventory.cleanup.steps import DONE
from cl_notebook.model import Operation
from cl_notebook.session import default_session

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd

    from cl_notebook.inventory.cleanup.plan import Plan
    from cl_notebook.session import Session
    from cl_notebook.store import Store


class Scratch:
    """A block that removes, when it ends, the resources that the session created in it, in any thread.

    Resources from before, of others, and those adopted, loaded or released in the block are kept. A device that was attached in
    the block through an older connection is detached.
    """

    def __init__(self, session: Session | None = None, *, keep_on_error: bool = False) -> None:
        """Make a block of *session*, or of the default session; see :func:`cl_notebook.scratch`."""
        self._session = session
        self._keep_on_error = keep_on_error
        self._started: list[tuple[Store, int]] = []
        """For each open block (they may be nested): the store, and the number of its last operation at the start."""
        self.plan: Plan | None = None
        """The plan of the clean-up at the end of the block; None before."""

    @property
    def report(self) -> pd.DataFrame | None:
        """The report of the clean-up, as :meth:`Plan.run` returns it; None if there was none."""
        return self.plan.report if self.plan is not None else None

    @property
    def left(self) -> int:
        """The number of steps that were not done."""
        if self.plan is None:
            return 0
        return len(self.plan) if self.report is None else int((self.report["outcome"] != DONE).sum())

    def __enter__(self) -> Self:
        """Start the block.

        Raises:
            ReadOnly: the session is read-only.

        """
        self._session = session = self._session or default_session()
        session.journal.refuse_if_read_only("a scratch block")
        with session.lock, session.store.reading() as connection:  # the lock excludes a half-committed intent of this session
            since = connection.execute(sa.select(sa.func.max(Operation.id))).scalar() or 0
        self._started.append((session.store, since))
        self.plan = None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Remove what the block created. An error of the block propagates, with a note about a failed removal.

        Raises:
            CleanupIncomplete: the block raised no error, and something could not be removed.

        """
        store, since = self._started.pop()
        if error is not None and self._keep_on_error:
            error.add_note("What the block made is kept. %cl_cleanup removes it, with what else this session made.")
            return
        try:
            self._clean_up(store, since)
        except Exception as failure:  # must not replace the block's own error
            if error is None:
                raise
            error.add_note(errors.one_line(failure))

    def _clean_up(self, store: Store, since: int) -> None:
        session = self._session
        if session is None or session.is_closed:
            msg = "The session of the scratch block was closed in it; what it made is tracked: %cl_cleanup --owner removes it."
            raise errors.CleanupIncomplete(msg)
        if not session.store.is_same_as(store):  # numbers of operations are only valid in one store
            msg = (
                f"The session moved from {store!r} to {session.store!r} in the scratch block, so nothing was removed. "
                "What the block made is tracked, in the store that it was made in: %cl_cleanup removes it there."
            )
            raise errors.CleanupIncomplete(msg)
        session.journal.wait()  # interrupted operations may still create resources in the background
        self.plan = plan = plan_since(session, since)
        if plan:
            report = plan.run(now=True)  # what was only tried out is of no use in the trash
            if self.left:
                raise errors.CleanupIncomplete(_message(report, self.left), report)


def scratch(session: Session | None = None, *, keep_on_error: bool = False) -> Scratch:
    """Return a block that removes what it created when it ends; see :func:`cl_notebook.scratch`."""
    return Scratch(session, keep_on_error=keep_on_error)


def _message(report: Any, left: int) -> str:  # noqa: ANN401 - a DataFrame, loaded late
    first = report[report["outcome"] != DONE].iloc[0]
    reason = f"{first['detail'].rstrip('.')}."
    return (
        f"The clean-up left {left} of {len(report)} steps: {first['action']} of {first['kind']} {first.name[:8]}: {reason} "
        "%cl_cleanup continues."
    )
