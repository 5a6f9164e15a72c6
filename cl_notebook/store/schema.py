"""Create, check and upgrade the schema of a store when it is opened.

Alembic owns the versions (``migrations/versions``). A new store gets the newest schema at once and is stamped with its version,
as Alembic's documentation recommends; a test compares that with a store that went through all upgrades. Alembic is imported
only when an older store has to be upgraded, so opening a store costs one query.

One kernel at a time creates or upgrades a store. SQLite and PostgreSQL do it within one transaction. MariaDB commits each table
separately, so the version is written last, and the next kernel starts over if the one before it was killed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.store import changefeed, search
from cl_notebook.store.errors import shown_url
from cl_notebook.store.types import MARIADB, reg, table_options

if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AbstractContextManager

    from alembic.config import Config

HEAD = "0011"
"""The newest revision under ``migrations/versions``."""

_LOCK = 0x636C_6E6F_7465
"""The key of PostgreSQL's advisory lock under which a store is created or upgraded."""

_PATIENCE = 3600
"""Seconds to wait for MariaDB's lock; on other databases the wait ends with the other kernel's transaction."""

_VERSION = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))


class Database(Protocol):
    """The parts of a store that creating and upgrading its schema needs."""

    engine: sa.Engine
    url: sa.URL
    is_read_only: bool

    def writing(self) -> AbstractContextManager[sa.Connection]:
        """Return a transaction that commits at the end of the block, or rolls back on an error."""


def bring_up_to_date(store: Database) -> None:
    """Create or upgrade the schema of *store*, or refuse the store without changing it.

    Raises:
        StoreTooNew: a newer cl_notebook wrote it.
        StoreUnusable: it has another program's tables, is damaged, or is read-only and has an older schema.

    """
    with store.engine.connect() as connection:
        version = _version(connection)
    if version == HEAD:
        return
    if store.is_read_only and version in {None, *known_revisions()}:
        what = "is empty" if version is None else f"has an older schema ({version!r}, this one needs {HEAD!r})"
        msg = f"The store {shown_url(store.url)} {what}. Open it once without read_only=True to upgrade it."
        raise errors.StoreUnusable(msg)
    if version is None:
        _create(store)
        return
    if version not in known_revisions():
        msg = (
            f"The store {shown_url(store.url)} was written by a newer cl_notebook (schema {version!r}, this one knows {HEAD!r}). "
            "Upgrade cl_notebook: update its clone, and type pip install . there."
        )
        raise errors.StoreTooNew(msg)
    _upgrade(store)


def known_revisions() -> set[str]:
    """Return the revisions of the schema that this cl_notebook can upgrade."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - Alembic is loaded only when there is something to upgrade

    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _version(connection: sa.Connection) -> str | None:
    tables = set(sa.inspect(connection).get_table_names())
    if not tables or _is_partly_created(connection, tables):
        return None
    refuse_foreign(tables, shown_url(connection.engine.url))
    return _stamped(connection, is_new=tables == {"alembic_version"})


def refuse_foreign(tables: Collection[str], shown: str) -> None:
    """Refuse a database whose *tables* are another program's; an empty one may become a store. *shown* names it.

    Raises:
        StoreUnusable: the tables are not a store's.

    """
    if not tables or ("alembic_version" in tables and ("feed" in tables or len(tables) == 1)):
        return
    if "cinderlib_persistence_key_value" in tables:
        msg = (
            f"{shown} holds cinderlib's database, which stays as it is. Choose another for the store, and read this one into it: "
            "cl.import_cinderlib(url)."
        )
        raise errors.StoreUnusable(msg)
    msg = f"{shown} holds a database that is not cl_notebook's (tables: {', '.join(sorted(tables)[:3])}…). Choose another."
    raise errors.StoreUnusable(msg)


def _is_partly_created(connection: sa.Connection, tables: set[str]) -> bool:
    """Return whether a kernel was killed while it created the store; such a store has no rows yet."""
    if connection.dialect.name not in MARIADB or not {"alembic_version"} <= tables <= {"alembic_version", *reg.metadata.tables}:
        return False
    candidates = (sa.table(name) for name in sorted(tables))  # alembic_version sorts first, and has a row in every complete store
    return not any(connection.scalar(sa.select(sa.literal(1)).select_from(table).limit(1)) for table in candidates)


def _stamped(connection: sa.Connection, *, is_new: bool) -> str | None:
    if is_new:
        return connection.execute(sa.select(_VERSION.c.version_num)).scalar_one_or_none()
    heads = sa.select(sa.func.count()).select_from(changefeed.FEED).where(changefeed.FEED.c.id == 1).scalar_subquery()
    rows = connection.execute(sa.select(_VERSION.c.version_num, heads)).all()
    if len(rows) == 1 and rows[0][1] == 1:
        return str(rows[0][0])
    what = "no row in feed" if len(rows) == 1 else f"{len(rows)} rows in alembic_version"
    msg = f"The store {shown_url(connection.engine.url)} is damaged: it has {what}. Restore it from a copy, or choose another."
    raise errors.StoreUnusable(msg)


def _create(store: Database) -> None:
    with store.writing() as connection:
        _lock_schema(connection)
        if _version(connection) is not None:  # another kernel created it meanwhile
            return
        if connection.dialect.name in MARIADB:  # not in the table definitions, which would import the dialect for every database
            for table in reg.metadata.tables.values():
                table.dialect_kwargs.update(table_options(connection.dialect))
            reg.metadata.drop_all(connection)  # partly created tables may be of another version
        _VERSION.create(connection, checkfirst=True)
        reg.metadata.create_all(connection)
        search.make_indexes(connection)
        connection.execute(sa.insert(changefeed.FEED), {"id": 1, "head": 0})
        connection.execute(sa.insert(_VERSION), {"version_num": HEAD})


def _upgrade(store: Database) -> None:
    from alembic import command  # noqa: PLC0415 - see known_revisions

    with store.writing() as connection:
        _lock_schema(connection)
        if _version(connection) == HEAD:
            return
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _lock_schema(connection: sa.Connection) -> None:
    """Wait for other kernels that create or upgrade the store, and block new ones until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    elif connection.dialect.name in MARIADB:
        # The lock belongs to this connection: if the kernel is killed, it lasts until the server has finished the statement.
        connection.detach()
        name = sa.func.concat("cl_notebook ", sa.func.md5(sa.func.database()))
        if connection.scalar(sa.select(sa.func.get_lock(name, _PATIENCE))) != 1:
            msg = f"The store {shown_url(connection.engine.url)} is being upgraded by another kernel. Wait for it, then repeat."
            raise errors.StoreLocked(msg)


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - see known_revisions

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
