"""What a session owes its store: outcomes that could not be written when their drivers were done.

They are tried again for a while; then the caller is told, and they stay: in this kernel, and in a file beside the data. They are
written before this session's next act, or when the next session opens the store, whichever comes first.
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
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import sqlalchemy as sa

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context
    from cl_notebook.model.operations.changes import RowChange
    from cl_notebook.model.operations.outcome import PendingOutcome
    from cl_notebook.store import Store


def _database_key(url: sa.URL) -> str:
    """Return what is the same for the URLs of one data base, whoever logs in there, and by which Python driver."""
    kind = {"mysql": "mariadb"}.get(url.get_backend_name(), url.get_backend_name())
    if kind == "sqlite":
        return str(Path(str(url.database)).resolve())
    return f"{kind} {url.host}:{url.port} {url.database}"


class SpoolDirectory:
    """The outcomes that one store is owed by the kernels of this user on this host."""

    def __init__(self, store: Store) -> None:
        """Belong to *store*; nothing is made until there is something to keep."""
        self._store = store
        self._is_memory = is_memory(store.url)
        self._folder = settings.data_dir() / "outcomes" / hashlib.sha256(_database_key(store.url).encode()).hexdigest()[:16]

    def save(self, kept: PendingOutcome) -> Path | None:
        """Keep an outcome in a file, which is on the disk when this returns; return the file, None if it cannot be made."""
        if self._is_memory:
            return None
        path = self._path(kept)
        unfinished = path.with_suffix(".new")
        try:
            regular_files.make_folders(self._folder)
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(msgspec.json.encode(kept))
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except (OSError, ValueError, TypeError, msgspec.MsgspecError) as error:
            _log.warning("An outcome cannot be kept in %s: %s", path, errors.one_line(error))
            return None
        return path

    def remove(self, kept: PendingOutcome) -> None:
        """Forget an outcome: it is written."""
        self._path(kept).unlink(missing_ok=True)

    def pending(self) -> Iterable[PendingOutcome]:
        """Return the outcomes that were kept, in the order in which they came."""
        found = []
        for path in self._folder.glob("*.json") if not self._is_memory and self._folder.is_dir() else ():
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=outcome.PendingOutcome))
            except FileNotFoundError:  # another kernel was faster
                continue
            except (OSError, msgspec.MsgspecError) as error:
                _log.warning("The outcome in %s cannot be read: %s", path, error)
        return sorted(found, key=lambda kept: (kept.ended.ended_at, kept.ended.operation))

    def _path(self, kept: PendingOutcome) -> Path:
        return self._folder / f"{kept.ended.kernel_id}-{kept.ended.operation}.json"


_log = logging.getLogger(__name__)

AWAY = (errors.StoreUnusable, errors.StoreLocked)
"""What a store that is away, full or held by somebody says: it may be otherwise in a moment."""


class Outbox:
    """The outcomes that one session owes its store."""

    patience = 15.0
    """Seconds for which an outcome is tried again before its caller is told that it has to wait."""

    def __init__(self, context: Context) -> None:
        """Belong to the session *context*; what other sessions left is looked for by :meth:`replay`."""
        self._context = context
        self._spool = SpoolDirectory(context.store)
        self._kept: list[PendingOutcome] = []

    @property
    def operations(self) -> set[int]:
        """Numbers of the operations that are owed."""
        return {kept.ended.operation for kept in self._kept}

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
            raise errors.OutcomePending(_words(doing, storable, file, error), storable.ended.operation) from error
        self._remove(storable)
        return result

    def _patiently(self, write: Callable[[], CloseResult]) -> CloseResult:
        import tenacity  # noqa: PLC0415 - it takes longer to load than the house, and is seldom needed

        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(AWAY),
            stop=tenacity.stop_after_delay(self.patience),
            wait=tenacity.wait_exponential(multiplier=0.1, max=2),
            reraise=True,
        )
        return attempts(write)

    def enqueue(self, kept: PendingOutcome) -> Path | None:
        """Owe the store *kept*; return the file that it is kept in, None if only this kernel has it."""
        with self._context.lock:
            self._kept.append(kept)
        return self._spool.save(kept)

    def replay(self) -> None:
        """Write what earlier sessions could not, as far as the store takes it."""
        for kept in self._spool.pending():
            try:
                self._write(kept)
                self._remove(kept)
            except AWAY:
                return
            except errors.Error as error:  # what it refuses does not keep the others
                _log.warning("The outcome of operation %s still waits: %s", kept.ended.operation, error)

    def flush(self, *resource_ids: str | None) -> None:
        """Write what this session owes, before an act on the resources with these ids.

        Raises:
            OutcomePending: the store still refuses the outcome of an earlier act on one of them.
            StoreError: the store cannot be written still.

        """
        for kept in list(self._kept):
            with self._context.lock:
                if kept not in self._kept:
                    continue
                try:
                    self._write(kept)
                    self._remove(kept)
                except AWAY:
                    raise
                except errors.Error as error:
                    if _concerned(kept) & set(resource_ids):
                        msg = f"The outcome of operation {kept.ended.operation} still waits, for the store refuses it: {error}"
                        raise errors.OutcomePending(msg, kept.ended.operation) from error

    def close(self) -> None:
        """Write what can be written: what is left stays in its files."""
        with contextlib.suppress(errors.StoreError):
            self.flush()

    def _write(self, pending: PendingOutcome, resource: Tracked | None = None) -> CloseResult:
        context = self._context

        def work(connection: sa.Connection) -> outcome.Written:
            context.change_tracker.sync()
            return outcome.write(connection, pending)

        def in_memory(change: RowChange) -> Tracked | None:  # the object of a row that was removed meanwhile is not cached
            return resource if resource is not None and resource.id == change.id else changes.in_memory(context, change)

        with context.lock:
            written = context.store.write(work)
            for change, values in written.applied:
                changes.apply_in_memory(context, change, values, in_memory(change))
            # Last: until then the change counts as somebody else's, and is read again at the next poll.
            if written.number is not None:
                context.change_tracker.note_own_write(written.number)
            if written.result is not CloseResult.WRITTEN:
                others = [in_memory(change) for change in pending.changes]
                for stale in {each.id: each for each in (*others, resource) if each is not None}.values():
                    identity_map.reread(context, stale, keep_unsaved=True)
        return written.result

    def _remove(self, kept: PendingOutcome) -> None:
        with self._context.lock:
            self._kept = [each for each in self._kept if each.ended != kept.ended]
        self._spool.remove(kept)


def _concerned(kept: PendingOutcome) -> set[str | None]:
    """Return the ids of the resources that an outcome is about."""
    return {*(change.id for change in kept.changes), kept.event.get("resource_id"), kept.event.get("volume_id")} - {None}


def _words(doing: str, kept: PendingOutcome, file: Path | None, error: BaseException) -> str:
    past = lifecycle.PARTICIPLES.get(doing.partition(" ")[0])
    done = f"is {kept.ended.status} on the storage" + (f": it was {past}" if past else "")
    ended = done if kept.ended.status == op.DONE else f"ended with {kept.ended.error} on the storage"
    where = f"in {file}" if file else "by this kernel alone, so do not end it"
    return (
        f"{doing} {ended}, and that could not be written: {errors.one_line(error)} It is kept {where}, and written before the "
        "next act on this store, or when it is opened next."
    )
