"""Addresses of other hosts, parsed so strictly that they cannot hold options of ssh or other programs."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from cl_notebook import errors

HOST_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?"
"""The pattern of a host's name or IPv4 address."""

_SPEC = re.compile(
    rf"""
    (?:ssh=)?
    (?:(?P<user>[A-Za-z0-9_][A-Za-z0-9_.+-]*)@)?
    (?:(?P<name>{HOST_NAME})|\[(?P<literal>[0-9A-Fa-f:.]+)(?P<zone>%[A-Za-z0-9_.]+)?\])
    (?::(?P<port>[0-9]{{1,5}}))?
    (?://python=(?P<python>[A-Za-z][A-Za-z0-9_.-]*|~?(?:/[A-Za-z0-9_.+][A-Za-z0-9_.+-]*)+))?
    """,
    re.VERBOSE | re.ASCII,
)
_KINDS = frozenset({"ssh", "popen", "socket", "vagrant_ssh"})
"""Keywords of execnet, which are refused as names of hosts."""

LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address: ``user``, ``host`` and ``port`` as typed, and the path of the Python to start there, if given."""

    user: str | None
    host: str
    port: int | None
    python: str | None

    @property
    def destination(self) -> tuple[str | None, str, int | None]:
        """User, host in lower case, and port, which are equal in all addresses of one host."""
        return self.user, self.host.lower(), self.port

    @property
    def text(self) -> str:
        """The address in one spelling, such as ``ssh=root@node2``."""
        return f"{self.plain}//python={self.python}" if self.python else self.plain

    @property
    def plain(self) -> str:
        """The address without the Python."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ssh={f'{self.user}@' if self.user else ''}{host}{f':{self.port}' if self.port else ''}"


def parse(text: object) -> Address:
    """Parse ``[user@]host[:port]``, with an optional ``ssh=`` in front; an IPv6 address is in brackets.

    ``//python=PATH`` at the end names the Python to start there, by an absolute path, a path in ``~/``, or a plain name.

    Raises:
        errors.InvalidInput: *text* is anything else, such as an option of ssh or another kind of execnet gateway.

    """
    match = _SPEC.fullmatch(text) if isinstance(text, str) else None
    port = int(match["port"]) if match is not None and match["port"] else None
    literal = match is None or match["literal"] is None or is_ipv6(match["literal"])
    if match is None or match["name"] in _KINDS or not literal or (port is not None and not 0 < port <= LAST_PORT):
        msg = f"host must be [user@]host[:port], such as 'root@node2' or 'root@[2001:db8::2]:22', not {_short(text)}."
        raise errors.InvalidInput(msg)
    return Address(match["user"], match["name"] or f"{match['literal']}{match['zone'] or ''}", port, match["python"])


def leads_to(text: str | None, typed: str) -> bool:
    """Return whether the untrusted *text* is an address of the same host as the address *typed*."""
    try:
        return parse(str(text).partition("//")[0]).destination == parse(typed).destination
    except errors.InvalidInput:
        return False


def is_plain(text: str | None) -> bool:
    """Return whether *text* is the address of a host without a Python to start."""
    try:
        return parse(text).python is None
    except errors.InvalidInput:
        return False


def is_one(text: str | None) -> bool:
    """Return whether *text* is the address of a host."""
    try:
        parse(text)
    except errors.InvalidInput:
        return False
    return True


def is_ipv6(text: str) -> bool:
    """Return whether *text* is an IPv6 address, without brackets."""
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _short(text: object) -> str:
    shown, most = repr(text), 80
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
