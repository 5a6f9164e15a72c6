"""The outbox: outcomes that the store cannot take are retried, reported, stored in a file, and written once."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook import settings
from cl_notebook.model.operations import outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fake_drivers import MeddlingDriver
    from tests.servers import Server


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    """Give a server of each kind."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def url(server: Server) -> str:
    """Return the URL of a new store on the server."""
    return server.new_url()


@pytest.fixture
def mine(url: str) -> Iterator[cl.Session]:
    """Give a session that tries for a moment only."""
    with cl.Session(url) as session:
        session.journal.outbox.patience = 0.3
        yield session


@pytest.fixture
def lab(mine: cl.Session, meddling: type[MeddlingDriver], tmp_path: Path) -> cl.Backend:
    """Return an open backend of that session."""
    del meddling  # installed before
    return _lab(mine, tmp_path)


@pytest.fixture
def vol(lab: cl.Backend) -> cl.Volume:
    """Return a volume of 1 GiB."""
    return lab.create_volume(1, "db")


@pytest.fixture
def outcome_file(vol: cl.Volume, server: Server, meddling: type[MeddlingDriver]) -> Path:
    """Let the server go away while the volume is extended to 2 GiB, and come back; return the file of the outcome."""
    meddling.meanwhile = _gone(server, "kill")
    with pytest.raises(cl.errors.OutcomePending):
        vol.extend(2)
    meddling.meanwhile = None
    server.start()
    (file,) = _files()
    return file


def _lab(session: cl.Session, tmp_path: Path) -> cl.Backend:
    return session.backend("lab", volume_driver="meddling", path=str(tmp_path / "lab"))


def _files() -> list[Path]:
    return sorted((settings.data_dir() / "outcomes").rglob("*.json"))


def _history(session: cl.Session) -> list[tuple[str, str]]:
    frame = cl.frames.operations(session)
    return list(zip(frame["action"], frame["status"], strict=True))


def _gone(server: Server, end: str) -> Any:
    return lambda _call: getattr(server, end)()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_an_outcome_waits_for_a_server_that_goes_away_during_a_call(
    server: Server, mine: cl.Session, vol: cl.Volume, meddling: type[MeddlingDriver], end: str
) -> None:
    """The error is one line, only the owner can read the file of the outcome, and the next act writes it first."""
    meddling.meanwhile = _gone(server, end)
    with pytest.raises(cl.errors.OutcomePending, match=r"extend volume 'db' .* is done on the storage") as caught:
        vol.extend(2)
    meddling.meanwhile = None
    (file,) = _files()
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "p@ss" not in file.read_text()
    with pytest.raises(cl.errors.StoreUnusable):
        vol.extend(3)
    server.start()
    assert vol.extend(3) == 3 * 2**30
    assert (vol.size, vol.status, _files()) == (3, "available", [])
    assert _history(mine) == [("add", "done"), ("create", "done"), ("extend", "done"), ("extend", "done")]
    assert meddling.noted == ["create_volume", "extend_volume", "extend_volume"]


def test_what_was_made_while_the_store_was_away_is_written_by_the_kernel_that_made_it(
    server: Server, lab: cl.Backend, meddling: type[MeddlingDriver]
) -> None:
    """The kernel with the error works on once the store is back, and what it created is there, whole."""
    meddling.meanwhile = _gone(server, "kill")
    with pytest.raises(cl.errors.OutcomePending):
        lab.create_volume(1, "made")
    meddling.meanwhile = None
    server.start()
    lab.create_volume(1, "next")
    assert [(vol.name, vol.status) for vol in lab.volumes] == [("made", "available"), ("next", "available")]
    assert _files() == []


def test_a_server_that_returns_soon_is_waited_for(
    server: Server, mine: cl.Session, vol: cl.Volume, meddling: type[MeddlingDriver]
) -> None:
    """A server that was started again meanwhile gets the outcome, and the caller notices nothing."""
    mine.journal.outbox.patience = 30.0

    def restart(_call: str) -> None:
        server.kill()
        server.start()

    meddling.meanwhile = restart
    vol.extend(2)
    assert (vol.size, vol.status, _files()) == (2, "available", [])


_NEXT = """
import sys
import cl_notebook as cl
cl.Session(sys.argv[1]).close()
"""


@pytest.mark.parametrize(
    "last", [("create", {"db": 1, "new": 1}), ("delete", {}), ("extend", {"db": 2})], ids=lambda last: last[0]
)
def test_the_next_kernel_writes_what_the_last_one_owed(
    server: Server, url: str, tmp_path: Path, meddling: type[MeddlingDriver], last: tuple[str, dict[str, int]]
) -> None:
    """A kernel that opens the store after the owing one ended finds every outcome in it, once."""
    with cl.Session(url) as session:
        session.journal.outbox.patience = 0.3
        lab = _lab(session, tmp_path)
        vol = lab.create_volume(1, "db", metadata={"a": "1"})
        meddling.meanwhile = _gone(server, "kill")
        acts: dict[str, Callable[[], object]] = {
            "create": lambda: lab.create_volume(1, "new"),
            "delete": vol.delete,
            "extend": lambda: vol.extend(2),
        }
        with pytest.raises(cl.errors.OutcomePending):
            acts[last[0]]()
    assert len(_files()) == 1
    server.start()
    code = [sys.executable, "-c", _NEXT, url]
    subprocess.run(code, check=True, capture_output=True, env=os.environ)
    assert _files() == []
    with cl.Session(url) as session:
        frame = cl.frames.volumes(session)
        assert dict(zip(frame["name"], frame["size"], strict=True)) == last[1]
        assert set(frame["status"]) <= {"available"}
        assert set(cl.frames.operations(session)["status"]) == {"done"}


def test_a_pending_failure_is_written_as_a_failure(
    server: Server, mine: cl.Session, vol: cl.Volume, meddling: type[MeddlingDriver]
) -> None:
    """A failure while the store was away is reported with the storage's message, and the resource is in error afterwards."""

    def fail(_call: str) -> None:
        server.kill()
        msg = "the array is on fire"
        raise OSError(msg)

    meddling.meanwhile = fail
    with pytest.raises(cl.errors.OutcomePending, match=r"ended with DriverError: .*the array is on fire"):
        vol.extend(2)
    meddling.meanwhile = None
    server.start()
    mine.journal.outbox.flush()
    assert vol.status == "error_extending"
    assert cl.frames.operations(mine).iloc[-1]["error"].endswith("the array is on fire")


def test_what_was_done_meanwhile_is_not_overwritten(url: str, mine: cl.Session, vol: cl.Volume, outcome_file: Path) -> None:
    """An outcome that is written late leaves what others made of the resource, and is remarked in the history."""
    text = outcome_file.read_text()
    outcome_file.unlink()  # as if the other kernel ran on another machine
    with cl.Session(url) as other:
        theirs = other.find("db")
        theirs.extend(5, force=True)
        assert (theirs.size, theirs.status) == (5, "available")
        outcome_file.write_text(text)
        mine.journal.outbox.flush()
        vol.refresh()
        assert (vol.size, vol.status, _files()) == (5, "available", [])
        frame = cl.frames.operations(other, action="extend")
        assert frame["status"].tolist() == ["interrupted", "done"]
        assert "ended as 'done'" in frame["error"].iloc[0]


def test_a_file_is_written_once_however_often_it_is_found(url: str, mine: cl.Session, vol: cl.Volume, outcome_file: Path) -> None:
    """An outcome that was written already, by this or another kernel, changes nothing when its file is found again."""
    text = outcome_file.read_text()
    with cl.Session(url) as other:
        other.find("db").description = "later"
        other.find("db").save()
        other.find("db").extend(3)
    outcome_file.write_text(text)
    with cl.Session(url) as again:
        assert (again.find("db").size, again.find("db").description) == (3, "later")
    mine.journal.outbox.flush()
    vol.extend(4)
    assert vol.size == 4
    assert _history(mine)[-3:] == [("extend", "done")] * 3
    assert _files() == []


@pytest.mark.usefixtures("lab")
def test_a_file_that_is_no_outcome_is_left_alone(url: str, mine: cl.Session) -> None:
    """A damaged file in the folder of outcomes hinders nobody."""
    folder = mine.journal.outbox._spool._folder
    folder.mkdir(parents=True)
    (folder / "x.json").write_text("{")
    cl.Session(url).close()
    assert (folder / "x.json").read_text() == "{"


def test_no_driver_is_called_when_the_intent_cannot_be_written(
    server: Server, mine: cl.Session, lab: cl.Backend, vol: cl.Volume, meddling: type[MeddlingDriver]
) -> None:
    """With the server away an act is refused in one line before its driver is called, and nothing is left of it later."""
    server.kill()
    for act in (lambda: lab.create_volume(1, "new"), lambda: vol.extend(2), vol.delete):
        with pytest.raises(cl.errors.StoreUnusable) as caught:
            act()
        assert "\n" not in str(caught.value)
    assert meddling.noted == ["create_volume"]
    server.start()
    vol.extend(2)
    assert _history(mine) == [("add", "done"), ("create", "done"), ("extend", "done")]


@pytest.mark.parametrize("is_there", [True, False], ids=["committed", "rolled back"])
def test_an_intent_whose_commit_is_unknown_is_taken_back(
    server: Server,
    mine: cl.Session,
    vol: cl.Volume,
    meddling: type[MeddlingDriver],
    is_there: bool,  # noqa: FBT001 - pytest's
) -> None:
    """When the connection is lost in the commit of the intent the driver is not called, and the resource is as it was."""

    def lose(connection: sa.Connection) -> None:
        if is_there:
            connection.connection.commit()
        server.kill()
        if is_there:  # the driver would not ask the server again
            statement = "COMMIT"
            raise sa.exc.OperationalError(statement, None, ConnectionError("server closed the connection unexpectedly"))

    for act in (lambda: vol.backend.create_volume(1, "new"), lambda: vol.extend(2)):
        sa.event.listen(mine.store.engine, "commit", lose)
        with pytest.raises(cl.errors.StoreUnusable):
            act()
        sa.event.remove(mine.store.engine, "commit", lose)
        server.start()
        mine.journal.outbox.flush()
    assert meddling.noted == ["create_volume"]
    vol.refresh()
    assert (vol.status, vol.size) == ("available", 1)
    assert cl.frames.volumes(mine)["name"].tolist() == ["db"]
    assert set(_history(mine)[2:]) == ({("create", "interrupted"), ("extend", "interrupted")} if is_there else set())


def test_a_store_is_the_same_by_every_url(tmp_path: Path) -> None:
    """Outcomes are found under every URL of the database: with another user, password or Python driver, or by a link."""
    urls = ["postgresql+psycopg://a:x@h:1/db", "postgresql://b:y@h:1/db?sslmode=require", "mysql+pymysql://a@h:1/db"]
    places = [outbox._database_key(sa.make_url(url)) for url in (*urls, "mariadb+pymysql://a@h:1/db", "postgresql://b@h:1/other")]
    assert places[0] == places[1]
    assert places[2] == places[3]
    assert len(set(places)) == 3
    (tmp_path / "link").symlink_to(tmp_path / "s.db")
    linked = {outbox._database_key(sa.make_url(f"sqlite:///{tmp_path / name}")) for name in ("s.db", "link")}
    assert len(linked) == 1
