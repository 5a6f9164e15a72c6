"""A name on a storage is tracked once: a second row is refused, and a scan reports existing pairs."""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.model import storage_identity

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.filterwarnings("ignore::cl_notebook.errors.DuplicateBackendWarning")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[cl.Session]:
    """Give a session on a store in a file."""
    with cl.setup(f"sqlite:///{tmp_path / 'store.db'}", non_uuid_ids=True) as opened:
        yield opened


@pytest.fixture(params=["local", "sim"])
def first(session: cl.Session, request: pytest.FixtureRequest, tmp_path: Path) -> cl.Backend:
    """Return a backend with a volume and a snapshot."""
    lab = session.backend("first", volume_driver=request.param, path=str(tmp_path / "lab"))
    lab.create_volume(1, "db").create_snapshot("s")
    return lab


def second(first: cl.Backend) -> cl.Backend:
    """Return the same storage under another name, and another spelling of its folder."""
    (name,) = {Path(str(first.config["path"])).name}
    path = Path(str(first.config["path"])).parent / "." / name
    return first.context.backend("second", volume_driver=first.volume_driver, path=f"{path}/")  # type: ignore[attr-defined, no-any-return] # a session


def as_other(volume: Any, *, backend: str = "first", snapshots: bool = False) -> dict[str, Any]:
    """Return the document of something with other ids that has the volume's name on the storage."""
    document: dict[str, Any] = volume.dump
    own = document["data"]
    own["id"] = str(uuid.uuid4())
    document["backend"] = {"volume_backend_name": backend}
    own["snapshots"] = own["snapshots"] if snapshots else []
    for each in own["snapshots"]:
        each |= {"id": str(uuid.uuid4()), "volume_id": own["id"]}
    return document


@pytest.mark.parametrize("backend", ["first", "second"])
def test_a_document_claims_nothing_that_is_tracked(first: cl.Backend, backend: str) -> None:
    """A document of a volume, or a snapshot, under another id is refused, on any name of the storage; the same again is not."""
    second(first)
    volume = first.volumes[0]
    where = "" if backend == "first" else " of backend 'first', the same storage"
    with pytest.raises(errors.AlreadyExists, match=f"tracked already, as volume {volume.id}{where}. Nothing was loaded"):
        cl.load(as_other(volume, backend=backend), save=True)
    document = as_other(volume, backend=backend, snapshots=True)
    document["data"]["name_in_storage"] = "elsewhere"
    snapshot = volume.snapshots[0]
    with pytest.raises(errors.AlreadyExists, match=f"tracked already, as snapshot {snapshot.id}{where}. Nothing was loaded"):
        cl.load(document, save=True)
    looked = cl.load(as_other(volume, backend=backend))
    with pytest.raises(errors.AlreadyExists, match="tracked already"):
        looked.save()
    assert cl.load(volume.dump, save=True) is volume
    assert len(cl.frames.volumes()) == len(cl.frames.snapshots()) == 1


def test_a_document_may_spell_the_folder_with_a_slash_too_many(first: cl.Backend) -> None:
    """A document of the backend that is tracked is taken whatever slashes its path has, and not with another path."""
    volume, document = first.volumes[0], as_other(first.volumes[0])
    document["data"]["name_in_storage"] = "another"
    path = str(first.config["path"])
    document["backend"] |= {"volume_driver": first.volume_driver, "path": path.replace("/", "//") + "/"}
    assert cl.load(document, save=True).backend_id == volume.backend_id
    document["backend"]["path"] = path + "2"
    with pytest.raises(errors.AlreadyExists, match="another configuration: path"):
        cl.load(document, save=True)


def test_a_document_claims_nothing_twice(first: cl.Backend) -> None:
    """Two volumes of one document, or two snapshots, with one name on the storage are refused."""
    document = as_other(first.volumes[0])
    document["data"]["name_in_storage"] = "disk"
    other = json.loads(json.dumps(document))
    other["data"]["id"] = str(uuid.uuid4())
    with pytest.raises(
        errors.AlreadyExists, match=f"'disk' on backend 'first' is tracked already, as volume {document['data']['id']}"
    ):
        cl.load([document, other], save=True)
    other["data"]["name_in_storage"] = "disk 2"
    for each in (document, other):
        own = str(uuid.uuid4())
        snapshot = {"id": own, "status": "available", "volume_id": each["data"]["id"], "volume_size": 1, "name_in_storage": "s"}
        each["data"]["snapshots"] = [snapshot]
    with pytest.raises(errors.AlreadyExists, match="'s' on backend 'first' is tracked already, as snapshot"):
        cl.load([document, other], save=True)
    assert len(cl.frames.volumes()) == 1


def test_an_id_by_hand_claims_nothing_that_is_tracked(first: cl.Backend) -> None:
    """An id whose name on the storage another row has is refused in the words of ``manage``, and nothing is made."""
    volume = first.create_volume(1, "x", id="disk-1")
    volume.unmanage()
    adopted = first.manage(volume.name_in_storage, "adopted")
    if adopted.id == "disk-1":
        pytest.fail("manage keeps no id that is not asked for")
    for backend in (first, second(first)):
        with pytest.raises(
            errors.AlreadyExists, match=f"'volume-disk-1' on backend .* is tracked already, as volume {adopted.id}"
        ):
            backend.create_volume(1, "y", id="disk-1")
    assert {each.name for each in first.volumes} == {"db", "adopted"}


def test_an_import_claims_nothing_that_is_tracked(first: cl.Backend, tmp_path: Path) -> None:
    """What a database of Cinder's has under another id is left out, with the reason; what hangs on it, too."""
    taken, own = first.volumes[0], str(uuid.uuid4())
    with sqlite3.connect(tmp_path / "cinder.db") as sql:
        sql.executescript(
            """CREATE TABLE volumes (id TEXT PRIMARY KEY, _name_id TEXT, host TEXT, size INTEGER, status TEXT, display_name TEXT);
            CREATE TABLE snapshots (id TEXT PRIMARY KEY, volume_id TEXT, status TEXT, volume_size INTEGER);
            CREATE TABLE volume_attachment (id TEXT PRIMARY KEY, volume_id TEXT);"""
        )
        sql.execute("INSERT INTO volumes VALUES (?, ?, 'h@first', 1, 'available', 'x')", (own, taken.id))
        sql.execute("INSERT INTO snapshots VALUES ('s', ?, 'available', 1)", (own,))
    report = cl.import_cinderlib(f"sqlite:///{tmp_path / 'cinder.db'}").set_index("id")
    assert not report["taken"].any()
    assert f"is tracked already, as volume {taken.id}" in str(report.loc[own, "reason"])
    assert "is not tracked here" in str(report.loc["s", "reason"])


def pair(first: cl.Backend) -> tuple[cl.Volume, cl.Volume]:
    """Return two rows of one volume on the storage, as older releases let them be, and no snapshot."""
    volume = first.volumes[0]
    volume.snapshots[0].delete()
    other = as_other(volume)
    other["data"]["name_in_storage"] = "passing"
    twin = cl.load(other, save=True)
    with first.context.store.writing() as connection:
        connection.exec_driver_sql("UPDATE volume SET name_in_storage = 'volume-' || ? WHERE id = ?", (volume.id, twin.id))
    twin.refresh()
    return volume, twin


def test_a_scan_tells_pairs_and_no_act_takes_the_others_bytes(first: cl.Backend) -> None:
    """Both rows are a conflict; neither can be deleted or released; when one is forgotten the other is as good as ever."""
    volume, twin = pair(first)
    scan = cl.inventory.scan().set_index("id")
    for one, other in ((volume, twin), (twin, volume)):
        assert scan.loc[one.id, "verdict"] == "conflict"
        assert other.id in str(scan.loc[one.id, "detail"])
        assert scan.loc[one.id, "next"] == f"%cl_scan forget {one.id[:8]}"
        for act in (one.delete, one.unmanage):
            with pytest.raises(errors.ResourceBusy, match=f"%cl_scan forget {one.id}"):
                act()
        assert one.status == "available"
    cl.inventory.forget(twin)
    assert cl.inventory.scan().set_index("id").loc[volume.id, "verdict"] == "ok"
    with pytest.raises(errors.Refused, match="unmanage"):
        cl.inventory.forget(volume)
    volume.delete()
    assert not len(cl.inventory.scan())


def test_a_pair_over_two_names_of_the_storage(first: cl.Backend) -> None:
    """A pair whose rows are on two backends is reported on both, and guarded as well."""
    volume, twin = pair(first)
    other = second(first)
    with first.context.store.writing() as connection:
        connection.exec_driver_sql("UPDATE volume SET backend_id = ? WHERE id = ?", (other.id, twin.id))
    twin.refresh()
    scan = cl.inventory.scan().set_index("id")
    assert list(scan.loc[[volume.id, twin.id], "verdict"]) == ["conflict", "conflict"]
    with pytest.raises(errors.ResourceBusy, match="the same thing on the storage"):
        twin.delete()
    with pytest.raises(errors.ResourceBusy, match="the same thing on the storage"):
        volume.delete()


def test_two_kernels_claim_one_name_once(any_store_url: str, tmp_path: Path) -> None:
    """Of several sessions that load, adopt and make one name at once exactly one has it."""
    with cl.Session(any_store_url) as made:
        lab = made.backend("first", volume_driver="sim", path=str(tmp_path / "lab"))
        volume = lab.create_volume(1, "x")
        name, document = volume.name_in_storage, as_other(volume)
        volume.unmanage()
    done: list[str] = []
    start = threading.Barrier(4)

    def claim(number: int) -> None:
        with cl.Session(any_store_url) as other:
            backend = other.backend("first" if number % 2 else "second", volume_driver="sim", path=str(tmp_path / "lab"))
            own = {**document, "backend": {"volume_backend_name": backend.name}}
            own["data"] = {**document["data"], "id": str(uuid.uuid4())}
            (tmp_path / f"{number}.json").write_text(json.dumps(own))
            start.wait()
            try:
                if number < 2:
                    backend.manage(name, "adopted")
                else:
                    cl.serialization.load_file(tmp_path / f"{number}.json", session=other)
            except errors.AlreadyExists:
                return
            done.append(backend.name)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 1


@pytest.mark.parametrize(
    ("driver", "one", "two", "is_same"),
    [
        ("lvm.LVMVolumeDriver", {}, {"volume_group": "cinder-volumes", "lvm_type": "thin"}, True),
        ("lvm.LVMVolumeDriver", {"volume_group": "a"}, {"volume_group": "b"}, False),
        ("lvm.LVMVolumeDriver", {"volume_group": "a"}, {"sections": {"backend_defaults": {"volume_group": "a"}}}, True),
        ("rbd.RBDDriver", {"rbd_user": "a"}, {"rbd_pool": "rbd", "rbd_ceph_conf": "/etc/ceph/ceph.conf"}, True),
        ("rbd.RBDDriver", {}, {"rbd_cluster_name": "far"}, False),
        ("nfs.NfsDriver", {"nas_host": "h", "nas_share_path": "/srv/"}, {"nas_host": "h", "nas_share_path": "//srv"}, True),
        ("nfs.NfsDriver", {"nfs_shares_config": "/etc/a"}, {"nfs_shares_config": "/etc/b"}, False),
        ("some.Driver", {"share": "h:/srv/", "python": "/a"}, {"share": "h:/srv", "call_timeout": 3}, True),
        ("some.Driver", {"share": "h:/srv"}, {"share": "h:/srv2"}, False),
    ],
)
def test_what_is_one_storage(driver: str, one: dict[str, Any], two: dict[str, Any], is_same: bool) -> None:  # noqa: FBT001 - pytest's
    """Of Cinder's common drivers the group, pool or share counts; of others all options but how the child runs; slashes never."""
    path = f"cinder.volume.drivers.{driver}"
    assert (storage_identity.storage_key(path, one) == storage_identity.storage_key(path, two)) is is_same


def test_of_arrays_that_look_alike_the_name_decides(session: cl.Session) -> None:
    """On two backends of one Cinder driver a name with a UUID is one thing; another name, or another driver, is not."""
    with session.store.writing() as connection:
        rows = [
            ("a", "cinder.volume.drivers.some.Driver", '{"san_ip": "192.0.2.1"}'),
            ("b", "cinder.volume.drivers.some.Driver", '{"san_ip": "array.example"}'),
            ("c", "cinder.volume.drivers.other.Driver", "{}"),
        ]
        for name, driver, options in rows:
            connection.exec_driver_sql(
                "INSERT INTO backend (id, name, volume_driver, config, created_at, version) VALUES (?, ?, ?, ?, ?, 1)",
                (name, name, driver, options, "2026-01-01 00:00:00.000000"),
            )
    own = str(uuid.uuid4())

    def document(backend: str, name: str) -> dict[str, Any]:
        data = {"id": str(uuid.uuid4()), "size": 1, "status": "available", "name_in_storage": name}
        return {"class": "Volume", "version": 1, "backend": {"volume_backend_name": backend}, "data": data}

    cl.load([document("a", f"volume-{own}"), document("a", "disk")], save=True)
    with pytest.raises(errors.AlreadyExists, match="of backend 'a', which may be the same storage"):
        cl.load(document("b", f"volume-{own}"), save=True)
    cl.load([document("b", "disk"), document("c", f"volume-{own}")], save=True)
    assert len(cl.frames.volumes()) == 4
