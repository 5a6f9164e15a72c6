"""Several calls at once to one Cinder child, from threads of every kind."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.drivers.cinder.conftest import FAKE, PASSWORD

if TYPE_CHECKING:
    import cl_notebook as cl
    from tests.drivers.cinder.conftest import MakeBackend

_ROUNDS = """
import sys
from pathlib import Path
import eventlet
eventlet.monkey_patch()
from eventlet import tpool
import cl_notebook as cl

store, python, array, driver, password = sys.argv[1:]
cl.setup(store=store)
problems = []

def opened():
    return cl.Backend("fake", volume_driver=driver, python=python, fake_path=array, fake_password=password)

def act(number):
    try:
        for _ in range(3):
            volume = lab.create_volume(size=1, name="listing")  # the driver looks up all volumes
            snapshot = volume.create_snapshot()
            volume.extend(2)
            volume.disconnect(volume.connect({"initiator": f"iqn.{number}", "host": "h"}))
            volume.refresh()
            snapshot.delete()
            volume.delete()
    except Exception as error:
        problems.append(error)
"""

_WAYS = {
    "green threads": "pool = eventlet.GreenPool()\nlab = opened()\nlist(pool.imap(act, range(6)))",
    "threading": "import threading\nlab = opened()\nthreads = [threading.Thread(target=act, args=(n,)) for n in range(6)]\n"
    "for each in threads: each.start()\nfor each in threads: each.join()",
    "executor": "from concurrent.futures import ThreadPoolExecutor\nlab = opened()\n"
    "with ThreadPoolExecutor(6) as pool: list(pool.map(act, range(6)))",
    "tpool": "lab = tpool.execute(opened)\npool = eventlet.GreenPool()\n"
    "list(pool.imap(lambda n: tpool.execute(act, n), range(6)))",
    "tpool beside green threads": "lab = tpool.execute(opened)\npool = eventlet.GreenPool()\n"
    "list(pool.imap(lambda n: tpool.execute(act, n) if n % 2 else act(n), range(8)))",
}


@pytest.mark.parametrize("store", ["memory", "store.db"])
@pytest.mark.parametrize("way", _WAYS)
def test_calls_run_at_once_after_eventlet_patched_everything(way: str, store: str, python: str, tmp_path: Path) -> None:
    """After eventlet.monkey_patch(), green threads, executors and tpool call one child at once, and every call succeeds."""
    where = store if store == "memory" else str(tmp_path / store)
    source = f"{_ROUNDS}\n{_WAYS[way]}\nassert not problems, problems\nassert lab.volumes == []\ncl.default_session().close()\n"
    command = [sys.executable, "-W", "ignore", "-c", source, where, python, str(tmp_path), FAKE, PASSWORD]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=Path(__file__).parents[3])
    assert ended.returncode == 0, ended.stderr


def test_calls_that_look_up_rows_run_at_once(lab: cl.Session, make: MakeBackend) -> None:
    """Calls of native threads whose driver reads and writes Cinder's database meanwhile do not lock each other out of it."""
    backend = make("busy")

    def act(_number: int) -> str:
        volume = backend.create_volume(size=1, name="listing")
        status = volume.status
        volume.delete()
        return status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(act, range(40))) == {"available"}
    assert lab.find("busy").volumes == []
