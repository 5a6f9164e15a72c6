"""Kernels that work with a Cinder driver and are killed by it, and the next one, which is there already."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from tests.kill import forkserver, kernels, recovery

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOOKS, _PAUSE = 5, 0.5
"""How often, and after how many seconds, a storage is looked at again that a child is still at work on: librbd gives a snapshot
that it removes another name for a moment."""

KILLING = "cinder.volume.drivers.killing."

CALLS = {
    "create": "create_volume",
    "clone": "create_cloned_volume",
    "create_from_snapshot": "create_volume_from_snapshot",
    "create_snapshot": "create_snapshot",
    "extend": "extend_volume",
    "revert": "revert_to_snapshot",
    "delete_snapshot": "delete_snapshot",
    "delete_volume": "delete_volume",
    "connect": "initialize_connection",
    "disconnect": "terminate_connection",
    "attach": "initialize_connection",
    "detach": "terminate_connection",
}
"""Each act, and the driver's call that matters in it. The last two need a storage that this host can attach."""

APART = tuple(act for act in CALLS if act not in {"attach", "detach"})
"""The acts that need none."""


@dataclass(frozen=True)
class Bench:
    """A store, a backend's configuration, a session that is there when kernels are killed, and the kernels."""

    session: cl.Session
    config: dict[str, Any]
    killing: kernels.Kernels
    data: Path

    def kill(self, act: str, moment: str) -> None:
        """Kill a kernel in the call that matters in *act*: ``before``, ``after`` or ``instead`` of its work."""
        order = f"{CALLS[act]} {moment}"
        assert self._ended(act, order).is_killed, f"{act} made no {order}"

    def kill_at_change(self, act: str, number: int) -> None:
        """Kill a kernel together with its driver, just before that change which *act* makes of an image."""
        assert self._ended(act, f"change {number}").is_killed, f"{act} made no change {number}"

    def killed_at_each_step(self, act: str, changes: int) -> Iterator[str]:
        """Kill a kernel before each step that it takes itself in *act*; yield where.

        Raises:
            AssertionError: the act makes more than that many *changes* of images; or it commits nothing before or after them.

        """
        for ended in self.killing.killed_at_each_step(
            act, self.session.settings.store, self.data, f"change {changes + 1}", **self.config
        ):
            assert not ended.error, ended.error
            yield f"{act}, killed before {ended.steps[-1]!r}, number {len(ended.steps)}"
            assert ended.is_killed, ended.steps
        assert ended.steps.count("commit store.db") >= 2, ended.steps

    def _ended(self, act: str, order: str) -> forkserver.OperationResult:
        ended = self.killing.killed_by_driver(act, self.session.settings.store, order, **self.config)
        assert not ended.error, ended.error
        return ended

    def all_is_repaired(self) -> None:
        """Check that all that was cut short can be finished, rolled back or removed, and what is left is as it should be."""
        not_done = recovery.repaired(self.session, remove=True)
        assert not_done.empty, not_done["detail"].to_list()
        wrong = [
            finding
            for finding in cl.inventory.findings(self.session)
            if finding.verdict != "ok" and not recovery.is_drivers_own(finding)
        ]
        assert wrong == [], wrong

    def all_is_explained_and_removed(self, *, lists: bool) -> None:
        """Check that a scan explains all that is tracked, and that a clean-up, which takes its turn, removes it."""
        unexplained = recovery.unexplained(self.session, lists=lists)
        for _ in range(_LOOKS):
            if unexplained:
                time.sleep(_PAUSE)
                unexplained = recovery.unexplained(self.session, lists=lists)
        assert unexplained == [], unexplained
        not_done = recovery.cleaned_up(self.session)
        assert not_done.empty, not_done["detail"].to_list()
        tracked = recovery.tracked(self.session)
        assert tracked == [], tracked


@contextmanager
def bench(folder: Path, **config: Any) -> Iterator[Bench]:
    """Give a bench in *folder* for a block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CL_NOTEBOOK_DATA", str(folder / "data"))  # turns are taken in it
        (folder / "data").mkdir()
        with cl.Session(folder / "store.db") as session, kernels.started(folder, folder / "data") as killing:
            session.backend("disk", **config)
            yield Bench(session, config, killing, folder / "data")
