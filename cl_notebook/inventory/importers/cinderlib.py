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

    from cl_notebook.inventory.importers.cinder_schema import Contents, ImportedRow
    from cl_notebook.session import Session
    from cl_notebook.settings import Settings

_NOT_COMPARED = {"created_at", "updated_at", "version", "extra"}
_SHOWN = {"name", "size", "status", "attach_status", "host", "pool_name", "name_in_storage", "volume_id", "value"}
"""Columns whose values a reason may show; others may hold what is secret."""

ALREADY_TRACKED = "it is here already"
"""The reason for what an earlier import has taken."""


def import_cinderlib(session: Session, url: str) -> pd.DataFrame:
    """Take what the data base at *url* tracks into the store of *session*; see :func:`cl_notebook.import_cinderlib`."""
    session.journal.refuse_if_read_only("import")
    with session.progress("import a data base"):
        contents = cinder_schema.read(url)
        kernel_id = session.journal.kernel_id

        def work(connection: sa.Connection) -> tuple[_Import, list[tuple[ImportedRow, str]]]:
            changefeed.lock(connection)  # first: others may be about to take the same
            run = _Import(connection, session.settings)
            report = run.plan(contents)
            run.write(kernel_id, contents.shown)
            return run, report

        with session.lock:
            run, report = session.store.write(work)
            _refresh_loaded(session, run)
    return _frame(report)


def _refresh_loaded(session: Session, run: _Import) -> None:
    """Let lists that were loaded before show what is in them now."""
    session.change_tracker.poll()
    for cls, ids in ((Backend, set(run.new_rows)), (Volume, run.extended_volumes)):
        for resource_id in ids:
            known = identity_map.cached(session, cls, resource_id)
            if known is not None:
                known.refresh(keep_edits=True)


class _Import:
    """One import, inside its transaction: what is taken, and why the rest is not."""

    def __init__(self, connection: sa.Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._non_uuid_ids = settings.non_uuid_ids
        columns = (Backend.id, Backend.name, Backend.volume_driver, Backend.stored_config.label("stored_config"))
        self._rows = {row.id: row for row in connection.execute(sa.select(*columns))}
        self._backends = {row.name: row.id for row in self._rows.values()}
        self._owners: dict[str, str] = {}
        self.new_rows: dict[str, dict[Any, list[dict[str, Any]]]] = {}
        """The new rows, by backend and class."""
        self.extended_volumes: set[str] = set()
        """Volumes that were here, or are new, and have new snapshots or connections."""
        self._pairs: list[dict[str, Any]] = []

    def plan(self, contents: Contents) -> list[tuple[ImportedRow, str]]:
        """Decide on everything, and return it with the reasons; an empty one says that it is taken."""
        report = list(self._missing_backends(contents.volumes))
        report += self._plan_class(Volume, contents.volumes)
        report += self._plan_class(Snapshot, contents.snapshots)
        report += self._plan_class(Connection, contents.connections)
        stored = self._stored_rows(KeyValue, KeyValue.key, contents.key_values)
        for found in contents.key_values:
            reason = _difference(found.row, stored.get(found.id))
            if not reason:
                self._pairs.append(found.row)
            report.append((found, reason))
        return report

    def write(self, kernel_id: str, shown: str) -> None:
        """Insert what was taken, and tell the history and the feed."""
        for cls in (Volume, Snapshot, Connection):
            bulk.insert(self._connection, cls, [row for new_rows in self.new_rows.values() for row in new_rows.get(cls, ())])
        bulk.insert(self._connection, KeyValue, self._pairs)
        names = {resource_id: name for name, resource_id in self._backends.items()}
        for resource_id, new_rows in self.new_rows.items():
            arguments = {"from": shown} | {f"{cls.kind}s": len(rows) for cls, rows in new_rows.items()}
            bulk.note(
                self._connection,
                kernel_id=kernel_id,
                action="import",
                backend=(resource_id, names[resource_id]),
                created=new_rows,
                arguments=arguments,
            )
        changefeed.append_many(self._connection, [key_value.entry(pair["key"]) for pair in self._pairs])

    def _missing_backends(self, volumes: Iterable[ImportedRow]) -> Iterator[tuple[ImportedRow, str]]:
        missing = sorted({found.backend for found in volumes if not found.fault} - set(self._backends))
        for name in missing:
            reason = f"it is not stored here: open it with cl.Backend({name!r}, volume_driver=…), then import again"
            yield cinder_schema.ImportedRow("backend", "", name, {}), reason

    def _plan_class(self, cls: Any, candidates: list[ImportedRow]) -> Iterator[tuple[ImportedRow, str]]:  # noqa: ANN401 - a tracked class
        stored = self._stored_rows(cls, cls.id, candidates)
        if cls is Volume:
            self._owners |= {resource_id: row["backend_id"] for resource_id, row in stored.items()}
        else:
            self._read_owners(candidates)
        faults = {id(found): self._fault(found) for found in candidates}
        for found in candidates:
            if not faults[id(found)]:
                found.row["backend_id"] = self._backend_of(found)
                self._name(found)
        conflicts = self._conflicts(cls, [found.row for found in candidates if not faults[id(found)] and found.id not in stored])
        for found in candidates:
            reason = faults[id(found)] or _difference(found.row, stored.get(found.id)) or conflicts.get(found.id, "")
            if not reason:
                self._add(cls, found)
            yield found, reason

    def _conflicts(self, cls: Any, rows: list[dict[str, Any]]) -> dict[str, str]:  # noqa: ANN401 - a tracked class
        """Return why rows are not taken whose name on the storage another row has, by id."""
        if cls is Connection:
            return {}
        return {
            resource_id: reason.removesuffix(".") for resource_id, reason in Claims(self._connection).others(cls, rows).items()
        }

    def _add(self, cls: Any, found: ImportedRow) -> None:  # noqa: ANN401 - a tracked class
        row = found.row
        self.new_rows.setdefault(row["backend_id"], {}).setdefault(cls, []).append(row)
        if cls is Volume:
            self._owners[found.id] = row["backend_id"]
        else:
            self.extended_volumes.add(row["volume_id"])

    def _fault(self, found: ImportedRow) -> str:
        if found.fault:
            return found.fault
        if len(found.id) > validation.ID_LENGTH:
            return f"its id has more than {validation.ID_LENGTH} characters"
        if not self._non_uuid_ids and not _is_uuid(found.id):
            return "its id is no UUID, which only cl.setup(non_uuid_ids=True) allows"
        if found.kind == "volume":
            return "" if found.backend in self._backends else f"its backend {found.backend!r} is not stored here"
        return "" if found.row["volume_id"] in self._owners else f"its volume {found.row['volume_id']} is not tracked here"

    def _backend_of(self, found: ImportedRow) -> str:
        return self._backends[found.backend] if found.kind == "volume" else self._owners[found.row["volume_id"]]

    def _name(self, found: ImportedRow) -> None:
        """Give a row the name on the storage that its backend's template says: no column of the database has it."""
        backend, prefix = self._rows[found.row["backend_id"]], f"{found.kind}-"
        if "name_in_storage" in found.row:
            template = naming.template(self._settings, backend.volume_driver, backend.stored_config, found.kind)
            found.row["name_in_storage"] = template.replace("%s", found.row["name_in_storage"].removeprefix(prefix))

    def _read_owners(self, candidates: Iterable[ImportedRow]) -> None:
        volume_ids = {str(found.row["volume_id"]) for found in candidates} - set(self._owners)
        for part in identity_map.pages(sorted(volume_ids)):
            rows = self._connection.execute(sa.select(Volume.id, Volume.backend_id).where(Volume.id.in_(part)))
            self._owners |= {row.id: row.backend_id for row in rows}

    def _stored_rows(self, cls: Any, key: Any, candidates: Iterable[ImportedRow]) -> dict[str, Mapping[str, Any]]:  # noqa: ANN401 - a class, its column
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


def _difference(imported: Mapping[str, Any], stored: Mapping[str, Any] | None) -> str:
    if stored is None:
        return ""
    changed = [name for name, value in imported.items() if name not in _NOT_COMPARED and stored[name] != value]
    if not changed:
        return ALREADY_TRACKED
    detail = [f"{name} {stored[name]!r}, not {imported[name]!r}" if name in _SHOWN else name for name in changed]
    return f"it is here already and differs ({'; '.join(detail)}): it is left as it is"


def _frame(report: list[tuple[ImportedRow, str]]) -> pd.DataFrame:
    from cl_notebook.tabular import typed_frame  # noqa: PLC0415 - pandas is loaded when a frame is made

    schema = {"kind": "string", "id": "string", "name": "string", "taken": "bool", "reason": "string"}
    rows = ((imported.kind, imported.id or None, imported.name or None, not reason, reason) for imported, reason in report)
    return typed_frame(schema, rows)
