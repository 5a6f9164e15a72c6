"""Volumes whose files are images: their bytes are read and written by qemu's tools."""

from __future__ import annotations

import json
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook.testing.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cl_notebook.drivers.api import ConnectionInfo
    from cl_notebook.testing.bench import Disk


@dataclass(frozen=True)
class Qcow2:
    """A disk in an image file, perhaps on top of others."""

    path: str

    def read(self, count: int, at: int = 0) -> bytes:
        """Read *count* bytes at byte *at*, as they are on the storage."""
        dump = self._io(f"read -v {at} {count}")
        lines = (line.split(":  ", 1)[1][:47] for line in dump.splitlines() if ":  " in line)
        return b"".join(map(bytes.fromhex, lines))

    def write(self, data: bytes, at: int = 0) -> None:
        """Write *data* at byte *at*, through all caches."""
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(data)
            self._io(f"write -s {file.name} {at} {len(data)}")

    def size(self) -> int:
        """Return the size in bytes of the disk, which is not the file's."""
        description = _output("qemu-img", "info", "--output=json", self.path)
        return int(json.loads(description)["virtual-size"])

    def _io(self, command: str) -> str:
        return _output("qemu-io", "-f", "qcow2", "-c", command, self.path)


class ImageBench(Bench):
    """A workbench on a driver whose volumes may be images; the connection information says which are."""

    @contextmanager
    def open_disk(self, info: ConnectionInfo, device: Mapping[str, Any]) -> Iterator[Disk]:
        """Give the bytes of what is attached, image or not."""
        if info["data"].get("format") == "qcow2":
            yield Qcow2(str(device["path"]))
        else:
            with super().open_disk(info, device) as disk:
                yield disk


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"
    return done.stdout
