"""Everything in a file, and out of it: whole or not at all, in memory that does not grow."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors, serialization
from cl_notebook.testing.stores import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cl_notebook.drivers.api import Progress

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def filled(session: cl.Session) -> cl.Session:
    """Return a session with two backends of more than a page, and an empty one."""
    fill(session.store, volumes=1_203, backend="big")
    fill(session.store, volumes=7, backend="small")
    fill(session.store, volumes=0, backend="none")
    return session


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where to write."""
    return tmp_path / "lab.json"


def elsewhere(tmp_path: Path) -> cl.Session:
    """Return the session of another store."""
    return cl.setup(tmp_path / "elsewhere.db")


def test_a_file_is_what_dumps_is(filled: cl.Session, file: Path) -> None:
    """A file has the data that `dumps()` has, in one line a volume; memory and file stores write the same."""
    size = serialization.dump_file(file)
    assert size == file.stat().st_size
    assert json.loads(file.read_bytes()) == json.loads(cl.dumps()) == cl.dump()
    assert [len(backend["volumes"]) for backend in cl.dump()] == [1_203, 0, 7]
    assert sum('"class":"Volume"' in line for line in file.read_text(encoding="utf-8").splitlines()) == 1_210
    assert filled.backends == {}


def test_a_file_comes_back(filled: cl.Session, file: Path, tmp_path: Path) -> None:
    """What was written to a file is tracked elsewhere, row for row, and a second time changes nothing."""
    del filled
    serialization.dump_file(file)
    elsewhere(tmp_path)
    counts = serialization.load_file(file, fail_on_missing_backend=False)
    assert str(counts) == "3 backends, 1,210 volumes, 2,420 snapshots, 1,210 connections loaded"
    again = tmp_path / "again.json"
    serialization.dump_file(again)
    assert again.read_bytes() == file.read_bytes()
    assert str(serialization.load_file(file)) == "nothing loaded, 4,840 tracked already"


def test_only_the_owner_may_read_it(filled: cl.Session, file: Path) -> None:
    """A file replaces another only on request; it has the mode 0600, whatever that had, and nothing is left beside it."""
    del filled
    file.write_text("before", encoding="utf-8")
    file.chmod(0o644)
    with pytest.raises(errors.AlreadyExists, match=r"lab\.json exists"):
        serialization.dump_file(file)
    assert file.read_text(encoding="utf-8") == "before"
    serialization.dump_file(file, overwrite=True)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir() if "lab.json" in each.name] == ["lab.json"]


def test_a_dump_that_fails_leaves_the_file(filled: cl.Session, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is replaced once the new one is whole: a dump that breaks off leaves the one that was there, and nothing else."""
    del filled
    file.write_text("before", encoding="utf-8")

    def broken(*_: object, **_flags: object) -> Any:
        yield b"["
        msg = "full"
        raise OSError(28, msg)

    monkeypatch.setattr("cl_notebook.serialization.dumper.chunks", broken)
    with pytest.raises(errors.InvalidInput, match=r"lab\.json cannot be written: full"):
        serialization.dump_file(file, overwrite=True)
    assert file.read_text(encoding="utf-8") == "before"
    assert [each.name for each in file.parent.iterdir() if "lab.json" in each.name] == ["lab.json"]


@pytest.mark.parametrize("name", ["nowhere/lab.json", ""])
def test_files_that_cannot_be(session: cl.Session, tmp_path: Path, name: str) -> None:
    """A file that cannot be written or read is named, with what the system says of it."""
    del session
    for act in (serialization.dump_file, serialization.load_file):
        with pytest.raises(errors.InvalidInput, match=r"cannot be (written|read): "):
            act(tmp_path / name)


@pytest.mark.parametrize("part", [0.2, 0.6, 0.999])
def test_a_file_that_is_cut_off(filled: cl.Session, file: Path, tmp_path: Path, part: float) -> None:
    """A file that ends in the middle is refused as a whole, with its name."""
    del filled
    serialization.dump_file(file)
    text = file.read_bytes()
    file.write_bytes(text[: int(len(text) * part)])
    elsewhere(tmp_path)
    with pytest.raises(errors.InvalidInput, match=r"lab\.json is cut off"):
        serialization.load_file(file, fail_on_missing_backend=False)
    assert cl.dump() == []


def test_a_file_with_one_wrong_line(filled: cl.Session, file: Path, tmp_path: Path) -> None:
    """One wrong volume among a thousand leaves all of them out; the message names it."""
    del filled
    serialization.dump_file(file)
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[900] = lines[900].replace('"size":', '"size":"much","was":')
    file.write_text("".join(lines), encoding="utf-8")
    elsewhere(tmp_path)
    with pytest.raises(errors.InvalidInput, match="wrong at size"):
        serialization.load_file(file, fail_on_missing_backend=False)
    assert cl.dump() == []
    lines[900] = "?\n"
    file.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(errors.InvalidInput, match=r"line 901 of lab\.json"):
        serialization.load_file(file, fail_on_missing_backend=False)
    assert cl.dump() == []


@pytest.mark.parametrize("part", [0, 0.2, 0.999])
def test_a_file_of_others_that_is_cut_off(filled: cl.Session, file: Path, tmp_path: Path, part: float) -> None:
    """A file of one line that ends in the middle is refused as a whole, too."""
    del filled
    text = cl.dumps()
    file.write_text(text[: int(len(text) * part)], encoding="utf-8")
    elsewhere(tmp_path)
    with pytest.raises(errors.InvalidInput, match=r"lab\.json is cut off"):
        serialization.load_file(file, fail_on_missing_backend=False)
    assert cl.dump() == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"ledger", "invalid char"),
        (b"[1] 2", "A document is an object"),
        (b"[[]]", "A document is an object"),
        (b"7", "A document is an object"),
        (b"[] []", "trailing garbage"),
        (b'{"class": NaN}', "invalid char"),
        (b'{"class": "\xff"}', "invalid bytes"),
        (b'{"class": "\\u0000"}', "cannot be stored"),
        (b'[{"class": "Volume", "volumes": [{"class": "Volume"}]}]', "must name its backend"),
        (
            b'{"class": "Backend", "version": 1, "backend": {"volume_backend_name": "a"}, "data": {"id": "1"}, "volumes": {}}',
            "list",
        ),
        (
            b'{"class": "Backend", "version": 1, "backend": {"volume_backend_name": "a"}, "data": {"id": "1"}, "volumes": [7]}',
            "object",
        ),
    ],
)
def test_files_that_hold_nothing(session: cl.Session, file: Path, text: bytes, said: str) -> None:
    """A file that is no JSON, or holds no documents, is refused in one line."""
    del session
    file.write_bytes(text)
    with pytest.raises(errors.InvalidInput, match=said) as caught:
        serialization.load_file(file, fail_on_missing_backend=False)
    assert "\n" not in str(caught.value)
    assert cl.dump() == []


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_file_of_one_document(filled: cl.Session, file: Path, tmp_path: Path, number: int) -> None:
    """A file may hold the document of one backend, or a list of those of volumes, wherever the backend is named in it."""
    del filled
    backend = cl.dump()[2]
    documents = (backend, dict(reversed(backend.items())), backend["volumes"])
    file.write_text(json.dumps(documents[number]), encoding="utf-8")
    elsewhere(tmp_path)
    assert "7 volumes" in str(serialization.load_file(file, fail_on_missing_backend=False))
    assert cl.dump()[0]["volumes"] == backend["volumes"]


@pytest.mark.parametrize("indent", [None, 2])
def test_any_json_file(filled: cl.Session, file: Path, tmp_path: Path, indent: int | None) -> None:
    """A file that something else wrote anew, on one line or on many, is read as well."""
    del filled
    document = cl.dump()
    file.write_text(json.dumps(document, indent=indent), encoding="utf-8")
    elsewhere(tmp_path)
    serialization.load_file(file, fail_on_missing_backend=False)
    assert cl.dump() == document


def test_cinderlibs_file(session: cl.Session, tmp_path: Path) -> None:
    """A file that cinderlib's dumps() was written to is read."""
    session.backend("null", volume_driver="sim", path=str(tmp_path / "sim"))
    counts = serialization.load_file(SAMPLES / "cinderlib.json")
    assert str(counts) == "3 volumes, 2 snapshots, 1 connection loaded"


@pytest.mark.parametrize("is_ours", [True, False])
def test_progress_is_shown(filled: cl.Session, file: Path, tmp_path: Path, is_ours: bool) -> None:  # noqa: FBT001 - a parameter
    """A display gets what is written or read, and how far it is: up to the last byte of the file, of any origin."""
    reports: dict[str, list[tuple[float, float]]] = {}

    @contextlib.contextmanager
    def display(what: str) -> Iterator[Progress]:
        steps = reports.setdefault(what, [])
        yield lambda done, size: steps.append((done, size))

    filled.progress = display
    size = serialization.dump_file(file)
    if not is_ours:
        file.write_text(json.dumps(cl.dump()), encoding="utf-8")
        size = file.stat().st_size
    elsewhere(tmp_path).progress = display
    serialization.load_file(file, fail_on_missing_backend=False)
    assert set(reports) == {"dump to lab.json", "load lab.json"}
    for steps in reports.values():
        assert steps == sorted(steps)
    done, whole = reports["load lab.json"][-1]
    assert whole == size
    assert done > 0.99 * size


def test_an_empty_store(session: cl.Session, file: Path) -> None:
    """A store with nothing in it is an empty list."""
    del session
    serialization.dump_file(file)
    assert json.loads(file.read_bytes()) == cl.dump() == cl.json() == []
    assert str(serialization.load_file(file)) == "nothing loaded"
    assert cl.load(cl.dumps()) == []


def test_secrets_are_not_written(session: cl.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only names of backends are written; their configuration if it is asked for; secrets if they are asked for, too."""
    from cl_notebook.drivers.api import Option  # noqa: PLC0415 - what the simulator is given here
    from cl_notebook.drivers.sim.driver import SimDriver  # noqa: PLC0415 - as above

    plain = SimDriver.options()
    secret = Option("token", str, "", "A secret.", secret=True)
    monkeypatch.setattr(SimDriver, "options", classmethod(lambda _: [*plain, secret]))
    session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"), token="hush")  # noqa: S106 - to be looked for
    assert cl.dump()[0]["backend"] == {"volume_backend_name": "sim"}
    whole = cl.dump(output_all_backend_info=True)[0]["backend"]
    assert (whole["path"], whole["secret_options"]) == (str(tmp_path / "sim"), ["token"])
    assert "hush" not in json.dumps(whole)
    stored = cl.dump(output_all_backend_info=True, include_secrets=True)[0]["backend"]
    assert (stored["token"], "secret_options" in stored) == ("hush", False)
    assert cl.dump(include_secrets=True)[0]["backend"] == {"volume_backend_name": "sim"}
    monkeypatch.setenv("CL_NOTEBOOK_SIM_TOKEN", "hush")
    elsewhere(tmp_path)
    cl.load(json.dumps([{"class": "Backend", "backend": whole}]), save=True, trust=True)
    assert cl.Backend.backends["sim"].secret_options == ("token",)


def test_the_session_says_what_is_written(tmp_path: Path) -> None:
    """`output_all_backend_info` of the session lets every document have its backend's configuration, without secrets."""
    cl.setup("memory", output_all_backend_info=True)
    backend = cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
    volume = backend.create_volume(1)
    for document in (volume.json, backend.json, backend.dump, *cl.dump(), *cl.json()):
        assert document["backend"]["volume_driver"] == "sim"
    assert backend.json["volumes"][0]["backend"] == {"volume_backend_name": "sim"}
    assert cl.dump(output_all_backend_info=False)[0]["backend"] == {"volume_backend_name": "sim"}


CODE = """
import sys
import cl_notebook as cl
from cl_notebook import serialization
store, file, act = sys.argv[1:]
cl.setup(store, non_uuid_ids=True)
serialization.dump_file(file) if act == "dump" else serialization.load_file(file, fail_on_missing_backend=False)
lines = open('/proc/self/status').read().splitlines()  # getrusage() would count the parent's, too
print(next(line.split()[1] for line in lines if line.startswith('VmHWM')))
"""


@pytest.mark.lane("slow")
def test_memory_does_not_grow(tmp_path: Path) -> None:
    """Ten times as many volumes are written to a file, and read from it, in the same memory: within 8 MiB."""
    used = {}
    for volumes in (1_500, 15_000):
        store, file = tmp_path / f"{volumes}.db", tmp_path / f"{volumes}.json"
        with cl.Session(store) as session:
            fill(session.store, volumes=volumes)
        for act, where in (("dump", store), ("load", tmp_path / f"{volumes}-new.db")):
            command = [sys.executable, "-c", CODE, str(where), str(file), act]
            used[act, volumes] = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    for act in ("dump", "load"):
        assert used[act, 15_000] - used[act, 1_500] < 8 * 1024


@pytest.mark.lane("slow")
def test_memory_does_not_grow_with_a_file_of_cinderlibs(tmp_path: Path) -> None:
    """Four times as many volumes in the one line that cinderlib's dumps() writes are read in the same memory: within 8 MiB."""
    document = json.loads((SAMPLES / "cinderlib.json").read_text(encoding="utf-8"))
    plain = next(each for each in document[0]["volumes"] if each["ovo"]["versioned_object.data"]["display_name"] == "plain")
    own = plain["ovo"]["versioned_object.data"]["id"]
    used = {}
    for volumes in (1_500, 6_000):
        line = json.dumps(plain, separators=(",", ":"))
        document[0]["volumes"] = []
        head = json.dumps(document, separators=(",", ":")).removesuffix("]}]")
        file = tmp_path / f"{volumes}.json"
        file.write_text(head + ",".join(line.replace(own, f"volume-{each}") for each in range(volumes)) + "]}]", encoding="utf-8")
        command = [sys.executable, "-c", CODE, str(tmp_path / f"{volumes}.db"), str(file), "load"]
        used[volumes] = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert used[6_000] - used[1_500] < 8 * 1024


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("form", ["ours", "other"])
def test_a_file_that_an_editor_saved_anew_comes_back(
    sim: cl.Backend, file: Path, tmp_path: Path, encoding: str, form: str
) -> None:
    """A byte order mark, or another encoding of Unicode's, does not keep a file from being loaded, whatever its layout."""
    sim.create_volume(1, "Größe")
    serialization.dump_file(file)
    text = file.read_text(encoding="utf-8")
    file.write_text(text if form == "ours" else json.dumps(json.loads(text), indent=1, ensure_ascii=False), encoding=encoding)
    elsewhere(tmp_path).backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
    serialization.load_file(file)
    assert len(cl.Volume.get_by_name("Größe")) == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32-be"])
def test_text_with_a_byte_order_mark_comes_back(sim: cl.Backend, tmp_path: Path, encoding: str) -> None:
    """Bytes in any encoding of Unicode's, and text behind a byte order mark, are documents."""
    sim.create_volume(1, "Größe")
    text = cl.dumps()
    elsewhere(tmp_path).backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
    cl.load(text.encode(encoding), save=True)
    cl.load("\ufeff" + text, save=True)
    assert len(cl.Volume.get_by_name("Größe")) == 1


def test_bytes_in_no_encoding_are_one_line(sim: cl.Backend) -> None:
    """Half a character of UTF-16 is refused, and the encoding named."""
    del sim
    with pytest.raises(errors.InvalidInput, match="cannot be read as utf-16"):
        cl.load(b"\xff\xfe[\x00]")
