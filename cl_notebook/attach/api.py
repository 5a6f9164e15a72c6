"""The Protocol of a host on which volumes are attached: this host, or another one through a gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cl_notebook.attach.files import VolumeFile
    from cl_notebook.drivers.api import ConnectionInfo


class HostProbe(Protocol):
    """Looks at what a host has; see :class:`~cl_notebook.attach.probe.Probe`.

    Each method of a probe of another host raises errors.HostUnreachable if that host does not answer.
    """

    def command(self, name: str) -> str:
        """Return the path of the command *name*; empty if there is none."""

    def daemon(self, name: str, listens_on: str) -> str:
        """Return by what the daemon *name* is known to run; empty if it does not run."""

    def module(self, name: str) -> str:
        """Return whether a kernel module is ``built in``, ``loaded``, ``loadable``, ``missing`` or ``unknown``."""

    def file(self, path: str) -> Sequence[str]:
        """Return ``ok`` and the text of a file, ``missing``, or ``unknown`` and why it cannot be read."""

    def names(self, path: str) -> list[str]:
        """Return the names in a folder."""

    def library(self, name: str) -> str:
        """Return the version of a Python module, or ``installed``; empty if it cannot be imported."""

    def root_access(self) -> Sequence[str]:
        """Return whether commands can run as root without a password: ``ok``, ``missing`` or ``failed``, and what was seen."""

    def is_root(self) -> bool:
        """Return whether the process there has the rights of root."""

    def is_container(self) -> bool:
        """Return whether the host is a container."""

    def connect(self, host: str, port: int, timeout: float) -> str:
        """Return why a TCP connection failed within *timeout* seconds; empty if it did not."""

    def clock(self) -> float:
        """Return the time of the host's clock, in seconds since 1970."""


class AttachingHost(Protocol):
    """A host that attaches volumes by os-brick.

    ``multipath`` and ``do_local_attach`` (krbd instead of librbd) must be the same in every call on one connection.
    """

    @property
    def host(self) -> str:
        """The host's name in connections."""

    @property
    def probe(self) -> HostProbe:
        """What looks at the commands, daemons, kernel modules, files and libraries of the host."""

    def connector_properties(
        self, protocol: str | None, *, multipath: bool = False, enforce_multipath: bool | None = None
    ) -> dict[str, Any]:
        """Return os-brick's connector properties of the host, which a driver needs to give it access.

        For the protocol ``local`` these are its name and platform; otherwise all that os-brick finds, partly as root. With
        ``enforce_multipath`` (by default the same as *multipath*) it is an error if multipathd does not run; without it the
        result has ``multipath: False`` then.

        Raises:
            errors.AttachError: os-brick failed.

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
        """Attach the device that *info* describes; return os-brick's description of it, with its ``path``.

        The device is checked: it is readable, has at least *expected_bytes*, is the one that the storage named if the protocol
        tells (see ``attach.identity``), and is the same as *before*, the device of an earlier attachment. If a check fails, the
        device is detached, unless it was attached before. A librbd image has no device; its path is ``rbd:POOL/IMAGE``.

        Raises:
            errors.AttachError: the device cannot be attached, or a check fails.

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
        """Detach the *device* that :meth:`attach` returned; a device that is not attached is a success.

        *force* detaches it even if it is in use or its cached data cannot be written; the uses are returned. The uses of a device
        that *is_shared* with other connections are not checked, since it stays attached.

        Raises:
            errors.BusyOnStorage: it is mounted or in use (see ``cl_notebook.usage``); it is unchanged.
            errors.AttachError: the device cannot be detached.

        """

    def uses(self, info: ConnectionInfo, device: Mapping[str, Any] | None, *, do_local_attach: bool = False) -> list[str]:
        """Return descriptions of what uses the devices of *info* on the host; a librbd image has no uses.

        *device* is the result of :meth:`attach`, if known; it is included while it still is the volume's device.
        """

    def extend(self, info: ConnectionInfo, *, multipath: bool = False, do_local_attach: bool = False) -> int:
        """Make the host read the new size of an attached volume that was extended; return it in bytes.

        Raises:
            errors.AttachError: the size cannot be read.

        """

    def device_size(self, path: str) -> int:
        """Return the size of the device or file in bytes.

        Raises:
            errors.AttachError: it does not exist, or cannot be read.

        """

    def open(
        self, info: ConnectionInfo, device: Mapping[str, Any], mode: str = "r+b", *, do_local_attach: bool = False
    ) -> VolumeFile:
        """Return the volume's bytes as an open file; closing it does not detach the volume.

        Raises:
            errors.InvalidInput: *mode* is neither ``rb`` nor ``r+b``.
            errors.AttachError: it cannot be opened, is another volume's, or does not hold plain bytes (qcow2).

        """

    def close(self) -> None:
        """Release resources in this process; attached devices stay attached."""
