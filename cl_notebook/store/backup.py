"""Copy a store that is in use into one new file, which appears when it is complete."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cl_notebook import errors, regular_files, settings
from cl_notebook.store.errors import shown_url
from cl_notebook.store.types import MARIADB

if TYPE_CHECKING:
    from cl_notebook.store.engine import Store

_PAGES = 4096
"""Pages of SQLite that are copied between two checks for an interrupt."""


def back_up(store: Store, path: object) -> Path:
    """Copy *store* into the new file *path*, readable by its owner alone, and return its absolute name.

    Raises:
        AlreadyExists: *path* exists.
        InvalidInput: *path* is not a file name, or its folder does not exist.
        Refused: the store is on a server.
        StoreUnusable: the file cannot be written.

    """
    target = _target(path)
    if store.url.get_backend_name() != "sqlite":
        raise errors.Refused(_on_server(store, target))
    if os.path.lexists(target):
        raise errors.AlreadyExists(_exists(target))
    if not target.parent.is_dir():
        msg = f"The backup cannot be written: {target.parent} is not a folder. Make it first, or name a file in another one."
        raise errors.InvalidInput(msg)
    try:
        number, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)  # its mode is 0600
    except OSError as error:
        raise errors.StoreUnusable(_failed(target, error.strerror or str(error))) from error
    unfinished = Path(name)
    try:
        _copy(store, unfinished, target)
        os.fsync(number)
        _put_in_place(unfinished, target)
    finally:
        os.close(number)
        for left in (unfinished, *(Path(f"{name}-{end}") for end in ("journal", "wal", "shm"))):
            left.unlink(missing_ok=True)
    return target


def _target(path: object) -> Path:
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str) or not text.strip() or settings.UNSTORABLE.search(text) or settings.is_url(text):
        msg = (
            f"A backup is written to a file, such as cl.backup('lab-backup.db'), not to {settings.without_password(repr(path))}."
        )
        raise errors.InvalidInput(msg)
    return Path(settings.absolute_store(f"./{text}" if text in {"memory", ":memory:"} or text.startswith("file:") else text))


def _copy(store: Store, unfinished: Path, target: Path) -> None:
    with store.reading() as connection:
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)  # noqa: S101 - the store is one of SQLite
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()  # begins the read transaction, whose snapshot is copied
        try:
            with contextlib.closing(sqlite3.connect(unfinished, isolation_level=None)) as copy:
                source.backup(copy, pages=_PAGES)
                copy.execute(
                    "PRAGMA journal_mode=DELETE"
                ).fetchone()  # without a write-ahead log beside it, so that it opens on read-only media
        except sqlite3.Error as error:
            raise errors.StoreUnusable(_failed(target, str(error))) from error


def _put_in_place(unfinished: Path, target: Path) -> None:
    """Rename the finished copy to *target*, unless that exists by now."""
    try:
        regular_files.put_in_place(unfinished, target)
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError as error:
        raise errors.AlreadyExists(_exists(target)) from error
    except OSError as error:
        raise errors.StoreUnusable(_failed(target, error.strerror or str(error))) from error


def _exists(target: Path) -> str:
    return f"{target} exists, and a backup overwrites nothing. Choose another name, or remove it first."


def _failed(target: Path, reason: str) -> str:
    return f"The backup {target} cannot be written: {reason}. Nothing is left of it; choose another folder."


def _on_server(store: Store, target: Path) -> str:
    url = store.url
    host, user, name = url.host or "localhost", url.username or "USER", url.database or "DATABASE"
    if url.get_backend_name() == "postgresql":
        command = f"pg_dump -Fc -h {host} -U {user} -f {target} {name}"
    elif url.get_backend_name() in MARIADB:
        command = f"mariadb-dump --single-transaction -h {host} -u {user} -p -r {target} {name}"
    else:
        command = "its server's own tool"
    return f"The store {shown_url(url)} is on a server. Back it up there: {command}."
