"""The calls that oVirt's engine makes for managed block storage, a command each: with a process for every one of them.

``python -m tests.cinderlib.ovirt COMMAND DRIVER_AS_JSON DATABASE_URL ARGUMENT…``
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from cl_notebook import cinderlib as cl


def run(command: str, driver: str, url: str, *given: str) -> Any:
    """Set up cinderlib as each command does, run *command* with the arguments *given*, and return its result."""
    cl.setup(
        file_locks_path=None,
        persistence_config={"storage": "db", "connection": url},
        ssh_hosts_key_file="/etc/ovirt-engine/cinderlib/ssh_known_hosts",
        disable_logs=False,
    )
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})  # not imported here: cinderlib had done that
    backend: Any = cl.Backend(**json.loads(driver))
    if command == "storage_stats":
        return backend.stats(refresh=given[0])
    if command == "create_volume":
        return backend.create_volume(int(given[1]), id=given[0]).id
    volumes = backend.volumes_filtered(volume_id=given[0])
    return _COMMANDS[command](volumes[0], *given[1:]) if volumes else f"Volume {given[0]} not found"


def _connect(volume: Any, connector: str) -> Any:
    host = json.loads(connector)["host"]
    for connection in volume.connections:
        if connection.connector_info["host"] == host:
            return connection.conn_info
    return volume.connect(json.loads(connector)).connection_info["conn"]


def _disconnect(volume: Any) -> None:
    for connection in volume.connections:  # the list becomes shorter meanwhile
        connection.disconnect()


def _remove_snapshot(volume: Any, snapshot_id: str) -> None:
    next(snapshot for snapshot in volume.snapshots if snapshot.id == snapshot_id).delete()


def _volume_of_snapshot(volume: Any, snapshot_id: str) -> str:
    created: str = next(snapshot for snapshot in volume.snapshots if snapshot.id == snapshot_id).create_volume().id
    return created


_COMMANDS: dict[str, Any] = {
    "delete_volume": lambda volume: volume.delete(),
    "connect_volume": _connect,
    "disconnect_volume": _disconnect,
    "extend_volume": lambda volume, size: volume.extend(int(size)),
    "save_device": lambda volume, device: volume.connections[0].device_attached(json.loads(device)),
    "get_connection_info": lambda volume: volume.connections[0].connection_info,
    "clone_volume": lambda volume, clone_id: volume.clone(id=clone_id).id,
    "create_snapshot": lambda volume: volume.create_snapshot().id,
    "remove_snapshot": _remove_snapshot,
    "create_volume_from_snapshot": _volume_of_snapshot,
}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(*sys.argv[1:])))
