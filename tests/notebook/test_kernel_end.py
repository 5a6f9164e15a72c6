"""The end of a real kernel: it does not wait for what its threads wait for."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.manager import KernelManager

import cl_notebook as cl

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE = 10
"""Seconds for the kernel's end: far more than it takes on a busy machine, far less than for ever."""

_SETUP = """
%load_ext cl_notebook
import asyncio, threading
from concurrent.futures import ThreadPoolExecutor
import cl_notebook as cl
from cl_notebook.notebook.tree.protocol import Act
cl.setup(store={store!r})
lab = cl.Backend("lab", volume_driver="sim", path={path!r}, faults="create_volume:2:hang")
vol = lab.create_volume(size=1, name="db")
def in_tree(act):
    cl.tree()._on_message(None, dict(do="act", id=1, act=act, ids=[vol.id], values={{}}), [])
"""

_BEFORE = {
    "attached in a thread": "thread = threading.Thread(target=vol.attach)\nthread.start()\nthread.join()",
    "attached in asyncio": "await asyncio.to_thread(vol.attach)",
    "attached in an executor": "pool = ThreadPoolExecutor(2)\npool.submit(vol.attach).result()",
    "attached in the tree": "import time\nin_tree('attach')\nwhile not vol.refresh() and not vol.local_attach: time.sleep(0.1)",
    "hanging in a thread": "threading.Thread(target=lab.create_volume, args=(1, 'never')).start()",
    "hanging in asyncio": "task = asyncio.ensure_future(asyncio.to_thread(lab.create_volume, 1, 'never'))\n"
    "await asyncio.sleep(0.5)",
}


@pytest.mark.parametrize("before", _BEFORE)
def test_a_kernel_that_is_asked_to_end_ends(before: str, tmp_path: Path) -> None:
    """A kernel ends by itself when it is asked to, whatever its threads attached or still wait for, and its store is readable."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=dict(os.environ))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        setup = _SETUP.format(store=str(tmp_path / "store.db"), path=str(tmp_path / "lab"))
        for source in (setup, _BEFORE[before]):
            reply: dict[str, Any] = client.execute_interactive(source, timeout=60, output_hook=lambda _message: None)
            assert reply["content"]["status"] == "ok", reply["content"]
        client.shutdown()
        deadline = time.monotonic() + DEADLINE
        while manager.is_alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not manager.is_alive()
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
    with cl.Session(store=tmp_path / "store.db") as session:
        assert session.find("db").size == 1
