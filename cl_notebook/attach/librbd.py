"""Attaches Ceph images through librbd: an open handle in this process instead of a device of the host."""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from cl_notebook import concurrency, errors
from cl_notebook.attach.files import VolumeFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

R = TypeVar("R")

MAX_WRITE = 8 * 1024**2
"""Most bytes that one call writes: after an interrupt, at most so many bytes are in an unknown state."""

_IDENTITY = ("cluster_name", "hosts", "ports", "auth_username", "name")


def path(data: Mapping[str, Any]) -> str:
    """Return the path that an image has instead of a device path, as qemu writes it: ``rbd:POOL/IMAGE``."""
    return f"rbd:{data['name']}"


def uses_librbd(info: Mapping[str, Any], *, do_local_attach: bool) -> bool:
    """Return whether os-brick attaches *info* through librbd instead of a device that the kernel maps (krbd)."""
    return info["driver_volume_type"].lower() == "rbd" and not info["data"].get("do_local_attach", do_local_attach)


class Calls:
    """Runs the librbd calls on one image one by one, each in a thread of its own.

    While the cluster is unreachable a call does not return, and Python handles signals only between calls. So the caller waits
    for a thread, and can be interrupted at once; the call continues, and the next one starts after it.
    """

    def __init__(self) -> None:
        """Start without calls."""
        self._lock = concurrency.lock()
        self._last: concurrency.Future[Any] | None = None

    @property
    def is_blocked(self) -> bool:
        """Whether a call is running."""
        return self._last is not None and not self._last.done()

    def run(self, work: Callable[[], R], interrupted: str, late: Callable[[R], object] | None = None) -> R:
        """Run *work* in a thread, wait for it, and return its result.

        Args:
            work: the call.
            interrupted: the message of an interrupt.
            late: called with the result of *work* if it returns after an interrupt.

        Raises:
            errors.Interrupted: the wait was interrupted.

        """
        future: concurrency.Future[R] = concurrency.Future()
        with self._lock:
            before, self._last = self._last, future

        def call() -> None:
            try:
                if before is not None:
                    before.exception()
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - it is raised where the call is waited for
                future.set_exception(error)

        concurrency.daemon(call, "librbd").start()
        try:
            return future.result()
        except KeyboardInterrupt:
            if late is not None:
                future.add_done_callback(lambda done: None if done.exception() else late(done.result()))
            raise errors.Interrupted(interrupted) from None


class Handles:
    """The librbd handles that this process has open, one per image."""

    def __init__(self) -> None:
        """Start without open handles."""
        self._lock = concurrency.lock()
        self._open: dict[str, tuple[str, Any, Callable[[Any], None], Calls]] = {}

    def open(self, data: Mapping[str, Any], connector: Any) -> Any:  # noqa: ANN401 - os-brick has no types
        """Return os-brick's handle of the image, which *connector* opens if it is not open.

        Raises:
            errors.AttachError: librbd's Python modules are missing.

        """
        with self._lock:
            known = self._open.get(_key(data))
            if known is not None:
                return known[1]
            _require_modules()
            calls = Calls()

            def close(handle: Any) -> None:  # noqa: ANN401 - as above
                connector.disconnect_volume(data, {"path": handle})

            interrupted = (
                f"{path(data)} was not opened: its cluster does not answer. If it answers later, the image is closed again."
            )
            handle = calls.run(lambda: connector.connect_volume(data)["path"], interrupted, close)
            self._open[_key(data)] = (path(data), handle, close, calls)
            return handle

    def file(self, data: Mapping[str, Any], connector: Any, *, writable: bool) -> ImageFile:  # noqa: ANN401 - as above
        """Return the image as an open file; closing it leaves the handle open."""
        handle = self.open(data, connector)
        with self._lock:
            known = self._open.get(_key(data))
        return ImageFile(handle, path(data), known[3] if known is not None else Calls(), writable=writable)

    def find(self, name: str) -> Any | None:  # noqa: ANN401 - os-brick has no types
        """Return the open handle of the image that :func:`path` calls *name*; None if there is none."""
        with self._lock:
            return next((handle for image, handle, _close, _calls in self._open.values() if image == name), None)

    def close(self, data: Mapping[str, Any]) -> None:
        """Close the image's handle; an image that is not open is a success."""
        with self._lock:
            known = self._open.pop(_key(data), None)
        if known is not None:
            name, handle, close, calls = known
            interrupted = (
                f"Closing {name} was interrupted: its cluster does not answer, and what was written last may not be there."
            )
            calls.run(lambda: close(handle), interrupted)

    def close_all(self) -> None:
        """Close every handle, also after one fails to close."""
        with self._lock:
            opened = list(self._open.values())
            self._open.clear()
        for _name, handle, close, calls in opened:
            if not calls.is_blocked:  # closing would wait for the unreachable cluster
                with contextlib.suppress(Exception):
                    close(handle)


class ImageFile(VolumeFile):
    """A Ceph image as a file, through a handle that stays open when the file is closed."""

    def __init__(self, handle: Any, name: str, calls: Calls, *, writable: bool) -> None:  # noqa: ANN401 - os-brick has no types
        """Use os-brick's *handle*, whose calls run one by one through *calls*."""
        super().__init__(name, writable=writable)
        self._handle = handle
        self._calls = calls

    def size(self) -> int:
        """Return the volume's present size in bytes."""
        with self._translated():
            interrupted = f"Reading the size of {self.name} was interrupted: its cluster does not answer."
            return self._calls.run(lambda: size(self._handle), interrupted)

    def read_at(self, count: int, at: int) -> bytes:
        """Return at most *count* bytes from offset *at* (bytes)."""
        with self._translated():
            interrupted = f"Reading {count} bytes at byte {at} of {self.name} was interrupted: its cluster does not answer."
            return bytes(self._calls.run(lambda: self._handle.rbd_image.read(at, count), interrupted))

    def write_at(self, data: memoryview, at: int) -> int:
        """Write *data* at offset *at* (bytes); return the number of bytes written, at most :data:`MAX_WRITE`.

        Raises:
            errors.Interrupted: the cluster has not answered yet; the message says which bytes are in doubt.

        """
        piece = bytes(data[:MAX_WRITE])
        with self._translated():
            interrupted = (
                f"Writing {len(piece)} bytes at byte {at} of {self.name} was interrupted: its cluster does not answer, and they "
                f"may be written later, in part, or not at all. Write them again; what is before byte {at} was accepted."
            )
            self._calls.run(lambda: self._handle.rbd_image.write(piece, at), interrupted)
        return len(piece)

    def sync(self) -> None:
        """Wait until all written bytes are on the storage."""
        if not self._handle.closed:  # closing the handle has flushed it
            with self._translated():
                interrupted = (
                    f"Flushing {self.name} was interrupted: its cluster does not answer, and what was written may be lost."
                )
                self._calls.run(self._handle.rbd_image.flush, interrupted)

    def close(self) -> None:
        """Flush, unless an interrupted call is still running; the handle stays open."""
        if self._calls.is_blocked:
            self._writable = False  # flushing would wait for the call; its interrupt said what is in doubt
        super().close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        # callers of a file expect OSError, and librbd's exceptions do not derive from it
        if self._handle.closed:
            msg = f"{self.name} is detached"
            raise ValueError(msg)
        try:
            yield
        except OSError:
            raise
        except Exception as error:
            raise OSError(getattr(error, "errno", None) or errno.EIO, errors.one_line(error), self.name) from error


def size(handle: Any) -> int:  # noqa: ANN401 - os-brick has no types
    """Return the present size in bytes of the image behind os-brick's *handle*."""
    handle.seek(0, os.SEEK_END)
    return int(handle.tell())


def _key(data: Mapping[str, Any]) -> str:
    return json.dumps([data.get(name) for name in _IDENTITY])


def _require_modules() -> None:
    try:
        for name in ("rados", "rbd"):
            importlib.import_module(name)
    except ImportError as error:
        msg = (
            f"Attaching over rbd needs the modules rados and rbd in {sys.executable}: Debian has them for its own Python as "
            f"python3-rados and python3-rbd. Install them and start this process again ({error})."
        )
        raise errors.AttachError(msg) from error
