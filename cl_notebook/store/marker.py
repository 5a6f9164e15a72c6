"""What a SQLite store held when its file was last whole: told apart from an empty, an older or another file in its place."""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import warnings
from typing import TYPE_CHECKING, Any

import msgspec

from cl_notebook import errors, regular_files, settings

if TYPE_CHECKING:
    from pathlib import Path

    from cl_notebook.store.sqlite_file import SqliteFile

_log = logging.getLogger(__name__)


class Seen(msgspec.Struct, frozen=True):
    """A store as it was seen: the first kernel that worked on it, which no other store has, and the number of its changes."""

    path: str
    first: str | None
    head: int


class Marker:
    """A file in the data folder that remembers how many changes the store under one path had."""

    def __init__(self, file: SqliteFile) -> None:
        """Belong to the store in *file*; nothing is made before there is something to remember."""
        self._file = file
        self._seen: Seen | None = None
        place = str(file.path.resolve())
        self._path = settings.data_dir() / "stores" / f"{hashlib.sha256(place.encode()).hexdigest()[:16]}.json"

    def put(self, first: str | None, head: int) -> None:
        """Remember that all of the first *head* changes are in the file."""
        seen = Seen(str(self._file.path), first, head)
        if seen == self._seen or not first:
            return
        unfinished = self._path.with_suffix(f".{os.getpid()}")
        try:
            regular_files.make_folders(self._path.parent)
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as out:
                out.write(msgspec.json.encode(seen))
            unfinished.replace(self._path)
        except OSError as error:  # it is a help, and no more
            _log.debug("%s cannot be written: %s", self._path, error)
            return
        self._seen = seen

    def _last(self) -> Seen | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Seen)
        except (OSError, msgspec.MsgspecError):
            return None

    def refuse_foreign_log(self) -> None:
        """Refuse a file that is older than the log beside it, before SQLite puts the two together.

        Raises:
            StoreUnusable: the log belongs to another file than the one that is there now.

        """
        last = self._last()
        if last is None or not _has_bytes(self._file.log):
            return
        alone = self._alone()
        if alone is None or alone[0] != last.first or alone[1] >= last.head:
            return
        path, log = self._file.path, self._file.log
        msg = (
            f"The store {path} is a copy that is older than {log.name} beside it: both together would be damaged. To work with "
            f"the copy, move {log.name}, and the -shm like it, away; to go on with the store that was there, put its file back."
        )
        raise errors.StoreUnusable(msg)

    def _alone(self) -> tuple[Any, int] | None:
        """Return what is in the file itself, without its log; None if that cannot be read."""
        try:
            bare = sqlite3.connect(f"{self._file.path.as_uri()}?mode=ro&immutable=1", uri=True)
            try:
                row = bare.execute(HEAD).fetchone()
            finally:
                bare.close()
        except sqlite3.Error:
            return None
        return None if row is None else (row[0], int(row[1]))

    def compare(self, first: str | None, head: int) -> None:
        """Warn if the store that was opened now, with *head* changes, is not the one that was there, or an older one."""
        last = self._last()
        if last is None or (first == last.first and head >= last.head):
            return
        path = self._file.path
        if first is None:
            what = f"is new and empty, and the one that was there before had {last.head} changes"
        elif first == last.first:
            what = f"is an older copy: it has {head} of the {last.head} changes that the one there had"
        else:
            what = f"is another one than the one that was there before, which had {last.head} changes"
        cure = "If that is a mistake, close it and put the other file back; %cl_scan lists what is not tracked."
        msg = f"The store {path} {what}. {cure}"
        warnings.warn(msg, errors.StoreReplaced, stacklevel=5)


HEAD = "SELECT (SELECT id FROM kernel ORDER BY rowid LIMIT 1), head FROM feed WHERE id = 1"
"""Asks for what a marker remembers of a store."""


def _has_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False
