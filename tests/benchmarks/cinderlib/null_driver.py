"""A Cinder driver that does nothing, so that what is measured is the library above it."""

from __future__ import annotations

from typing import Any

from cinder.volume import driver


class NullDriver(driver.BaseVD):  # type: ignore[misc] # cinder has no types
    """Answers every call at once; there is no storage."""

    VERSION = "1.0"

    def do_setup(self, context: Any) -> None:
        """Nothing to set up."""

    def check_for_setup_error(self) -> None:
        """Nothing to check."""

    def get_volume_stats(self, refresh: bool = False) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002 - cinder's signature
        """Return the least that cinderlib asks for."""
        pool = {"pool_name": "null", "total_capacity_gb": "infinite", "free_capacity_gb": "infinite"}
        return {"volume_backend_name": "null", "storage_protocol": "local", "pools": [pool]}

    def create_volume(self, volume: Any) -> None:
        """Make nothing."""

    def delete_volume(self, volume: Any) -> None:
        """Remove nothing."""

    def create_snapshot(self, snapshot: Any) -> None:
        """Keep nothing."""

    def delete_snapshot(self, snapshot: Any) -> None:
        """Forget nothing."""

    def create_volume_from_snapshot(self, volume: Any, snapshot: Any) -> None:
        """Copy nothing."""

    def create_cloned_volume(self, volume: Any, source: Any) -> None:
        """Copy nothing."""

    def extend_volume(self, volume: Any, new_size: int) -> None:
        """Grow nothing."""

    def create_export(self, context: Any, volume: Any, connector: Any) -> None:
        """Export nothing."""

    def ensure_export(self, context: Any, volume: Any) -> None:
        """Export nothing."""

    def remove_export(self, context: Any, volume: Any) -> None:
        """Export nothing."""

    def initialize_connection(self, volume: Any, connector: Any, **_: Any) -> dict[str, Any]:  # noqa: ARG002 - cinder's signature
        """Lead to the one device that every host has."""
        return {"driver_volume_type": "local", "data": {"device_path": "/dev/null"}}

    def terminate_connection(self, volume: Any, connector: Any, **_: Any) -> None:
        """Disconnect nothing."""
