"""One of many kernels: does its share of mixed work on a store that all of them share, and prints what it has left there."""

from __future__ import annotations

import json
import random
import sys
from typing import TYPE_CHECKING

import cl_notebook as cl

if TYPE_CHECKING:
    from collections.abc import Callable

_CONNECTOR = {"ip": "127.0.0.1", "initiator": "iqn.2026-01.test:x"}


class Worker:
    """The work of one kernel: acts of every kind, on volumes of its own and on those of everybody."""

    def __init__(self, session: cl.Session, number: int) -> None:
        """Know what is there already."""
        self.session = session
        self.number = number
        self.random = random.Random(number)  # noqa: S311 - which act comes next
        self.backend = session.backends["lab"]
        self.shared = [session.find(name) for name in ("shared-0", "shared-1", "shared-2")]
        self.volumes: list[cl.Volume] = []
        self.snapshots: list[cl.Snapshot] = []
        self.connections: list[cl.Connection] = []
        self.counted = 0
        self.refused = 0
        self.extended = 0

    def work(self, operations: int) -> None:
        """Do that many acts; what is refused because others are at it does not count."""
        acts: list[Callable[[], bool]] = [self.create, self.count, self.count, self.extend, self.snapshot, self.connect, self.end]
        done = 0
        while done < operations:
            try:
                done += self.random.choice(acts)()
            except cl.errors.Refused:
                self.refused += 1

    def create(self) -> bool:
        """Make a volume."""
        self.volumes.append(self.backend.create_volume(1, f"own-{self.number}", metadata={"n": "0"}))
        return True

    def count(self) -> bool:
        """Count one up in the metadata of a volume of everybody's: an update that must not be lost."""
        vol = self.random.choice(self.shared)
        vol.refresh()
        vol.metadata["n"] = str(int(vol.metadata["n"]) + 1)
        vol.save()
        self.counted += 1
        return True

    def extend(self) -> bool:
        """Extend a volume, of its own or of everybody's."""
        vol = self.random.choice([*self.shared, *self.volumes])
        vol.refresh()
        vol.extend(vol.size + 1)
        self.extended += vol in self.shared
        return True

    def snapshot(self) -> bool:
        """Take a snapshot."""
        self.snapshots.append(self.random.choice([*self.shared, *self.volumes]).create_snapshot(f"snap-{self.number}"))
        return True

    def connect(self) -> bool:
        """Let a host in."""
        vol = self.random.choice([*self.shared, *self.volumes])
        self.connections.append(vol.connect({**_CONNECTOR, "host": f"host-{self.number}"}))
        return True

    def end(self) -> bool:
        """Take something away again."""
        for left, end in ((self.connections, "disconnect"), (self.snapshots, "delete")):
            if left and self.random.random() < 0.6:
                getattr(left[-1], end)()
                left.pop()
                return True
        free = [vol for vol in self.volumes if vol not in {conn.volume for conn in self.connections}]
        free = [vol for vol in free if vol not in {snap.volume for snap in self.snapshots}]
        if not free:
            return False
        free[0].delete()
        self.volumes.remove(free[0])
        return True


def main(store: str, path: str, number: int, operations: int) -> None:
    """Work, and print what is left."""
    with cl.Session(store) as session:
        session.backend("lab", volume_driver="sim", path=path)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        worker = Worker(session, number)
        worker.work(operations)
        left = {
            "volumes": {vol.id: vol.size for vol in worker.volumes},
            "snapshots": [snap.id for snap in worker.snapshots],
            "connections": [conn.id for conn in worker.connections],
            "counted": worker.counted,
            "extended": worker.extended,
            "refused": worker.refused,
        }
        sys.stdout.write(json.dumps(left))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
