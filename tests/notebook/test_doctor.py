"""The doctor in a notebook, and what a failed attempt to add a backend leaves for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.attach import local
from cl_notebook.drivers.api import LogLine
from cl_notebook.drivers.sim import driver as simulator

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.notebook.conftest import Notebook

RBD = "cinder.volume.drivers.rbd.RBDDriver"


def test_the_report_is_a_frame_with_a_summary(notebook: Notebook) -> None:
    """%cl_doctor prints how many checks ended how, and gives the frame of cl.doctor."""
    seen = notebook.seen("report = %cl_doctor --protocol ISCSI")
    assert seen.out.startswith("this host, for ISCSI: ")
    assert list(notebook.run("report")["check"]) == list(cl.doctor(protocol="iscsi")["check"])


def test_without_a_name_it_says_what_can_be_named(notebook: Notebook) -> None:
    """%cl_doctor alone examines for the tracked backends, and says how to examine for a protocol."""
    assert "%cl_doctor --protocol iscsi|fc|nvmeof|rbd|nfs|cifs|local" in notebook.printed("_ = %cl_doctor")


def test_a_variable_names_a_backend(notebook: Notebook, session: cl.Session, tmp_path: Path) -> None:
    """The variable that holds a backend, its name and its driver are all accepted, and completed."""
    notebook.shell.user_ns["mine"] = session.backend("lab", volume_driver="local", path=str(tmp_path))
    for name in ("mine", "lab", "local"):
        assert "driver local" in set(notebook.run(f"report = %cl_doctor {name}\nreport")["check"])
    assert {"lab", "local", "sim", "iscsi"} <= set(notebook.tab("%cl_doctor "))
    assert "iscsi" in notebook.tab("%cl_doctor --protocol i")


def test_other_formats_keep_the_summary_apart(notebook: Notebook) -> None:
    """With --format the report is text, and the summary does not mix with it."""
    lines = notebook.printed("%cl_doctor --protocol local -f csv").splitlines()
    assert sum(line.startswith('"check","status","purpose","seen"') for line in lines) == 1


def test_a_wrong_name_is_one_line(notebook: Notebook) -> None:
    """What is neither a backend nor a driver, or no protocol, is an error with the close match."""
    assert "Did you mean 'local'" in str(notebook.seen("%cl_doctor locl").error)
    assert "Did you mean 'nvmeof'" in str(notebook.seen("%cl_doctor --protocol nvmof").error)
    assert isinstance(notebook.seen("%cl_doctor --host=-oProxyCommand=x").error, errors.InvalidInput)


def test_a_failed_add_offers_the_doctor(notebook: Notebook) -> None:
    """The error of a driver that lacks a library ends with a line that can be typed."""
    error = notebook.seen(f"%cl_backend add ceph --driver {RBD} --rbd-pool a").error
    assert str(error).endswith(
        "%cl_doctor cinder.volume.drivers.rbd.RBDDriver, or cl.doctor('cinder.volume.drivers.rbd.RBDDriver')."
    )
    assert "Python library cinder" in set(notebook.run(f"report = %cl_doctor {RBD}\nreport")["check"])


def test_a_failed_add_keeps_its_log(notebook: Notebook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """%cl_log prints what the driver of a backend logged before its opening failed; an opening that succeeds replaces it."""
    is_broken = True

    class Failing(simulator.SimDriver):
        def log_lines(self) -> list[LogLine]:
            return [LogLine(1_800_000_000.25, "ERROR", "array", "login refused")]

        def setup(self) -> None:
            if is_broken:
                msg = "no array"
                raise errors.DriverError(msg)
            super().setup()

    monkeypatch.setattr(simulator, "SimDriver", Failing)
    add = f"%cl_backend add lab --driver sim --path {tmp_path / 'sim'}"
    assert isinstance(notebook.seen(add).error, errors.DriverError)
    assert notebook.printed("%cl_log lab").splitlines() == ["08:00:00.250 ERROR   array: login refused"]
    assert list(notebook.run("lines = %cl_log lab -f frame\nlines")["text"]) == ["login refused"]
    assert list(cl.frames.log("lab")["text"]) == ["login refused"]
    is_broken = False
    notebook.run(add)
    assert cl.default_session().failed_openings == {}


def test_a_failed_attachment_offers_the_doctor(
    notebook: Notebook, session: cl.Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The error of an attachment that fails on the host ends with the line that examines it; that of a wrong device does not."""
    failures = [errors.AttachError("iscsiadm is not installed"), errors.WrongDevice("/dev/sdb belongs to something else now")]

    def refuse(*_args: Any, **_options: Any) -> None:
        raise failures.pop(0)

    session.backend("my lab", volume_driver="local", path=str(tmp_path)).create_volume(1, "db")
    monkeypatch.setattr(local.Host, "attach", refuse)
    assert str(notebook.seen("%cl_volume attach db").error) == (
        "iscsiadm is not installed. To see what the host lacks: %cl_doctor 'my lab', or cl.doctor('my lab')."
    )
    assert str(notebook.seen("%cl_volume attach db").error) == "/dev/sdb belongs to something else now"
    history = cl.frames.operations(action="attach")
    expected = ["AttachError: iscsiadm is not installed", "WrongDevice: /dev/sdb belongs to something else now"]
    assert sorted(history["error"]) == expected
