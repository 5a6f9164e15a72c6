"""Show the progress of work of over two seconds: a line in a terminal, a bar in a notebook."""

from __future__ import annotations

import contextlib
import contextvars
import html
import sys
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from cl_notebook.drivers.api import no_progress
from cl_notebook.model.context import CountedWork
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.drivers.api import Progress

DELAY = 2.0
"""Seconds of work before anything is shown."""

_EVERY = 0.5
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024
_SILENT = contextvars.ContextVar("cl_notebook_silent", default=False)
_SHELL: contextvars.ContextVar[InteractiveShell | None] = contextvars.ContextVar("cl_notebook_shell", default=None)


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Show no progress in the block, in this thread: the work was not started by a cell."""
    before = _SILENT.set(True)
    try:
        yield
    finally:
        _SILENT.reset(before)


def is_silenced() -> bool:
    """Return whether nothing is printed in this thread, as its work was not started by a cell."""
    return _SILENT.get()


@contextlib.contextmanager
def asked_by(shell: InteractiveShell) -> Iterator[None]:
    """Make :func:`shown` display on *shell* within the block."""
    before = _SHELL.set(shell)
    try:
        yield
    finally:
        _SHELL.reset(before)


@contextlib.contextmanager
def shown(doing: str) -> Iterator[None]:
    """Show *doing* while the block runs, without a session; show nothing outside of a magic."""
    shell = _SHELL.get()
    if shell is None:
        yield
        return
    with Display(shell, DELAY)(doing):
        yield


class Display:
    """The progress display of a session; see :func:`cl_notebook.session.show_progress`."""

    def __init__(self, shell: InteractiveShell, delay: float = DELAY) -> None:
        """Display on *shell* work that takes longer than *delay* seconds."""
        self._shell = shell
        self._delay = delay

    @contextlib.contextmanager
    def __call__(self, doing: str) -> Iterator[Progress]:
        """Show *doing* while the block runs; the yielded callable takes the bytes done and the total.

        Both are numbers of things if *doing* is a CountedWork; then its parts show nothing of their own.
        """
        if _SILENT.get():
            yield no_progress
            return
        counted = isinstance(doing, CountedWork)
        work = _Work(self._shell, sanitize(doing), self._delay, counted=counted)
        thread = threading.Thread(target=contextvars.copy_context().run, args=(work.watch,), daemon=True)
        thread.start()

        def cell_is_over(*_result: object) -> None:
            if not work.may_stay:
                work.end()
                thread.join()  # before the next prompt is drawn

        with _at_the_end_of_the_cell(self._shell, cell_is_over), silenced() if counted else contextlib.nullcontext():
            try:
                yield work.note
            finally:
                work.end()
                thread.join()


@contextlib.contextmanager
def _at_the_end_of_the_cell(shell: InteractiveShell, callback: Callable[..., None]) -> Iterator[None]:
    """Call *callback* if the cell ends within the block, when an interrupted operation continues in a thread."""
    events: Any = getattr(shell, "events", None)
    if events is None:
        yield
        return
    events.register("post_run_cell", callback)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            events.unregister("post_run_cell", callback)


class _Work:
    """One running operation, displayed by a thread, so that it is visible even if its driver never reports."""

    def __init__(self, shell: InteractiveShell, doing: str, delay: float, *, counted: bool = False) -> None:
        self._is_counted = counted
        self._screen = _Page(shell) if hasattr(shell, "kernel") else _Line()
        self._doing = doing
        self._delay = delay
        self._started = time.monotonic()
        self._ended = threading.Event()
        self._done = self._total = 0
        self._is_shown = False

    @property
    def may_stay(self) -> bool:
        """Whether the display may stay after its cell ended: only an existing notebook output may."""
        return self._is_shown and isinstance(self._screen, _Page)

    def note(self, done: int, total: int) -> None:
        self._done, self._total = done, total

    def end(self) -> None:
        self._ended.set()

    def watch(self) -> None:
        if self._ended.wait(self._delay):
            return
        with contextlib.suppress(Exception):  # a front end that has gone must not fail the work itself
            while not self._ended.is_set():
                self._is_shown = True
                self._screen.show(self._text(), self._fraction())
                self._ended.wait(_EVERY)
        with contextlib.suppress(Exception):
            self._screen.clear()

    def _fraction(self) -> float | None:
        return min(self._done / self._total, 1.0) if self._total > 0 else None

    def _text(self) -> str:
        seconds = f"{time.monotonic() - self._started:.0f} s"
        fraction = self._fraction()
        if fraction is None:
            return f"{self._doing}… {seconds}"
        if self._is_counted:
            return f"{self._doing}… {self._done:,} of {self._total:,}, {seconds}"
        return f"{self._doing}… {fraction:.0%} of {_size(self._total)}, {seconds}"


class _Page:
    """Progress in a notebook: one output, updated in place and emptied at the end."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._publisher = shell.display_pub
        self._transient = {"display_id": f"cl_notebook-{uuid.uuid4()}"}
        self._is_new = True

    def show(self, text: str, fraction: float | None) -> None:
        value = "" if fraction is None else f" value='{fraction:.3f}'"
        escaped = html.escape(text)
        self._publish({"text/plain": text, "text/html": f"<progress max='1'{value} aria-label='{escaped}'></progress> {escaped}"})

    def clear(self) -> None:
        if not self._is_new:
            self._publish({"text/plain": "", "text/html": ""})

    def _publish(self, data: dict[str, Any]) -> None:
        self._publisher.publish(data, metadata={}, transient=self._transient, update=not self._is_new)
        self._is_new = False


class _Line:
    """Progress in a terminal: one line, overwritten and cleared at the end; nothing if it is no terminal."""

    def __init__(self) -> None:
        self._width = 0

    def show(self, text: str, _fraction: float | None) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\r" + text.ljust(self._width))
            sys.stderr.flush()
            self._width = len(text)

    def clear(self) -> None:
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()


def _size(count: int) -> str:
    number = float(count)
    for unit in _UNITS[:-1]:
        if number < _STEP:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= _STEP
    return f"{number:.1f} {_UNITS[-1]}"
