"""Ceph images through librbd: no device of the host, but a handle that lives in this process."""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from cl_notebook import concurrency, errors
from cl_notebook.attach.opening import VolumeFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_IDENTITY = ("cluster_name", "hosts", "ports", "auth_username", "name")


def path(data: Mapping[str, Any]) -> str:
    """Return what stands for the path of a device that there is not: the image as qemu names it, ``rbd:POOL/IMAGE``."""
    return f"rbd:{data['name']}"


def is_meant(info: Mapping[str, Any], *, do_local_attach: bool) -> bool:
    """Return whether os-brick reaches *info* through librbd, and not through a device that the kernel maps (krbd)."""
    return info["driver_volume_type"].lower() == "rbd" and not info["data"].get("do_local_attach", do_local_attach)


class Handles:
    """The handles that this process has open, by what identifies the image; each is opened once."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = concurrency.lock()
        self._open: dict[str, tuple[str, Any, Callable[[Any], None]]] = {}

    def open(self, data: Mapping[str, Any], connector: Any) -> Any:  # noqa: ANN401 - os-brick has no types
        """Return os-brick's handle of the image, opened by *connector* unless it is open already.

        Raises:
            errors.AttachError: librbd's Python modules are missing.

        """
        with self._lock:
            known = self._open.get(_key(data))
            if known is not None:
                return known[1]
            _require_modules()
            handle = connector.connect_volume(data)["path"]
            self._open[_key(data)] = (path(data), handle, lambda held: connector.disconnect_volume(data, {"path": held}))
            return handle

    def find(self, name: str) -> Any | None:  # noqa: ANN401 - os-brick has no types
        """Return the open handle of the image that :func:`path` calls *name*; None if there is none."""
        with self._lock:
            return next((handle for called, handle, _close in self._open.values() if called == name), None)

    def close(self, data: Mapping[str, Any]) -> None:
        """Close the image's handle; one that is not open is a success."""
        with self._lock:
            known = self._open.pop(_key(data), None)
        if known is not None:
            known[2](known[1])

    def close_all(self) -> None:
        """Close every handle; one that cannot be closed keeps no other open."""
        with self._lock:
            left = list(self._open.values())
            self._open.clear()
        for _name, handle, close in left:
            with contextlib.suppress(Exception):
                close(handle)


class ImageFile(VolumeFile):
    """An image of Ceph's as a file, through a handle that stays open when this is closed."""

    def __init__(self, handle: Any, name: str, *, writable: bool) -> None:  # noqa: ANN401 - os-brick has no types
        """Stand on os-brick's *handle*."""
        super().__init__(name, writable=writable)
        self._handle = handle

    def size(self) -> int:
        """Return the volume's size in bytes, as it is now."""
        with self._translated():
            return size(self._handle)

    def read_at(self, count: int, at: int) -> bytes:
        """Return at most *count* bytes from byte *at*."""
        with self._translated():
            return bytes(self._handle.rbd_image.read(at, count))

    def write_at(self, data: memoryview, at: int) -> int:
        """Write at byte *at*, and return how many bytes were written."""
        with self._translated():
            self._handle.rbd_image.write(bytes(data), at)
        return len(data)

    def sync(self) -> None:
        """Wait until what was written is on the storage."""
        if not self._handle.closed:  # detached: it was flushed then
            with self._translated():
                self._handle.rbd_image.flush()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        # librbd's errors are no OSError, which is what is expected of a file
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
    """Return the size in bytes of the image behind os-brick's *handle*, as it is now."""
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
            f"attaching over rbd needs the modules rados and rbd in {sys.executable}: Debian has them for its own Python as "
            f"python3-rados and python3-rbd. Install them and start this process again ({error})."
        )
        raise errors.AttachError(msg) from error
