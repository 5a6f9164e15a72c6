"""cinderlib's commands, on a `cinder.conf` that Cinder's own parser reads."""

from __future__ import annotations

import json
import runpy
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import cl_notebook
from cl_notebook import cinderlib, errors
from cl_notebook.cinderlib.cmd import cinder_cfg_to_python, cinder_to_yaml

if TYPE_CHECKING:
    from pathlib import Path

CONF = """
[DEFAULT]
enabled_backends = ceph-1, 2nd

[ceph-1]
volume_backend_name = fast "disks"
volume_driver = cinder.volume.drivers.rbd.RBDDriver
rbd_pool = it's \'\'\'all\'\'\'
rbd_user = cinder

[2nd]
volume_driver = cinder.volume.drivers.nfs.NfsDriver
nas_password = hush

[unused]
volume_driver = cinder.volume.drivers.lvm.LVMVolumeDriver
"""
BACKENDS = [
    {
        "volume_backend_name": 'fast "disks"',
        "volume_driver": "cinder.volume.drivers.rbd.RBDDriver",
        "rbd_pool": "it's '''all'''",
        "rbd_user": "cinder",
    },
    {"volume_backend_name": "2nd", "volume_driver": "cinder.volume.drivers.nfs.NfsDriver", "nas_password": "hush"},
]


@pytest.fixture
def conf(tmp_path: Path, cinder_29: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a `cinder.conf`, which the Cinder of an environment of its own is to read."""
    monkeypatch.setenv("CL_NOTEBOOK_PYTHON", cinder_29)
    file = tmp_path / "cinder.conf"
    file.write_text(CONF, encoding="utf-8")
    return str(file)


def test_a_cinder_conf_becomes_yaml(conf: str, tmp_path: Path) -> None:
    """The backends that are enabled are given with their options, by `volume_backend_name`, and written to a file of YAML."""
    file = tmp_path / "backends.yaml"
    assert cinder_to_yaml.convert(conf) == cinder_to_yaml.convert(conf, str(file)) == {"backends": BACKENDS}
    assert yaml.safe_load(file.read_text(encoding="utf-8")) == {"backends": BACKENDS}
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(errors.InvalidInput, match="There is no file"):
        cinder_to_yaml.convert(f"{conf}.gone")


def test_a_cinder_conf_becomes_a_script(conf: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script opens each backend with its options, whatever they hold, under a name that Python allows."""
    script = tmp_path / "script.py"
    monkeypatch.setattr(sys, "argv", ["cinder-cfg-to-cinderlib-code", conf, str(script)])
    cinder_cfg_to_python.main()
    assert script.stat().st_mode & 0o777 == 0o600
    opened: list[Any] = []

    def opening(**config: Any) -> dict[str, Any]:
        opened.append(config)
        return config

    monkeypatch.setattr(cinderlib, "Backend", opening)
    names = runpy.run_path(str(script))
    assert opened == [names["fast__disks_"], names["_2nd"]] == BACKENDS


def test_a_backend_of_yaml_is_opened(tmp_path: Path) -> None:
    """What stands in the YAML opens a backend."""
    cinderlib.Backend.global_initialization = False
    text = json.dumps({"volume_backend_name": "sim", "volume_driver": "sim", "path": str(tmp_path / "sim")})
    cinderlib.setup()
    assert cinderlib.Backend(**yaml.safe_load(text)).id == "sim"
    cl_notebook.default_session().close()
    cinderlib.Backend.global_initialization = False
