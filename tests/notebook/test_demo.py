"""The demo: what it holds, how it ends, and what it leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import demo_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.notebook.conftest import Notebook


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the folder of temporary files, which is empty; end a demo that is left."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    try:
        demo_store.running().close(force=True)
    except cl.errors.Refused:
        return


def test_it_holds_one_of_everything(temporary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A demo has two open backends, snapshots, connections, a volume in error and one left half done, and prints its tree."""
    with cl.demo() as demo:
        printed = capsys.readouterr().out
        assert demo.folder.parent == temporary
        assert cl.default_session() is demo.session
        assert set(cl.Backend.backends) == {demo_store.ARRAY, demo_store.FILES}
        assert {"db", "web", "archive", "notes", "nightly"} <= set(printed.split())
        volumes = cl.frames.volumes()
        assert list(volumes.loc[volumes["status"] == "error", "name"]) == ["archive"]
        assert list(cl.frames.operations(status="lost")["resource_name"]) == [demo_store.INTERRUPTED]
        assert len(cl.frames.connections()) == 4
        assert "before-upgrade" in demo._repr_mimebundle_()["text/html"]
        assert max(len(line) for line in repr(demo).splitlines()[1:]) <= 80


def test_its_end_brings_back_the_session_before(temporary: Path, session: cl.Session) -> None:
    """The end of a demo removes its folder and makes the session before it, which stayed open, the default one again."""
    mine = session.backend("own", volume_driver="sim").create_volume(1, "mine")
    demo = cl.demo()
    with pytest.raises(cl.errors.NotFound):
        cl.find("mine")
    demo.close()
    demo.close()
    assert list(temporary.iterdir()) == []
    assert cl.default_session() is session
    assert cl.find("mine") is mine
    assert "is over" in repr(demo)


def test_magic_starts_and_ends_it(temporary: Path, notebook: Notebook) -> None:
    """%cl_demo gives the demo and prints its tree; a second one is refused and says how to end the first; --end ends it."""
    seen = notebook.seen("demo = %cl_demo")
    assert "volume  db " in seen.out
    assert "%cl_demo --end" in notebook.refused("%cl_demo")
    with pytest.raises(cl.errors.Refused, match="%cl_demo --end"):
        cl.demo()
    assert "is over" in notebook.printed("%cl_demo --end")
    assert list(temporary.iterdir()) == []
    assert notebook.refused("%cl_demo --end").startswith("Refused: No demo is running.")


def test_a_store_that_was_set_up_meanwhile_stays(temporary: Path, tmp_path: Path) -> None:
    """A session that cl.setup() opened during the demo stays the default one after it."""
    demo = cl.demo()
    with cl.setup(tmp_path / "other.db") as other:
        demo.close()
        assert cl.default_session() is other
        assert list(temporary.iterdir()) == []


def test_the_track_of_real_storage_is_not_lost(temporary: Path) -> None:
    """A demo whose store tracks a volume outside its folder is not ended without `force`."""
    demo = cl.demo()
    cl.Backend("lab", volume_driver="local").create_volume(1, "real")
    with pytest.raises(cl.errors.Refused, match=r"those of 'lab' \(1 volume\).*--force"):
        demo.close()
    assert cl.find("real").status == "available"
    demo.close(force=True)
    assert list(temporary.iterdir()) == []


def test_a_left_store_with_the_track_of_real_storage_stays(temporary: Path) -> None:
    """Neither the end of the process nor the next demo removes a demo's store that tracks a volume outside its folder."""
    code = "import cl_notebook as cl; cl.demo(); cl.Backend('lab', volume_driver='local').create_volume(1, 'real')"
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
    [left] = temporary.iterdir()
    assert demo_store.remove_abandoned() == []
    with cl.Session(left / "store.db") as session:
        assert session.find("real").status == "available"


def test_the_next_demo_removes_what_a_killed_kernel_left(temporary: Path, tmp_path: Path) -> None:
    """Demo folders of processes that have ended are removed, and nothing else: no running demo, link, file or other folder."""
    code = "import os, signal; import cl_notebook as cl; cl.demo(); os.kill(os.getpid(), signal.SIGKILL)"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False)
    assert done.returncode == -signal.SIGKILL
    [left] = temporary.iterdir()
    link, file, other = (temporary / f"{demo_store.PREFIX}{name}" for name in ("link", "file", "other"))
    link.symlink_to(tmp_path)
    file.touch()
    other.mkdir()
    with cl.demo() as demo:
        assert set(temporary.iterdir()) == {demo.folder, link, file, other}
        assert demo_store.remove_abandoned() == []
        assert not left.exists()


def test_an_end_without_close_leaves_nothing(temporary: Path) -> None:
    """A process that ends without closing its demo removes the folder."""
    subprocess.run([sys.executable, "-c", "import cl_notebook as cl; cl.demo()"], stdout=subprocess.DEVNULL, check=True)
    assert list(temporary.iterdir()) == []


def test_a_demo_that_cannot_be_filled_leaves_nothing(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, session: cl.Session
) -> None:
    """An error, or an interrupt, while the demo is filled leaves no folder, and the default session as it was."""

    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_store, "_interrupting", interrupt)
    with pytest.raises(KeyboardInterrupt):
        cl.demo()
    assert list(temporary.iterdir()) == []
    assert cl.default_session() is session
