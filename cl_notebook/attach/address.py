"""The address of another host, as people type it: checked so strictly that it can name a host and nothing else."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from cl_notebook import errors

_SPEC = re.compile(
    r"""
    (?:ssh=)?
    (?:(?P<user>[A-Za-z0-9_][A-Za-z0-9_.+-]*)@)?
    (?:(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?)|\[(?P<literal>[0-9A-Fa-f:.]+)(?P<zone>%[A-Za-z0-9_.]+)?\])
    (?::(?P<port>[0-9]{1,5}))?
    (?://python=(?P<python>[A-Za-z][A-Za-z0-9_.-]*|~?(?:/[A-Za-z0-9_.+][A-Za-z0-9_.+-]*)+))?
    """,
    re.VERBOSE | re.ASCII,
)
_KINDS = frozenset({"ssh", "popen", "socket", "vagrant_ssh"})
"""Words of execnet's that a host is unlikely to be called."""

_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Address:
    """Where ssh leads: ``user``, ``host``, ``port``, each as it was typed, and the Python to start there, if one was typed."""

    user: str | None
    host: str
    port: int | None
    python: str | None

    @property
    def place(self) -> tuple[str | None, str, int | None]:
        """Where it leads, whatever is started there."""
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
    """Return the address that *text* means: ``[user@]host[:port]``, also with ``ssh=`` before it, an IPv6 address in brackets.

    ``//python=PATH`` after it names the Python to start there; its path is absolute, begins with ``~/``, or is a plain name.

    Raises:
        errors.InvalidInput: it is anything else, such as an option of ssh's or another kind of execnet gateway.

    """
    found = _SPEC.fullmatch(text) if isinstance(text, str) else None
    port = int(found["port"]) if found is not None and found["port"] else None
    literal = found is None or found["literal"] is None or _is_ipv6(found["literal"])
    if found is None or found["name"] in _KINDS or not literal or (port is not None and not 0 < port <= _LAST_PORT):
        msg = f"host must be [user@]host[:port], such as 'root@node2' or 'root@[2001:db8::2]:22', not {_short(text)}."
        raise errors.InvalidInput(msg)
    return Address(found["user"], found["name"] or f"{found['literal']}{found['zone'] or ''}", port, found["python"])


def leads_to(text: str | None, typed: str) -> bool:
    """Return whether *text*, which may come from anywhere, is the host at *typed*, whatever either starts there."""
    try:
        return parse(str(text).partition("//")[0]).place == parse(typed).place
    except errors.InvalidInput:
        return False


def is_plain(text: str | None) -> bool:
    """Return whether *text* is the address of a host that names no program."""
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


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _short(text: object) -> str:
    shown, most = repr(text), 80
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
