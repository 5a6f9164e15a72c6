"""The hosts that a session attaches on: its own, and those that were reached through gateways."""

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
    """Keeps each host that was asked for until the session is closed."""

    def __init__(self, host: str, root_helper: str, lock_path: Path) -> None:
        """Begin with this host; see :class:`~cl_notebook.attach.local.Host`."""
        self.local = Host(host, root_helper, lock_path)
        self._root_helper = root_helper
        self._lock = concurrency.lock()
        self._others: dict[str, RemoteHost] = {}

    def get(self, gateway: str | None) -> AttachingHost:
        """Return the host at the address *gateway*; None is this one.

        Raises:
            errors.InvalidInput: *gateway* is no address of a host.

        """
        if gateway is None:
            return self.local
        gateway = address.parse(gateway).text
        with self._lock:
            if gateway not in self._others:
                self._others[gateway] = RemoteHost(gateway, self._root_helper)
            return self._others[gateway]

    def close(self) -> None:
        """Close the gateways and what is open on this host; what is attached stays attached."""
        with self._lock, contextlib.ExitStack() as last:
            last.callback(self.local.close)
            for other in self._others.values():
                last.callback(other.close)
            self._others.clear()
