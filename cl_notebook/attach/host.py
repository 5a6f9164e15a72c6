"""The host that this process runs on, as a place to attach volumes to."""

from __future__ import annotations

import platform
import socket
import sys
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.attach import brick, device

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cl_notebook.drivers.base import ConnectionInfo

LOCAL = "local"
"""The protocol of volumes that are this host's own devices and files."""

_NOWHERE = ("192.0.2.1", 9)


class Host:
    """Attaches and detaches devices, and says who this host is. Made without importing os-brick."""

    def __init__(self, host: str, root_helper: str, lock_path: Path) -> None:
        """Keep the name of the host, the command that runs others as root, and the folder for os-brick's locks."""
        self.host = host
        self._root_helper = root_helper
        self._lock_path = lock_path

    def connector_properties(self, protocol: str, *, multipath: bool = False) -> dict[str, Any]:
        """Return what a driver needs to know of this host to let it in.

        For the protocol ``local`` that is its name and kind; else it is all that os-brick finds out, some of it as root.

        Raises:
            errors.AttachError: os-brick could not find out.

        """
        own = {
            "host": self.host,
            "ip": _address(),
            "platform": platform.machine(),
            "os_type": sys.platform,
            "multipath": multipath,
        }
        if protocol.lower() == LOCAL:
            return own  # os-brick would ask for iSCSI, NVMe and more, as root
        found = brick.connector_properties(
            self._brick(),
            root_helper=self._root_helper,
            my_ip=own["ip"],
            multipath=multipath,
            enforce_multipath=multipath,
            host=self.host,
        )
        return {**own, **found}

    def attach(self, info: ConnectionInfo, *, multipath: bool = False, expected_bytes: int | None = None) -> dict[str, Any]:
        """Attach the device that *info* leads to, and return os-brick's description of it, ``path`` among others.

        The device is checked before it is handed out: it can be read, it has at least *expected_bytes*, and where the driver said
        which file is behind it, it is that file's. A device that fails is detached again.

        Raises:
            errors.AttachError: the device cannot be attached, or is not the right one.

        """
        connector = self._connector(info, multipath=multipath)
        with brick.translated(f"cannot attach over {info['driver_volume_type']}"):
            found = dict(connector.connect_volume(info["data"]))
        try:
            _check(info, found, expected_bytes)
        except errors.AttachError:
            with brick.translated("cannot detach again"):
                connector.disconnect_volume(info["data"], found, force=True, ignore_errors=True)
            raise
        return found

    def detach(
        self, info: ConnectionInfo, device: Mapping[str, Any] | None, *, multipath: bool = False, force: bool = False
    ) -> None:
        """Detach what :meth:`attach` returned as *device*; one that is not attached is a success.

        With *force* the device goes even if what is cached for it cannot be written any more.

        Raises:
            errors.AttachError: the device cannot be detached.

        """
        connector = self._connector(info, multipath=multipath)
        with brick.translated(f"cannot detach over {info['driver_volume_type']}"):
            connector.disconnect_volume(info["data"], dict(device or {}), force=force, ignore_errors=force)

    def extend(self, info: ConnectionInfo, *, multipath: bool = False) -> int:
        """Let this host see the new size of an attached volume that was extended; return it in bytes.

        Raises:
            errors.AttachError: the size cannot be found out.

        """
        if _is_local(info):
            # os-brick asks blockdev, as root, which knows no files; the driver has grown the device itself
            return _check(info, {"path": info["data"]["device_path"]}, None)
        connector = self._connector(info, multipath=multipath)
        with brick.translated(f"cannot extend over {info['driver_volume_type']}"):
            return int(connector.extend_volume(info["data"]))

    def device_size(self, path: str) -> int:
        """Return the size of the device or file in bytes.

        Raises:
            errors.AttachError: it is not there, or cannot be read.

        """
        return device.device_size(path)

    def _brick(self) -> Any:  # noqa: ANN401 - os-brick has no types
        return brick.connector_module(self._lock_path, self._root_helper)

    def _connector(self, info: ConnectionInfo, *, multipath: bool) -> Any:  # noqa: ANN401 - os-brick has no types
        protocol = info["driver_volume_type"]
        module = self._brick()
        with brick.translated(f"os-brick has no connector for {protocol}"):
            return module.InitiatorConnector.factory(protocol, self._root_helper, use_multipath=multipath)


def _is_local(info: ConnectionInfo) -> bool:
    return info["driver_volume_type"].lower() == LOCAL


def _check(info: ConnectionInfo, found: Mapping[str, Any], expected_bytes: int | None) -> int:
    path = found.get("path")
    if isinstance(path, bytes):
        path = path.decode()
    if not isinstance(path, str):
        return 0  # such as librbd's handle: no device of the host
    backing_file = info["data"].get("backing_file") if _is_local(info) else None
    return device.check_device(path, expected_bytes=expected_bytes, backing_file=backing_file)


def _address() -> str:
    # the address that this host would send from; nothing is sent
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_NOWHERE)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
