"""What the tests of the inventory stand on: storages that change behind everybody's back, and kernels that are killed."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import pytest

import cl_notebook as cl
from cl_notebook.drivers.api import GiB, no_progress
from cl_notebook.drivers.sim.driver import SimDriver

if TYPE_CHECKING:
    from cl_notebook.drivers.api import Progress

Killed = Callable[..., None]


class Ghost:
    """Somebody who changes a storage behind everybody's back."""

    def __init__(self, backend: cl.Backend) -> None:
        """Reach the storage of *backend*."""
        self.driver: Any = backend.driver
        self.folder = Path(backend.stored_config["path"])

    def remove(self, name: str) -> None:
        """Remove a volume or a snapshot."""
        if isinstance(self.driver, SimDriver):
            self.driver.vanish(name)
        else:
            (self.folder / name).unlink(missing_ok=True)
            (self.folder / "snapshots" / name).unlink(missing_ok=True)

    def make(self, name: str, size: int) -> None:
        """Make a volume."""
        if isinstance(self.driver, SimDriver):
            self.driver.appear(name, size)
        else:
            self._sparse(self.folder / name, size)

    def resize(self, name: str, size: int) -> None:
        """Give a volume another size."""
        if isinstance(self.driver, SimDriver):
            self.driver.resize(name, size)
        else:
            self._sparse(self.folder / name, size)

    def rename(self, name: str, new_name: str) -> None:
        """Give a volume another name."""
        if isinstance(self.driver, SimDriver):
            self.driver.rename(name, new_name)
        else:
            (self.folder / name).rename(self.folder / new_name)

    def has(self, name: str) -> bool:
        """Return whether there is a volume or snapshot of that name."""
        listed = [*self.driver.get_manageable_volumes([]), *self.driver.get_manageable_snapshots([])]
        return name in {entry["reference"]["source-name"] for entry in listed}

    @staticmethod
    def _sparse(file: Path, size: int) -> None:
        with file.open("ab") as opened:
            os.truncate(opened.fileno(), size * GiB)


@pytest.fixture(params=["local", "sim"])
def driver(request: pytest.FixtureRequest) -> str:
    """Return the name of each driver that is built in."""
    return str(request.param)


@pytest.fixture
def backend(session: cl.Session, driver: str, tmp_path: Path) -> cl.Backend:
    """Return an open backend."""
    return session.backend("lab", volume_driver=driver, path=str(tmp_path / "storage"))


@pytest.fixture
def ghost(backend: cl.Backend) -> Ghost:
    """Return somebody who changes the storage of *backend*."""
    return Ghost(backend)


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Return the URL of a store for two kernels."""
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def killed(store: str, driver: str, tmp_path: Path) -> Killed:
    """Return a function that kills a kernel in *act*, right before the driver's call or right after it."""

    def kill(act: str, moment: Literal["before", "after"], prepare: str = "") -> None:
        child = os.fork()  # a kernel of its own to the store, without the seconds that a new Python takes
        if not child:
            _live_and_die(store, driver, tmp_path / "storage", (prepare, act), moment)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL

    return kill


def _live_and_die(store: str, driver: str, folder: Path, code: tuple[str, str], moment: str) -> NoReturn:
    try:
        session = cl.setup(store=store)
        known = {"session": session, "lab": session.backend("lab", volume_driver=driver, path=str(folder))}
        exec(code[0], known)  # noqa: S102 - the test's own

        @contextlib.contextmanager
        def dying(_doing: str) -> Iterator[Progress]:
            if moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            yield no_progress
            os.kill(os.getpid(), signal.SIGKILL)

        session.progress = dying
        exec(code[1], known)  # noqa: S102 - as above
    finally:
        os._exit(1)
