"""Kernels that act and are killed, asked for from the tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cl_notebook as cl
from tests.kill.forkserver import END, ORDER, Case, OperationResult

if TYPE_CHECKING:
    from collections.abc import Iterator

STEPS = 60
"""More than any act takes."""


class Kernels:
    """Gives kernels that were killed, each at another step of an act."""

    def __init__(self, folder: Path, data: Path | None = None) -> None:
        """Start the process that they are forked from; what it needs goes to *folder*, and the package's *data* folder too."""
        self._order = folder / "order"
        own = {"CL_NOTEBOOK_DATA": str(data or folder / "data"), "PYTHONPATH": str(Path(__file__).parents[2])}
        environment = {**os.environ, **own, ORDER: str(self._order)}
        command = [sys.executable, "-m", "tests.kill.forkserver", str(folder / "locks")]
        self._forkserver = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder
        )
        self._waiting = ThreadPoolExecutor(1)
        self._store = folder / "empty.db"
        cl.Session(self._store).close()

    def close(self) -> None:
        """End the process."""
        self._waiting.shutdown()
        self._forkserver.communicate()

    def killed(self, act: str, folder: Path, **config: Any) -> Iterator[tuple[Path, Path, OperationResult]]:
        """Yield the store, the storage and the end of a kernel for each step of *act*: it was killed before that step.

        The last one did all of it, and ended without closing anything.
        """
        coming = self._begun(act, folder, 1, config)
        for last in range(1, STEPS):
            store, storage, future = coming
            ended = future.result()
            assert not ended.error, ended.error
            if ended.is_killed:
                coming = self._begun(act, folder, last + 1, config)  # while this one is looked at
            yield store, storage, ended
            if not ended.is_killed:
                return
        msg = f"{act} takes more than {STEPS} steps"
        raise AssertionError(msg)

    def killed_by_driver(self, act: str, store: str, order: str, **config: Any) -> OperationResult:
        """Return the end of a kernel whose driver followed *order*: the name of a call, and a word of ``killing_driver``."""
        try:
            return self._ended(Case(store, "/nowhere", config, act, order=order))
        finally:
            self._order.unlink(missing_ok=True)

    def killed_at_each_step(self, act: str, store: str, folder: Path, order: str, **config: Any) -> Iterator[OperationResult]:
        """Yield the end of a kernel for each step of *act*, one after the other, on one *store* and one storage.

        What else changes than the store is looked at in *folder*. The last kernel did all of it, whatever *order* its driver has.
        """
        for last in range(1, STEPS):
            ended = self._ended(Case(store, str(folder), config, act, last, order))
            self._order.unlink()
            assert ended.error or len(ended.steps) == last, f"{act} ended before its step {last}"
            yield ended
            if ended.steps[-1] == END:
                return
        msg = f"{act} takes more than {STEPS} steps"
        raise AssertionError(msg)

    def _begun(self, act: str, folder: Path, last: int, config: dict[str, Any]) -> tuple[Path, Path, Future[OperationResult]]:
        store, storage = folder / str(last) / "store.db", folder / str(last) / "storage"
        store.parent.mkdir()
        shutil.copyfile(self._store, store)
        case = Case(f"sqlite:///{store}", str(storage), {**config, "path": str(storage)}, act, last)
        return store, storage, self._waiting.submit(self._ended, case)

    def _ended(self, case: Case) -> OperationResult:
        assert self._forkserver.stdin is not None
        assert self._forkserver.stdout is not None
        self._forkserver.stdin.write(json.dumps(asdict(case)) + "\n")
        self._forkserver.stdin.flush()
        return OperationResult(**json.loads(self._forkserver.stdout.readline()))


@contextmanager
def started(folder: Path, data: Path | None = None) -> Iterator[Kernels]:
    """Give kernels for a block; what they need goes to *folder*, and to the package's *data* folder."""
    kernels = Kernels(folder, data)
    try:
        yield kernels
    finally:
        kernels.close()
