"""A kernel that is killed at any step of any act leaves everything tracked, and the next one brings all of it to zero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from tests.kill import recovery, storage
from tests.kill.acts import ATTACHING, CONNECTING, MANAGING, PLAIN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kill.kernels import Kernels

_SIM = {"volume_driver": "sim"}
_FILES = {"volume_driver": "local", "loop_devices": "never"}
_LOOPS = {"volume_driver": "local", "loop_devices": "always"}


def _brought_to_zero(
    killing: Kernels, folder: Path, act: str, config: dict[str, Any], *, repairs: int = 0, leaves: int = 0
) -> None:
    """Kill *act* at each step, and let the next kernel clean up; at each of *repairs* steps it repairs first."""
    driver, taken = config["volume_driver"], []
    for store, path, ended in killing.killed(act, folder, **config):
        where = f"{act} on {driver}, killed before {ended.steps[-1]!r}, number {len(ended.steps)}"
        taken = ended.steps
        with cl.Session(store) as session:
            stray = recovery.untracked(session, storage.found(driver, path))
            assert len(stray) <= leaves, f"{where}: untracked {stray}"
            unexplained = recovery.unexplained(session)
            assert {found.name_in_storage for found in unexplained} == stray, f"{where}: {unexplained}"
            if repairs and len(ended.steps) % repairs == 0:
                not_done = recovery.repaired(session)
                assert not_done.empty, f"{where}: {not_done}"
                assert {found.verdict for found in cl.inventory.findings(session)} <= {"ok"}, where
            not_done = recovery.cleaned_up(session)
            assert not_done.empty, f"{where}: {not_done}"
            assert recovery.tracked(session) == [], where
            assert len(recovery.unexplained(session)) <= leaves, where
        left = storage.found(driver, path)
        assert len(left.volumes) <= leaves, where
        assert (left.snapshots, left.connections, left.others) == (set(), set(), set()), where
    if leaves:
        return
    commits = [number for number, step in enumerate(taken) if step.startswith("commit store.db")]
    assert len(commits) >= 2, taken
    assert commits[-1] - commits[0] > 1, taken


@pytest.mark.parametrize("act", [*PLAIN, *CONNECTING, *ATTACHING])
def test_simulated(killing: Kernels, folder: Path, act: str) -> None:
    """On the simulator, whichever step of the act the kernel did not take, all is tracked and can be repaired and removed."""
    _brought_to_zero(killing, folder, act, _SIM, repairs=1)


@pytest.mark.parametrize("act", PLAIN)
def test_files(killing: Kernels, folder: Path, act: str) -> None:
    """On the local driver's files, likewise, also where it is removed unrepaired."""
    _brought_to_zero(killing, folder, act, _FILES, repairs=2)


@pytest.mark.parametrize("act", [*CONNECTING, *ATTACHING])
def test_loop_devices(root: None, killing: Kernels, folder: Path, act: str) -> None:  # noqa: ARG001 - asked for its check
    """On the local driver's loop devices, likewise, also unrepaired, and no device is left on the host."""
    _brought_to_zero(killing, folder, act, _LOOPS, repairs=2)


@pytest.mark.parametrize("act", MANAGING)
@pytest.mark.parametrize("config", [_SIM, _FILES], ids=["sim", "local"])
def test_what_is_not_ours(killing: Kernels, folder: Path, act: str, config: dict[str, Any]) -> None:
    """A volume that is taken over or left at that moment is tracked or left on the storage, and nothing else is."""
    _brought_to_zero(killing, folder, act, config, leaves=1)
