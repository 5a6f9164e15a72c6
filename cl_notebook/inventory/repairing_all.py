"""Everything that can be repaired, one after the other: what hangs on something else first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.inventory import orphan_devices, repairs, scanner
from cl_notebook.inventory.finding import LEFTOVER, MISSING, OK, SIZE_DIFFERS, STUCK, UNTRACKED, Finding
from cl_notebook.inventory.storages import Storages
from cl_notebook.model import Backend, Connection, Snapshot, Volume, batch, identity_map
from cl_notebook.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context

_ORDER = ("connection", "device", "snapshot", "volume", "file")
_CLASSES: dict[str, type[Tracked]] = {cls.kind: cls for cls in (Connection, Snapshot, Volume)}
COLUMNS = ("kind", "backend", "id", "name", "device", "done", "detail")


def repair_all(session: Context, backend: Backend | str | Iterable[Backend | str] | None, *, remove: bool) -> pd.DataFrame:
    """Repair what can be; see :func:`cl_notebook.inventory.repair_all`."""
    session.journal.refuse_if_read_only("repair")
    backends = scanner.chosen(session, backend)
    wrong = [each for each in scanner.findings(session, backends) if _can_be_tried(each)]
    wrong.sort(key=lambda each: _ORDER.index(each.kind))
    storages, by_name = Storages(), {each.name: each for each in backends}
    tried: list[tuple[Finding, bool, str]] = []
    with batch.telling("tried", [_label(each) for each in wrong]) as count:
        for each in wrong:
            try:
                done, detail = True, _repaired(session, each, by_name, storages, remove=remove)
            except errors.StoreError:
                raise
            except errors.Error as error:
                done, detail = False, errors.one_line(error)
            tried.append((each, done, detail))
            count()
    return _frame(tried)


def _label(found: Finding) -> str:
    return plain(f"{found.kind} {found.name or found.device or ''} {f'({found.id[:8]})' if found.id else ''}".strip())


def _can_be_tried(found: Finding) -> bool:
    if found.kind == Connection.kind and found.verdict == MISSING:
        return True
    return found.verdict in {STUCK, SIZE_DIFFERS, LEFTOVER} or (found.kind == "file" and found.verdict == UNTRACKED)


def _repaired(session: Context, found: Finding, backends: dict[str, Backend], storages: Storages, *, remove: bool) -> str:
    if found.kind == "file":
        return repairs.repair(backends[found.backend])
    if found.kind == "device":
        return orphan_devices.flush(session, found.device or "", remove=remove)
    resource = identity_map.get(session, _CLASSES[found.kind], found.id or "")
    if resource is None:
        return f"It is {OK}: it is not tracked any more."
    return repairs.repair(resource, remove=remove, storages=storages)


def _frame(tried: list[tuple[Finding, bool, str]]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - pandas is loaded when a frame is made

    from cl_notebook.tabular import Frame  # noqa: PLC0415 - as above

    made = {
        name: pd.array(
            [None if value is None else plain(value) for value in (getattr(each, name) for each, _, _ in tried)], dtype="string"
        )
        for name in COLUMNS[:-2]
    }
    done = pd.array([done for _, done, _ in tried], dtype="boolean")
    detail = pd.array([plain(detail) for _, _, detail in tried], dtype="string")
    return Frame({**made, "done": done, "detail": detail})
