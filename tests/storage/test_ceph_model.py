"""The tracked objects on a real Ceph cluster: what Cinder's RBD driver can do, from a session and from the next one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors
from tests.storage.drivers import RBD
from tests.storage.environments import CINDER_29, cinder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.storage.ceph import Cluster

DATA = bytes(range(256)) * 16
HOST = {"host": "node1", "ip": "10.0.0.7"}

# os-brick starts processes after eventlet was imported, which eventlet warns of
pytestmark = pytest.mark.filterwarnings("ignore:Using fork")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[cl.Session]:
    """Give a session on a store that the next one can open."""
    with cl.Session(store=tmp_path / "store.db", host="lab1") as opened:
        yield opened


@pytest.fixture
def ceph(session: cl.Session, cluster: Cluster) -> cl.Backend:
    """Return an open backend on the cluster."""
    options: dict[str, Any] = {"volume_driver": RBD, "python": cinder(CINDER_29), **cluster.options()}
    return session.backend("ceph", **options)


def _rbd(cluster: Cluster, *words: str) -> None:
    subprocess.run(["rbd", "-c", cluster.conf, "--id", "cinder", "--keyring", cluster.keyring, *words], check=True)


def test_an_attachment_is_found_by_the_next_session(ceph: cl.Backend, session: cl.Session) -> None:
    """What was attached by librbd and lost is found by the next session, read, extended, detached and removed."""
    volume = ceph.create_volume(1, "ledger")
    connection = volume.attach()
    assert connection.path == f"rbd:volumes/{volume.name_in_storage}"
    with connection.open() as disk:
        disk.write(DATA)
    session.close()
    with cl.Session(store=session.settings.store, host="lab1") as later:
        volume = later.find("ledger")
        assert volume.local_attach is not None
        with volume.local_attach.open() as disk:
            assert disk.read(len(DATA)) == DATA
        assert volume.extend(2) == 2 * 1024**3
        volume.detach()
        volume.delete()


def test_a_snapshot_brings_the_bytes_back(ceph: cl.Backend) -> None:
    """A volume that was extended and overwritten since its snapshot has its bytes again after a revert, and keeps its size."""
    volume = ceph.create_volume(1, "db")
    with volume.attach().open() as disk:
        disk.write(DATA)
    volume.detach()
    snapshot = volume.create_snapshot("before")
    volume.extend(2)
    with volume.attach().open() as disk:
        disk.write(DATA[::-1])
    volume.detach()
    volume.revert(snapshot)
    with volume.attach().open() as disk:
        assert disk.read(len(DATA)) == DATA
        assert disk.seek(0, 2) == 2 * 1024**3
    volume.detach()
    volume.delete(cascade=True)


def test_what_is_on_the_storage_is_adopted_and_released(ceph: cl.Backend, cluster: Cluster) -> None:
    """An image and its snapshot that somebody else made are listed, adopted under Cinder's names, and released again."""
    _rbd(cluster, "create", "--size", "1G", "volumes/theirs")
    _rbd(cluster, "snap", "create", "volumes/theirs@monday")
    assert {"source-name": "theirs"} in [entry["reference"] for entry in ceph.manageable_volumes()]
    volume = ceph.manage("theirs", "ours")
    assert (volume.size, volume.name_in_storage) == (1, f"volume-{volume.id}")
    assert {"source-name": "monday"} in [entry["reference"] for entry in ceph.manageable_snapshots()]
    snapshot = volume.manage_snapshot("monday")
    assert (snapshot.size, snapshot.name_in_storage) == (1, f"snapshot-{snapshot.id}")
    copy = snapshot.create_volume("copy")
    snapshot.unmanage()
    volume.unmanage()
    assert f"volume-{volume.id}" in cluster.images()
    copy.delete()
    assert ceph.volumes == []


def test_a_volume_for_several_hosts(ceph: cl.Backend) -> None:
    """A volume that is retyped for several hosts lets in two, and counts as in use until the last is out."""
    volume = ceph.create_volume(1, "shared")
    volume.retype({"multiattach": "<is> True"})
    assert volume.extra_specs == {"multiattach": "<is> True"}
    first, second = volume.connect(HOST), volume.connect({**HOST, "host": "node2"})
    volume.disconnect(first)
    assert volume.status == "in-use"
    volume.disconnect(second)
    assert volume.status == "available"
    volume.delete()


def test_the_readmes_example_runs(cluster: Cluster, tmp_path: Path) -> None:
    """The README's example of real storage runs, once the cluster's own files and the Python that has Cinder are named."""
    readme = Path(cl.__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
    _, example = re.findall(r"^```python\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    here = f'"{cluster.conf}", rbd_keyring_conf="{cluster.keyring}", python="{cinder(CINDER_29)}"'
    assert '"/etc/ceph/ceph.conf"' in example
    code = f"import cl_notebook as cl\ncl.setup(store={str(tmp_path / 's.db')!r})\n" + example.replace(
        '"/etc/ceph/ceph.conf"', here
    )
    subprocess.run([sys.executable, "-c", f"{code}\nvolume.cleanup()\nvolume.delete()"], check=True)


def test_a_cluster_that_refuses_says_so(session: cl.Session, cluster: Cluster) -> None:
    """A user whom the cluster does not know, and a pool that is not there, are the driver's own words, and track nothing."""
    options: dict[str, Any] = {"volume_driver": RBD, "python": cinder(CINDER_29), **cluster.options()}
    for wrong in ({"rbd_user": "stranger"}, {"rbd_pool": "no-such-pool"}):
        with pytest.raises(errors.DriverError, match=r"^wrong: setup failed: "):
            session.backend("wrong", **{**options, **wrong})
    assert cl.frames.backends(session).empty
