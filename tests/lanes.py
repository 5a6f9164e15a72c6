"""Lanes of tests: what a test needs of the machine decides which ``make`` target runs it.

A lane follows from the folder of a test and from its fixtures, and is a marker of the same name: ``pytest -m fast``. A test that
needs several things is in the first of their lanes in the order of :data:`LANES`. A test that needs nothing and takes long
is marked by hand: ``@pytest.mark.lane("slow")``.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

LANES = {
    "storage": "real storage: Ceph, NFS, LVM over iSCSI in user-mode Linux (make test-storage)",
    "browser": "JupyterLab in Chromium (make test-browser)",
    "kill": "kernels that are killed at every step, on loop devices, too (make test-host)",
    "host": "root, loop devices, mounts, a second host through ssh (make test-host)",
    "cinder": "Cinder or cinderlib in an environment of its own (make test-cinder)",
    "server": "PostgreSQL or MariaDB (make test-store)",
    "slow": "nothing but the virtual environment, and more time (make test-slow)",
    "fast": "nothing but the virtual environment (make test)",
}
"""What the tests of each lane need; the most demanding lane comes first."""

FOLDERS = {
    "storage": "storage",
    "browser": "browser",
    "kill": "kill",
    "docs": "slow",
    "examples": "slow",
    "packaging/test_install.py": "slow",
    # they fill large stores, write large files, run long sequences, start Jupyter kernels, or start and kill processes
    "attach/test_threads.py": "slow",
    "drivers/test_attach.py": "slow",
    "drivers/test_shared_folder.py": "slow",
    "frames/test_plans.py": "slow",
    "model/test_killed.py": "slow",
    "model/test_stateful.py": "slow",
    "notebook/test_demo.py": "slow",
    "notebook/test_kernel.py": "slow",
    "notebook/test_kernel_end.py": "slow",
    "serialization/test_files.py": "slow",
    "store/test_migrations.py": "slow",
    "store/test_whole_file.py": "slow",
}
"""The lane that all tests of a folder, or of a file, are in, if none of their fixtures asks for more."""

FIXTURES = {
    "superuser": "host",
    "cinder_28": "cinder",
    "cinder_29": "cinder",
    "peer": "cinder",
    "postgresql": "server",
    "mariadb": "server",
}
"""The lane that a fixture puts a test into, also if it is named by a parameter; fixtures that ask for it follow by themselves."""


def lane_of(item: pytest.Item) -> str:
    """Return the name of the lane that *item* is in."""
    lanes = {"fast", *(str(mark.args[0]) for mark in item.iter_markers("lane"))}
    lanes |= {FIXTURES[name] for name in fixtures_of(item) & FIXTURES.keys()}
    lanes |= lanes_of_path(item.path, item.config)
    if unknown := lanes - LANES.keys():
        msg = f"{item.nodeid}: There is no lane {', '.join(unknown)}. Lanes are {', '.join(LANES)}."
        raise ValueError(msg)
    return next(lane for lane in LANES if lane in lanes)


@functools.cache
def lanes_of_path(path: Path, config: pytest.Config) -> frozenset[str]:
    """Return the lanes that the folder or file *path* puts its tests into, if it puts them into one."""
    return frozenset(lane for name, lane in FOLDERS.items() if path.is_relative_to(config.rootpath / "tests" / name))


def is_needless(path: Path, config: pytest.Config) -> bool:
    """Return whether ``-m`` names one lane, and all tests of *path* are in more demanding ones."""
    lanes = list(LANES)
    selected = config.option.markexpr
    return selected in lanes and any(lanes.index(lane) < lanes.index(selected) for lane in lanes_of_path(path, config))


def fixtures_of(item: pytest.Item) -> set[str]:
    """Return the names of the fixtures that *item* uses, those included that a parameter names, with what these ask for."""
    callspec = getattr(item, "callspec", None)
    parameters = callspec.params.values() if callspec else ()
    manager: Any = item.config.pluginmanager.get_plugin("funcmanage")  # what pytest keeps of fixtures
    names = [*getattr(item, "fixturenames", ()), *(value for value in parameters if isinstance(value, str))]
    fixtures: set[str] = set()
    while names:
        name = names.pop()
        if name not in fixtures:
            fixtures.add(name)
            defined = manager.getfixturedefs(name, item)
            names += [argument for fixture in defined or () for argument in fixture.argnames]
    return fixtures
