"""What cinderlib 5.2.0 itself wrote (``samples/``) is read."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

import cl_notebook as cl

SAMPLES = Path(__file__).parent / "samples"
LEDGER = "5aa6ab7a-2e6a-4c0e-bc63-f0492e8d1e99"


@pytest.fixture
def null(session: cl.Session, tmp_path: Path) -> cl.Backend:
    """Return an open backend of the name that the samples have."""
    return session.backend("null", volume_driver="sim", path=str(tmp_path / "sim"))


def sample(name: str = "") -> str:
    """Return what cinderlib's ``dumps()`` wrote, of everything or of one object."""
    return (SAMPLES / f"cinderlib{name and f'-{name}'}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("save", [False, True])
def test_everything_is_read(null: cl.Backend, save: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Every field of a volume that has a meaning here is taken: specs from its type, the time to the microsecond."""
    (backend,) = cl.load(sample(), save=save)
    by_name = {volume.name: volume for volume in backend.volumes}  # the copy has the time of its source, by cinderlib
    ledger, plain, copy = by_name["ledger"], by_name["plain"], by_name["copy"]
    assert (backend is null) == save
    assert (ledger.id, ledger.name, ledger.description, ledger.size) == (LEDGER, "ledger", "of accounts", 1)
    assert (ledger.status, ledger.attach_status, ledger.bootable) == ("in-use", "attached", True)
    assert (ledger.metadata, ledger.extra_specs, ledger.qos_specs) == ({"owner": "ann"}, {"thick": "no"}, {"iops": "100"})
    assert (ledger.host, ledger.pool_name, ledger.name_in_storage) == ("node1@null#null", "null", f"volume-{LEDGER}")
    assert ledger.created_at == dt.datetime(2026, 11, 24, 9, 42, 50, 331598, tzinfo=dt.UTC)
    assert (plain.name, plain.attach_status, plain.connections) == ("plain", "detached", [])
    assert copy.snapshot_id == ledger.snapshots[0].id


@pytest.mark.parametrize("save", [False, True])
def test_what_is_below_is_read(null: cl.Backend, save: bool) -> None:  # noqa: FBT001 - as above
    """Snapshots and connections come with their volume; the backend's name, which cinderlib keeps as progress, does not."""
    del null
    ledger = cl.load(sample("volume"), save=save)
    assert [(each.name, each.progress, each.volume_size) for each in ledger.snapshots] == [
        ("before", "100%", 1),
        ("after", "100%", 1),
    ]
    (connection,) = ledger.connections
    assert (connection.protocol, connection.attach_mode, connection.path) == ("local", "rw", None)
    assert connection.connector_info["initiator"] == "iqn.x"
    assert connection.info["data"]["device_path"] == "/dev/null"
    assert connection.connected
    assert not connection.attached


def test_what_has_no_place_is_kept(null: cl.Backend) -> None:
    """Cinder's fields without a place here, such as the project, are kept, and are in the documents that are written of it."""
    del null
    cl.load(sample(), save=True)
    assert cl.dump()[0]["volumes"][0]["data"]["project_id"] == "cinderlib"


@pytest.mark.parametrize("kind", ["snapshot", "connection"])
def test_one_alone_is_read(null: cl.Backend, kind: str) -> None:
    """A snapshot or a connection that was dumped alone brings its volume; loaded again nothing changes."""
    found = cl.load(sample(kind), save=True)
    assert found.kind == kind
    assert found.volume.name == "ledger"
    text = cl.dumps()
    assert cl.load(sample(kind), save=True) is found
    assert cl.dumps() == text
    assert [volume.id for volume in null.volumes] == [LEDGER]


def test_all_of_it_twice(null: cl.Backend) -> None:
    """Loaded again, what cinderlib wrote changes nothing."""
    cl.load(sample(), save=True)
    text = cl.dumps()
    cl.load(sample(), save=True)
    assert cl.dumps() == text
    assert len(null.volumes) == 3


def test_what_cinderlib_wrote_comes_round(null: cl.Backend) -> None:
    """What was loaded from cinderlib's document is written and loaded as ours, and is the same."""
    del null
    cl.load(sample(), save=True)
    text = cl.dumps()
    assert cl.load(text, save=True)[0].dumps == cl.Backend("null").dumps
    assert cl.dumps() == text


def test_the_driver_that_it_names_is_not_imported(session: cl.Session) -> None:
    """A whole description with a driver of the user's own is refused, and the path is named."""
    del session
    with pytest.raises(cl.errors.NotFound, match=r"null_driver\.NullDriver"):
        cl.load(sample("all-backend-info"), save=True)


def test_a_backend_by_name(session: cl.Session) -> None:
    """Without a backend of that name its volumes are tracked under the name alone, if that is allowed."""
    del session
    with pytest.raises(cl.errors.NotFound, match="'null' is not open"):
        cl.load(sample(), save=True)
    (backend,) = cl.load(sample(), save=True, fail_on_missing_backend=False)
    assert len(backend.volumes) == 3


def test_what_only_looks_like_it(null: cl.Backend) -> None:
    """A document with another object in it than it says is refused."""
    del null
    with pytest.raises(cl.errors.InvalidInput, match="holds no Snapshot that cinderlib wrote"):
        cl.load(sample("volume").replace('"class":"Volume"', '"class":"Snapshot"'))
