"""This host: attaches and detaches volumes by os-brick."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import socket
import sys
from typing import TYPE_CHECKING, Any

from cl_notebook import errors, usage
from cl_notebook.attach import block_devices, device, files, identity, librbd, osbrick
from cl_notebook.attach.probe import QUESTIONS, Probe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cl_notebook.drivers.api import ConnectionInfo

LOCAL = "local"
"""The protocol of volumes that are devices or files of this host."""

_NOWHERE = ("192.0.2.1", 9)
_ROOTLESS = frozenset({LOCAL, "rbd", "ceph"}) | identity.SHARES
"""Protocols that may work without root: a share may be mounted already, and librbd needs no device."""


class Host:
    """Attaches and detaches devices on this host; os-brick is imported when it is needed.

    The class also runs on other hosts, to which its source is sent: see ``attach.remote.gateway``.
    """

    def __init__(self, host: str, root_helper: str, lock_path: Path) -> None:
        """Keep the name of the host, the command that runs others as root, and the folder for os-brick's locks."""
        self.host = host
        self._root_helper = root_helper
        self._lock_path = lock_path
        self._handles = librbd.Handles()
        self.probe = Probe(root_helper)

    def ask_probe(self, question: str, *args: Any) -> Any:  # noqa: ANN401 - plain data
        """Answer a question of another host's notebook: a method of :class:`~cl_notebook.attach.probe.Probe`.

        Raises:
            errors.InvalidInput: there is no such question.

        """
        if question not in QUESTIONS:
            msg = f"{question!r} is not a question about a host."
            raise errors.InvalidInput(msg)
        return getattr(self.probe, question)(*args)

    def connector_properties(
        self, protocol: str | None, *, multipath: bool = False, enforce_multipath: bool | None = None
    ) -> dict[str, Any]:
        """Return os-brick's connector properties of this host; see ``attach.api``."""
        basic = {
            "host": self.host,
            "ip": _address(),
            "platform": platform.machine(),
            "os_type": sys.platform,
            "multipath": multipath,
        }
        protocol = (protocol or "").lower()
        if protocol == LOCAL:
            return basic  # os-brick would query iSCSI, NVMe and more, as root
        if osbrick.lacks_root(self._root_helper):
            self._refuse_without_root(protocol)
            return {**basic, "do_local_attach": False}
        properties = osbrick.connector_properties(
            self._brick(),
            root_helper=self._root_helper,
            my_ip=basic["ip"],
            multipath=multipath,
            enforce_multipath=multipath if enforce_multipath is None else enforce_multipath,
            host=self.host,
        )
        return {**basic, **properties}

    def attach(
        self,
        info: ConnectionInfo,
        *,
        multipath: bool = False,
        do_local_attach: bool = False,
        expected_bytes: int | None = None,
        before: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Attach the device that *info* describes, and return os-brick's description of it; see ``attach.api``."""
        connector = self.brick_connector(info, multipath=multipath, do_local_attach=do_local_attach)
        with osbrick.translated(f"Cannot attach over {info['driver_volume_type']}", info):
            if librbd.uses_librbd(info, do_local_attach=do_local_attach):
                self._handles.open(info["data"], connector)
                attached = {"type": "librbd", "path": librbd.path(info["data"])}
            else:
                attached = _plain(connector.connect_volume(info["data"]))
        try:
            self._reread_size(info, attached, expected_bytes, multipath=multipath, do_local_attach=do_local_attach)
            self._check(info, attached, expected_bytes, before or {})
        except errors.AttachError:
            if not before:
                with contextlib.suppress(errors.AttachError):  # the first error matters more
                    # a device in use was attached before, and stays
                    if not self.uses(info, attached, do_local_attach=do_local_attach):
                        flags = {"multipath": multipath, "do_local_attach": do_local_attach}
                        self.detach(info, attached, force=True, is_shared=True, **flags)
            raise
        return attached

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
        """Detach the *device* that :meth:`attach` returned; see ``attach.api``."""
        uses = [] if is_shared else self.uses(info, device, do_local_attach=do_local_attach)
        if uses and not force:
            usage.refuse(_display_path(info, device), uses)
        with osbrick.translated(f"Cannot detach over {info['driver_volume_type']}", info):
            if librbd.uses_librbd(info, do_local_attach=do_local_attach):
                self._handles.close(info["data"])
                return []
            connector = self.brick_connector(info, multipath=multipath, do_local_attach=do_local_attach)
            connector.disconnect_volume(info["data"], dict(device or {}), force=force, ignore_errors=force)
        return uses

    def uses(self, info: ConnectionInfo, device: Mapping[str, Any] | None, *, do_local_attach: bool = False) -> list[str]:
        """Return descriptions of what uses the devices of *info* on this host; see ``attach.api``."""
        if librbd.uses_librbd(info, do_local_attach=do_local_attach):
            return []
        return usage.uses(_paths(info, device))

    def extend(self, info: ConnectionInfo, *, multipath: bool = False, do_local_attach: bool = False) -> int:
        """Make this host read the new size of an attached volume, and return it in bytes; see ``attach.api``."""
        data, protocol = info["data"], info["driver_volume_type"].lower()
        if protocol == LOCAL:
            # os-brick runs blockdev as root, which fails for plain files; the driver has resized the device itself
            return self._check(info, {"path": data["device_path"]}, None, {})
        connector = self.brick_connector(info, multipath=multipath, do_local_attach=do_local_attach)
        with osbrick.translated(f"cannot extend over {info['driver_volume_type']}", info):
            if librbd.uses_librbd(info, do_local_attach=do_local_attach):
                return librbd.size(self._handles.open(data, connector))
            if protocol in identity.SHARES:  # os-brick's connectors of shares raise NotImplementedError
                return device.device_size(_plain(connector.connect_volume(data))["path"], kind=_format(info))
            return int(connector.extend_volume(data))

    def device_size(self, path: str) -> int:
        """Return the size of the device or file in bytes; see ``attach.api``."""
        handle = self._handles.find(path)
        return device.device_size(path) if handle is None else librbd.size(handle)

    def open(
        self, info: ConnectionInfo, device: Mapping[str, Any], mode: str = "r+b", *, do_local_attach: bool = False
    ) -> files.VolumeFile:
        """Return an open file of the volume's bytes; see ``attach.api``."""
        writable, path = files.is_writable(mode), str(device["path"])
        if _format(info) == "qcow2":
            msg = f"{path} is a qcow2 image of the volume, not its bytes: qemu-img, qemu-io and qemu-nbd read it"
            raise errors.AttachError(msg)
        with osbrick.translated(f"cannot open {path}", info):
            if librbd.uses_librbd(info, do_local_attach=do_local_attach):
                connector = self.brick_connector(info, multipath=False, do_local_attach=do_local_attach)
                return self._handles.file(info["data"], connector, writable=writable)
            identity.check(info, path)
            file = files.DeviceFile(path, writable=writable, is_file=info["data"].get("backing_file") == path)
            identity.check_open(info, file)
            return file

    def close(self) -> None:
        """Close the open librbd handles; attached devices stay attached."""
        self._handles.close_all()

    def _check(self, info: ConnectionInfo, attached: Mapping[str, Any], expected: int | None, before: Mapping[str, Any]) -> int:
        path = str(attached["path"])
        handle = self._handles.find(path)
        if handle is not None:
            with osbrick.translated(f"the size of {path} cannot be read"):
                return device.check_size(path, librbd.size(handle), expected)
        size = device.device_size(path, kind=_format(info))
        identity.check(info, path)
        identity.check_same(path, before, attached)
        return device.check_size(path, size, expected)

    def _reread_size(
        self, info: ConnectionInfo, attached: Mapping[str, Any], expected: int | None, *, multipath: bool, do_local_attach: bool
    ) -> None:
        """Read the size of a device again that was attached before its volume was extended; :meth:`_check` checks the result."""
        path = str(attached["path"])
        if expected is None or self._handles.find(path) is not None or info["driver_volume_type"].lower() == LOCAL:
            return
        with contextlib.suppress(errors.AttachError):
            if device.device_size(path, kind=_format(info)) < expected:
                self.extend(info, multipath=multipath, do_local_attach=do_local_attach)

    def brick_connector(
        self, info: ConnectionInfo, *, multipath: bool, do_local_attach: bool, scan_attempts: int | None = None
    ) -> Any:  # noqa: ANN401 - os-brick has no types
        """Return os-brick's connector for *info*, which looks for a device *scan_attempts* times, or as often as os-brick does.

        Raises:
            errors.AttachError: os-brick has none for the protocol, or it needs root.

        """
        attempts = {} if scan_attempts is None else {"device_scan_attempts": scan_attempts}
        protocol = info["driver_volume_type"]
        if not librbd.uses_librbd(info, do_local_attach=do_local_attach):
            self._refuse_without_root(protocol.lower() if protocol.lower() != "rbd" else "krbd")
        module = self._brick()
        with osbrick.translated(f"os-brick has no connector for {protocol}"):
            return module.InitiatorConnector.factory(
                protocol, self._root_helper, use_multipath=multipath, do_local_attach=do_local_attach, conn=info, **attempts
            )

    def _brick(self) -> Any:  # noqa: ANN401 - os-brick has no types
        return osbrick.connector_module(self._lock_path, self._root_helper)

    def _refuse_without_root(self, protocol: str) -> None:
        lack = osbrick.lacks_root(self._root_helper)
        if lack and protocol not in _ROOTLESS:
            msg = f"Cannot attach{f' over {protocol}' if protocol else ''}: {lack}."
            raise errors.AttachError(msg) from PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def _paths(info: ConnectionInfo, device: Mapping[str, Any] | None) -> list[str]:
    """Return the paths of the devices of *info* on this host, first that of *device* if it still is the volume's."""
    path, paths = str((device or {}).get("path") or ""), []
    with contextlib.suppress(errors.AttachError, *identity.UNREADABLE):
        if not path and info["driver_volume_type"].lower() == LOCAL:
            path = str(info["data"]["device_path"])
        identity.check(info, path)
        paths = [path] if path else []
    with contextlib.suppress(*identity.UNREADABLE):
        keys = block_devices.keys(info)
        paths += [other.path for other in block_devices.list_block_devices() if keys & other.keys] if keys else []
    return paths


def _display_path(info: ConnectionInfo, device: Mapping[str, Any] | None) -> str:
    return str((device or {}).get("path") or next(iter(_paths(info, None)), "the device"))


def _format(info: ConnectionInfo) -> str:
    return str(info["data"].get("format") or "raw")


def _plain(attached: Mapping[str, Any]) -> dict[str, Any]:
    path = attached.get("path")
    plain = {**attached, "path": path.decode() if isinstance(path, bytes) else path}
    copy: dict[str, Any] = json.loads(json.dumps(plain, default=str))  # as the store and the gateway return it
    return copy


def _address() -> str:
    # the source address of a packet to the outside; connecting a UDP socket sends nothing
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_NOWHERE)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
