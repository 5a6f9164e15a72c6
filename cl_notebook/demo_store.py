"""The demo: a store in a temporary folder, with a filled simulator and a small local backend, that is thrown away at the end.

::

    <temporary folder>/cl_notebook-demo-…/lock      locked while the demo runs; a killed kernel releases it
    <temporary folder>/cl_notebook-demo-…/store.db  the store
    <temporary folder>/cl_notebook-demo-…/array     the simulator's storage
    <temporary folder>/cl_notebook-demo-…/files     the local backend's storage
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cl_notebook import concurrency, errors, regular_files, session
from cl_notebook.display import markup, report
from cl_notebook.drivers.filebased.locks import FileLock
from cl_notebook.treemodel import static_tree
from cl_notebook.treemodel.render import html_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from types import TracebackType

PREFIX = "cl_notebook-demo-"
"""Beginning of the name of a demo's folder."""

ARRAY, FILES = "array", "files"
"""Names of the backends: a simulated array, and a folder of files."""

INTERRUPTED = "mail"
"""Name of the volume whose extension is left half done."""

END = "%cl_demo --end"

_LOCK, _STORE = "lock", "store.db"
_SECONDS = 60
"""How long the process that ends in the middle of an operation may take."""

_BY_BACKEND = (
    "SELECT b.name, b.config, count(v.id) FROM backend b JOIN volume v ON v.backend_id = b.id GROUP BY b.id ORDER BY b.name"
)

_STEPS = (
    ("Lists as DataFrames, with filters", "%cl_volumes"),
    ("A volume as an object", "vol = %cl_find db"),
    ("What is half done, and what repairs it", "%cl_scan"),
    ("The end: back to your own store", END),
)
"""What to try in a demo: purpose and line of magic."""


class Demo:
    """A running demo. Its session is the default one until :meth:`close`, which also ends a ``with`` block."""

    def __init__(self, folder: Path, lock: FileLock) -> None:
        """Fill the new *folder*, on which *lock* is held, and make its session the default one."""
        self.folder = folder
        self._lock = lock
        self.session = session.Session(str(folder / _STORE), read_only=False)
        self._store = self.session.settings.store
        self.is_closed = False
        self.at_end: list[Callable[[], object]] = []
        """Called by :meth:`close`: what closes the panel with the demo's tree."""
        try:
            _fill(self.session, folder)
        except BaseException:
            self.session.close()
            raise
        self._before = session.replace_default(self.session)
        atexit.register(self._at_exit)

    def __enter__(self) -> Self:
        """Return the demo, which ends with the block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the demo."""
        self.close()

    def close(self, *, force: bool = False) -> None:
        """End the demo: remove its folder, and make the session before it the default one again.

        A default session that :func:`cl_notebook.setup` opened meanwhile on another store stays.

        Args:
            force: end it also if that loses the track of storage outside the demo's folder.

        Raises:
            Refused: the demo's store tracks volumes of a backend whose storage is not in the demo's folder.

        """
        if self.is_closed:
            return
        elsewhere = {} if force else dict(_backends_elsewhere(self.folder))
        if elsewhere:
            counted = ", ".join(f"{name!r} ({report.number(count, 'volume')})" for name, count in elsewhere.items())
            msg = (
                f"The demo's store tracks volumes whose storage stays: those of {counted}. Delete or unmanage them first, or "
                f"copy the store with cl.backup('lab.db'), and end the demo with {END} --force, or close(force=True)."
            )
            raise errors.Refused(msg)
        self.is_closed = True
        for close in self.at_end:
            close()
        unused = session.restore_default(self._before, self._store)
        for opened in (unused, self.session):
            if opened is not None:
                opened.close()
        self._remove()

    def _at_exit(self) -> None:
        if not any(_backends_elsewhere(self.folder)):
            self._remove()

    def _remove(self) -> None:
        atexit.unregister(self._at_exit)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()

    def __repr__(self) -> str:
        """Say what the demo is, what to try, and how to end it."""
        if self.is_closed:
            return self._heading()
        width = max(len(line) for _, line in _STEPS)
        return "\n".join([self._heading(), *(f"  {line.ljust(width)}  {purpose}" for purpose, line in _STEPS)])

    def _repr_mimebundle_(self, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
        """Return the same as text and as HTML, which also has the tree, for pages without the live one."""
        parts = [f"<div>{markup.escaped(self._heading())}</div>"]
        if not self.is_closed:
            parts.append(markup.facts((purpose, markup.command(line)) for purpose, line in _STEPS))
            parts.append(markup.fold("What it holds", html_tree(static_tree.read(self.session))))
        shown = markup.card(*parts)
        return markup.bundle(repr(self), shown, include, exclude)

    def _heading(self) -> str:
        if self.is_closed:
            return f"This demo is over; {self.folder} is removed."
        return f"A demo, in the throw-away folder {self.folder}."


class _Running:
    """Holds the demo of this process."""

    def __init__(self) -> None:
        self._lock = concurrency.lock()
        self._demo: Demo | None = None

    def start(self) -> Demo:
        with self._lock:
            if self._demo is not None and not self._demo.is_closed:
                msg = f"A demo is running already, in {self._demo.folder}. End it: {END}, or close() of what cl.demo() returned."
                raise errors.Refused(msg)
            remove_abandoned()
            folder = Path(tempfile.mkdtemp(prefix=PREFIX))
            lock = FileLock(folder / _LOCK)
            lock.acquire()
            try:
                self._demo = Demo(folder, lock)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                lock.release()
                raise
            return self._demo

    def get(self) -> Demo:
        if self._demo is None or self._demo.is_closed:
            msg = "No demo is running. %cl_demo, or cl.demo(), starts one."
            raise errors.Refused(msg)
        return self._demo


_running = _Running()


def start(show: Callable[[session.Session], list[Callable[[], object]]]) -> Demo:
    """Start a demo in a new temporary folder, make its session the default one, and *show* it.

    Folders of demos whose process was killed are removed.

    Args:
        show: shows the session, and returns what the end of the demo calls to close that.

    Raises:
        Refused: a demo is running in this process.
        StoreError, DriverError: the temporary folder cannot be used.

    """
    demo = _running.start()
    demo.at_end += show(demo.session)
    return demo


def running() -> Demo:
    """Return the demo of this process.

    Raises:
        Refused: there is none.

    """
    return _running.get()


def remove_abandoned() -> list[Path]:
    """Remove this user's demo folders whose process has ended, unless they track storage elsewhere; return them."""
    return [folder for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*") if _remove_if_abandoned(folder)]


def _remove_if_abandoned(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        is_ours = not folder.is_symlink() and folder.is_dir() and folder.stat().st_uid == os.geteuid()
        if not is_ours or any(regular_files.status(folder / name) is None for name in (_LOCK, _STORE)):
            return False
        lock = FileLock(folder / _LOCK)
        if not lock.acquire(blocking=False):
            lock.lockfile.close()  # fasteners leaves it open
            return False
        try:
            if not any(_backends_elsewhere(folder)):
                shutil.rmtree(folder, ignore_errors=True)
                return True
        finally:
            lock.release()
    return False


def _backends_elsewhere(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield name and number of volumes of the backends in the store of *folder* whose storage is not in *folder*.

    The store is read without a session: this is also called at the end of the process, and for stores of killed ones.
    """
    try:
        with contextlib.closing(sqlite3.connect(f"{(folder / _STORE).as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute(_BY_BACKEND).fetchall()
    except sqlite3.Error:  # nothing was tracked yet
        return
    for name, config, count in rows:
        path = json.loads(config).get("path")
        if not path or not Path(path).is_relative_to(folder):
            yield str(name), int(count)


def _fill(opened: session.Session, folder: Path) -> None:
    """Create the demo's backends, and on them volumes, snapshots and connections in all kinds of states."""
    # the sixth volume cannot be created
    array = opened.backend(ARRAY, volume_driver="sim", path=folder / "array", capacity=500, faults="create_volume:6")
    # no loop devices: they would keep the files after the end
    files = opened.backend(FILES, volume_driver="local", path=folder / "files", quota=20, loop_devices="never")
    array.create_volume(size=50, name=INTERRUPTED, description="Mailboxes; its extension was interrupted")
    with _interrupting(opened.settings.store) as process:
        database = array.create_volume(size=100, name="db", description="Database of the shop", metadata={"owner": "ann"})
        database.create_snapshot(name="nightly")
        before = database.create_snapshot(name="before-upgrade")
        database.connect({"host": "db1", "ip": "192.0.2.11"})
        before.create_volume(name="db-test")
        web = array.create_volume(size=20, name="web", description="Files of the web servers")
        for number in (1, 2):
            web.connect({"host": f"web{number}", "ip": f"192.0.2.{20 + number}"})
        web.create_snapshot(name="monday")
        for name in ("scratch-1", "scratch-2"):
            array.create_volume(size=5, name=name)
        with contextlib.suppress(errors.DriverError):
            array.create_volume(size=10, name="archive", description="The array failed when it was created")
        notes = files.create_volume(size=1, name="notes", description="A file of this machine")
        with notes.attach().open() as disk:
            disk.write(b"hello")
        notes.create_snapshot(name="draft")
        process.wait(_SECONDS)


def _interrupting(store: str) -> subprocess.Popen[bytes]:
    """Start another Python that calls :func:`end_midway`."""
    code = "import sys; from cl_notebook import demo_store; demo_store.end_midway(sys.argv[1])"
    command = [sys.executable, "-P", "-c", code, store]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # the package may be found by it alone
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, env=environment, stdin=nowhere, stdout=nowhere, stderr=nowhere)  # noqa: S603 - our own words


def end_midway(store: str) -> None:
    """End this process in the middle of the extension of a volume, as a kernel that is killed does.

    Args:
        store: the demo's store.

    """
    opened = session.Session(store, read_only=False)
    volume = opened.find(INTERRUPTED)
    opened.driver(volume.backend)
    opened.progress = lambda _doing: os._exit(0)  # called between the intent and the outcome
    volume.extend(80)
