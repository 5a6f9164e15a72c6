"""%cl_dump and %cl_load: everything into a file, and out of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl

if TYPE_CHECKING:
    from tests.notebook.conftest import Notebook

SAMPLE = Path(__file__).parent.parent / "serialization" / "samples" / "cinderlib.json"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where to write."""
    return tmp_path / "lab.json"


def test_dumped_and_loaded(lab: Notebook, sim: cl.Backend, file: Path, tmp_path: Path) -> None:
    """%cl_dump writes everything and says how much; %cl_load tracks it in another store and says what."""
    sim.create_volume(1, name="ledger").create_snapshot()
    said = lab.printed(f"%cl_dump {file}")
    assert said.strip() == f"{file}: {file.stat().st_size:,} bytes."
    assert json.loads(file.read_bytes()) == cl.dump()
    lab.run(f"%cl_setup {tmp_path / 'other.db'}")
    assert "'sim' is not open" in lab.refused(f"%cl_load {file}")
    said = lab.printed(f"%cl_load {file} --by-name")
    assert said.strip() == f"{file}: 1 backend, 1 volume, 1 snapshot loaded."
    assert lab.printed(f"%cl_load {file} --save").strip() == f"{file}: nothing loaded, 2 tracked already."


def test_pairs_go_along(lab: Notebook, file: Path, tmp_path: Path) -> None:
    """%cl_dump writes the key-value pairs, too, and %cl_load brings them back."""
    cl.KeyValue.set("rack", "b7")
    lab.run(f"%cl_dump {file}")
    lab.run(f"%cl_setup {tmp_path / 'other.db'}")
    assert lab.printed(f"%cl_load {file} --by-name").strip().endswith("1 key-value pair loaded.")
    assert cl.KeyValue.get("rack") == cl.KeyValue("rack", "b7")


def test_looked_at(lab: Notebook, sim: cl.Backend, file: Path) -> None:
    """%cl_load --look gives the objects, and tracks nothing."""
    volume = sim.create_volume(1, name="ledger")
    lab.run(f"%cl_dump {file}")
    volume.delete()
    lab.run(f"objects = %cl_load {file} --look")
    (backend,) = lab.shell.user_ns["objects"]
    assert [each.name for each in backend.volumes] == ["ledger"]
    assert cl.frames.volumes().empty
    assert "--look tracks nothing" in lab.refused(f"%cl_load {file} --look --save")


def test_whole_configuration(lab: Notebook, file: Path) -> None:
    """%cl_dump --all-backend-info writes the configuration; --include-secrets alone writes no more of backends than names."""
    lab.run(f"%cl_dump {file} --all-backend-info")
    assert json.loads(file.read_bytes())[0]["backend"]["volume_driver"] == "sim"
    assert "AlreadyExists" in lab.refused(f"%cl_dump {file} --include-secrets")
    assert "or overwrite it: --force." in lab.refused(f"%cl_dump {file}")
    assert json.loads(file.read_bytes())[0]["backend"]["volume_driver"] == "sim"
    lab.run(f"%cl_dump {file} --include-secrets --force")
    assert json.loads(file.read_bytes())[0]["backend"] == {"volume_backend_name": "sim"}


def test_a_backend_of_a_file_is_confirmed(lab: Notebook, file: Path, tmp_path: Path) -> None:
    """%cl_load names the backends that the file alone describes; %cl_backend open --trust, or --trust at once, opens them."""
    lab.run(f"%cl_dump {file} --all-backend-info")
    lab.run(f"%cl_setup {tmp_path / 'other.db'}")
    said = lab.printed(f"%cl_load {file}")
    assert "to be confirmed before they are opened: sim (%cl_backend open NAME --trust)" in said
    assert "was described by a document, and is not confirmed: driver 'sim'" in lab.refused("%cl_backend open sim")
    assert lab.run("%cl_backend open sim --trust").is_open
    lab.run(f"%cl_setup {tmp_path / 'third.db'}")
    assert "confirmed" not in lab.printed(f"%cl_load {file} --trust")
    assert cl.Backend.backends["sim"].is_open


def test_what_cinderlib_wrote(lab: Notebook) -> None:
    """%cl_load takes the file that cinderlib's dumps() was written to."""
    assert "3 volumes, 2 snapshots, 1 connection loaded" in lab.printed(f"%cl_load {SAMPLE} --by-name")


@pytest.mark.parametrize("magic", ["cl_dump", "cl_load"])
def test_a_file_is_needed(lab: Notebook, magic: str, tmp_path: Path) -> None:
    """Without a file, or with one that cannot be, the error is one line."""
    assert "file" in lab.refused(f"%{magic}").lower()
    assert "cannot be" in lab.refused(f"%{magic} {tmp_path}/none/lab.json")


def test_the_store_is_backed_up(lab: Notebook, sim: cl.Backend, tmp_path: Path) -> None:
    """%cl_setup --backup copies the store in use into a new file, says which, and refuses one that is there in one line."""
    sim.create_volume(1, name="ledger")
    copy = tmp_path / "copy.db"
    said = lab.printed(f"%cl_setup --backup {copy}")
    assert said.strip() == f"The store is copied to {copy}: {copy.stat().st_size:,} bytes."
    assert "AlreadyExists" in lab.refused(f"%cl_setup --backup {copy}")
    with cl.Session(copy) as session:
        assert session.find("ledger").status == "available"
