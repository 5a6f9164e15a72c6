"""Statuses of other life cycles, which came in by a document: a scan names them, and a repair asks the storage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.model.operations import lifecycle

if TYPE_CHECKING:
    from pathlib import Path

CINDERS = {
    *("attaching", "detaching", "maintenance", "reserved", "awaiting-transfer", "uploading", "backing-up", "error_backing-up"),
    *("downloading", "restoring-backup", "error_restoring", "error_managing", "deleted", "migrating", "updating"),
}
"""Statuses of Cinder's (``cinder.objects.fields``) that no act of ours leaves a volume in."""

TORN = {"downloading", "restoring-backup", "error_restoring", "error_managing", "deleted"}


def with_status(path: Path, status: str, *, attach_status: str = "detached", kind: str = "volume", prepare: Any = None) -> Any:
    """Return a volume, or its snapshot, that came in by a document with this status."""
    cl.setup("memory")
    lab = cl.Backend("lab", volume_driver="sim", path=str(path))
    volume = lab.create_volume(1, "db")
    snapshot = volume.create_snapshot("s")
    if prepare is not None:
        prepare(lab.driver, volume, snapshot)
    document = volume.dump
    data = document["data"] if kind == "volume" else document["data"]["snapshots"][0]
    data["status"] = status
    document["data"]["attach_status"] = attach_status
    cl.setup("memory")
    cl.Backend("lab", volume_driver="sim", path=str(path))
    loaded = cl.load(json.dumps(document), save=True)
    return loaded if kind == "volume" else loaded.snapshots[0]


def verdict(resource: Any) -> str:
    """Return the verdict of a scan on it."""
    return str(cl.inventory.scan().set_index("id").loc[resource.id, "verdict"])


@pytest.mark.parametrize("status", sorted({*CINDERS, "frozen-by-site", "error_of_site"}))
def test_a_volume_is_repaired(tmp_path: Path, status: str) -> None:
    """It is stuck, cannot be deleted, and after a repair it is what the storage says; where bytes may be torn it is in error."""
    volume = with_status(tmp_path, status)
    assert verdict(volume) == "stuck"
    with pytest.raises(errors.InvalidStatus, match=rf"%cl_scan repair ({volume.name}|{volume.id[:8]}) asks"):
        volume.delete(cascade=True)
    said = cl.inventory.repair(volume)
    assert f"it was {status!r}" in said
    assert volume.status == ("error" if status in {*TORN, "error_of_site"} else "available")
    assert ("may not be whole" in said) is (volume.status == "error")
    if volume.status == "error":
        with pytest.raises(errors.Refused, match=f"delete {volume.id}"):
            cl.inventory.repair(volume)
    volume.delete(cascade=True)
    assert "db" not in set(cl.frames.volumes()["name"])


@pytest.mark.parametrize("status", ["creating", "deleting", "error_deleting", "managing", "unmanaging"])
@pytest.mark.parametrize("kind", ["volume", "snapshot"])
def test_the_word_of_a_document_removes_nothing(tmp_path: Path, kind: str, status: str) -> None:
    """A status that says what was being done, without an operation that began it here, neither deletes nor releases anything."""
    resource = with_status(tmp_path, status, kind=kind)
    assert "whole" in cl.inventory.repair(resource)
    assert (resource.status, resource.is_tracked) == ("available", True)
    cl.inventory.repair_all()
    assert set(cl.inventory.scan()["verdict"]) == {"ok"}


def test_every_status_of_cinders_is_known_here_or_foreign() -> None:
    """Each of Cinder's statuses is settled, one that our acts leave, or foreign: none is taken for whole by default."""
    ours = {"creating", "deleting", "error", "error_deleting", "managing", "retyping", "extending", "error_extending"}
    assert all(lifecycle.is_foreign("volume", status) for status in CINDERS)
    assert not any(lifecycle.is_foreign("volume", status) for status in {*ours, "available", "in-use"})
    assert lifecycle.is_foreign("snapshot", "in-use")


@pytest.mark.parametrize("status", ["updating", "backing-up", "restoring", "deleted", "in-use"])
def test_a_snapshot_is_repaired(tmp_path: Path, status: str) -> None:
    """So it is with a snapshot."""
    snapshot = with_status(tmp_path, status, kind="snapshot")
    assert verdict(snapshot) == "stuck"
    cl.inventory.repair(snapshot)
    assert snapshot.status == ("error" if status == "deleted" else "available")
    snapshot.delete()


def test_one_that_is_gone_is_missing(tmp_path: Path) -> None:
    """What the storage does not have is missing whatever its status says, and is not repaired but forgotten."""
    volume = with_status(tmp_path, "reserved", prepare=lambda driver, volume, _: driver.vanish(volume.name_in_storage))
    assert verdict(volume) == "missing"
    with pytest.raises(errors.Refused, match=f"forget {volume.id}"):
        cl.inventory.repair(volume)
    assert volume.status == "reserved"


def test_one_of_another_size_gets_the_storages(tmp_path: Path) -> None:
    """A repair takes the size over as well."""
    volume = with_status(tmp_path, "maintenance", prepare=lambda driver, volume, _: driver.resize(volume.name_in_storage, 3))
    cl.inventory.repair(volume)
    assert (volume.status, volume.size) == ("available", 3)


def test_a_volume_that_is_connected_is_in_use(tmp_path: Path) -> None:
    """The connections that are tracked say whether it is available or in use."""
    cl.setup("memory")
    lab = cl.Backend("lab", volume_driver="sim", path=str(tmp_path))
    volume = lab.create_volume(1, "db")
    volume.connect({"host": "h0"})
    document = volume.dump
    document["data"]["status"] = "maintenance"
    cl.setup("memory")
    cl.Backend("lab", volume_driver="sim", path=str(tmp_path))
    loaded = cl.load(json.dumps(document), save=True)
    assert cl.inventory.repair_all().query("kind == 'volume'")["done"].all()
    loaded.refresh()
    assert (loaded.status, loaded.attach_status) == ("in-use", "attached")


def test_an_attach_status_of_cinders_follows_the_connections(tmp_path: Path) -> None:
    """``attach_status`` reserved, of a volume that is available, is reported by a scan, and a repair looks at the connections."""
    volume = with_status(tmp_path, "available", attach_status="reserved")
    assert verdict(volume) == "stuck"
    assert "was 'reserved'" in cl.inventory.repair(volume)
    assert volume.attach_status == "detached"
    assert verdict(volume) == "ok"


@pytest.mark.parametrize("is_connected", [True, False])
def test_a_connection_of_another_status(tmp_path: Path, is_connected: bool) -> None:  # noqa: FBT001 - pytest's
    """A connection that is reserved is attached if the storage let the host in, and is removed if it did not."""
    cl.setup("memory")
    lab = cl.Backend("lab", volume_driver="sim", path=str(tmp_path))
    volume = lab.create_volume(1, "db")
    volume.connect({"host": "h0"})
    document = volume.dump
    document["data"]["connections"][0]["attach_status"] = "reserved"
    if not is_connected:
        document["data"]["connections"][0]["conn_info"] = None
    cl.setup("memory")
    cl.Backend("lab", volume_driver="sim", path=str(tmp_path))
    loaded = cl.load(json.dumps(document), save=True)
    (conn,) = loaded.connections
    assert verdict(conn) == "stuck"
    cl.inventory.repair(conn)
    loaded.refresh()
    assert [each.status for each in loaded.connections] == (["attached"] if is_connected else [])
