"""The calls of a CSI plugin such as Ember: a controller and two nodes in one process, volumes in threads side by side.

``python -m tests.cinderlib.csi FOLDER [eventlet]``
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

if sys.argv[2:] == ["eventlet"]:
    import eventlet

    eventlet.monkey_patch()

from cl_notebook import cinderlib

NODES = ("plugin.node1", "plugin.node2")


class Plugin:
    """Controller and nodes on one database."""

    def __init__(self, folder: str) -> None:
        """Set cinderlib up as the plugin does, with options that are for itself, and describe the nodes."""
        cinderlib.setup(
            persistence_config={"storage": "db", "connection": f"sqlite:///{folder}/csi.db"},
            project_id="csi.example",
            user_id="csi.example",
            root_helper="env",
            file_locks_path=f"{folder}/locks",
            state_path=folder,
            disable_logs=False,
            default_log_levels=("amqp=WARN", "cinder=WARN"),
            logging_context_format_string="%(asctime)s %(message)s",
        )
        self.backend: Any = cinderlib.Backend(
            volume_backend_name="csi", volume_driver="sim", path=f"{folder}/sim", multiattach=True
        )
        self.persistence: Any = cinderlib.Backend.persistence
        for node in NODES:
            value = json.dumps({"host": socket.gethostname() if node == NODES[0] else "elsewhere", "multipath": False})
            self.persistence.set_key_value(cinderlib.KeyValue(node, value))

    def probe(self) -> dict[str, str]:
        """Return what the plugin reports of itself, after the health check."""
        probe = cinderlib.objects.KeyValue("probe", "0")
        self.persistence.set_key_value(probe)
        assert self.persistence.get_key_values("probe")[0].value == "0"
        self.backend.stats(refresh=True)
        return {
            "driver": type(self.backend.driver).__name__,
            "version": self.backend.get_version(),
            "supported": str(self.backend.supported),
        }

    def volume(self, volume_id: str) -> Any:
        """Return a volume that was not soft-deleted; None if there is none."""
        volumes = self.persistence.get_volumes(volume_id=volume_id, backend_name=self.backend.id)
        return next((volume for volume in volumes if volume.status != "deleted"), None)

    def create(self, name: str) -> str:
        """Create a volume unless one has the name; sizes are computed, and so are not whole numbers of Python's."""
        volumes = self.persistence.get_volumes(volume_name=name, backend_name=self.backend.id)
        metadata = {"_capabilities": "[rw]"}
        volume = (
            volumes[0]
            if volumes
            else self.backend.create_volume(
                size=1.0, name=name, qos_specs={}, extra_specs={"tier": "gold"}, multiattach=True, metadata=metadata
            )
        )
        assert volume.status == "available"
        assert volume.multiattach
        assert volume.volume_type_id
        assert volume.volume_type.extra_specs == {"tier": "gold"}
        return str(volume.id)

    def publish(self, volume_id: str, node: str) -> None:
        """Give a node access, unless it has it."""
        volume = self.volume(volume_id)
        if not any(connection.attached_host == node for connection in volume.connections):
            connector = {**json.loads(self.persistence.get_key_values(node)[0].value), "_capability": "rw"}
            volume.connect(connector, attached_host=node, mountpoint="", attach_mode="rw")
        assert volume.status == "in-use"

    def stage(self, volume_id: str, node: str) -> None:
        """Attach the volume, and note where it is staged."""
        volume = self.volume(volume_id)
        connection = next(conn for conn in volume.connections if conn.attached_host == node)
        connection.attach()
        assert not connection.use_multipath
        metadata = volume._ovo.admin_metadata or {}
        metadata.update(fs_type="ext4")
        volume._ovo.admin_metadata = metadata
        volume.save()
        connection._ovo.mountpoint = "/staged"
        connection.save()

    def node_publish(self, volume_id: str, node: str) -> None:
        """Note that a pod has the volume: by a second connection with the information of the first."""
        volume = self.volume(volume_id)
        staged = next(conn for conn in volume.connections if (conn.attached_host, conn.mountpoint) == (node, "/staged"))
        assert staged.path
        connection = cinderlib.Connection(
            volume.backend,
            connector=staged.connector_info,
            volume=volume,
            status="attached",
            connection_info=staged.connection_info.copy(),
            attach_mode="ro",
            attached_host=staged.attached_host,
            mountpoint="/pod",
            instance_uuid="pod-1",
        )
        connection.connector_info["_capability"] = "ro"
        connection.save()
        volume._connections.append(connection)
        volume._ovo.volume_attachment.objects.append(connection._ovo)

    def node_unpublish(self, volume_id: str) -> None:
        """Forget the second connection."""
        volume = self.volume(volume_id)
        connection = next(conn for conn in volume.connections if conn.mountpoint == "/pod")
        assert (connection.instance_uuid, connection.attach_mode, connection.connector_info["_capability"]) == (
            "pod-1",
            "ro",
            "ro",
        )
        assert connection.conn_info["data"]["access_mode"] == "ro"
        cinderlib.Backend.persistence.delete_connection(connection)
        volume._connections.remove(connection)
        volume._ovo.volume_attachment.objects.remove(connection._ovo)

    def unstage(self, volume_id: str, node: str) -> None:
        """Detach the volume."""
        volume = self.volume(volume_id)
        assert volume.admin_metadata.get("fs_type") == "ext4"
        connection = next(conn for conn in volume.connections if (conn.attached_host, conn.mountpoint) == (node, "/staged"))
        assert connection.connector_info["_capability"] == "rw"
        connection.detach()
        connection._ovo.mountpoint = ""
        connection.save()

    def unpublish(self, volume_id: str, node: str) -> None:
        """End the access of a node: connections that share it are forgotten, the first is disconnected."""
        volume = self.volume(volume_id)
        connections = [conn for conn in volume.connections if conn.attached_host == node]
        for connection in connections[1:]:
            self.backend.persistence.delete_connection(connection)
            volume._connections.remove(connection)
            volume._ovo.volume_attachment.objects.remove(connection._ovo)
        connections[0].disconnect()

    def delete(self, volume_id: str) -> None:
        """Delete a volume; one with snapshots is marked, and deleted with the last of them."""
        volume = self.volume(volume_id)
        if volume.snapshots:
            volume._ovo.status = "deleted"
            volume.save()
        else:
            volume.delete()

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Delete a snapshot, and its volume if that only waited for it."""
        snapshot = self.persistence.get_snapshots(snapshot_id=snapshot_id)[0]
        snapshot.delete()
        if snapshot.volume.status == "deleted" and not snapshot.volume.snapshots:
            snapshot.volume.delete()

    def life(self, name: str) -> str:
        """Take one volume through its life."""
        volume_id = self.create(name)
        assert self.create(name) == volume_id
        for node in NODES:
            self.publish(volume_id, node)
        self.stage(volume_id, NODES[0])
        self.node_publish(volume_id, NODES[0])
        self.node_unpublish(volume_id)
        self.unstage(volume_id, NODES[0])
        for node in NODES:
            self.unpublish(volume_id, node)
        assert self.volume(volume_id).status == "available"
        snapshot = self.volume(volume_id).create_snapshot(name=f"{name}-snapshot")
        (tracked,) = self.persistence.get_snapshots(snapshot_name=f"{name}-snapshot", volume_id=volume_id)
        copy = tracked.create_volume(name=f"{name}-copy", size=1.0, qos_specs={}, extra_specs={}, multiattach=False)
        self.delete(volume_id)
        assert self.volume(volume_id) is None
        self.delete_snapshot(snapshot.id)
        self.delete(copy.id)
        return volume_id


def main(folder: str) -> None:
    """Take volumes through their lives side by side, and print how many were left."""
    plugin = Plugin(folder)
    assert plugin.probe()["supported"] == "True"
    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(plugin.life, ("one", "two", "three")))) == 3
    assert threading.active_count() < 50
    assert plugin.persistence.get_volumes() == []
    assert plugin.backend.volumes == []
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(sys.argv[1])
