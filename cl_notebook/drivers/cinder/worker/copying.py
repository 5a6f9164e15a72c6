"""Rows that a driver looks up beyond those of its call: asked for when a statement of Cinder's is about to read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .database import WorkingCopy
    from .main import Wire

_PAGE = 1000
_OURS = {"volumes", "snapshots", "volume_attachment", "driver_initiator_data", "volume_metadata", "volume_admin_metadata"}


class Copying:
    """Looks at each statement of Cinder's data base before it runs, and fetches the rows that it is about."""

    def __init__(self, copy: WorkingCopy, wire: Wire) -> None:
        """Fill *copy* with what is asked for over *wire*."""
        import sqlalchemy as sa
        from sqlalchemy import orm

        self._copy = copy
        self._wire = wire
        self._types: set[str] = set()
        self.told: dict[tuple[str, str], dict[str, Any]] = {}
        """What the kernel said of each resource, by kind and id, until the working copy is cleared."""
        sa.event.listen(orm.Session, "do_orm_execute", self._before)

    def put_volumes(self, told: list[dict[str, Any]], connection: Any = None) -> None:
        """Put volumes, with their types, into the working copy."""
        for volume in told:
            self.ensure_type(volume)
            self.told["volume", volume["id"]] = volume
        there = self._copy.present("volumes", [volume["id"] for volume in told], connection)
        new = [rows.volume_tables(volume) for volume in told if volume["id"] not in there]
        self._copy.put(rows.merged(new), connection)

    def put_snapshots(self, told: list[dict[str, Any]], connection: Any = None) -> None:
        """Put snapshots, with their volumes, into the working copy."""
        self.put_volumes([snapshot["volume"] for snapshot in told], connection)
        self.told.update({("snapshot", snapshot["id"]): snapshot for snapshot in told})
        there = self._copy.present("snapshots", [snapshot["id"] for snapshot in told], connection)
        new = [rows.snapshot_tables(snapshot) for snapshot in told if snapshot["id"] not in there]
        self._copy.put(rows.merged(new), connection)

    def clear(self) -> None:
        """Forget all rows but the types'."""
        self.told.clear()
        self._copy.clear()

    def ensure_type(self, volume: dict[str, Any]) -> None:
        """Put the volume type that stands for the specs of *volume* into the working copy."""
        own = rows.type_id(volume)
        if own in self._types:
            return
        self._types.add(own)
        from . import types

        self._copy.put(types.tables(own, volume["extra_specs"], volume["qos_specs"]))

    def _before(self, state: Any) -> None:
        tables, by = _wanted(state.statement)
        if not tables & _OURS:
            return
        connection = state.session.connection()
        if tables & {"volumes", "volume_metadata", "volume_admin_metadata"}:
            ids = (
                by.get(("volumes", "id"))
                or by.get(("volume_metadata", "volume_id"))
                or by.get(("volume_admin_metadata", "volume_id"))
            )
            found = self._fetch("volumes", "volume", ids)
            for page in found:
                self.put_volumes(page, connection)
            self._attachments(ids, connection)
        if "snapshots" in tables:
            words = {"ids": by.get(("snapshots", "id")), "volume_ids": by.get(("snapshots", "volume_id"))}
            for page in self._pages("snapshots", **words):
                self.put_snapshots(page, connection)
        if "volume_attachment" in tables:
            self._attachments(by.get(("volume_attachment", "volume_id")), connection)
        if "driver_initiator_data" in tables:
            told = self._wire.ask("initiator_data") or []
            self._copy.put({"driver_initiator_data": told}, connection)

    def _fetch(self, what: str, kind: str, ids: list[str] | None) -> Iterator[list[dict[str, Any]]]:
        if ids is not None:
            known = [self.told[kind, own] for own in ids if (kind, own) in self.told]
            if known:
                yield known  # a session that only reads takes with it what was put there in it
            ids = [own for own in ids if (kind, own) not in self.told]
            if not ids:
                return
        yield from self._pages(what, ids=ids)

    def _pages(self, what: str, **words: Any) -> Iterator[list[dict[str, Any]]]:
        after = ""
        while True:
            page = self._wire.ask(what, after=after, limit=_PAGE, **words) or []
            if page:
                yield page
            if len(page) < _PAGE:
                return
            after = page[-1]["id"]

    def _attachments(self, volume_ids: list[str] | None, connection: Any) -> None:
        told = self._wire.ask("attachments", volume_ids=volume_ids) or []
        self._copy.put({"volume_attachment": [rows.attachment_row(row) for row in told]}, connection)


def _wanted(statement: Any) -> tuple[set[str], dict[tuple[str, str], list[str]]]:
    """Return the tables that *statement* is about, and the values that it asks for by table and column.

    Where a condition is not simply one of several that must all hold, nothing is taken from it: then all rows are meant.
    """
    import sqlalchemy as sa
    from sqlalchemy.sql import elements, operators, visitors

    tables: set[str] = set()
    by: dict[tuple[str, str], list[str]] = {}
    is_plain = True
    for element in visitors.iterate(statement):
        if isinstance(element, sa.Table):
            tables.add(element.name)
        elif isinstance(element, elements.BooleanClauseList) and element.operator is operators.or_:
            is_plain = False
        elif isinstance(element, elements.BinaryExpression) and element.operator in {operators.eq, operators.in_op}:
            column, value = element.left, getattr(element.right, "value", None)
            table = getattr(getattr(column, "table", None), "name", None)
            if table and isinstance(value, (str, list, tuple)):
                tables.add(table)
                by.setdefault((table, column.name), []).extend([value] if isinstance(value, str) else map(str, value))
    return tables, by if is_plain else {}
