"""Fill stores with up to a million volumes and everything that belongs to them, in SQL, for benchmarks.

The same number of volumes gives the same rows on SQLite and on PostgreSQL: what looks random is computed from a row's number.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.schema import AddConstraint, CreateIndex, DropConstraint, DropIndex

from cl_notebook import errors
from cl_notebook.model import Volume
from cl_notebook.store import changefeed
from cl_notebook.store.types import reg
from cl_notebook.testing.stores import STATUSES, fill

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cl_notebook.store import Store

BACKENDS = 10
SNAPSHOTS = 3
"""Snapshots of each volume."""

ACTS = SNAPSHOTS + 2
"""Operations that each volume has in the history: it was made, then its snapshots, then its connection."""

_KERNELS = 40
_START = "2024-01-01"
_SPACING = 20
"""Seconds from one volume to the next."""

_BACKENDS = ("lvm-rack-a", "lvm-rack-b", "ceph-hdd", "ceph-ssd", "nfs", "netapp-münchen", "pure-01", "pure-02", "lab", "alt")
_SHARES = (30, 50, 65, 77, 86, 92, 96, 98, 99)
"""Per cent of the volumes that are on the first backend, on the first two, and so on."""

_VOLUME_NAMES = (
    *("'kubernetes-dynamic-pvc-' || {id}", "'kubernetes-dynamic-pvc-' || {id}", "'kubernetes-dynamic-pvc-' || {id}"),
    *("'db-prod-eu-west-1-customer-' || {n}", "'DB-Prod-EU-West-1-Customer-' || {n}", "'vol-' || {n}", "'Web Server ' || {n}"),
    *("'Größe ' || {n}", "'数据库-' || {n}", "'ΑΘΗΝΑ_' || {n}", "'backup 100%_' || {n} || '.old'", "''"),
)
_SNAPSHOT_NAMES = (
    "'daily'",
    "'before-upgrade-' || {n}",
    "'Ночной снимок ' || {n}",
    "'snapshot of kubernetes-dynamic-pvc ' || {n}",
    "''",
)
_STATUSES = (*("available",) * 11, *("in-use",) * 6, "error", "error", "error_deleting", "error_extending")


@dataclass(frozen=True, slots=True)
class _Sql:
    """What SQLite and PostgreSQL say differently."""

    numbers: str
    hexadecimal: str
    moment: str
    json: str
    true: str
    false: str

    def each(self, count: int) -> str:
        """Return the FROM clause whose rows have ``n`` = 0, 1, … below *count*."""
        return self.numbers.format(last=count - 1)

    def uuid(self, number: str, salt: int) -> str:
        """Return an id that is made from *number*, below 2**23, and is another one for each; its digits look random."""
        distinct = f"(({number}) + {(salt + 1) * 2**23})"
        words = [self._hex(f"({distinct} * {odd}) % {16**digits}", digits) for odd, digits in _MIXED]
        return f"({words[0]} || '-' || {words[1]} || '-4' || {words[2]} || '-a' || {words[3]} || '-' || {words[4]} || {words[5]})"

    def _hex(self, number: str, digits: int) -> str:
        return self.hexadecimal.format(number=number, digits=digits)

    def document(self, text: str) -> str:
        """Return the text, which is JSON, as such a column takes it."""
        return self.json.format(text=text)

    def at(self, seconds: str) -> str:
        """Return the moment that many seconds after the beginning of the history."""
        return self.moment.format(start=_START, seconds=seconds)


_MIXED = ((2654435761, 8), (40503, 4), (2909, 3), (3571, 3), (1779033703, 8), (51151, 4))
"""Factors that are odd, and so lead to each number of so many digits once."""

_SQLITE = _Sql(
    "(WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < {last})"
    " SELECT n FROM number) AS numbers",
    "printf('%0{digits}x', {number})",
    "strftime('%Y-%m-%d %H:%M:%S.000000', '{start}', ({seconds}) || ' seconds')",
    "{text}",
    "1",
    "0",
)
_POSTGRESQL = _Sql(
    "generate_series(CAST(0 AS bigint), {last}) AS numbers(n)",
    "lpad(to_hex({number}), {digits}, '0')",
    "(timestamp '{start}' + ({seconds}) * interval '1 second')",
    "CAST({text} AS json)",
    "true",
    "false",
)


def fill_big(store: Store, *, volumes: int) -> list[str]:
    """Put ten backends with *volumes* in all into a new *store*, and return the backends' ids.

    Each volume has three snapshots and a connection, and each of these five an operation with its two entries in the feed. Names
    are as people give them: long beginnings in common, both cases, several scripts, none at all. A million takes a few minutes.

    Raises:
        NotSupported: the store is neither SQLite nor PostgreSQL.
        Refused: the store is not new.

    """
    dialect = store.url.get_backend_name()
    if dialect not in {"sqlite", "postgresql"}:
        msg = f"Big stores are made on SQLite and PostgreSQL, not on {dialect}."
        raise errors.NotSupported(msg)
    if store.head():
        msg = f"Big stores are made in a new store, which {store!r} is not."
        raise errors.Refused(msg)
    sql = _SQLITE if dialect == "sqlite" else _POSTGRESQL
    ids = [f"00000000-0000-4000-8000-{number:012x}" for number in range(BACKENDS)]
    _insert_few(store, ids)
    tables = (_volume(sql, ids), _snapshot(sql, ids), _connection(sql, ids), _operation(sql, ids), _entry(sql))
    copies = _copies()
    with _without_references(store, copies):
        for (name, rows), columns in zip(_counts(volumes).items(), tables, strict=True):
            _insert(store, copies[name], columns, sql.each(rows))
    with store.writing() as connection:
        connection.execute(sa.update(changefeed.FEED).values(head=2 * ACTS * volumes))
        if dialect == "postgresql":
            last = "SELECT setval(pg_get_serial_sequence('operation', 'id'), (SELECT max(id) FROM operation))"
            connection.exec_driver_sql(last)
    _settle(store)
    return ids


def _counts(volumes: int) -> dict[str, int]:
    below = {"snapshot": SNAPSHOTS * volumes, "connection": volumes}
    return {"volume": volumes, **below, "operation": ACTS * volumes, "entry": 2 * ACTS * volumes}


def _copies() -> Mapping[str, sa.Table]:
    """Return copies of the tables: SQLAlchemy creates no constraint any more that it once dropped."""
    metadata = sa.MetaData(naming_convention=reg.metadata.naming_convention)
    return {name: table.to_metadata(metadata) for name, table in reg.metadata.tables.items()}


def _insert_few(store: Store, ids: Sequence[str]) -> None:
    tables = reg.metadata.tables
    with store.writing() as connection:
        moment = dt.datetime.fromisoformat(_START)
        for backend_id, name in zip(ids, _BACKENDS, strict=True):
            fixed = {"volume_driver": "sim", "config": {"path": f"/nowhere/{name}"}, "created_at": moment, "version": 1}
            connection.execute(sa.insert(tables["backend"]).values(id=backend_id, name=name, **fixed))
        for number in range(_KERNELS):
            who = {"host": f"lab{number % 7}", "user": ("alice", "bob")[number % 2], "machine": f"m{number % 7}", "boot": "b"}
            fixed = {"pid": 1000 + number, "start_ticks": number, "started_at": moment}
            connection.execute(sa.insert(tables["kernel"]).values(id=_kernel(number), **who, **fixed))


def _kernel(number: int) -> str:
    return f"00000000-0000-4000-9000-{number:012x}"


def _insert(store: Store, table: sa.Table, columns: Mapping[str, str], source: str) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    with _bare(store, table) as cursor:
        # the driver's own cursor: nothing in it is to be taken for a parameter
        cursor.execute(f'INSERT INTO "{table.name}" ({names}) SELECT {", ".join(columns.values())} FROM {source} ORDER BY n')  # noqa: S608 - all of it is of this module


@contextlib.contextmanager
def _without_references(store: Store, copies: Mapping[str, sa.Table]) -> Iterator[None]:
    """Let rows in without looking whether those that they refer to are there; that is looked up for all of them at the end."""
    if store.url.get_backend_name() == "sqlite":  # which looks it up in no time
        yield
        return
    constraints = [one for name in _counts(0) for one in copies[name].foreign_key_constraints]
    for change, group in ((DropConstraint, constraints), (AddConstraint, constraints)):
        with store.writing() as connection:
            for constraint in group:
                connection.execute(change(constraint))
        if change is DropConstraint:
            yield


@contextlib.contextmanager
def _bare(store: Store, table: sa.Table) -> Iterator[Any]:
    """Give a cursor on a table without indexes: made when the rows are there, they take half the time."""
    on_sqlite = store.url.get_backend_name() == "sqlite"
    with store.writing() as connection:
        if on_sqlite:
            connection.exec_driver_sql("PRAGMA cache_size = -400000")
        else:
            connection.execute(DropConstraint(table.primary_key))
        for index in table.indexes:
            connection.execute(DropIndex(index))
        with contextlib.closing(connection.connection.cursor()) as cursor:
            yield cursor
        if not on_sqlite:
            connection.execute(AddConstraint(table.primary_key))
        for index in table.indexes:
            connection.execute(CreateIndex(index))


def _settle(store: Store) -> None:
    """Let the database look at what it has, as it would have by itself in the months that so many rows take."""
    on_sqlite = store.url.get_backend_name() == "sqlite"
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)" if on_sqlite else "VACUUM (ANALYZE)")


def _pick(number: str, values: Sequence[str]) -> str:
    cases = " ".join(f"WHEN {place} THEN {value}" for place, value in enumerate(values))
    return f"CASE ({number}) % {len(values)} {cases} END"


def _share(number: str, values: Sequence[str]) -> str:
    mixed = f"(({number}) * 7919 + 13) % 100"
    cases = " ".join(f"WHEN {mixed} < {share} THEN {value}" for share, value in zip(_SHARES, values, strict=False))
    return f"CASE {cases} ELSE {values[-1]} END"


def _quoted(texts: Sequence[str]) -> list[str]:
    return [f"'{text}'" for text in texts]


def _common(sql: _Sql, seconds: str) -> dict[str, str]:
    updated = f"CASE WHEN n % 3 = 0 THEN {sql.at(f'{seconds} + 86400 * (n % 50)')} END"
    return {"created_at": sql.at(seconds), "updated_at": updated, "version": "1 + n % 3"}


def _volume(sql: _Sql, backends: Sequence[str]) -> dict[str, str]:
    own = sql.uuid("n", 0)
    names = [name.format(id=sql.uuid("n", 7), n="n") for name in _VOLUME_NAMES]
    return {
        "id": own,
        "name": _pick("n * 5 + n / 12", names),
        "description": "''",
        "size": "CASE WHEN n % 40 = 0 THEN 1000 + n * 31 % 9000 ELSE 1 + n * 37 % 500 END",
        "status": f"CASE WHEN n % 50021 = 777 THEN 'deleting' ELSE {_pick('n * 8 + n / 21', _quoted(_STATUSES))} END",
        "attach_status": "CASE WHEN n % 4 = 0 THEN 'detached' ELSE 'attached' END",
        "backend_id": _share("n", _quoted(backends)),
        "host": f"'lab' || (n % 7) || '@' || {_share('n', _quoted(_BACKENDS))}",
        "pool_name": "CASE WHEN n % 5 = 0 THEN 'fast' END",
        "name_in_storage": f"'volume-' || {own}",
        "bootable": f"CASE WHEN n % 9 = 0 THEN {sql.true} ELSE {sql.false} END",
        "metadata": sql.document("""CASE WHEN n % 6 = 0 THEN '{"owner": "team-' || (n % 30) || '"}' ELSE '{}' END"""),
        "extra_specs": "'{}'",
        "qos_specs": "'{}'",
        **_common(sql, f"n * {_SPACING}"),
    }


def _snapshot(sql: _Sql, backends: Sequence[str]) -> dict[str, str]:
    own, volume = sql.uuid("n", 1), f"(n / {SNAPSHOTS})"
    return {
        "id": own,
        "name": _pick("n * 3 + n / 5", [name.format(n="n") for name in _SNAPSHOT_NAMES]),
        "description": "''",
        "status": _pick("n", _quoted((*("available",) * 18, "error", "error_deleting", "available"))),
        "progress": "'100%'",
        "volume_id": sql.uuid(volume, 0),
        "volume_size": f"1 + {volume} * 37 % 500",
        "backend_id": _share(volume, _quoted(backends)),
        "name_in_storage": f"'snapshot-' || {own}",
        "metadata": "'{}'",
        **_common(sql, f"{volume} * {_SPACING} + 3600 * (1 + n % {SNAPSHOTS})"),
    }


def _connection(sql: _Sql, backends: Sequence[str]) -> dict[str, str]:
    host = """'{"host": "web' || (n % 50) || '", "ip": "10.0.0.' || (n % 50) || '", "initiator": "iqn.x", "multipath": false}'"""
    return {
        "id": sql.uuid("n", 2),
        "volume_id": sql.uuid("n", 0),
        "backend_id": _share("n", _quoted(backends)),
        "attach_status": "CASE WHEN n % 50 = 0 THEN 'error_attaching' ELSE 'attached' END",
        "attach_mode": "'rw'",
        "protocol": "'iSCSI'",
        "multipath": sql.false,
        "path": "CASE WHEN n % 2 = 0 THEN '/dev/disk/by-id/scsi-' || n END",
        "connector_info": sql.document(host),
        "conn_info": sql.document("""'{"driver_volume_type": "iscsi", "data": {"target_lun": ' || (n % 250) || '}}'"""),
        **_common(sql, f"n * {_SPACING} + 4 * 3600"),
    }


def _resource(sql: _Sql, act: str) -> tuple[str, str, str]:
    """Return the kind and the id of the resource that the operation *act*, from 0 on, was about, and the number of its volume."""
    volume, step = f"({act} / {ACTS})", f"{act} % {ACTS}"
    kind = f"CASE {step} WHEN 0 THEN 'volume' WHEN {ACTS - 1} THEN 'connection' ELSE 'snapshot' END"
    snapshot = sql.uuid(f"{volume} * {SNAPSHOTS} + {step} - 1", 1)
    ids = f"CASE {step} WHEN 0 THEN {sql.uuid(volume, 0)} WHEN {ACTS - 1} THEN {sql.uuid(volume, 2)} ELSE {snapshot} END"
    return kind, ids, volume


def _operation(sql: _Sql, backends: Sequence[str]) -> dict[str, str]:
    kind, own, volume = _resource(sql, "n")
    step = f"n % {ACTS}"
    calls = f"CASE {step} WHEN 0 THEN 'create_volume' WHEN {ACTS - 1} THEN 'initialize_connection' ELSE 'create_snapshot' END"
    began = f"{volume} * {_SPACING} + 3600 * ({step})"
    return {
        "id": "n + 1",
        "action": f"CASE {step} WHEN {ACTS - 1} THEN 'connect' ELSE 'create' END",
        "call": calls,
        "status": "CASE WHEN n % 20000 = 77 THEN 'running' WHEN n % 97 = 3 THEN 'failed' ELSE 'done' END",
        "resource_type": kind,
        "resource_id": own,
        "resource_name": f"CASE {step} WHEN {ACTS - 1} THEN NULL ELSE 'vol-' || {volume} END",
        "backend_id": _share(volume, _quoted(backends)),
        "arguments": "'{}'",
        "kernel_id": _pick("n", _quoted([_kernel(number) for number in range(_KERNELS)])),
        "started_at": sql.at(began),
        "ended_at": f"CASE WHEN n % 20000 <> 77 THEN {sql.at(f'{began} + 2')} END",
        "duration": "CASE WHEN n % 20000 <> 77 THEN 2.0 END",
        "error": "CASE WHEN n % 97 = 3 AND n % 20000 <> 77 THEN 'DriverError: the pool is full' END",
    }


def _entry(sql: _Sql) -> dict[str, str]:
    kind, own, volume = _resource(sql, "(n / 2)")
    return {
        "number": "n + 1",
        "operation_id": "n / 2 + 1",
        "event": "CASE n % 2 WHEN 0 THEN 'intent' ELSE 'outcome' END",
        "resource_type": kind,
        "resource_id": own,
        "volume_id": f"CASE (n / 2) % {ACTS} WHEN 0 THEN NULL ELSE {sql.uuid(volume, 0)} END",
        "backend_id": _share(volume, _quoted([f"00000000-0000-4000-8000-{number:012x}" for number in range(BACKENDS)])),
        "status": "CASE n % 2 WHEN 0 THEN 'creating' ELSE 'available' END",
        "at": sql.at(f"{volume} * {_SPACING} + 3600 * ((n / 2) % {ACTS}) + 2 * (n % 2)"),
    }


def fill_volumes(store: Store, *, volumes: int, backend: str = "sim", path: str = ".") -> str:
    """Insert a backend with *volumes* without snapshots or connections into *store*, a SQLite one; return the backend's id.

    The rows are those of :func:`cl_notebook.testing.stores.fill`, but a million take a dozen seconds: SQLite copies a few.
    """
    backend_id = fill(store, volumes=min(volumes, len(STATUSES)), snapshots=0, connections=0, backend=backend, path=path)
    if volumes > len(STATUSES):
        with store.writing() as connection:
            connection.exec_driver_sql("PRAGMA cache_size = -200000")
            indexes = connection.exec_driver_sql(_VOLUME_INDEXES).all()
            for name, _ in indexes:  # creating them afterwards takes half the time
                connection.exec_driver_sql(f'DROP INDEX "{name}"')
            columns = {column.name: f'"{column.name}"' for column in Volume.__table__.columns}  # type: ignore[attr-defined] # mapped
            values = (_COPIED.get(name, quoted) for name, quoted in columns.items())
            copy = _COPY.format(columns=", ".join(columns.values()), values=", ".join(values), turns=len(STATUSES))
            connection.exec_driver_sql(copy, (backend_id, volumes))
            for _, sql in indexes:
                connection.exec_driver_sql(sql)
            changefeed.append(connection, changefeed.Entry("fill", "volume", backend_id, backend_id=backend_id))
    return backend_id


_VOLUME_INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'volume' AND sql IS NOT NULL"
_COPY = """
WITH RECURSIVE
    first AS (SELECT row_number() OVER (ORDER BY created_at) - 1 AS turn, * FROM volume WHERE backend_id = ?),
    number(n) AS (SELECT {turns} UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?)
INSERT INTO volume ({columns}) SELECT {values} FROM number JOIN first ON turn = n % {turns} ORDER BY n
"""
_COPIED = {
    "id": "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)"
    " || '-8' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))",
    "name": "'vol-' || n",
    "size": "1 + n % 100",
    "name_in_storage": "'volume-' || n",
    "created_at": "strftime('%Y-%m-%d %H:%M:%f', '2026-01-01', printf('+%.3f seconds', n / 1000.0)) || '000'",
}
