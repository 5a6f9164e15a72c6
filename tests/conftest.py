"""What the tests stand on: real stores in temporary folders, the simulator as storage, file systems of every kind."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import cl_notebook as cl
from tests.lanes import LANES, is_needless, lane_of
from tests.servers import MariaDB, PostgreSQL, Server, serving
from tests.skips import require
from tests.storage import environments, guests

MiB = 1024**2
Mount = Callable[..., Path]


settings.register_profile("ci", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", settings.get_profile("ci"), max_examples=20)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "dev")


def pytest_configure(config: pytest.Config) -> None:
    """Register the lanes as markers."""
    for name, meaning in LANES.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    config.addinivalue_line("markers", "lane(name): run in this lane, or in one that needs more")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import tests that ``-m`` would deselect: with ``-m fast`` this makes collection quicker."""
    return True if is_needless(collection_path, config) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its lane before ``-m`` selects, and ask for the results of the guests last of all."""
    for item in items:
        item.add_marker(lane_of(item))
    items.sort(key=lambda item: guests.name_of(item) is not None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the guests before the first test: they run beside all the others."""
    gc.collect()
    gc.freeze()  # the thousands of tests are not searched for garbage again and again: 6 % of the fast lane's time
    if not session.config.option.collectonly:
        guests.begin(session.config, session.items)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave no guest behind, however the tests ended."""
    guests.end(config)


@pytest.fixture(autouse=True)
def _own_data_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the user's own store."""
    monkeypatch.setenv("CL_NOTEBOOK_DATA", str(tmp_path_factory.mktemp("data")))


@pytest.fixture(params=[pytest.param("file", marks=pytest.mark.lane("slow")), "memory"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a new store: a SQLite file, and memory."""
    return "memory" if request.param == "memory" else f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def session(store_url: str) -> Iterator[cl.Session]:
    """Give the default session, on a new store."""
    with cl.setup(store=store_url) as opened:
        yield opened


@pytest.fixture
def sim(session: cl.Session, tmp_path: Path) -> cl.Backend:
    """Return an open backend on the simulator."""
    return session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))


@pytest.fixture(scope="session")
def _postgresql() -> Iterator[Server]:
    yield from serving(PostgreSQL)


@pytest.fixture(scope="session")
def _mariadb() -> Iterator[Server]:
    yield from serving(MariaDB)


@pytest.fixture
def postgresql(_postgresql: Server) -> Iterator[Server]:
    """Give a PostgreSQL server that is running; what the test stores there is removed after it."""
    yield _postgresql
    _postgresql.drop_databases()


@pytest.fixture
def mariadb(_mariadb: Server) -> Iterator[Server]:
    """Give a MariaDB server that is running; what the test stores there is removed after it."""
    yield _mariadb
    _mariadb.drop_databases()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def any_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a new store that several processes can share: a SQLite file, on PostgreSQL, on MariaDB."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shared.db'}"
    server: Server = request.getfixturevalue(request.param)
    return server.new_url()


@pytest.fixture(scope="session")
def superuser() -> None:
    """Require root, who may change to another user."""
    if os.geteuid() != 0:
        require("root")


@pytest.fixture(scope="session")
def root(superuser: None) -> None:  # noqa: ARG001 - asked for its check
    """Require root and loop devices."""
    if not Path("/dev/loop-control").exists():
        require("root and /dev/loop-control")


@pytest.fixture(scope="session")
def cinder_29() -> str:
    """Return the interpreter that has the newest Cinder."""
    return environments.cinder(environments.CINDER_29)


@pytest.fixture(scope="session")
def cinder_28() -> str:
    """Return the interpreter that has the Cinder before."""
    return environments.cinder(environments.CINDER_28)


@pytest.fixture(scope="session")
def peer() -> Path:
    """Return the interpreter that has cinderlib itself."""
    if not environments.PEER.exists():
        require("cinderlib in .peer, which needs Python 3.11: make .peer/.ready")
    return environments.PEER


@pytest.fixture
def mount(root: None, tmp_path: Path) -> Iterator[Mount]:  # noqa: ARG001 - asked for its check
    """Return a function that makes a file system of a kind and a size in MiB, mounts it, and gives the mount point."""
    mounted: list[Path] = []

    def make(kind: str, size: int) -> Path:
        point = tmp_path / f"mounted-{kind}"
        point.mkdir()
        if kind == "tmpfs":
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m,mode=0700", "tmpfs", point], check=True)
        else:
            _format(kind, size, tmp_path / f"{kind}.img")
            subprocess.run(["mount", "-o", "loop", tmp_path / f"{kind}.img", point], check=True)
        mounted.append(point)
        return point

    yield make
    for point in mounted:
        subprocess.run(["umount", point], check=True)


def _format(kind: str, size: int, image: Path) -> None:
    program = shutil.which(f"mkfs.{kind}")
    if program is None:
        require(f"mkfs.{kind}")
    with image.open("wb") as file:
        file.truncate(size * MiB)
    subprocess.run([f"mkfs.{kind}", "-q", image], check=True, capture_output=True)


@pytest.fixture
def full_disk(mount: Mount) -> Path:
    """Return a folder on a file system of 16 MiB."""
    return mount("tmpfs", 16)
