"""Write the outcomes of operations, and keep those that the store cannot take: the outbox of a session.

Writing is retried for a while; then the caller gets an error, and the outcome stays in memory and in a file beside the data. It
is written before this session's next operation, or when the next session opens the store, whichever comes first.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cl_notebook import errors, regular_files, settings
from cl_notebook.model import identity_map
from cl_notebook.model.operations import changes, lifecycle, outcome
from cl_notebook.model.operations import tables as op
from cl_notebook.model.operations.outcome import CloseResult
from cl_notebook.store.errors import is_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    import sqlalchemy as sa

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context
    from cl_notebook.model.operations.changes import RowChange
    from cl_notebook.model.operations.outcome import PendingOutcome
    from cl_notebook.store import Store


_log = logging.getLogger(__name__)

AWAY = (errors.StoreUnusable, errors.StoreLocked)
"""Errors of a store that is unreachable, full or locked: it may be writable again in a moment."""


def _database_key(url: sa.URL) -> str:
    """Return a text that is equal for all URLs of one database, whatever their users and Python drivers."""
    dialect = {"mysql": "mariadb"}.get(url.get_backend_name(), url.get_backend_name())
    if dialect == "sqlite":
        return str(Path(str(url.database)).resolve())
    return f"{dialect} {url.host}:{url.port} {url.database}"


class SpoolDirectory:
    """The files with pending outcomes for one store, of all kernels of this user on this host."""

    def __init__(self, store: Store) -> None:
        """Serve *store*; the directory is created with the first file."""
        self._store = store
        self._is_memory = is_memory(store.url)
        self._folder = settings.data_dir() / "outcomes" / hashlib.sha256(_database_key(store.url).encode()).hexdigest()[:16]

    def save(self, pending: PendingOutcome) -> Path | None:
        """Write an outcome to a file and sync it to the disk; return the file, None if it cannot be written."""
        if self._is_memory:
            return None
        path = self._path(pending)
        unfinished = path.with_suffix(".new")
        try:
            regular_files.make_folders(self._folder)
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(msgspec.json.encode(pending))
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except (OSError, ValueError, TypeError, msgspec.MsgspecError) as error:
            _log.warning("An outcome cannot be saved in %s: %s", path, errors.one_line(error))
            return None
        return path

    def remove(self, pending: PendingOutcome) -> None:
        """Remove the file of an outcome, which is in the store now."""
        self._path(pending).unlink(missing_ok=True)

    def pending(self) -> Iterable[PendingOutcome]:
        """Return the saved outcomes, the oldest first."""
        outcomes = []
        for path in self._folder.glob("*.json") if not self._is_memory and self._folder.is_dir() else ():
            try:
                outcomes.append(msgspec.json.decode(path.read_bytes(), type=outcome.PendingOutcome))
            except FileNotFoundError:  # another kernel has just written it to the store
                continue
            except (OSError, msgspec.MsgspecError) as error:
                _log.warning("The outcome in %s cannot be read: %s", path, error)
        return sorted(outcomes, key=lambda pending: (pending.ended.ended_at, pending.ended.operation))

    def _path(self, pending: PendingOutcome) -> Path:
        return self._folder / f"{pending.key}.json"


class Outbox:
    """Writes the outcomes of one session, and keeps those that the store cannot take."""

    patience = 15.0
    """Seconds for which writing an outcome is retried before :meth:`deliver` raises."""

    def __init__(self, context: Context) -> None:
        """Serve the session *context*; :meth:`replay` reads what other sessions left."""
        self._context = context
        self._spool = SpoolDirectory(context.store)
        self._pending: list[PendingOutcome] = []

    @property
    def operations(self) -> set[int]:
        """Numbers of the operations whose outcomes are pending."""
        return {pending.ended.operation for pending in self._pending}

    @property
    def waiting(self) -> list[PendingOutcome]:
        """The outcomes that are pending: those of this session, then those in files of other kernels of this user."""
        with self._context.lock:
            pending = list(self._pending)
        known = {other.key for other in pending}
        return [*pending, *(other for other in self._spool.pending() if other.key not in known)]

    def deliver(self, pending: PendingOutcome, doing: str, resource: Tracked) -> CloseResult:
        """Write the outcome of *doing*, an operation on *resource*, and bring the objects in line with it.

        An outcome that the store refuses is written once more in a form that every database takes; while the store is away it is
        tried again.

        Raises:
            OutcomePending: the store cannot be written, or refuses the outcome; it is saved.

        """
        try:
            return self._write(pending, resource)
        except Exception:  # noqa: BLE001 - whatever the reason is: the storage has done it, and the store has to say so
            storable = pending.storable()
            file = self.enqueue(storable)  # before the retries: the kernel may be killed meanwhile
        except BaseException:  # an interrupt: it is not known whether the outcome was written
            self.enqueue(pending.storable())
            raise
        try:
            result = self._patiently(lambda: self._write(storable, resource))
        except Exception as error:
            raise errors.OutcomePending(_explain(doing, storable, file, error), storable.ended.operation) from error
        self._remove(storable)
        return result

    def _patiently(self, write: Callable[[], CloseResult]) -> CloseResult:
        import tenacity  # noqa: PLC0415 - it is slow to import, and seldom needed

        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(AWAY),
            stop=tenacity.stop_after_delay(self.patience),
            wait=tenacity.wait_exponential(multiplier=0.1, max=2),
            reraise=True,
        )
        return attempts(write)

    def enqueue(self, pending: PendingOutcome) -> Path | None:
        """Keep *pending* until it can be written; return its file, None if only this kernel has it."""
        with self._context.lock:
            self._pending.append(pending)
        return self._spool.save(pending)

    def replay(self) -> None:
        """Write the outcomes that earlier sessions left in files, as far as the store takes them."""
        for pending in self._spool.pending():
            try:
                self._write(pending)
                self._remove(pending)
            except AWAY:
                return
            except errors.Error as error:  # a refused outcome does not hinder the others
                _log.warning("The outcome of operation %s still waits: %s", pending.ended.operation, error)

    def flush(self, *resource_ids: str | None) -> None:
        """Write the pending outcomes of this session, before an operation on the resources with these ids.

        Raises:
            OutcomePending: the store still refuses the outcome of an earlier operation on one of them.
            StoreError: the store still cannot be written.

        """
        for pending in list(self._pending):
            with self._context.lock:
                if pending in self._pending:
                    self._write_pending(pending, resource_ids)

    def retry(self, resource_id: str) -> bool:
        """Write the pending outcomes of a resource, also those in files of other kernels; return whether there were any.

        Raises:
            OutcomePending: the store still refuses one.
            StoreError: the store still cannot be written.

        """
        waiting = [pending for pending in self.waiting if resource_id in _resource_ids(pending)]
        for pending in waiting:
            self._write_pending(pending, (resource_id,))
        return bool(waiting)

    def _write_pending(self, pending: PendingOutcome, resource_ids: Collection[str | None]) -> None:
        """Write *pending*; that the store refuses it is an error for the resources with these ids only."""
        try:
            self._write(pending)
            self._remove(pending)
        except AWAY:
            raise
        except errors.Error as error:
            if not _resource_ids(pending).isdisjoint(resource_ids):
                msg = f"The outcome of operation {pending.ended.operation} still waits, for the store refuses it: {error}"
                raise errors.OutcomePending(msg, pending.ended.operation) from error

    def close(self) -> None:
        """Write the pending outcomes that can be written; the others stay in their files."""
        with contextlib.suppress(errors.StoreError):
            self.flush()

    def _write(self, pending: PendingOutcome, resource: Tracked | None = None) -> CloseResult:
        context = self._context

        def work(connection: sa.Connection) -> outcome.Written:
            context.change_tracker.sync()
            # The kernel that ran the operation announces each attempt: it does not know whether the last one was committed.
            return outcome.write(connection, pending, announce_again=resource is not None)

        def in_memory(change: RowChange) -> Tracked | None:  # the object of a row that was removed meanwhile is not cached
            return resource if resource is not None and resource.id == change.id else changes.in_memory(context, change)

        with context.lock:
            written = context.store.write(work)
            for change, values in written.applied:
                changes.apply_in_memory(context, change, values, in_memory(change))
            # Last: until then the change counts as one made elsewhere, and is read again at the next poll.
            if written.number is not None:
                context.change_tracker.note_own_write(written.number)
            if written.result is not CloseResult.WRITTEN:
                others = [in_memory(change) for change in pending.changes]
                for stale in {stale.id: stale for stale in (*others, resource) if stale is not None}.values():
                    identity_map.reload(context, stale, keep_edits=True)
        return written.result

    def _remove(self, pending: PendingOutcome) -> None:
        with self._context.lock:
            self._pending = [other for other in self._pending if other.ended != pending.ended]
        self._spool.remove(pending)


def _resource_ids(pending: PendingOutcome) -> set[str | None]:
    """Return the ids of the resources that an outcome concerns."""
    return {*(change.id for change in pending.changes), pending.event.get("resource_id"), pending.event.get("volume_id")} - {None}


def _explain(doing: str, pending: PendingOutcome, file: Path | None, error: BaseException) -> str:
    past = lifecycle.PARTICIPLES.get(doing.partition(" ")[0])
    done = f"is {pending.ended.status} on the storage" + (f": it was {past}" if past else "")
    ended = done if pending.ended.status == op.DONE else f"ended with {pending.ended.error} on the storage"
    where = f"in {file}" if file else "by this kernel alone, so do not end it"
    return (
        f"{doing} {ended}, and that could not be written: {errors.one_line(error)} It is kept {where}, and written before the "
        "next act on this store, or when it is opened next."
    )
