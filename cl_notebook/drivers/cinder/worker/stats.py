"""What a driver says of its storage, as plain data."""

from __future__ import annotations

import math
from typing import Any


def plain(stats: dict[str, Any], name: str) -> dict[str, Any]:
    """Return *stats* with plain values, and with at least one pool: old drivers report themselves as one."""
    told = {str(key): _value(value) for key, value in stats.items() if key != "pools"}
    pools = [{str(key): _value(value) for key, value in dict(pool).items()} for pool in stats.get("pools") or []]
    if not pools:
        pools = [{key: value for key, value in told.items() if key.endswith("_gb") or key in _OF_A_POOL}]
    for pool in pools:
        pool.setdefault("pool_name", name)
    told["pools"] = pools
    told["volume_backend_name"] = name
    protocol = told.get("storage_protocol", "")
    told["storage_protocol"] = str(protocol[0] if isinstance(protocol, list) and protocol else protocol)
    return told


_OF_A_POOL = {
    *("pool_name", "reserved_percentage", "max_over_subscription_ratio", "thin_provisioning_support"),
    *("thick_provisioning_support", "QoS_support", "multiattach", "consistent_group_snapshot_enabled", "online_extend_support"),
}


def _value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "infinite" if value > 0 else "unknown"
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): _value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_value(item) for item in value]
    return str(value)
