"""os-brick in a process whose first attach is not in its main thread."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import asyncio, sys, threading
from concurrent.futures import ThreadPoolExecutor
import cl_notebook as cl
cl.setup(store="memory")
lab = cl.Backend("lab", volume_driver="sim", path=sys.argv[1])
volumes = [lab.create_volume(size=1, name=f"v{number}") for number in range(4)]

def attach(volume):
    sys.stdout.write(f"{volume.name} {volume.attach().path}\\n")  # in one piece, beside those of other threads
    volume.extend(2)
    volume.detach()

"""

_WAYS = {
    "thread": "threads = [threading.Thread(target=attach, args=(each,)) for each in volumes]\n"
    "for each in threads: each.start()\n"
    "for each in threads: each.join()",
    "asyncio": "asyncio.run(asyncio.to_thread(attach, volumes[0]))",
    "executor": "with ThreadPoolExecutor(4) as pool: list(pool.map(attach, volumes))",
    "nobody waits": "threading.Thread(target=attach, args=(volumes[0],)).start()",
    "properties": "thread = threading.Thread(target=cl.get_connector_properties)\n"
    "thread.start()\nthread.join()\nattach(volumes[0])",
}


# os-brick reads the initiator's name as root
_MARKED = [pytest.param(way, marks=pytest.mark.lane("host")) if way == "properties" else way for way in _WAYS]


@pytest.mark.parametrize("way", _MARKED)
def test_the_first_attach_in_a_thread_returns_and_the_process_ends(way: str, tmp_path: Path) -> None:
    """A process whose first attach runs in a thread, an executor or an event loop gets the device, joins the thread and exits."""
    command = [sys.executable, "-c", _SCRIPT + _WAYS[way], str(tmp_path / "lab")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parents[2])
    assert ended.returncode == 0, ended.stderr
    assert "v0 " in ended.stdout
    assert "Traceback" not in ended.stderr
