"""Import a database of cinderlib or Cinder into the store: only rows, as the volumes already exist on the storage."""

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
"""Columns whose values a reason may show; others may contain secrets."""

ALREADY_TRACKED = "it is here already"
"""The reason for rows that an earlier import has taken."""


def import_cinderlib(session: Session, url: str) -> pd.DataFrame:
    """Import the rows of the database at *url* into the store of *session*; see :func:`cl_notebook.import_cinderlib`."""
    session.journal.refuse_if_read_only("import")
    with session.progress("import a database"):
        contents = cinder_schema.read(url)
        kernel_id = session.journal.kernel_id

        def work(connection: sa.Connection) -> tuple[_Import, list[tuple[ImportedRow, str]]]:
            changefeed.lock(connection)  # first, as others may be importing the same rows
            run = _Import(connection, session.settings)
            report = run.plan(contents)
            run.write(kernel_id, contents.shown)
            return run, report

        with session.lock:
            run, report = session.store.write(work)
            _refresh_loaded(session, run)
    return _frame(report)


def _refresh_loaded(session: Session, run: _Import) -> None:
    """Refresh the cached backends and volumes whose lists have new members."""
    session.change_tracker.poll()
    for cls, ids in ((Backend, set(run.new_rows)), (Volume, run.extended_volumes)):
        for resource_id in ids:
            resource = identity_map.cached(session, cls, resource_id)
            if resource is not None:
                resource.refresh(keep_edits=True)


class _Import:
    """One import within a transaction: the rows to insert, and the reasons against the others."""

    def __init__(self, connection: sa.Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._non_uuid_ids = settings.non_uuid_ids
        columns = (Backend.id, Backend.name, Backend.volume_driver, Backend.stored_config.label("stored_config"))
        self._rows = {row.id: row for row in connection.execute(sa.select(*columns))}
        self._backends = {row.name: row.id for row in self._rows.values()}
        self._owners: dict[str, str] = {}
        self.new_rows: dict[str, dict[Any, list[dict[str, Any]]]] = {}
        """The new rows, by backend id and class."""
        self.extended_volumes: set[str] = set()
        """The ids of volumes with new snapshots or connections."""
        self._pairs: list[dict[str, Any]] = []

    def plan(self, contents: Contents) -> list[tuple[ImportedRow, str]]:
        """Decide on each row; return the rows with the reasons why they are not imported (empty if they are)."""
        report = list(self._missing_backends(contents.volumes))
        report += self._plan_class(Volume, contents.volumes)
        report += self._plan_class(Snapshot, contents.snapshots)
        report += self._plan_class(Connection, contents.connections)
        stored = self._stored_rows(KeyValue, KeyValue.key, contents.key_values)
        for imported in contents.key_values:
            reason = _difference(imported.row, stored.get(imported.id))
            if not reason:
                self._pairs.append(imported.row)
            report.append((imported, reason))
        return report

    def write(self, kernel_id: str, shown: str) -> None:
        """Insert the new rows, with entries in the history and the change feed."""
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
        missing = sorted({imported.backend for imported in volumes if not imported.fault} - set(self._backends))
        for name in missing:
            reason = f"it is not stored here: open it with cl.Backend({name!r}, volume_driver=…), then import again"
            yield cinder_schema.ImportedRow("backend", "", name, {}), reason

    def _plan_class(self, cls: Any, candidates: list[ImportedRow]) -> Iterator[tuple[ImportedRow, str]]:  # noqa: ANN401 - a tracked class
        stored = self._stored_rows(cls, cls.id, candidates)
        if cls is Volume:
            self._owners |= {resource_id: row["backend_id"] for resource_id, row in stored.items()}
        else:
            self._read_owners(candidates)
        faults = {id(imported): self._fault(imported) for imported in candidates}
        for imported in candidates:
            if not faults[id(imported)]:
                imported.row["backend_id"] = self._backend_of(imported)
                self._name(imported)
        conflicts = self._conflicts(
            cls, [imported.row for imported in candidates if not faults[id(imported)] and imported.id not in stored]
        )
        for imported in candidates:
            reason = faults[id(imported)] or _difference(imported.row, stored.get(imported.id)) or conflicts.get(imported.id, "")
            if not reason:
                self._add(cls, imported)
            yield imported, reason

    def _conflicts(self, cls: Any, rows: list[dict[str, Any]]) -> dict[str, str]:  # noqa: ANN401 - a tracked class
        """Return the reasons, by id, against rows whose name on the storage is already taken by another row."""
        if cls is Connection:
            return {}
        return {
            resource_id: reason.removesuffix(".") for resource_id, reason in Claims(self._connection).others(cls, rows).items()
        }

    def _add(self, cls: Any, imported: ImportedRow) -> None:  # noqa: ANN401 - a tracked class
        row = imported.row
        self.new_rows.setdefault(row["backend_id"], {}).setdefault(cls, []).append(row)
        if cls is Volume:
            self._owners[imported.id] = row["backend_id"]
        else:
            self.extended_volumes.add(row["volume_id"])

    def _fault(self, imported: ImportedRow) -> str:
        if imported.fault:
            return imported.fault
        if len(imported.id) > validation.ID_LENGTH:
            return f"its id has more than {validation.ID_LENGTH} characters"
        if not self._non_uuid_ids and not _is_uuid(imported.id):
            return "its id is no UUID, which only cl.setup(non_uuid_ids=True) allows"
        if imported.kind == "volume":
            return "" if imported.backend in self._backends else f"its backend {imported.backend!r} is not stored here"
        return "" if imported.row["volume_id"] in self._owners else f"its volume {imported.row['volume_id']} is not tracked here"

    def _backend_of(self, imported: ImportedRow) -> str:
        return self._backends[imported.backend] if imported.kind == "volume" else self._owners[imported.row["volume_id"]]

    def _name(self, imported: ImportedRow) -> None:
        """Set the name on the storage by the backend's name template, as the database does not store it."""
        backend, prefix = self._rows[imported.row["backend_id"]], f"{imported.kind}-"
        if "name_in_storage" in imported.row:
            template = naming.template(self._settings, backend.volume_driver, backend.stored_config, imported.kind)
            imported.row["name_in_storage"] = template.replace("%s", imported.row["name_in_storage"].removeprefix(prefix))

    def _read_owners(self, candidates: Iterable[ImportedRow]) -> None:
        volume_ids = {str(imported.row["volume_id"]) for imported in candidates} - set(self._owners)
        for page in identity_map.pages(sorted(volume_ids)):
            rows = self._connection.execute(sa.select(Volume.id, Volume.backend_id).where(Volume.id.in_(page)))
            self._owners |= {row.id: row.backend_id for row in rows}

    def _stored_rows(self, cls: Any, key: Any, candidates: Iterable[ImportedRow]) -> dict[str, Mapping[str, Any]]:  # noqa: ANN401 - a class, its column
        table: sa.Table = cls.__table__
        column = table.c[key.key]
        rows = (
            dict(row)
            for page in identity_map.pages([imported.id for imported in candidates])
            for row in self._connection.execute(sa.select(table).where(column.in_(page))).mappings()
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
