"""Which addresses a configuration names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cl_notebook.prerequisites import addresses

if TYPE_CHECKING:
    from tests.prerequisites.conftest import FakeHost


@pytest.mark.parametrize(
    ("options", "listed"),
    [
        ({"target_ip_address": "192.0.2.1"}, [("192.0.2.1", (3260,), False)]),
        ({"target_ip_address": "192.0.2.1", "target_port": 3261}, [("192.0.2.1", (3261,), False)]),
        ({"san_ip": "array.example.com"}, [("array.example.com", (443, 22, 80), True)]),
        ({"san_ip": "2001:db8::1", "san_api_port": 8443}, [("2001:db8::1", (8443,), True)]),
        ({"api_url": "https://array.example.com/v1"}, [("array.example.com", (443,), True)]),
        ({"hpe3par_iscsi_ips": ["192.0.2.1:3262", "192.0.2.2"]}, [("192.0.2.1", (3262,), False), ("192.0.2.2", (3260,), False)]),
        ({"vmware_host_ip": "192.0.2.1", "vmware_host_port": "8443"}, [("192.0.2.1", (8443,), True)]),
        ({"nas_host": "filer"}, [("filer", (2049,), False)]),
        ({"target_ip_address": "$my_ip", "backend_host": "ha", "san_login": "admin", "rbd_pool": "a"}, []),
        ({"nas_host": "-x", "san_ip": "192.0.2.1;rm"}, []),
    ],
)
def test_options_name_addresses(options: dict[str, Any], listed: list[tuple[str, tuple[int, ...], bool]]) -> None:
    """An option whose name says so has addresses; their ports are those given, or the usual ones of its kind."""
    assert [(item.host, item.ports, item.is_management) for item in addresses.of_options(options)] == listed


@pytest.mark.parametrize(
    ("line", "listed"),
    [
        ("mon_host = 192.0.2.1", [("192.0.2.1", (3300, 6789))]),
        ("mon host = a.example.com:6789, b.example.com  # two", [("a.example.com", (6789,)), ("b.example.com", (3300, 6789))]),
        ("mon_host = [v2:192.0.2.1:3300/0,v1:192.0.2.1:6789/0]", [("192.0.2.1", (3300, 6789))]),
        ("mon_host = [2001:db8::1]:6789", [("2001:db8::1", (6789,))]),
        ("mon_host = v2:[2001:db8::1]:3300", [("2001:db8::1", (3300,))]),
        ("fsid = 1", []),
    ],
)
def test_a_ceph_conf_names_monitors(host: FakeHost, line: str, listed: list[tuple[str, tuple[int, ...]]]) -> None:
    """The monitors of a ceph.conf are read in each of Ceph's spellings."""
    host.write("etc/ceph/ceph.conf", f"[global]\n{line}\n")
    monitors = addresses.of_ceph_conf(host.probe(), "/etc/ceph/ceph.conf")
    assert [(item.host, item.ports) for item in monitors] == listed


def test_a_file_of_shares_names_file_servers(host: FakeHost) -> None:
    """Each server in a file of NFS shares is listed once; comments and other lines are not."""
    host.write("etc/shares", "# old:/export\nfiler:/a -o vers=4\nfiler:/b\n[2001:db8::1]:/c\nnothing\n")
    servers = addresses.of_shares_file(host.probe(), "/etc/shares", "nfs_shares_config")
    assert [(item.host, item.ports) for item in servers] == [("filer", (2049,)), ("2001:db8::1", (2049,))]
