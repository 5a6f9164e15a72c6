"""A remote host, on which volumes are attached through a gateway."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from cl_notebook import errors
from cl_notebook.attach import address
from cl_notebook.attach.remote.gateway import Gateway, Lost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cl_notebook.attach.files import VolumeFile
    from cl_notebook.drivers.api import ConnectionInfo


_PROBING = "ask_probe"
"""The call of a host that needs no os-brick."""


class RemoteTraceback(Exception):
    """The traceback of an exception on the remote host, shown by ``%tb``."""


class RemoteHost:
    """Attaches volumes on the host at an address (``root@node2``) over ssh. The host needs os-brick, but not cl_notebook.

    The gateway is started by the first call, and again by the first call after a loss.
    """

    def __init__(self, spec: str, root_helper: str) -> None:
        """Store the address *spec*, and the command that runs others as root on the host.

        Raises:
            errors.InvalidInput: *spec* is not the address of a host; see ``attach.address``.

        """
        self._spec = address.parse(spec).text
        self._root_helper = root_helper
        self._lock = threading.Lock()
        self._gateway: Gateway | None = None

    @property
    def host(self) -> str:
        """The name that the host has for itself.

        Raises:
            errors.HostUnreachable: the host cannot be reached.

        """
        return self._connected_gateway().host

    @property
    def probe(self) -> RemoteProbe:
        """What looks at the host; it needs no os-brick there."""
        return RemoteProbe(partial(self._ask, _PROBING))

    def connector_properties(
        self, protocol: str | None, *, multipath: bool = False, enforce_multipath: bool | None = None
    ) -> dict[str, Any]:
        """Return os-brick's connector properties of the host; see ``attach.api``."""
        flags = {"multipath": multipath, "enforce_multipath": enforce_multipath}
        properties: dict[str, Any] = self._ask("connector_properties", protocol, **flags)
        return properties

    def attach(
        self,
        info: ConnectionInfo,
        *,
        multipath: bool = False,
        do_local_attach: bool = False,
        expected_bytes: int | None = None,
        before: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Attach the device that *info* describes on the host; see ``attach.api``."""
        flags = {"multipath": multipath, "do_local_attach": do_local_attach}
        device: dict[str, Any] = self._ask("attach", info, expected_bytes=expected_bytes, before=before, **flags)
        return device

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
        """Detach the *device* that :meth:`attach` returned from the host; see ``attach.api``."""
        flags = {"multipath": multipath, "do_local_attach": do_local_attach}
        uses: list[str] | None = self._ask("detach", info, device, force=force, is_shared=is_shared, **flags)
        return uses or []

    def uses(self, info: ConnectionInfo, device: Mapping[str, Any] | None, *, do_local_attach: bool = False) -> list[str]:
        """Return descriptions of what uses the devices of *info* on the host; see ``attach.api``."""
        uses: list[str] = self._ask("uses", info, device, do_local_attach=do_local_attach)
        return uses

    def extend(self, info: ConnectionInfo, *, multipath: bool = False, do_local_attach: bool = False) -> int:
        """Make the host read the new size of an attached volume, and return it in bytes; see ``attach.api``."""
        return int(self._ask("extend", info, multipath=multipath, do_local_attach=do_local_attach))

    def device_size(self, path: str) -> int:
        """Return the size of the device or file on the host in bytes; see ``attach.api``."""
        return int(self._ask("device_size", path))

    def open(
        self, info: ConnectionInfo, device: Mapping[str, Any], mode: str = "r+b", *, do_local_attach: bool = False
    ) -> VolumeFile:
        """Raise errors.AttachError: the bytes can only be read and written on the host itself."""
        del info, mode, do_local_attach
        msg = f"The volume is attached on {self.host} as {device['path']}. Open it there."
        raise errors.AttachError(msg)

    def close(self) -> None:
        """Close the gateway; attached devices stay attached."""
        with self._lock:
            gateway, self._gateway = self._gateway, None
        if gateway is not None:
            gateway.close()

    def _connected_gateway(self, *, needs_brick: bool = True) -> Gateway:
        with self._lock:
            if self._gateway is None or self._gateway.is_lost:
                if self._gateway is not None:
                    self._gateway.close()
                self._gateway = None
                try:
                    gateway = Gateway.start(self._spec, self._root_helper)
                except Lost as error:
                    reason = str(error).rstrip(".")
                    msg = f"{self._spec} cannot be reached: {reason}. In a terminal, ssh has to reach it without a question."
                    raise errors.HostUnreachable(msg, no_side_effects=True) from error
                self._gateway = gateway
            if needs_brick and not self._gateway.has_brick:
                gateway, self._gateway = self._gateway, None  # the next call looks whether it was installed meanwhile
                gateway.close()
                self._refuse_without_brick(gateway)
            return self._gateway

    def _ask(self, call: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any JSON value
        gateway = self._connected_gateway(needs_brick=call != _PROBING)
        try:
            reply = gateway.ask(call, *args, **kwargs)
        except Lost as error:
            if not error.asked:  # the request was not sent, so it can be repeated
                gateway.is_lost = True
                return self._ask(call, *args, **kwargs)
            msg = f"{gateway.host} ({self._spec}) was lost during {call}, which may be done nevertheless: {error}. Repeat it."
            raise errors.HostUnreachable(msg) from error
        if "error" in reply:
            msg = f"on {gateway.host}: {reply['error']}"
            if reply.get("kind") == errors.BusyOnStorage.__name__:
                raise errors.BusyOnStorage(msg, no_side_effects=True) from RemoteTraceback(reply["trace"])
            kind = errors.WrongDevice if reply.get("kind") == errors.WrongDevice.__name__ else errors.AttachError
            raise kind(msg) from RemoteTraceback(reply["trace"])
        return reply["value"]

    def _refuse_without_brick(self, gateway: Gateway) -> NoReturn:
        msg = (
            f"{gateway.executable} on {gateway.host} has no os-brick: install it there (pip install os-brick), or name another "
            f"Python: host='{address.parse(self._spec).plain}//python=PATH'"
        )
        raise errors.AttachError(msg) from ModuleNotFoundError("No module named 'os_brick'", name="os_brick")


class RemoteProbe:
    """Looks at a remote host; see ``attach.api``."""

    def __init__(self, ask: Callable[..., Any]) -> None:
        """Send questions by *ask*, which takes the name of a probe's method and its arguments, and returns its value."""
        self._ask = ask

    def command(self, name: str) -> str:
        """Return the path of the command *name* there; empty if there is none."""
        return str(self._ask("command", name))

    def daemon(self, name: str, listens_on: str) -> str:
        """Return by what the daemon *name* is known to run there."""
        return str(self._ask("daemon", name, listens_on))

    def module(self, name: str) -> str:
        """Return the state of a kernel module there."""
        return str(self._ask("module", name))

    def file(self, path: str) -> Sequence[str]:
        """Return the state and the text of a file there."""
        return [str(item) for item in self._ask("file", path)]

    def names(self, path: str) -> list[str]:
        """Return the names in a folder there."""
        return [str(name) for name in self._ask("names", path)]

    def library(self, name: str) -> str:
        """Return the version of a Python module there."""
        return str(self._ask("library", name))

    def root_access(self) -> Sequence[str]:
        """Return whether commands can run as root there, and what was seen."""
        return [str(item) for item in self._ask("root_access")]

    def is_root(self) -> bool:
        """Return whether the process there has the rights of root."""
        return bool(self._ask("is_root"))

    def is_container(self) -> bool:
        """Return whether the host is a container."""
        return bool(self._ask("is_container"))

    def connect(self, host: str, port: int, timeout: float) -> str:
        """Return why a TCP connection from there failed."""
        return str(self._ask("connect", host, port, timeout))

    def clock(self) -> float:
        """Return the time of the clock there."""
        return float(self._ask("clock"))
