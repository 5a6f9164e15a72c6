"""Rows that a driver looks up beyond those of its call: asked for when a statement of Cinder's is about to read them."""

from __future__ import annotations

import collections
import contextlib
import threading
import uuid
from typing import TYPE_CHECKING, Any

from . import log_relay, row_mapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .channel import Channel
    from .shadow_db import ShadowDatabase

_PAGE = 1000
_TYPES = {"volume_types", "volume_type_extra_specs", "quality_of_service_specs"}
_OURS = {"volumes", "snapshots", "volume_attachment", "driver_initiator_data", "volume_metadata", "volume_admin_metadata"}


class ShadowSync:
    """Looks at each statement of Cinder's data base before it runs, and fetches the rows that it is about."""

    def __init__(self, copy: ShadowDatabase, wire: Channel) -> None:
        """Fill *copy* with what is asked for over *wire*."""
        import sqlalchemy as sa
        from sqlalchemy import orm

        self._copy = copy
        self._wire = wire
        self._types: set[str] = set()
        self._new_types: dict[str, dict[str, list[dict[str, Any]]]] = {}
        self.told: dict[tuple[str, str], dict[str, Any]] = {}
        """What the kernel said of each resource, as it was put into the working copy, by kind and id."""
        self._asked_in: dict[tuple[str, str], int] = {}
        self._held: collections.Counter[tuple[str, str]] = collections.Counter()
        self._lock = threading.Lock()
        sa.event.listen(orm.Session, "do_orm_execute", self._before)

    @contextlib.contextmanager
    def holding(self, words: dict[str, Any]) -> Iterator[None]:
        """Put what a call is about into the working copy, and let nobody replace it there until the call is over."""
        self.put_volumes([words[name] for name in ("volume", "source") if words.get(name)])
        if words.get("snapshot"):
            self.put_snapshots([words["snapshot"]])
        keys = _keys(words)
        with self._lock:
            self._held.update(keys)
        try:
            yield
        finally:
            with self._lock:
                self._held.subtract(keys)

    def held_by_others(self, words: dict[str, Any]) -> set[tuple[str, str]]:
        """Return the resources that calls are about, those that only the call with these *words* is about left out."""
        with self._lock:
            own = collections.Counter(_keys(words))
            return {key for key, count in self._held.items() if count > own[key]}

    def put_volumes(self, told: list[dict[str, Any]], connection: Any = None) -> None:
        """Put volumes, with their types, into the working copy."""
        self._ensure_types(told, connection)
        self._put("volume", told, row_mapping.volume_tables, connection)

    def put_snapshots(self, told: list[dict[str, Any]], connection: Any = None) -> None:
        """Put snapshots, with their volumes, into the working copy."""
        self.put_volumes([snapshot["volume"] for snapshot in told], connection)
        self._put("snapshot", told, row_mapping.snapshot_tables, connection)

    def _put(self, kind: str, told: list[dict[str, Any]], tables: Any, connection: Any) -> None:
        """Put resources there as the kernel tells them now; what a running call is about, or changed, stays as it is."""
        fixed = self._fixed(kind, connection)
        there = self._copy.present(f"{kind}s", [each["id"] for each in told], connection)
        new = [each for each in told if each["id"] not in fixed & there]
        self._copy.remove(f"{kind}s", [each["id"] for each in new], connection)
        self._copy.put(row_mapping.merged([tables(each) for each in new]), connection)
        for each in new:
            self.told[kind, each["id"]] = each
            self._asked_in[kind, each["id"]] = log_relay.current()

    def _fixed(self, kind: str, connection: Any) -> set[str]:
        with self._lock:
            held = {own for (held, own), count in self._held.items() if held == kind and count}
        return held | set(self._copy.changed(connection).get(f"{kind}s", ()))

    def _drop(self, kind: str, gone: set[str], connection: Any) -> None:
        """Take out what the kernel told once and does not tell any more; what drivers made for themselves stays."""
        gone -= self._fixed(kind, connection)
        self._copy.remove(f"{kind}s", list(gone), connection)
        for own in gone:
            self.told.pop((kind, own), None)

    def clear(self) -> None:
        """Forget all rows but the types'."""
        self.told.clear()
        self._asked_in.clear()
        self._held.clear()
        self._copy.clear()
        self._settle_types()

    def ensure_type(self, volume: dict[str, Any]) -> None:
        """Put the volume type that stands for the specs of *volume* into the working copy."""
        self._ensure_types([volume], None)

    def _ensure_types(self, told: list[dict[str, Any]], connection: Any) -> None:
        wanted = {row_mapping.type_id(volume): volume for volume in told}
        for own, volume in wanted.items():
            if own not in self._types:
                self._new_types[own] = tables(own, volume["extra_specs"], volume["qos_specs"])
                self._copy.put(self._new_types[own], connection)
        if connection is None:
            self._settle_types()

    def _settle_types(self) -> None:
        # a session may hold the only right to write, and take what was put there in it with it: then each puts them again
        for own, tables in list(self._new_types.items()):
            self._copy.put(tables)
            self._types.add(own)
            self._new_types.pop(own, None)

    def _before(self, state: Any) -> None:
        tables, by = _wanted(state.statement)
        if not tables & (_OURS | _TYPES):
            return
        connection = state.session.connection()
        if self._new_types:
            self._copy.put(row_mapping.merged(list(self._new_types.values())), connection)
        if tables & {"volumes", "volume_metadata", "volume_admin_metadata"}:
            ids = (
                by.get(("volumes", "id"))
                or by.get(("volume_metadata", "volume_id"))
                or by.get(("volume_admin_metadata", "volume_id"))
            )
            self._fetch_volumes(ids, connection)
            self._attachments(ids, connection)
        if "snapshots" in tables:
            self._fetch_snapshots(by.get(("snapshots", "id")), by.get(("snapshots", "volume_id")), connection)
        if "volume_attachment" in tables:
            self._attachments(by.get(("volume_attachment", "volume_id")), connection)
        if "driver_initiator_data" in tables:
            self._copy.put({"driver_initiator_data": self._wire.ask("initiator_data")}, connection)

    def _fetch_volumes(self, ids: list[str] | None, connection: Any) -> None:
        wanted = ids
        if ids is not None:
            known = [own for own in ids if self._is_known("volume", own)]
            # a session that only reads takes with it what was put there in it
            lost = set(known) - self._copy.present("volumes", known, connection)
            self.put_volumes([self.told["volume", own] for own in lost], connection)
            wanted = [own for own in ids if own not in known]
        before = {own for kind, own in list(self.told) if kind == "volume" and (wanted is None or own in wanted)}
        if wanted is None or wanted:
            for page in self._pages("volumes", ids=wanted):
                self.put_volumes(page, connection)
                before.difference_update(each["id"] for each in page)
        self._drop("volume", before, connection)

    def _fetch_snapshots(self, ids: list[str] | None, volume_ids: list[str] | None, connection: Any) -> None:
        before = {
            own
            for (kind, own), told in list(self.told.items())
            if kind == "snapshot" and (ids is None or own in ids) and (volume_ids is None or told["volume"]["id"] in volume_ids)
        }
        for page in self._pages("snapshots", ids=ids, volume_ids=volume_ids):
            self.put_snapshots(page, connection)
            before.difference_update(each["id"] for each in page)
        self._drop("snapshot", before, connection)

    def _is_known(self, kind: str, own: str) -> bool:
        """Return whether the running call is about the resource, or has asked for it already."""
        key, call = (kind, own), log_relay.current()
        return key in self.told and (self._held[key] > 0 or (call > 0 and self._asked_in.get(key) == call))

    def _pages(self, what: str, **words: Any) -> Iterator[list[dict[str, Any]]]:
        after = ""
        while True:
            page = self._wire.ask(what, after=after, limit=_PAGE, **words)
            if page:
                yield page
            if len(page) < _PAGE:
                return
            after = page[-1]["id"]

    def _attachments(self, volume_ids: list[str] | None, connection: Any) -> None:
        told = self._wire.ask("attachments", volume_ids=volume_ids)
        self._copy.remove_attachments(volume_ids, connection)
        self._copy.put({"volume_attachment": [row_mapping.attachment_row(row) for row in told]}, connection)


def _keys(words: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the resources that the words of a call name, by kind and id."""
    volumes = [words[name] for name in ("volume", "source") if words.get(name)]
    snapshots = [words["snapshot"]] if words.get("snapshot") else []
    volumes += [snapshot["volume"] for snapshot in snapshots]
    return {*(("volume", each["id"]) for each in volumes), *(("snapshot", each["id"]) for each in snapshots)}


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


_SPACE = uuid.UUID("0f6b1c86-3f6e-4d0b-8f3c-9c2a0a1e7b42")
_CONSUMER = "consumer"


def tables(own: str, extra_specs: dict[str, str], qos_specs: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the volume type *own*, by table."""
    qos = str(uuid.uuid5(_SPACE, own)) if qos_specs else None
    return {
        "volume_types": [
            {"id": own, "name": f"type-{own[:8]}", "description": "", "is_public": True, "qos_specs_id": qos, "deleted": False}
        ],
        "volume_type_extra_specs": [
            {"volume_type_id": own, "key": key, "value": value, "deleted": False} for key, value in extra_specs.items()
        ],
        "quality_of_service_specs": _qos(qos, qos_specs) if qos else [],
    }


def _qos(own: str, specs: dict[str, str]) -> list[dict[str, Any]]:
    # a tree: the first row is the name, the others hang from it (cinder.db.models.QualityOfServiceSpecs)
    given = {_CONSUMER: "back-end", **specs}
    first = {"id": own, "specs_id": None, "key": "QoS_Specs_Name", "value": f"qos-{own[:8]}", "deleted": False}
    rest = [
        {"id": str(uuid.uuid5(_SPACE, own + key)), "specs_id": own, "key": key, "value": value, "deleted": False}
        for key, value in given.items()
    ]
    return [first, *rest]
