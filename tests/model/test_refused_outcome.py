"""Outcomes that the store refuses, whatever its reason is: written in another form, or kept until they can be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook import errors, settings
from cl_notebook.drivers.sim.driver import SimDriver
from tests.fake_drivers import MeddlingDriver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TRIGGERS = {
    "sqlite": ["CREATE TRIGGER refuse BEFORE {act} ON volume BEGIN SELECT RAISE(ABORT, 'not on my watch'); END"],
    "postgresql": [
        "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'not on my watch'; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER refuse BEFORE {act} ON volume FOR EACH ROW EXECUTE FUNCTION refuse()",
    ],
    "mariadb": [
        "CREATE TRIGGER refuse BEFORE {act} ON volume FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not on my watch'"
    ],
}
_GONE = {"sqlite": "DROP TRIGGER refuse", "postgresql": "DROP TRIGGER refuse ON volume", "mariadb": "DROP TRIGGER refuse"}


@pytest.fixture
def mine(any_store_url: str) -> Iterator[cl.Session]:
    """Give a session on a database of each kind."""
    with cl.Session(any_store_url) as session:
        session.journal.outbox.patience = 0.3
        yield session


@pytest.fixture
def lab(mine: cl.Session, meddling: type[MeddlingDriver], tmp_path: Path) -> cl.Backend:
    """Return an open backend of that session."""
    del meddling  # installed before
    return mine.backend("lab", volume_driver="meddling", path=str(tmp_path / "lab"))


def _kind(session: cl.Session) -> str:
    return {"mysql": "mariadb"}.get(session.store.engine.dialect.name, session.store.engine.dialect.name)


def _run(session: cl.Session, *statements: str) -> None:
    with session.store.engine.connect() as connection, connection.begin():
        for statement in statements:
            connection.exec_driver_sql(statement)


def _refuse(session: cl.Session, act: str) -> Any:
    return lambda _call: _run(session, *(statement.format(act=act) for statement in _TRIGGERS[_kind(session)]))


def _files() -> list[Path]:
    return sorted((settings.data_dir() / "outcomes").rglob("*.json"))


@pytest.mark.parametrize(
    ("act", "says"), [("create", "created"), ("extend", "extended"), ("delete", "deleted")], ids=lambda word: word
)
def test_an_outcome_that_a_trigger_refuses_is_kept(
    mine: cl.Session, lab: cl.Backend, meddling: type[MeddlingDriver], act: str, says: str
) -> None:
    """The error says what the storage did and where that is recorded; other resources go on; it is written once it is taken."""
    volume, other = lab.create_volume(1, "db"), lab.create_volume(1, "other")
    acts: dict[str, Any] = {
        "create": lambda: lab.create_volume(1, "new"),
        "extend": lambda: volume.extend(2),
        "delete": volume.delete,
    }
    meddling.meanwhile = _refuse(mine, "DELETE" if act == "delete" else "UPDATE")
    with pytest.raises(
        errors.OutcomePending, match=rf"{act} volume .* is done on the storage: it was {says}, .*not on my watch"
    ) as caught:
        acts[act]()
    meddling.meanwhile = None
    (file,) = _files()
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    if act != "create":
        with pytest.raises(errors.OutcomePending, match=f"outcome of operation {caught.value.operation} still waits"):
            volume.extend(3)
    with cl.Session(str(mine.settings.store)) as next_one:  # opened as ever
        assert len(_files()) == 1
        assert next_one.find("other").id == other.id
    cl.KeyValue.set("others", "go on", session=mine)
    _run(mine, _GONE[_kind(mine)])
    other.extend(5)
    assert _files() == []
    found = {vol.name: (vol.size, vol.status) for vol in lab.volumes}
    assert (
        found
        == {
            "create": {"db": (1, "available"), "other": (5, "available"), "new": (1, "available")},
            "extend": {"db": (2, "available"), "other": (5, "available")},
            "delete": {"other": (5, "available")},
        }[act]
    )
    assert set(cl.frames.operations(mine)["status"]) == {"done"}


def test_a_refused_outcome_is_written_by_the_next_session(
    any_store_url: str, tmp_path: Path, meddling: type[MeddlingDriver]
) -> None:
    """What one session could not write is written when the store is opened next and takes it."""
    with cl.Session(any_store_url) as session:
        lab = session.backend("lab", volume_driver="meddling", path=str(tmp_path / "lab"))
        volume = lab.create_volume(1, "db")
        meddling.meanwhile = _refuse(session, "UPDATE")
        with pytest.raises(errors.OutcomePending):
            volume.extend(2)
        meddling.meanwhile = None
    store = sa.create_engine(sa.make_url(any_store_url.replace("mariadb://", "mariadb+pymysql://")))
    with store.connect() as connection, connection.begin():
        connection.exec_driver_sql(_GONE["mariadb" if store.dialect.name == "mysql" else store.dialect.name])
    store.dispose()
    with cl.Session(any_store_url) as session:
        assert (session.find("db").size, session.find("db").status) == (2, "available")
        assert _files() == []


_BAD = "a\0b\udcffc"


def test_words_that_no_database_keeps_are_escaped(mine: cl.Session, lab: cl.Backend, meddling: type[MeddlingDriver]) -> None:
    """An error with a NUL and half a surrogate pair in its words fails as it would without them, and stands in the history."""
    volume = lab.create_volume(1, "db")

    def fail(_call: str) -> None:
        msg = f"no such file: {_BAD}"
        raise OSError(msg)

    meddling.meanwhile = fail
    with pytest.raises(errors.DriverError, match="no such file"):
        volume.extend(2)
    assert volume.status == "error_extending"
    assert cl.frames.operations(mine)["error"].iloc[-1].endswith(r"no such file: a\x00b\udcffc")
    assert _files() == []


def _answer_badly(driver: MeddlingDriver, volume: Any) -> Any:
    """Create *volume*, and answer with what does not fit."""
    SimDriver.create_volume(driver, volume)
    return {
        "provider_id": "p" * 300,
        "provider_location": f"at {_BAD}",
        "name_in_storage": None,
        "metadata": {"k": _BAD, "nan": float("nan"), "set": {1}, "object": object, _BAD: b"\xff"},
    }


def test_answers_that_no_database_keeps_are_made_to_fit(
    mine: cl.Session, lab: cl.Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver's answer that is too long, has no JSON, or misses what is required is stored as far as it can be, and remarked."""
    monkeypatch.setattr(MeddlingDriver, "create_volume", _answer_badly)
    volume = lab.create_volume(1, "db")
    with cl.Session(str(mine.settings.store)) as other:
        found = other.find("db")
        assert (found.status, found.name_in_storage) == ("available", volume.name_in_storage)
        assert found.provider_id.startswith("ppp")
        assert found.provider_location == r"at a\x00b\udcffc"
        assert found.metadata[r"a\x00b\udcffc"] == r"\xff"
        (row,) = [row for row in cl.frames.operations(other).itertuples() if row.action == "create"]
        assert row.status == "done"
        assert "Stored in another form: provider_id 'ppp" in str(row.error)
    assert _files() == []


def test_an_answer_that_cannot_be_used_is_a_failure(mine: cl.Session, lab: cl.Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that answers with what is no model update fails, and its volume is in error, not cut short."""
    monkeypatch.setattr(MeddlingDriver, "create_volume", lambda _self, _volume: 5)
    with pytest.raises(errors.DriverError, match="create_volume failed"):
        lab.create_volume(1, "db")
    assert [vol.status for vol in lab.volumes] == ["error"]
    assert cl.frames.operations(mine)["status"].iloc[-1] == "failed"


def test_an_interrupt_while_an_outcome_is_written_loses_nothing(
    mine: cl.Session, lab: cl.Backend, meddling: type[MeddlingDriver]
) -> None:
    """An interrupt in the very moment in which the outcome is written is an interrupt, and the next act writes the outcome."""
    volume = lab.create_volume(1, "db")

    def interrupt(_connection: object) -> None:
        sa.event.remove(mine.store.engine, "commit", interrupt)
        raise KeyboardInterrupt

    meddling.meanwhile = lambda _call: sa.event.listen(mine.store.engine, "commit", interrupt)
    with pytest.raises(KeyboardInterrupt):
        volume.extend(2)
    meddling.meanwhile = None
    assert volume.extend(3) == 3 * 2**30
    assert cl.frames.operations(mine)["status"].tolist() == ["done"] * 4
    assert _files() == []
