"""Attaching: what a volume can be told to do with hosts and their devices."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar, cast

from cl_notebook import errors
from cl_notebook.model.tracked import Children, Parent, Tracked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.model.backend import Backend
    from cl_notebook.model.connection import Connection
    from cl_notebook.model.volume import Volume


class Attachable(Tracked):
    """The part of a volume that knows its connections."""

    backend: ClassVar[Parent[Backend]]

    connections: ClassVar[Children[Connection]] = Children("Connection", "volume_id", "volume")

    @property
    def local_attach(self) -> Connection | None:
        """The connection that is attached on this host, also one that another kernel made; None if there is none."""
        host = self.context.settings.host
        return next((conn for conn in self.connections if conn.attached and conn.attached_host == host), None)

    def connect(self, connector: Mapping[str, Any], *, multipath: bool = False) -> Connection:
        """Let the host that *connector* (os-brick's connector properties) describes reach the volume.

        Raises:
            InvalidInput: *connector* is no dict with a ``host``.
            DriverError: the storage refused; the connection stays tracked as ``error_attaching`` unless nothing was touched.

        """
        return type(self).connections.target.make(cast("Volume", self), connector, multipath=multipath)

    def attach(self, *, multipath: bool = False) -> Connection:
        """Attach the volume on this host and return the connection; its ``path`` is the device or file to use.

        A volume that is attached here already keeps its connection; the device is checked, and found again after a restart. So
        does one that this host may reach already, for instance because detaching it was cut short.

        Raises:
            DriverError, AttachError: the storage or the host refused; nothing stays connected that was not before.

        """
        self.look_again()
        for conn in self._of_this_host():
            if conn.connected:
                conn.attach()
                return conn
        properties = self.context.host.connector_properties(self.backend.driver.storage_protocol, multipath=multipath)
        try:
            conn = self.connect(properties, multipath=multipath)
            conn.attach()
        except BaseException:
            # What cannot be removed stays tracked, in error. What counts is the first cause.
            with contextlib.suppress(errors.Error):
                for left in self._of_this_host():
                    left.disconnect(force=True)
            raise
        return conn

    def detach(self, *, force: bool = False) -> None:
        """Detach the volume from this host and remove its connection; also finish a detachment that was cut short.

        ``force`` goes on where os-brick meets errors, and takes a kernel named as working on it for dead.

        Raises:
            InvalidStatus: it is not attached here.
            DriverError, AttachError: the storage or the host refused; repeat it once the cause is gone.

        """
        self.look_again()
        here = self._of_this_host()
        if not here:
            msg = f"{self.label()} is not attached on {self.context.settings.host}."
            raise errors.InvalidStatus(msg)
        for conn in [conn for conn in here if conn.attached] or here:
            conn.release(force=force)

    def _of_this_host(self) -> list[Connection]:
        """Return the connections of this host, those that are attached first."""
        host = self.context.settings.host
        mine = [conn for conn in self.connections if (conn.attached_host or conn.connector_info.get("host")) == host]
        return sorted(mine, key=lambda conn: not conn.attached)

    def disconnect(self, connection: Connection, *, force: bool = False) -> None:
        """Shut the host of *connection* out again.

        Raises:
            InvalidInput: the connection is not of this volume.

        """
        if connection.volume_id != self.id:
            msg = f"{connection.label()} is not a connection of {self.label()}."
            raise errors.InvalidInput(msg)
        connection.disconnect(force=force)

    def cleanup(self, *, force: bool = False) -> None:
        """Detach the volume from this host, and remove all of its connections.

        Args:
            force: also connections that are attached on other hosts, and those that a kernel is named as working on.

        Raises:
            ResourceBusy: the volume is attached on another host; the connections of this one are gone.

        """
        self.look_again()
        host = self.context.settings.host
        elsewhere = [conn for conn in self.connections if conn.attached and conn.attached_host != host]
        for conn in [conn for conn in self.connections if force or conn not in elsewhere]:
            conn.release(force=force)
        if elsewhere and not force:
            msg = f"{self.label()} is attached on {elsewhere[0].attached_host}: detach it there, or use cleanup(force=True)."
            raise errors.ResourceBusy(msg)
