"""A data base that cinderlib or Cinder wrote, taken into the store: rows alone, for the storage has the volumes already."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.inventory.importers import cinder_schema
from cl_notebook.model import Backend, Connection, KeyValue, Snapshot, Volume, bulk, identity_map, key_value, naming, validation
from cl_notebook.model.claims import Claims
from cl_notebook.store import changefeed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pandas as pd

    from cl_notebook.inventory.importers.cinder_schema import Contents, Found
    from cl_notebook.session import Session
    from cl_notebook.settings import Settings

_NOT_COMPARED = {"created_at", "updated_at", "version", "extra"}
_SHOWN = {"name", "size", "status", "attach_status", "host", "pool_name", "name_in_storage", "volume_id", "value"}
"""Columns whose values a reason may show; others may hold what is secret."""

HERE = "it is here already"
"""The reason for what an earlier import has taken."""


def import_cinderlib(session: Session, url: str) -> pd.DataFrame:
    """Take what the data base at *url* tracks into the store of *session*; see :func:`cl_notebook.import_cinderlib`."""
    session.journal.refuse_if_read_only("import")
    with session.progress("import a data base"):
        contents = cinder_schema.read(url)
        kernel_id = session.journal.kernel_id

        def work(connection: sa.Connection) -> tuple[_Taking, list[tuple[Found, str]]]:
            changefeed.lock(connection)  # first: others may be about to take the same
            taking = _Taking(connection, session.settings)
            report = taking.take(contents)
            taking.write(kernel_id, contents.shown)
            return taking, report

        with session.lock:
            taking, report = session.store.write(work)
            _look_again(session, taking)
    return _frame(report)


def _look_again(session: Session, taking: _Taking) -> None:
    """Let lists that were loaded before show what is in them now."""
    session.change_tracker.poll()
    for cls, ids in ((Backend, set(taking.made)), (Volume, taking.grown)):
        for own in ids:
            known = identity_map.held(session, cls, own)
            if known is not None:
                known.look_again()


class _Taking:
    """One import, inside its transaction: what is taken, and why the rest is not."""

    def __init__(self, connection: sa.Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._non_uuid_ids = settings.non_uuid_ids
        columns = (Backend.id, Backend.name, Backend.volume_driver, Backend.stored_config.label("stored_config"))
        self._rows = {row.id: row for row in connection.execute(sa.select(*columns))}
        self._backends = {row.name: row.id for row in self._rows.values()}
        self._owners: dict[str, str] = {}
        self.made: dict[str, dict[Any, list[dict[str, Any]]]] = {}
        """The new rows, by backend and class."""
        self.grown: set[str] = set()
        """Volumes that were here, or are new, and have new snapshots or connections."""
        self._pairs: list[dict[str, Any]] = []

    def take(self, contents: Contents) -> list[tuple[Found, str]]:
        """Decide on everything, and return it with the reasons; an empty one says that it is taken."""
        report = list(self._missing_backends(contents.volumes))
        report += self._each(Volume, contents.volumes)
        report += self._each(Snapshot, contents.snapshots)
        report += self._each(Connection, contents.connections)
        here = self._here(KeyValue, KeyValue.key, contents.key_values)
        for found in contents.key_values:
            reason = _compared(found.row, here.get(found.id))
            if not reason:
                self._pairs.append(found.row)
            report.append((found, reason))
        return report

    def write(self, kernel_id: str, shown: str) -> None:
        """Insert what was taken, and tell the history and the feed."""
        for cls in (Volume, Snapshot, Connection):
            bulk.insert(self._connection, cls, [row for made in self.made.values() for row in made.get(cls, ())])
        bulk.insert(self._connection, KeyValue, self._pairs)
        names = {own: name for name, own in self._backends.items()}
        for own, made in self.made.items():
            arguments = {"from": shown} | {f"{cls.kind}s": len(rows) for cls, rows in made.items()}
            bulk.note(
                self._connection,
                kernel_id=kernel_id,
                action="import",
                backend=(own, names[own]),
                made=made,
                arguments=arguments,
            )
        changefeed.append_many(self._connection, [key_value.entry(pair["key"]) for pair in self._pairs])

    def _missing_backends(self, volumes: Iterable[Found]) -> Iterator[tuple[Found, str]]:
        missing = sorted({found.backend for found in volumes if not found.fault} - set(self._backends))
        for name in missing:
            reason = f"it is not stored here: open it with cl.Backend({name!r}, volume_driver=…), then import again"
            yield cinder_schema.Found("backend", "", name, {}), reason

    def _each(self, cls: Any, candidates: list[Found]) -> Iterator[tuple[Found, str]]:  # noqa: ANN401 - a tracked class
        here = self._here(cls, cls.id, candidates)
        if cls is Volume:
            self._owners |= {own: row["backend_id"] for own, row in here.items()}
        else:
            self._know_volumes(candidates)
        faults = {id(found): self._fault(found) for found in candidates}
        for found in candidates:
            if not faults[id(found)]:
                found.row["backend_id"] = self._backend_of(found)
                self._name(found)
        claimed = self._claimed(cls, [found.row for found in candidates if not faults[id(found)] and found.id not in here])
        for found in candidates:
            reason = faults[id(found)] or _compared(found.row, here.get(found.id)) or claimed.get(found.id, "")
            if not reason:
                self._put(cls, found)
            yield found, reason

    def _claimed(self, cls: Any, rows: list[dict[str, Any]]) -> dict[str, str]:  # noqa: ANN401 - a tracked class
        """Return why rows are not taken whose name on the storage another row has, by id."""
        if cls is Connection:
            return {}
        return {own: reason.removesuffix(".") for own, reason in Claims(self._connection).others(cls, rows).items()}

    def _put(self, cls: Any, found: Found) -> None:  # noqa: ANN401 - a tracked class
        row = found.row
        self.made.setdefault(row["backend_id"], {}).setdefault(cls, []).append(row)
        if cls is Volume:
            self._owners[found.id] = row["backend_id"]
        else:
            self.grown.add(row["volume_id"])

    def _fault(self, found: Found) -> str:
        if found.fault:
            return found.fault
        if len(found.id) > validation.ID_LENGTH:
            return f"its id has more than {validation.ID_LENGTH} characters"
        if not self._non_uuid_ids and not _is_uuid(found.id):
            return "its id is no UUID, which only cl.setup(non_uuid_ids=True) allows"
        if found.kind == "volume":
            return "" if found.backend in self._backends else f"its backend {found.backend!r} is not stored here"
        return "" if found.row["volume_id"] in self._owners else f"its volume {found.row['volume_id']} is not tracked here"

    def _backend_of(self, found: Found) -> str:
        return self._backends[found.backend] if found.kind == "volume" else self._owners[found.row["volume_id"]]

    def _name(self, found: Found) -> None:
        """Give a row the name on the storage that its backend's template says: no column of the database has it."""
        backend, prefix = self._rows[found.row["backend_id"]], f"{found.kind}-"
        if "name_in_storage" in found.row:
            template = naming.template(self._settings, backend.volume_driver, backend.stored_config, found.kind)
            found.row["name_in_storage"] = template.replace("%s", found.row["name_in_storage"].removeprefix(prefix))

    def _know_volumes(self, candidates: Iterable[Found]) -> None:
        wanted = {str(found.row["volume_id"]) for found in candidates} - set(self._owners)
        for part in identity_map.pages(sorted(wanted)):
            rows = self._connection.execute(sa.select(Volume.id, Volume.backend_id).where(Volume.id.in_(part)))
            self._owners |= {row.id: row.backend_id for row in rows}

    def _here(self, cls: Any, key: Any, candidates: Iterable[Found]) -> dict[str, Mapping[str, Any]]:  # noqa: ANN401 - a class, its column
        table: sa.Table = cls.__table__
        column = table.c[key.key]
        rows = (
            dict(row)
            for part in identity_map.pages([found.id for found in candidates])
            for row in self._connection.execute(sa.select(table).where(column.in_(part))).mappings()
        )
        return {row[column.name]: row for row in rows}


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _compared(wanted: Mapping[str, Any], here: Mapping[str, Any] | None) -> str:
    if here is None:
        return ""
    changed = [name for name, value in wanted.items() if name not in _NOT_COMPARED and here[name] != value]
    if not changed:
        return HERE
    said = [f"{name} {here[name]!r}, not {wanted[name]!r}" if name in _SHOWN else name for name in changed]
    return f"it is here already and differs ({'; '.join(said)}): it is left as it is"


def _frame(report: list[tuple[Found, str]]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - pandas is loaded when a frame is made

    from cl_notebook.tabular import Frame  # noqa: PLC0415 - as above

    columns = {
        "kind": pd.array([found.kind for found, _ in report], dtype="string"),
        "id": pd.array([found.id or None for found, _ in report], dtype="string"),
        "name": pd.array([found.name or None for found, _ in report], dtype="string"),
        "taken": pd.array([not reason for _, reason in report], dtype="bool"),
        "reason": pd.array([reason for _, reason in report], dtype="string"),
    }
    return Frame(columns)
