"""Cinder's NFS driver over real NFSv4.2, which it and os-brick mount by themselves, and the local driver in a folder of it.

Runs in a guest: see ``test_within_guest.py``.
"""

from __future__ import annotations

import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from cl_notebook.session import Session
from cl_notebook.testing.lifecycle_contract import Leftovers, LifecycleContract, OpenDriver
from tests.storage.drivers import NFS, open_cinder
from tests.storage.environments import CINDER_29
from tests.storage.images import ImageBench
from tests.storage.nfs import Share, share


@pytest.mark.parametrize("qcow2", [False, True], ids=["raw", "qcow2"])
class TestNfs(LifecycleContract):
    """With volumes that are plain files, and with images."""

    bench_class = ImageBench
    extends_attached = False

    @pytest.fixture
    def nfs(self, tmp_path: Path) -> Share:
        """Return the share that the guest exports."""
        return share(tmp_path, "127.0.0.1:/e", Path("/exported/e"))

    @pytest.fixture
    def open_driver(self, nfs: Share, qcow2: bool) -> OpenDriver:  # noqa: FBT001 - pytest's parameter
        """Open it on the share."""
        return lambda: open_cinder(NFS, CINDER_29, **nfs.options(qcow2=qcow2))

    @pytest.fixture
    def leftovers(self, nfs: Share) -> Leftovers:
        """List the files on the share, which the driver has mounted by now."""

        def files() -> list[str]:
            mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
            (mounted,) = [line for line in mounts if line.startswith(f"{nfs.address} {nfs.mounts}/")]
            assert " nfs4 " in mounted
            assert "vers=4.2" in mounted
            return nfs.files()

        return files


@pytest.mark.filterwarnings("ignore::cl_notebook.errors.WritableByOthers")  # as shares are
def test_the_local_driver_works_on_a_share(tmp_path: Path) -> None:
    """Volumes are made, copied, kept and removed in a folder on NFS, whose locks ask for the right kind of descriptor."""
    point = tmp_path / "mounted"
    point.mkdir()
    subprocess.run(["mount", "-t", "nfs4", "127.0.0.1:/e", point], check=True)
    try:
        with closing(Session(store="memory")) as session:
            lab = session.backend("lab", volume_driver="local", path=str(point / "volumes"), loop_devices="never")
            volume = lab.create_volume(1, "a")
            with volume.attach().open() as disk:
                disk.write(b"over the net")
            snapshot = volume.create_snapshot("s")
            copies = [volume.clone("b"), snapshot.create_volume("c")]
            for copy in copies:
                with copy.attach().open("rb") as disk:
                    assert disk.read(12) == b"over the net"
            for one in [volume, *copies]:
                one.detach()
            snapshot.revert()
            for one in [*copies, volume]:
                one.delete(cascade=True)
    finally:
        subprocess.run(["umount", "--lazy", point], check=True)
