"""The command line, ``python -m cl_notebook``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook.__main__ import LAUNCH, main

if TYPE_CHECKING:
    from pathlib import Path


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` lists the commands in one line each, and every command has help of its own."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for command in ("lab", "install", "demo", "doctor"):
        assert f"\n    {command} " in shown
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert f"cl_notebook {command}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["dmeo"], ["demo", "--long"], ["install", "--user", "--sys-prefix"]])
def test_wrong_words_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown command or option, and none at all, is an error with the usage, and exit status 2."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: python -m cl_notebook" in capsys.readouterr().err


def test_the_installed_kernel_is_this_python(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`install` writes a kernel that runs this very Python with `cl` imported, under the name that was asked for."""
    assert main(["install", "--prefix", str(tmp_path), "--name", "lab", "--display-name", "The lab"]) == 0
    folder = tmp_path / "share" / "jupyter" / "kernels" / "lab"
    spec = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
    assert spec["argv"] == [sys.executable, *LAUNCH, "{connection_file}"]
    assert spec["display_name"] == "The lab"
    assert (folder / "logo-svg.svg").exists()
    assert str(folder) in capsys.readouterr().out


def test_a_kernel_that_cannot_be_installed_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`install` into what is not a folder, or under a name that Jupyter refuses, fails with one line."""
    (tmp_path / "file").touch()
    for words in (["--prefix", str(tmp_path / "file")], ["--prefix", str(tmp_path), "--name", "not a name"]):
        assert main(["install", *words]) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_lab_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`lab --copy-only` copies the examples, and leaves a file that exists, and the target of a link, as they are."""
    (tmp_path / "mine.ipynb").write_text("mine", encoding="utf-8")
    folder = tmp_path / "copied"
    folder.mkdir()
    (folder / "01_tour.ipynb").symlink_to(tmp_path / "mine.ipynb")
    (folder / "03_tree.ipynb").write_text("mine", encoding="utf-8")
    assert main(["lab", str(folder), "--copy-only"]) == 0
    assert "; 2 that were there already stayed as they are." in capsys.readouterr().out
    assert (tmp_path / "mine.ipynb").read_text(encoding="utf-8") == "mine"
    assert (folder / "03_tree.ipynb").read_text(encoding="utf-8") == "mine"
    assert (folder / "driver" / "plain_files.py").exists()
    assert main(["lab", str(tmp_path / "mine.ipynb"), "--copy-only"]) == 1
    assert "Name another folder." in capsys.readouterr().err


def test_the_doctor_prints_its_report(capsys: pytest.CaptureFixture[str]) -> None:
    """`doctor` prints each check; the exit status says whether something is missing or failed, or that the words are wrong."""
    report = cl.doctor(protocol="nfs")
    assert main(["doctor", "--protocol", "nfs"]) == int(report["status"].isin(["missing", "failed"]).any())
    shown = capsys.readouterr().out
    assert [check for check in report["check"] if check not in shown] == []
    assert main(["doctor", "no such backend"]) == 1
    assert capsys.readouterr().err.startswith("No backend or driver is called 'no such backend'.")
