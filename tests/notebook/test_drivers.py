"""The drivers in a notebook: those that are installed, Cinder's, and the options of one."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from cl_notebook.drivers import registry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notebook.conftest import Notebook

RBD = "cinder.volume.drivers.rbd.RBDDriver"


@pytest.fixture(scope="module")
def python(cinder_29: str) -> str:
    """Return a Python that has Cinder."""
    return cinder_29


@pytest.fixture
def without_cinder(tmp_path: Path) -> str:
    """Return a Python that has nothing installed."""
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return str(program)


def test_a_word_finds_drivers(notebook: Notebook, python: str) -> None:
    """%cl_drivers WORD finds it in name, path, help and options, letter case ignored: Ceph's says it in its options only."""
    found = notebook.run(f"%cl_drivers CEPH --python {python}")
    assert list(found.columns) == ["path", "help", "version", "supported"]
    assert found.loc["RBDDriver", "path"] == RBD
    assert bool(found.loc["RBDDriver", "supported"])
    assert RBD in set(notebook.run(f"%cl_drivers cinder.volume.drivers.rb --python {python}")["path"])
    assert "local" in notebook.run(f"%cl_drivers loop --python {python}").index
    assert len(notebook.run(f"%cl_drivers --python {python}")) > 90
    names = notebook.printed(f"%cl_drivers nfs --python {python} -f value -c name -c version").splitlines()
    assert any(line.startswith("NfsDriver") for line in names)


def test_names_come_before_what_only_options_have(notebook: Notebook, python: str) -> None:
    """Drivers whose options alone have the word stand below those that are called so."""
    found = notebook.run(f"%cl_drivers lvm --python {python}")
    assert found.index[0] == "LVMVolumeDriver"


def test_without_cinder_what_is_installed_is_found(notebook: Notebook, without_cinder: str) -> None:
    """In a Python without Cinder the drivers that are installed are found, beside a line that says what to install."""
    seen = notebook.seen(f"%cl_drivers sparse --python {without_cinder}")
    assert list(seen.value.index) == ["local"]
    assert "pip install 'cinder>=27'" in seen.out
    assert "cinder>=27" in notebook.refused(f"%cl_drivers ceph --python {without_cinder}")
    assert "fits 'locl'. Did you mean 'local'?" in notebook.refused(f"%cl_drivers locl --python {without_cinder}")


def test_an_exact_name_gives_the_options(notebook: Notebook, python: str) -> None:
    """The name of a driver gives its own options, typed, and with --long those that all drivers share."""
    seen = notebook.seen(f"%cl_drivers RBDDriver --python {python}")
    options = seen.value
    assert options.index.name == "option"
    assert options.loc["rbd_pool", ["type", "default"]].tolist() == ["str", "rbd"]
    assert options.loc["reserved_percentage", "allowed"] == ">= 0 <= 100"
    assert options["own"].all()
    assert {"python", "call_timeout"} <= set(options.index)
    assert f"{RBD}; Cinder 29." in seen.out
    assert "revert" in seen.out
    long = notebook.run(f"%cl_drivers {RBD} --python {python} --long")
    assert len(long) > len(options)
    assert not long["own"].iloc[-1]


def test_what_is_required_comes_first(notebook: Notebook, python: str) -> None:
    """%cl_drivers NAME begins with what the driver requires, and has what other modules register for it, secrets marked."""
    storwize = notebook.run(f"%cl_drivers StorwizeSVCFCDriver --python {python}")
    assert storwize.index[0] == "san_ip"
    assert storwize["required"].tolist() == sorted(storwize["required"], reverse=True)
    assert {"san_login", "san_password", "storwize_svc_volpool_name", "reserved_percentage"} <= set(storwize.index)
    assert storwize.loc[["san_password", "san_private_key"], "secret"].tolist() == [True, False]
    assert "--long: " in notebook.printed(f"%cl_drivers StorwizeSVCFCDriver --python {python}")


def test_a_factory_of_drivers_has_their_options(notebook: Notebook, python: str) -> None:
    """NetApp's unified driver is found, and takes the options of all drivers that it chooses from."""
    assert "NetAppDriver" in notebook.run(f"%cl_drivers netapp --python {python}").index
    options = notebook.run(f"%cl_drivers NetAppDriver --python {python}")
    assert options.loc["netapp_storage_protocol", "required"]
    assert {"netapp_vserver", "nfs_shares_config", "netapp_lun_ostype", "netapp_namespace_ostype"} <= set(options.index)


def test_missing_libraries_are_named(notebook: Notebook, python: str) -> None:
    """What a driver would import, and its Python does not have, is said beside its options."""
    assert "libraries that are missing: rados, rbd" in notebook.printed(f"%cl_drivers RBDDriver --python {python}") or (
        registry.load_driver(RBD, {"python": python}).missing == ()  # type: ignore[attr-defined] # a Cinder driver's class has them
    )


def test_looking_leaves_no_process(notebook: Notebook, python: str) -> None:
    """The process that described a driver is let go of once its options are shown."""
    notebook.run(f"%cl_drivers RBDDriver --python {python}")
    assert registry.load_driver(RBD, {"python": python}).spare == []  # type: ignore[attr-defined] # a Cinder driver's class has them


def test_the_options_of_an_installed_driver_need_no_cinder(notebook: Notebook) -> None:
    """%cl_drivers local shows the options of the driver local, with what each may be."""
    options = notebook.run("%cl_drivers local")
    assert options.loc["reflink", "allowed"] == "auto, always, never"
    assert not options["required"].any()
    assert notebook.printed("%cl_drivers local -f value -c option").split()[:4] == ["path", "quota", "reflink", "loop_devices"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("zzzz", "No driver has 'zzzz' in its name"),
        ("RBDDrivr", "Did you mean 'RBDDriver'?"),
        ("cinder.volume.drivers.rbd.NoDriver", "has no driver 'cinder.volume.drivers.rbd.NoDriver'"),
        ("local -c hlep", "Did you mean 'help'?"),
        ("ceph -c pth", "Did you mean 'path'?"),
    ],
)
def test_a_wrong_word_is_one_line(notebook: Notebook, python: str, asked: str, message: str) -> None:
    """What no driver is called, several are, or no column is, is one line that says what to type."""
    assert message in notebook.refused(f"%cl_drivers {asked} --python {python}")


def test_drivers_of_one_name_are_listed_by_path(notebook: Notebook, python: str) -> None:
    """A class that several drivers have is an error with a line for the path of each."""
    paths = notebook.ambiguous(f"%cl_drivers NexentaNfsDriver --python {python}")
    assert [path.strip().partition(".nexenta.")[2] for path in paths] == ["nfs.NexentaNfsDriver", "ns5.nfs.NexentaNfsDriver"]


def test_a_python_that_is_none_is_one_line(notebook: Notebook, tmp_path: Path) -> None:
    """A Python that cannot be started is named."""
    assert "cannot be started as a Python" in notebook.refused(f"%cl_drivers ceph --python {tmp_path / 'nothing'}")


def test_tab_offers_cinders_drivers(notebook: Notebook, python: str) -> None:
    """Tab completes the path of a Cinder driver, and its name once the drivers were looked for; then its options."""
    line = f"%cl_backend add x --python {python} --driver cinder.volume.drivers.rb"
    assert notebook.tab(line) == [RBD]
    assert notebook.tab(f"%cl_drivers --python {python} RBDD") == ["RBDDriver"]
    assert "--rbd-pool" in notebook.tab(f"%cl_backend add x --python {python} --driver {RBD} --rbd-p")
