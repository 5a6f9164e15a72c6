"""The same work, done by either library in a fresh process; prints the seconds of each step as JSON.

::

    work.py cl_notebook STORE FOLDER
    work.py cinderlib STORE VOLUMES     fills the store first, if it is new
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CREATED = 50
SPENT: dict[str, float] = {}


def spend(step: str, work: Callable[[], Any]) -> Any:
    """Do *work*, and note what it took under *step*."""
    begun = time.perf_counter()
    done = work()
    SPENT[step] = time.perf_counter() - begun
    return done


def cl_notebook_backend(store: str, folder: str) -> Any:
    """Import, set up, and open the simulator."""
    import cl_notebook as cl  # noqa: PLC0415 - its import is measured

    cl.setup(store=f"sqlite:///{store}")
    return cl.Backend("sim", volume_driver="sim", path=folder)


def cinderlib_backend(store: str) -> Any:
    """Import, set up, and open the driver that does nothing."""
    import cinderlib  # noqa: PLC0415 - its import is measured

    kept = {"storage": "db", "connection": f"sqlite:///{store}"}
    cinderlib.setup(persistence_config=kept, disable_logs=True, root_helper="sudo")
    return cinderlib.Backend(volume_backend_name="null", volume_driver="null_driver.NullDriver")


def fill(backend: Any, volumes: int) -> None:
    """Make *volumes* volumes, each with two snapshots and a connection."""
    for number in range(volumes):
        volume = backend.create_volume(1, name=f"vol-{number}")
        volume.create_snapshot(name="s0")
        volume.create_snapshot(name="s1")
        volume.connect({"host": "h0", "ip": "10.0.0.1", "initiator": "iqn.x", "multipath": False})


def loop(backend: Any, connection_status: str) -> list[str]:
    """Go through everything, as cinderlib's page on resource tracking does."""
    said = []
    backend.refresh()
    for vol in backend.volumes:
        said.append(f"Volume {vol.id} is currently {vol.status}")
        vol.refresh()
        said.extend(f"Snapshot {snap.id} for volume {snap.volume.id} is currently {snap.status}" for snap in vol.snapshots)
        for conn in vol.connections:
            host, ip = conn.connector_info["host"], conn.connector_info["ip"]
            status = getattr(conn, connection_status)
            said.append(f"Connection from {host} with ip {ip} to volume {conn.volume.id} is {status}")
    return said


def create(backend: Any) -> None:
    """Make some volumes; that they are removed again does not count."""
    spent, made = [], []
    for _ in range(CREATED):
        made.append(spend("create", lambda: backend.create_volume(1, name="new")))
        spent.append(SPENT["create"])
    SPENT["create"] = statistics.median(spent)
    for volume in made:
        volume.delete()


def main(library: str, store: str, last: str) -> None:
    """Do the work of *library*."""
    if library == "cinderlib":
        backend = spend("load", lambda: cinderlib_backend(store))
        if not spend("list", lambda: backend.volumes):
            fill(backend, int(last))
            return
    else:
        backend = spend("load", lambda: cl_notebook_backend(store, last))
        spend("list", lambda: backend.volumes)
    spend("loop", lambda: loop(backend, "attach_status"))  # cinderlib's connections have no `status`
    create(backend)
    sys.stdout.write(json.dumps(SPENT) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
