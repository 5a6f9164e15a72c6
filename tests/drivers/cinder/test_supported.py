"""Cinder's drivers in the shapes that cinderlib lists them in."""

from __future__ import annotations

import pytest

import cl_notebook as cl
from cl_notebook import errors

pytestmark = pytest.mark.usefixtures("session")


def test_version_1_is_text(python: str) -> None:
    """Every driver is there by its class, with its path, and the values of its options as text."""
    found = cl.list_supported_drivers(python=python)
    rbd = found["RBDDriver"]
    assert len(found) > 90
    assert set(rbd) == {
        *("class_name", "class_fqn", "desc", "version", "supported", "ci_wiki_name", "driver_options"),
    }
    assert (rbd["class_fqn"], rbd["supported"]) == ("cinder.volume.drivers.rbd.RBDDriver", True)
    (pool,) = (each for each in rbd["driver_options"] if each["dest"] == "rbd_pool")
    assert (pool["default"], pool["required"], pool["type"], pool["metavar"]) == ("rbd", "False", "String", "None")
    assert any(each["dest"] == "rbd_keyring_conf" for each in rbd["driver_options"])


def test_version_2_keeps_types(python: str) -> None:
    """Values of options are as they are, and a type is a dict of what it allows."""
    options = {each["dest"]: each for each in cl.Backend.list_supported_drivers(2, python)["RBDDriver"]["driver_options"]}
    pool, timeout = options["rbd_pool"], options["rados_connect_timeout"]
    assert (pool["default"], pool["required"], pool["metavar"]) == ("rbd", False, None)
    assert (timeout["default"], timeout["type"]["type_class"], timeout["type"]["num_type"]) == (-1, "Integer", "int")


def test_other_versions_are_refused() -> None:
    """There are two versions."""
    with pytest.raises(errors.InvalidInput, match="output_version must be 1 or 2, not 3"):
        cl.list_supported_drivers(3)
