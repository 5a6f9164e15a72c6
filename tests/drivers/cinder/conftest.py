"""What the tests of Cinder drivers stand on: a Python that has Cinder, and in it a driver of the tests' own."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cl_notebook as cl

FAKE = "cinder.volume.drivers.fake.FakeDriver"
PASSWORD = "open sesame"  # noqa: S105 - a secret to hide
MakeBackend = Callable[..., cl.Backend]

_SITE = f"""
import importlib.abc, importlib.util, sys

FILES = {{
    "cinder.volume.drivers.fake": {str(Path(__file__).with_name("fake_driver.py"))!r},
    "elsewhere": {str(Path(__file__).with_name("fake_driver.py"))!r},
    "cinder.volume.drivers.killing": {str(Path(__file__).parents[2] / "kill" / "killing_driver.py")!r},
}}

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in FILES:
            return importlib.util.spec_from_file_location(name, FILES[name])

sys.meta_path.insert(0, Finder())
"""


def with_fake(interpreter: str, folder: Path) -> str:
    """Return a Python that is *interpreter* with the fake driver among Cinder's; what it needs is put into *folder*."""
    (folder / "sitecustomize.py").write_text(_SITE, encoding="utf-8")
    program = folder / "python"
    command = f"PYTHONPATH={shlex.quote(str(folder))} exec {shlex.quote(interpreter)}"
    program.write_text(f'#!/bin/sh\n{command} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return str(program)


@pytest.fixture(scope="session")
def python(cinder_29: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a Python with the newest Cinder and the fake driver."""
    return with_fake(cinder_29, tmp_path_factory.mktemp("cinder-29"))


@pytest.fixture(scope="session")
def older_python(cinder_28: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a Python with an older Cinder and the fake driver."""
    return with_fake(cinder_28, tmp_path_factory.mktemp("cinder-28"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cl.Session]:
    """Give a session that the tests of a module share: a child takes seconds to start."""
    folder = tmp_path_factory.mktemp("lab")
    with pytest.MonkeyPatch.context() as patch, cl.Session(store=folder / "store.db", host="lab1") as session:
        patch.setenv("CL_NOTEBOOK_DATA", str(folder))
        yield session


@pytest.fixture(scope="module")
def array(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the fake driver keeps its volumes in."""
    return tmp_path_factory.mktemp("array")


@pytest.fixture(scope="module")
def make(lab: cl.Session, python: str, array: Path) -> MakeBackend:
    """Return a function that opens a backend on the fake driver, with the options given."""

    def make(name: str, session: cl.Session = lab, **options: Any) -> cl.Backend:
        given = {"volume_driver": FAKE, "python": python, "fake_path": str(array), "fake_password": PASSWORD, **options}
        return session.backend(name, **given)

    return make


@pytest.fixture(scope="module")
def fake(make: MakeBackend) -> cl.Backend:
    """Return an open backend on the fake driver, shared by the tests of a module."""
    return make("fake")
