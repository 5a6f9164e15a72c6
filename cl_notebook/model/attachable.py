"""Attaching: what a volume can be told to do with hosts and their devices."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar, cast

from cl_notebook import errors, usage
from cl_notebook.attach import block_devices
from cl_notebook.drivers.api import KeepsFiles
from cl_notebook.model import batch, encryption, interruption, validation
from cl_notebook.model.base import Children, Parent, Tracked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.drivers.api import Driver
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
        return next((conn for conn in self._of(None) if conn.attached), None)

    @property
    def attached_in_reach(self) -> list[Connection]:
        """The connections that are attached on this host, or on others through a gateway."""
        return [conn for conn in self.connections if conn.attached and conn.is_in_reach]

    def connect(self, connector: Mapping[str, Any], *, multipath: bool = False) -> Connection:
        """Let the host that *connector* (os-brick's connector properties) describes reach the volume.

        Raises:
            InvalidInput: *connector* is no dict with a ``host``.
            ResourceBusy: another host is connected, and the driver cannot let in several.
            DriverError: the storage refused; the connection stays tracked as ``error_attaching`` unless nothing was touched.

        """
        return type(self).connections.target.make(cast("Volume", self), connector, multipath=multipath)

    def attach(self, *, host: str | None = None, multipath: bool = False, enforce_multipath: bool | None = None) -> Connection:
        """Attach the volume on this host, or on another, and return the connection; its ``path`` is the device or file to use.

        A volume that is attached there already keeps its connection; the device is checked, and found again after a restart. So
        does one that the host may reach already, for instance because detaching it was cut short.

        Args:
            host: another host, which ssh reaches: ``[user@]host[:port]``, or with a Python that has os-brick,
                ``root@node2//python=/opt/venv/bin/python``. It is kept with the connection, and reached again to detach.
            multipath: use several paths to the storage.
            enforce_multipath: fail where multipathd does not run, instead of using one path; the same as *multipath* by default.

        Raises:
            InvalidInput: *host* is no such address.
            ResourceBusy: another host is connected, and the driver cannot let in several.
            HostUnreachable: *host* does not answer. If it was lost while it attached, the connection stays tracked.
            DriverError, AttachError: the storage or the host refused; nothing stays connected that was not before.

        """
        self.look_again()
        self.context.journal.refuse_if_read_only("attach")
        encryption.warn(cast("Volume", self), stacklevel=2)
        host = None if host is None else _address(validation.name(host, "host"))
        place = self.context.host_at(host)
        self._confirm(host)
        known = [conn for conn in self._of(host) if conn.connected]
        if not known:
            protocol = self.backend.driver.storage_protocol
            properties = place.connector_properties(protocol, multipath=multipath, enforce_multipath=enforce_multipath)
            known = [conn for conn in self._of(properties["host"]) if conn.connected] if host is not None else []
        if known:
            known[0].attach_device()
            return known[0]
        before = self._of(host)
        try:
            conn = type(self).connections.target.make(cast("Volume", self), properties, multipath=multipath, gateway=host)
            conn.attach_device()
        except BaseException as error:
            # What cannot be removed stays tracked, in error. What counts is the first cause. A host that may be going on with it
            # keeps its access until it is detached there.
            if not _goes_on(error, elsewhere=host is not None):
                with contextlib.suppress(errors.Error):
                    for left in self._of(host):
                        if left not in before:  # that may be another kernel's, which is at work on it
                            left.disconnect()
                    interruption.rolled_back(error, f"attach {self.label()}")
            raise
        return conn

    def detach(self, *, host: str | None = None, force: bool = False) -> None:
        """Detach the volume from this host and remove its connection; also finish a detachment that was cut short.

        Args:
            host: another host that it was attached on by ``attach(host=…)``: the same words, or that host's name; the words if
                the connection was loaded from a document.
            force: take the device from under what uses it, with a warning that says what; go on where os-brick meets errors or
                the other host is not reached, and take a kernel named as working on it for dead.

        Raises:
            InvalidStatus: it is not attached there.
            BusyOnStorage: the device, or a partition of it, is mounted or in use; it stays attached.
            HostUnreachable: the other host does not answer.
            DriverError, AttachError: the storage or the host refused; repeat it once the cause is gone.

        """
        self.look_again()
        self.context.journal.refuse_if_read_only("detach")
        self._confirm(host)
        there = self._of(host)
        if not there:
            others = "".join(f" It is on {conn.attached_host}." for conn in self.connections if conn.attached)
            msg = f"{self.label()} is not attached on {host or self.context.settings.host}.{others}"
            raise errors.InvalidStatus(msg)
        going = [conn for conn in there if conn.attached] or there
        batch.in_turn("detached", going, lambda conn: conn.release(force=force), lambda conn: conn.label())

    def _of(self, host: str | None) -> list[Connection]:
        """Return the connections of this host, or of one that is reached through a gateway, those that are attached first."""
        here = self.context.settings.host
        found = [
            conn
            for conn in self.connections
            if (conn.gateway is not None and host is not None and (conn.name_of_host == host or _leads_to(conn.gateway, host)))
            or (conn.gateway is None and host is None and conn.name_of_host == here)
        ]
        return sorted(found, key=lambda conn: not conn.attached)

    def _confirm(self, host: str | None) -> None:
        """Let the connections whose gateway is the address *host*, which was typed, be reached through it in this session."""
        if host is None:
            return
        for conn in self.connections:
            if conn.gateway is not None and not conn.is_in_reach and _leads_to(conn.gateway, host):
                self.context.confirmed.gateways[conn.id] = (conn.gateway, _address(host))

    def refuse_if_in_use(self, driver: Driver) -> None:
        """Refuse to go on while this host has a device that is called by the volume's id, and something uses it.

        Without a connection that leads to it, one that was lost with a store for instance. A driver whose volumes are files looks
        by itself.

        Raises:
            BusyOnStorage: it has.

        """
        found = [] if isinstance(driver, KeepsFiles) else usage.uses(block_devices.of_volume(self.id))
        if found:
            usage.refuse(f"A device of {self.label()}", found)

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
        """Detach the volume from this host and from those reached through gateways, and remove all of its connections.

        Args:
            force: also connections that are attached on other hosts, those that a kernel is named as working on, and devices
                that are in use, with a warning that says by what.

        Raises:
            BusyOnStorage: a device is mounted or in use; it stays attached.
            ResourceBusy: the volume is attached on a host out of reach; the other connections are gone.

        """
        self.look_again()
        self.context.journal.refuse_if_read_only("cleanup")
        elsewhere = [conn for conn in self.connections if conn.attached and not conn.is_in_reach]
        going = [conn for conn in self.connections if force or conn not in elsewhere]
        batch.in_turn("removed", going, lambda conn: conn.release(force=force), lambda conn: conn.label())
        if elsewhere and not force:
            elsewhere[0].refuse_if_not_typed()
            msg = f"{self.label()} is attached on {elsewhere[0].attached_host}: detach it there, or use cleanup(force=True)."
            raise errors.ResourceBusy(msg)


def _address(text: str) -> str:
    from cl_notebook.attach import address  # noqa: PLC0415 - only who attaches elsewhere pays for it

    return address.parse(text).text


def _leads_to(gateway: str, typed: str) -> bool:
    from cl_notebook.attach import address  # noqa: PLC0415 - as above

    return address.leads_to(gateway, typed)


def _goes_on(error: BaseException, *, elsewhere: bool) -> bool:
    """Return whether the storage or another host may still be at what *error* ended the waiting for, or has done it."""
    if isinstance(error, errors.HostUnreachable):
        return not error.untouched
    return isinstance(error, (errors.StillRunning, errors.OutcomeKept)) or (elsewhere and not isinstance(error, Exception))
