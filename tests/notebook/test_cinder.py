"""Backends on Cinder drivers in a notebook: added, shown, failing, interrupted. The driver is a fake, in a real Cinder."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook.masking import MASK
from cl_notebook.notebook.output.progress import Display
from cl_notebook.notebook.tree.details import details
from tests.drivers.cinder.conftest import FAKE, with_fake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.notebook.conftest import Notebook


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


PASSWORD = "open sesame"  # noqa: S105 - a secret to hide


@pytest.fixture(scope="module")
def python(cinder_29: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a Python with Cinder and the fake driver."""
    return with_fake(cinder_29, tmp_path_factory.mktemp("python"))


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cl.Session]:
    """Give the default session, shared by the tests of this module: a child takes seconds to start."""
    with cl.setup(store=tmp_path_factory.mktemp("store") / "store.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def fake(session: cl.Session, python: str, tmp_path_factory: pytest.TempPathFactory) -> cl.Backend:
    """Return an open backend on the fake driver."""
    path = str(tmp_path_factory.mktemp("array"))
    return session.backend("fake", volume_driver=FAKE, python=python, fake_path=path, fake_password=PASSWORD)


@pytest.fixture
def lab(notebook: Notebook, fake: cl.Backend) -> Notebook:
    """Return a notebook with the open backend."""
    del fake
    return notebook


@pytest.fixture
def add(notebook: Notebook, python: str, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Return a function that gives the line for a backend of a name, which is closed after the test."""
    names: list[str] = []

    def line(name: str, *more: str, path: Path = tmp_path) -> str:
        names.append(name)
        return f"%cl_backend add {name} --driver {FAKE} --python {python} --fake-path {path} {' '.join(more)}"

    yield line
    for name in names:
        notebook.seen(f"%cl_backend close {name} --kill")


def test_a_backend_is_added_by_cinders_options(notebook: Notebook, add: Callable[..., str]) -> None:
    """The driver's own options are options of the magic: numbers, lists, maps, and lists whose items hold commas."""
    notebook.shell.user_ns["secret"] = PASSWORD
    more = ("--fake-number 4", "--fake-list x,y", "--fake-map a:b --fake-map c:d", "--fake-many a:1,b:2 --fake-many c")
    config = notebook.run(add("typed", *more, "--fake-password $secret")).config
    assert (config["fake_number"], config["fake_list"], config["fake_map"]) == (4, ["x", "y"], {"a": "b", "c": "d"})
    assert config["fake_many"] == ["a:1,b:2", "c"]
    assert config["fake_password"] == MASK


def test_what_a_driver_can_do_is_shown(lab: Notebook, fake: cl.Backend, session: cl.Session, tmp_path: Path) -> None:
    """Show and the list of backends say what the driver of an open backend can do; a closed one is not opened for it."""
    shown = lab.run("%cl_backend show fake")
    assert {"revert", "retype", "qos"} <= set(shown["capabilities"])
    assert "list_manageable" not in shown["capabilities"]
    session.backend("closed", volume_driver="sim", path=str(tmp_path / "sim")).close()
    listed = lab.run("%cl_backends --long").set_index("name")["capabilities"]
    assert listed["fake"] == ", ".join(name for name, can in fake.capabilities.items() if can)
    assert listed.isna()["closed"]
    assert not session.find("closed").is_open
    assert lab.run("%cl_backend show closed")["capabilities"] == []
    session.find("closed").forget()


def test_no_secret_is_shown(lab: Notebook, fake: cl.Backend, session: cl.Session) -> None:
    """Neither the backend's password nor what the driver keeps to log in with is in a list, in what is shown, or in the tree."""
    volume = fake.create_volume(1, "odd")
    connection = volume.connect({"host": "web", "ip": "192.0.2.7", "initiator": "iqn.web"})
    snapshot = volume.create_snapshot("kept")
    assert (volume.driver_data or {})["provider_auth"] == "CHAP user pass1234"
    looks = [repr(lab.run(f"%cl_{each.kind} show {each.id}")) for each in (volume, connection, snapshot, fake)]
    looks += [json.dumps(details(session, lab.shell, each)) for each in (volume, connection, snapshot, fake)]
    looks += [lab.printed(f"%cl_{kind} --long -f csv") for kind in ("backends", "volumes", "snapshots", "connections", "history")]
    looks += [lab.run("%cl_volume show odd")._repr_mimebundle_()["text/html"], lab.printed("%cl_log --lines 0")]
    for look in looks:
        assert "pass1234" not in look
        assert PASSWORD not in look
    assert '"provider_auth": "***"' in looks[0]
    assert "secret_options" not in "".join(looks)
    volume.disconnect(connection)
    volume.delete(cascade=True)


def test_specs_are_changed_in_place(lab: Notebook, fake: cl.Backend) -> None:
    """%cl_volume retype gives a volume other specs of the kind that is typed; --clear takes the others away."""
    volume = fake.create_volume(1, "typed", extra_specs={"a": "b"}, qos_specs={"q": "1"})
    lab.run("%cl_volume retype typed --extra-specs c=d --extra-specs e=f")
    assert (volume.extra_specs, volume.qos_specs) == ({"c": "d", "e": "f"}, {"q": "1"})
    lab.run("%cl_volume retype typed --qos-specs q=2 --clear")
    assert (volume.extra_specs, volume.qos_specs) == ({}, {"q": "2"})
    assert "cannot give the volume these specs in place" in lab.refused("%cl_volume retype typed --extra-specs impossible=1")
    assert "needs what to change" in lab.refused("%cl_volume retype typed")
    assert volume.status == "available"
    volume.delete()


def test_an_error_is_one_line_and_tb_ends_with_the_drivers_own_story(lab: Notebook) -> None:
    """The cell has the command and its last words; %tb ends with the driver's traceback, the command's output and the log."""
    lab.shell.user_ns["name"] = "broken \x1b[2J"
    shown = lab.refused("%cl_volume create --size 1 --name $name")
    assert shown.startswith("DriverError: fake: create_volume failed: sh -c ")
    assert shown.endswith("array says no")
    ours, _, theirs = lab.printed("%tb").partition("In the driver's own process:\n")
    assert "create --size 1" in ours
    assert ours.rstrip().endswith("array says no")
    assert theirs.startswith("Traceback (most recent call last):")
    assert "fake_driver.py" in theirs
    assert "Exit status: 3\nstdout:\nout\nstderr:\narray says no\n" in theirs
    last = theirs.partition("Last lines of the driver's log:\n")[2]
    assert "as broken \\x1b[2J" in last
    assert "the password is ***" in last
    assert "\x1b" not in theirs


def test_the_log_is_tied_to_the_operation(lab: Notebook, fake: cl.Backend) -> None:
    """%cl_log --operation N has what the driver logged in that line of the history, and nothing else."""
    fake.create_volume(1, "quiet").delete()
    lab.refused("%cl_volume create --size 1 --name broken")
    number = lab.run("%cl_history --limit 1").index[0]
    printed = lab.printed(f"%cl_log --operation {number}")
    assert "as broken" in printed
    assert "as quiet" not in printed
    assert set(cl.frames.log(fake, operation=int(number))["operation"]) == {number}


def test_all_backends_of_a_cinder_conf_are_opened(notebook: Notebook, python: str, session: cl.Session, tmp_path: Path) -> None:
    """--conf opens enabled_backends, or those that are named; one that fails stops no other, and is reported beside them."""
    file = tmp_path / "cinder.conf"
    sections = [
        f"[{name}]\nvolume_driver = {FAKE}\nfake_path = {tmp_path / name}\nfake_password = {password}\n"
        for name, password in (("one", "x"), ("two", "wrong password"), ("three", "x"))
    ]
    file.write_text("\n".join(["[DEFAULT]\nenabled_backends = one, missing, two, three", *sections]), encoding="utf-8")
    seen = notebook.seen(f"%cl_backend add --conf {file} --python {python}")
    assert isinstance(seen.error, cl.errors.Error)
    lines = seen.out.strip().splitlines()
    assert lines[:2] == ["one: open", "three: open"]
    assert "no section [missing]" in lines[2]
    assert lines[3].startswith("two: ")
    assert "the array refused the password '***'" in lines[3]
    assert lines[4] == "Error: 2 of 4 backends could not be opened: missing, two."
    assert {"one", "three"} <= set(session.backends)
    assert [each.name for each in notebook.run(f"%cl_backend add three one --conf {file} --python {python}")] == ["three", "one"]
    assert "the array refused" in notebook.refused(f"%cl_backend add two --conf {file} --python {python}")
    assert "--driver does not go with it" in notebook.refused(f"%cl_backend add --conf {file} --driver {FAKE} --python {python}")
    assert "no file" in notebook.refused(f"%cl_backend add --conf {file}x --python {python}")
    for name in ("one", "three"):
        session.backends[name].close()


def test_names_and_options_that_do_not_fit_are_one_line(notebook: Notebook, python: str, add: Callable[..., str]) -> None:
    """A backend needs one name; an option that the driver does not have is answered with the closest."""
    assert "needs one NAME" in notebook.refused(f"%cl_backend add --driver sim --path {python}")
    assert "needs one NAME" in notebook.refused(f"%cl_backend add a b --driver sim --path {python}")
    assert "Did you mean '--fake-path'?" in notebook.refused(add("x", "--fake-pth y"))
    assert "'fake_number'" in notebook.refused(add("x", "--fake-number 10"))
    assert "has no option 'python'" in notebook.refused(f"%cl_backend add x --driver sim --path y --python {python}")


@pytest.fixture
def interrupted(fake: cl.Backend) -> Iterator[str]:
    """Interrupt the cell soon, and give what it is to run meanwhile; what goes on is waited for."""
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    yield "--size 1 --name slow --metadata seconds=2"
    fake.context.journal.wait()


def test_an_interrupted_magic_says_that_the_call_goes_on(lab: Notebook, interrupted: str) -> None:
    """The cell ends at once, as one that was interrupted does, with one line that says where the outcome will be."""
    started = time.monotonic()
    seen = lab.seen(f"%cl_volume create {interrupted}\nreached = True")
    assert time.monotonic() - started < 1.5
    assert isinstance(seen.error, cl.errors.StillRunning)
    assert seen.out.strip().startswith("StillRunning: create volume 'slow'")
    assert len(seen.out.strip().splitlines()) == 1
    assert f"%cl_history --id {seen.error.operation}" in seen.out
    assert "reached" not in lab.shell.user_ns
    assert lab.run(f"%cl_history --id {seen.error.operation}")["status"].tolist() == ["running"]


@pytest.mark.usefixtures("interrupted")
def test_an_interrupted_call_of_python_is_one_line_as_well(lab: Notebook) -> None:
    """Without a magic, too, the cell shows the one line and not where the kernel was waiting."""
    lab.shell.user_ns["backend"] = cl.Backend.backends["fake"]
    seen = lab.seen("backend.create_volume(1, 'slow', metadata={'seconds': '2'})")
    assert isinstance(seen.error, KeyboardInterrupt)
    assert seen.out.strip().startswith("StillRunning: create volume 'slow'")
    assert len(seen.out.strip().splitlines()) == 1


def test_what_goes_on_after_an_interrupt_leaves_the_prompt_alone(
    lab: Notebook, interrupted: str, session: cl.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a terminal the progress of a call that goes on is wiped when its cell ends, and nothing is written after that."""
    terminal = _Terminal()
    monkeypatch.setattr(session, "progress", Display(lab.shell, delay=0.05))
    monkeypatch.setattr(sys, "stderr", terminal)
    lab.shell.run_cell(f"%cl_volume create {interrupted}")  # type: ignore[no-untyped-call] # IPython's
    shown = terminal.getvalue()
    assert "create volume 'slow'" in shown
    assert shown.rpartition("\r")[0].rpartition("\r")[2].strip() == ""
    time.sleep(0.7)
    assert terminal.getvalue() == shown


def test_a_driver_that_hangs_is_killed(notebook: Notebook, add: Callable[..., str]) -> None:
    """%cl_backend close --kill ends the driver in the middle of a call, which fails with one line; it can be opened again."""
    backend = notebook.run(add("hanging"))
    failed: list[BaseException] = []

    def hang() -> None:
        try:
            backend.create_volume(1, "slow", metadata={"seconds": "60"})
        except cl.errors.DriverError as error:
            failed.append(error)

    thread = threading.Thread(target=hang)
    thread.start()
    time.sleep(0.5)
    assert not notebook.run("%cl_backend close hanging --kill").is_open
    thread.join(10)
    assert "SIGKILL" in str(failed[0])
    assert notebook.run("%cl_backend open hanging").create_volume(1, "quiet").status == "available"


def test_opening_is_shown_while_it_lasts(
    notebook: Notebook, add: Callable[..., str], session: cl.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That a driver is loaded, and its backend opened, is shown as progress; in the end nothing of it is left."""
    line = add("shown", "--fake-number 2")
    terminal = _Terminal()
    monkeypatch.setattr(session, "progress", Display(notebook.shell, delay=0.01))
    monkeypatch.setattr(sys, "stderr", terminal)
    notebook.shell.run_cell(line)  # type: ignore[no-untyped-call] # IPython's
    shown = terminal.getvalue()
    assert "open shown… 0 s" in shown
    assert shown.rpartition("\r")[0].rpartition("\r")[2].strip() == ""
