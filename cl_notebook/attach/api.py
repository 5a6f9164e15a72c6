"""What a host is to whoever attaches: this one, or another that is reached through a gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.attach.files import VolumeFile
    from cl_notebook.drivers.api import ConnectionInfo


class AttachingHost(Protocol):
    """A place that volumes can be attached to, by os-brick.

    ``multipath`` and ``do_local_attach`` (krbd instead of librbd) must be the same in every call on one connection.
    """

    @property
    def host(self) -> str:
        """The name that connections of the host are made under."""

    def connector_properties(
        self, protocol: str | None, *, multipath: bool = False, enforce_multipath: bool | None = None
    ) -> dict[str, Any]:
        """Return what a driver needs to know of the host to let it in.

        For the protocol ``local`` that is its name and kind; else it is all that os-brick finds out, some of it as root.
        ``enforce_multipath``, by default the same as *multipath*, is an error where multipathd does not run; without it the
        answer then says ``multipath: False``.

        Raises:
            errors.AttachError: os-brick could not find out.

        """

    def attach(
        self,
        info: ConnectionInfo,
        *,
        multipath: bool = False,
        do_local_attach: bool = False,
        expected_bytes: int | None = None,
        before: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Attach the device that *info* leads to, and return os-brick's description of it, ``path`` among others.

        The device is checked before it is handed out: it can be read, it has at least *expected_bytes*, it is the one that the
        storage named where the protocol tells (see ``attach.identity``), and the same as *before*, the device of an earlier
        attachment. One that fails is detached again, unless it was attached before. An image that librbd reaches has no device:
        its path is ``rbd:POOL/IMAGE``.

        Raises:
            errors.AttachError: the device cannot be attached, or is not the right one.

        """

    def detach(
        self,
        info: ConnectionInfo,
        device: Mapping[str, Any] | None,
        *,
        multipath: bool = False,
        do_local_attach: bool = False,
        force: bool = False,
        is_shared: bool = False,
    ) -> list[str]:
        """Detach what :meth:`attach` returned as *device*; one that is not attached is a success.

        With *force* the device goes even if what is cached for it cannot be written any more, and if it is in use: what used it
        is returned. Of one that *is_shared* with other connections, which keep it, no use is looked for.

        Raises:
            errors.BusyOnStorage: it is mounted or in use (see ``cl_notebook.usage``); nothing was done.
            errors.AttachError: the device cannot be detached.

        """

    def uses(self, info: ConnectionInfo, device: Mapping[str, Any] | None, *, do_local_attach: bool = False) -> list[str]:
        """Return what on the host uses the devices that *info* leads to, in words; an image that librbd reaches has none.

        *device* is what :meth:`attach` returned, if that is known; what it names counts while it still is the volume's.
        """

    def extend(self, info: ConnectionInfo, *, multipath: bool = False, do_local_attach: bool = False) -> int:
        """Let the host see the new size of an attached volume that was extended; return it in bytes.

        Raises:
            errors.AttachError: the size cannot be found out.

        """

    def device_size(self, path: str) -> int:
        """Return the size of the device or file in bytes.

        Raises:
            errors.AttachError: it is not there, or cannot be read.

        """

    def open(
        self, info: ConnectionInfo, device: Mapping[str, Any], mode: str = "r+b", *, do_local_attach: bool = False
    ) -> VolumeFile:
        """Return an open file of the volume's bytes; closing it detaches nothing.

        Raises:
            errors.InvalidInput: *mode* is neither ``rb`` nor ``r+b``.
            errors.AttachError: it cannot be opened, is not the right one, or is not made of the volume's bytes (qcow2).

        """

    def close(self) -> None:
        """Let go of what is held in this process; what is attached stays attached."""
