"""The addresses in a backend's options: portals, management interfaces, file servers and Ceph's monitors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from cl_notebook.attach.address import HOST_NAME, LAST_PORT, is_ipv6

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from cl_notebook.attach.api import HostProbe

MONITORS = (3300, 6789)
"""The ports of a Ceph monitor: messenger 2 and 1."""

_ADDRESS_OPTION = re.compile(r"(?:^|_)(?:ips?|ipaddrs?|fip|svip|hosts?|hostname|servers?|address(?:es)?|portals?|url|endpoint)$")
_NO_TARGET = frozenset({"backend_host", "host", "excluded_domain_ip", "excluded_domain_ips", "vmstore_openstack_hostname"})
"""Options that look like an address of the storage and name this host, OpenStack's, or what is not used."""

_PORT_OPTIONS = ("port", "api_port", "ssh_port", "server_port")
"""Ends of options with the port of the address in an option with the same beginning."""

_PORTS_BY_WORD = (
    (re.compile(r"iscsi|target|portal"), (3260,)),
    (re.compile(r"nvme|nvmet"), (4420,)),
    (re.compile(r"^nas_|nfs"), (2049,)),
)
_MANAGEMENT_PORTS = (443, 22, 80)
_SCHEME_PORTS = {"https": 443, "http": 80}
_MON_HOST = re.compile(r"^\s*mon[ _]host\s*=\s*(.+?)\s*(?:[#;].*)?$", re.MULTILINE | re.IGNORECASE)
_MONITOR = re.compile(r"(?:v[12]:)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(\d+))?(?:/\d+)?")
_SHARE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):/")
_NAME = re.compile(HOST_NAME)


class Address(NamedTuple):
    """A host of the configuration, the ports of which one has to answer, and the option that names it.

    The driver alone uses an address of management: hosts that attach volumes need not reach it.
    """

    host: str
    ports: tuple[int, ...]
    option: str
    is_management: bool = False


def of_options(options: Mapping[str, Any]) -> list[Address]:
    """Return the addresses that the given *options* of a backend name, each once."""
    named = (address for name, value in options.items() if _names_address(name) for address in _of_option(name, value, options))
    return list({(address.host, address.ports): address for address in named}.values())


def of_shares_file(probe: HostProbe, path: str, option: str) -> list[Address]:
    """Return the file servers in the file of NFS shares *path*, which *option* names; none if it cannot be read."""
    _state, text = probe.file(path)
    hosts = [match[1].strip("[]") for line in text.splitlines() if (match := _SHARE.match(line.strip()))]
    return [Address(host, (2049,), option) for host in dict.fromkeys(hosts)]


def of_ceph_conf(probe: HostProbe, path: str) -> list[Address]:
    """Return the monitors in the Ceph configuration file *path*; none if it cannot be read."""
    _state, text = probe.file(path)
    match = _MON_HOST.search(text)
    monitors: dict[str, set[int]] = {}
    for part in re.split(r"[,\s;]+", match[1] if match else ""):
        # [v2:10.0.0.1:3300/0,v1:10.0.0.1:6789/0] is one monitor; [2001:db8::1]:6789 is one address
        word = part if re.match(r"(?:v[12]:)?\[[0-9A-Fa-f:.]+\](?::|$)", part) else part.strip("[]")
        if (monitor := _MONITOR.fullmatch(word)) is not None:
            monitors.setdefault(monitor[1].strip("[]"), set()).update([int(monitor[2])] if monitor[2] else MONITORS)
    return [Address(host, tuple(sorted(ports)), "mon_host") for host, ports in monitors.items()]


def _names_address(name: str) -> bool:
    return name not in _NO_TARGET and _ADDRESS_OPTION.search(name) is not None


def _of_option(name: str, value: object, options: Mapping[str, Any]) -> Iterator[Address]:
    for text in _texts(value):
        host, port = _split(text)
        if host:
            is_management = not any(pattern.search(name) for pattern, _ports in _PORTS_BY_WORD)
            yield Address(host, (port,) if port else _ports_of(name, options), name, is_management)


def _texts(value: object) -> Iterable[str]:
    items = value if isinstance(value, (list, tuple)) else [value]
    return [part for item in items if isinstance(item, str) for part in re.split(r"[,\s]+", item.strip()) if part]


def _split(text: str) -> tuple[str, int]:
    """Return host and port of an address, URL or ``host:port``; an empty host if it is none, such as ``$my_ip``."""
    try:
        url = urlsplit(text if "://" in text else f"//{f'[{text}]' if is_ipv6(text) else text}")
        host, port = url.hostname or "", url.port or _SCHEME_PORTS.get(url.scheme, 0)
    except ValueError:
        return "", 0
    return (host, port) if is_ipv6(host) or _NAME.fullmatch(host) else ("", 0)


def _ports_of(name: str, options: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the ports for the address in option *name*: those of a sibling option, or the usual ones of its kind."""
    stems = [name, _ADDRESS_OPTION.sub("", name)]
    stems.append(_ADDRESS_OPTION.sub("", stems[-1]))  # target_ip_address goes with target_port
    siblings = [str(options.get(f"{stem}_{word}", "")) for stem in stems for word in _PORT_OPTIONS]
    given = [int(port) for port in siblings if port.isdecimal() and 0 < int(port) <= LAST_PORT]
    usual = next((ports for pattern, ports in _PORTS_BY_WORD if pattern.search(name)), _MANAGEMENT_PORTS)
    return tuple(dict.fromkeys(given)) or usual
