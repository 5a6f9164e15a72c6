"""Outcomes that wait for their store: in a folder of their own beside the data, one file each, readable by their owner alone."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cl_notebook import errors, regular_files, settings
from cl_notebook.model.operations import outcome
from cl_notebook.store.errors import is_memory

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa

    from cl_notebook.model.operations.outcome import Kept
    from cl_notebook.store import Store

_log = logging.getLogger(__name__)


def _place(url: sa.URL) -> str:
    """Return what is the same for the URLs of one data base, whoever logs in there, and by which Python driver."""
    kind = {"mysql": "mariadb"}.get(url.get_backend_name(), url.get_backend_name())
    if kind == "sqlite":
        return str(Path(str(url.database)).resolve())
    return f"{kind} {url.host}:{url.port} {url.database}"


class Spool:
    """The outcomes that one store is owed by the kernels of this user on this host."""

    def __init__(self, store: Store) -> None:
        """Belong to *store*; nothing is made until there is something to keep."""
        self._store = store
        self._is_memory = is_memory(store.url)
        self._folder = settings.data_dir() / "outcomes" / hashlib.sha256(_place(store.url).encode()).hexdigest()[:16]

    def keep(self, kept: Kept) -> Path | None:
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

    def drop(self, kept: Kept) -> None:
        """Forget an outcome: it is written."""
        self._path(kept).unlink(missing_ok=True)

    def waiting(self) -> Iterable[Kept]:
        """Return the outcomes that were kept, in the order in which they came."""
        found = []
        for path in self._folder.glob("*.json") if not self._is_memory and self._folder.is_dir() else ():
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=outcome.Kept))
            except FileNotFoundError:  # another kernel was faster
                continue
            except (OSError, msgspec.MsgspecError) as error:
                _log.warning("The outcome in %s cannot be read: %s", path, error)
        return sorted(found, key=lambda kept: (kept.ended.ended_at, kept.ended.operation))

    def _path(self, kept: Kept) -> Path:
        return self._folder / f"{kept.ended.kernel_id}-{kept.ended.operation}.json"
