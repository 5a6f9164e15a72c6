"""What the file-based drivers say of their storage: one pool, named as the backend."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.drivers.api import Capacity, Stats


def features(*, attached: bool) -> Mapping[str, bool]:
    """Return what the file-based drivers can do; *attached*: their copies of what is written to meanwhile hold one moment."""
    return MappingProxyType({"atomic": True, "snapshot_attached": attached})


def one_pool(
    backend_name: str, protocol: str, *, total: Capacity, free: Capacity, provisioned: float, allocated: float, thin: bool
) -> Stats:
    """Return the statistics of a storage with one pool; capacities are in GiB."""
    return {
        "volume_backend_name": backend_name,
        "vendor_name": "cl_notebook",
        "driver_version": "1.0",
        "storage_protocol": protocol,
        "pools": [
            {
                "pool_name": backend_name,
                "total_capacity_gb": total,
                "free_capacity_gb": free,
                "provisioned_capacity_gb": provisioned,
                "allocated_capacity_gb": allocated,
                "thin_provisioning_support": thin,
                "reserved_percentage": 0,
            }
        ],
    }
