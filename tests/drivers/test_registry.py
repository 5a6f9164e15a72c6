"""Drivers are found by name through entry points; what cannot be loaded says what to do."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cl_notebook import errors
from cl_notebook.drivers.local.driver import LocalDriver
from cl_notebook.drivers.registry import driver_names, load_driver

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package whose driver needs a module that is not there, and another that is broken itself."""
    info = tmp_path / "exotic-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: exotic-storage\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cl_notebook.drivers]\nexotic = exotic_driver:Exotic\nbad = bad_driver:Bad\n")
    (tmp_path / "exotic_driver.py").write_text("import exotic_sdk.client\n")
    (tmp_path / "bad_driver.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))


def test_the_drivers_that_come_along_are_listed() -> None:
    """The local driver and the simulator are registered, and listed in alphabetical order."""
    assert {"local", "sim"} <= set(driver_names())
    assert driver_names() == sorted(driver_names())


def test_a_name_gives_the_class() -> None:
    """The name ``local`` is the class LocalDriver."""
    assert load_driver("local") is LocalDriver


def test_an_unknown_name_has_a_close_match() -> None:
    """A misspelt driver is NotFound, with the close match and the list."""
    with pytest.raises(errors.NotFound, match=r"'locl'\. Did you mean 'local'\? Drivers: .*local.*sim"):
        load_driver("locl")


def test_a_name_is_text() -> None:
    """A driver that is named by something else than text is InvalidInput."""
    with pytest.raises(errors.InvalidInput, match="not 7"):
        load_driver(7)  # type: ignore[arg-type] # what a user may type


def test_a_blocked_driver_is_not_there() -> None:
    """A blocked driver is not listed and not loaded."""
    assert "sim" not in driver_names(blocked={"sim"})
    with pytest.raises(errors.NotFound, match="'sim' is blocked") as caught:
        load_driver("sim", blocked={"sim"})
    assert "Drivers:" in str(caught.value)
    with pytest.raises(errors.NotFound) as caught:
        load_driver("sin", blocked={"sim"})
    assert "Did you mean 'sim'" not in str(caught.value)


def test_a_cinder_driver_without_cinder_says_what_to_install() -> None:
    """The path of a Cinder driver, where there is no Cinder, is one line that says what to install."""
    with pytest.raises(errors.NotSupported, match=r"has no Cinder\. .*pip install 'cinder>=27'") as caught:
        load_driver("cinder.volume.drivers.lvm.LVMVolumeDriver")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("broken")
def test_a_missing_module_says_what_to_install() -> None:
    """A driver whose module is missing is listed, and loading it names the package to install."""
    assert "exotic" in driver_names()
    with pytest.raises(errors.NotSupported, match=r"'exotic' of exotic-storage .*%pip install exotic_sdk$"):
        load_driver("exotic")


@pytest.mark.usefixtures("broken")
def test_a_broken_driver_is_one_line() -> None:
    """A driver that fails while it is imported is one line, chained to what it raised."""
    with pytest.raises(errors.NotSupported, match="ZeroDivisionError") as caught:
        load_driver("bad")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_listing_imports_no_driver() -> None:
    """To list the drivers imports none of them."""
    code = (
        "import sys; from cl_notebook.drivers.registry import driver_names; driver_names()\n"
        "print('cl_notebook.drivers.sim.driver' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
