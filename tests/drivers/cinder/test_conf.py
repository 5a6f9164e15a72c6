"""The backends of a ``cinder.conf``: their own options, and what they take from the other sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.drivers.cinder.conf import Conf
from tests.drivers.cinder.conftest import FAKE

if TYPE_CHECKING:
    from pathlib import Path

CONF = """
[DEFAULT]
enabled_backends = one, two
[backend_defaults]
fake_number = 5
nfs_qcow2_volumes = true
[one]
volume_driver = cinder.volume.drivers.fake.FakeDriver
volume_backend_name = any
fake_path = {path}/one
fake_many = a:1
fake_many = b:2
[two]
volume_driver = cinder.volume.drivers.fake.FakeDriver
fake_path = {path}/two
fake_number = 6
"""


def test_the_backends_of_a_cinder_conf_are_read(python: str, lab: cl.Session, tmp_path: Path) -> None:
    """``enabled_backends`` are read with their options, those of ``backend_defaults`` that the driver has behind them."""
    file = tmp_path / "cinder.conf"
    file.write_text(CONF.format(path=tmp_path), encoding="utf-8")
    conf = Conf(str(file), python)
    assert conf.enabled() == ["one", "two"]
    assert conf.options("one") == {
        "volume_driver": FAKE,
        "fake_number": "5",
        "fake_path": f"{tmp_path}/one",
        "fake_many": ["a:1", "b:2"],
        "python": python,
    }
    assert conf.options("two")["fake_number"] == "6"
    assert lab.backend("two", **conf.options("two")).config["fake_number"] == 6
    assert conf.remarks == [
        "Left out of "
        + str(file)
        + ", for the drivers do not read it, or cl_notebook sets it itself: [backend_defaults] nfs_qcow2_volumes."
    ]


def _read(file: str, names: list[str], python: str) -> None:
    conf = Conf(file, python)
    for name in names or conf.enabled():
        conf.options(name)


@pytest.mark.parametrize(
    ("text", "names", "words"),
    [
        ("[DEFAULT]\n", [], "no enabled_backends in [DEFAULT]"),
        ("[DEFAULT]\nenabled_backends = lvm\n[lvn]\nvolume_driver = x\n", [], "no section [lvm]. Did you mean 'lvn'?"),
        ("[DEFAULT]\n[lvm]\n", ["lvm"], "section [lvm] has no volume_driver"),
        ("[DEFAULT]\nno sense\n", [], "cinder.conf, line 2: No ':' or '=' found in assignment"),
    ],
)
def test_a_wrong_cinder_conf_is_one_line(python: str, tmp_path: Path, text: str, names: list[str], words: str) -> None:
    """A file that names no backends, or misses a section or a driver, is one line that says so."""
    file = tmp_path / "cinder.conf"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(errors.InvalidInput) as caught:
        _read(str(file), names, python)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_cinder_conf_is_one_line(python: str) -> None:
    """A file that is not there is named."""
    with pytest.raises(errors.InvalidInput, match=r"there is no file /nowhere/cinder\.conf"):
        Conf("/nowhere/cinder.conf", python)
