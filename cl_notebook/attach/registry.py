"""The hosts on which a session attaches volumes: this host, and others through gateways."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from cl_notebook import concurrency
from cl_notebook.attach import address
from cl_notebook.attach.local import Host
from cl_notebook.attach.remote.host import RemoteHost

if TYPE_CHECKING:
    from pathlib import Path

    from cl_notebook.attach.api import AttachingHost


class HostRegistry:
    """Creates one host object per address, and keeps it until the session is closed."""

    def __init__(self, host: str, root_helper: str, lock_path: Path) -> None:
        """Start with the local host; for the arguments see :class:`~cl_notebook.attach.local.Host`."""
        self.local = Host(host, root_helper, lock_path)
        self._root_helper = root_helper
        self._lock = concurrency.lock()
        self._remote: dict[str, RemoteHost] = {}

    def get(self, gateway: str | None) -> AttachingHost:
        """Return the host at the address *gateway*, or this host for None.

        Raises:
            errors.InvalidInput: *gateway* is not the address of a host.

        """
        if gateway is None:
            return self.local
        gateway = address.parse(gateway).text
        with self._lock:
            if gateway not in self._remote:
                self._remote[gateway] = RemoteHost(gateway, self._root_helper)
            return self._remote[gateway]

    def close(self) -> None:
        """Close the gateways, and open images on this host; attached devices stay attached."""
        with self._lock, contextlib.ExitStack() as last:
            last.callback(self.local.close)
            for remote in self._remote.values():
                last.callback(remote.close)
            self._remote.clear()
