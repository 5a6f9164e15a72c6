"""Plausible options for each of Cinder's drivers: addresses where nobody listens, and what its own checks ask for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cl_notebook.drivers.api import Option

HOST = "127.0.0.1"
_ELSEWHERE = re.compile(
    r"secondary|mirror|replication|remote|peer|aux|metro|sdas|sp2|target|iscsi_i|nvme_ip|proxy|netmask|range|type"
)
_KINDS = (
    (re.compile(r"url$|endpoint"), f"https://{HOST}:9"),
    (re.compile(r"(^|_)(ip|ips|host|hostname|address|addresses|server|hosts|rest_ip)$"), HOST),
    (re.compile(r"(^|_)(login|user|username)$"), "admin"),
    (re.compile(r"pool|cpg"), "pool1"),
)

_HITACHI = {"storage_id": "400000000001", "pools": ["pool1"], "target_ports": ["CL1-A"]}
_SHARE = {"nas_host": HOST, "nas_share_path": "/share"}

_SPECIAL: dict[str, dict[str, Any]] = {
    "datera.": {"san_login": "admin"},
    "dell_emc.powermax": {"powermax_array": "000000000001", "powermax_srp": "SRP_1", "powermax_port_groups": ["pg1", "pg2"]},
    "dell_emc.powerstore.nfs": _SHARE,
    "fujitsu.": {"cinder_eternus_config_file": "{fujitsu.xml}"},
    "hitachi.": {f"hitachi_{name}": value for name, value in _HITACHI.items()},
    "hpe.xp.": {f"hpexp_{name}": value for name, value in _HITACHI.items()},
    "huawei.": {"cinder_huawei_conf_file": "{huawei.xml}"},
    "ibm.ibm_storage": {
        "proxy": "cinder.volume.drivers.ibm.ibm_storage.ds8k_proxy.DS8KProxy",
        "connection_type": "fibre_channel",
    },
    "linstordrv.LinstorIscsiDriver": {"iscsi_helper": "lioadm"},
    "macrosan.": {"san_ip": f"{HOST},{HOST}", "macrosan_pool": "pool1", "macrosan_client_default": "eth-1:0;eth-2:0"},
    "nec.v.": {f"nec_v_{name}": value for name, value in _HITACHI.items()},
    "nec.volume": {"nec_pools": ["0"], "nec_backup_pools": ["1"], "nec_ismcli_fip": HOST, "nec_ismcli_user": "admin"},
    "netapp.": {
        "netapp_storage_protocol": "iscsi",
        "netapp_server_hostname": HOST,
        "netapp_vserver": "vs1",
        **dict.fromkeys(("netapp_private_key_file", "netapp_certificate_file", "netapp_ca_certificate_file")),
    },
    "netapp.dataontap.nfs": _SHARE,
    "nexenta.nfs": {"nfs_shares_config": "{shares}", "nexenta_shares_config": "{shares}"},
    "nfs.": _SHARE,
    "open_e.": {"san_api_port": 9, "san_hosts": [HOST]},
    "quobyte.": {"quobyte_volume_url": f"quobyte://{HOST}/volume"},
    "rbd.": {"rbd_ceph_conf": "{ceph.conf}", "rados_connect_timeout": 1},
    "ceph.": {"rbd_ceph_conf": "{ceph.conf}", "rados_connect_timeout": 1},
    "synology.": {"target_ip_address": HOST, "synology_pool_name": "volume1"},
    "toyou.tyds": {"target_ip_address": HOST},
    "vastdata.": {"vast_subsystem": "subsystem", "vast_vippool_name": "pool1"},
    "veritas_access.": {"san_api_port": 14161, "vrts_target_config": "{veritas.xml}"},
    "veritas_cnfs.": {"nfs_shares_config": "{shares}"},
    "vmstore.": {"nfs_mount_options": "vers=3", **_SHARE},
    "vzstorage.": {"vzstorage_shares_config": "{shares}"},
    "zadara.": {"zadara_vpsa_port": 9},
}
"""What drivers whose path begins so want beside that; None leaves an option out, ``{name}`` is one of the files."""

_FILES = {
    "shares": f"{HOST}:/share\n",
    "ceph.conf": f"[global]\nmon_host = {HOST}:9\n",
    "fujitsu.xml": f"""<?xml version='1.0' encoding='UTF-8'?>
<FUJITSU><EternusIP>{HOST}</EternusIP><EternusPort>5988</EternusPort><EternusUser>admin</EternusUser>
<EternusPassword>a-secret-word</EternusPassword><EternusSnapPool>pool1</EternusSnapPool><EternusPool>pool1</EternusPool>
<EternusISCSIIP>{HOST}</EternusISCSIIP></FUJITSU>""",
    "huawei.xml": f"""<?xml version='1.0' encoding='UTF-8'?>
<config><Storage><Product>V3</Product><Protocol>iSCSI</Protocol><RestURL>https://{HOST}:9/deviceManager/rest/</RestURL>
<UserName>admin</UserName><UserPassword>a-secret-word</UserPassword></Storage>
<LUN><LUNType>Thin</LUNType><StoragePool>pool1</StoragePool></LUN>
<iSCSI><DefaultTargetIP>{HOST}</DefaultTargetIP></iSCSI><FC><MinOnlineFCInitiator>1</MinOnlineFCInitiator></FC></config>""",
    "veritas.xml": f"""<?xml version='1.0' encoding='UTF-8'?>
<VRTS><VrtsTargets><Target><Name>iqn.2020-01.com.example:1</Name><PortalIP>{HOST}</PortalIP><Authentication>0</Authentication>
<Auth_username></Auth_username><Auth_password></Auth_password></Target></VrtsTargets></VRTS>""",
}


def options(path: str, declared: Sequence[Option], folder: Path) -> dict[str, Any]:
    """Return options for the driver at *path*, of those that it declares; files that they name are written to *folder*."""
    found: dict[str, Any] = {}
    for option in declared:
        if option.own and option.kind in {str, list} and option.default in (None, "", []) and not _ELSEWHERE.search(option.name):
            value = _value(option)
            if value is not None:
                found[option.name] = value
    short = path.removeprefix("cinder.volume.drivers.")
    for start, more in _SPECIAL.items():
        if short.startswith(start):
            found.update(more)
    known = {option.name for option in declared}
    return {name: _with_file(value, folder) for name, value in found.items() if value is not None and name in known}


def _with_file(value: Any, folder: Path) -> Any:  # noqa: ANN401 - an option's value
    name = value.strip("{}") if isinstance(value, str) and value.startswith("{") else ""
    if not name:
        return value
    folder.joinpath(name).write_text(_FILES[name], encoding="utf-8")
    return str(folder / name)


def _value(option: Option) -> str | None:
    if option.secret and option.name != "replication_device":
        return "a-secret-word"
    if option.choices:
        return option.choices[0]
    return next((value for pattern, value in _KINDS if pattern.search(option.name)), "something" if option.checked else None)
