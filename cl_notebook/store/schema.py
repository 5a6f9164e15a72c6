"""The version of the schema: made, checked and upgraded when a store is opened.

Alembic owns the versions (``migrations/versions``). A store that is new gets the newest schema at once and is stamped with its
version, Alembic's own recipe for that case; a test holds both ways against each other. Alembic itself is imported only when an
older store has to be upgraded, so opening one costs a single look-up.

One kernel at a time makes or upgrades a store. SQLite and PostgreSQL do it within one transaction. MariaDB commits each table by
itself: there what a killed kernel left half done is done again by the next one, and the version is written last.
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

HEAD = "0009"
"""The newest revision under ``migrations/versions``."""

_LOCK = 0x636C_6E6F_7465
"""PostgreSQL's number for the lock under which a store is made or upgraded."""

_PATIENCE = 3600
"""Seconds that MariaDB waits for it; elsewhere the wait ends with the other kernel's work."""

_VERSION = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))


class Database(Protocol):
    """The parts of a store that creating and upgrading its schema needs."""

    engine: sa.Engine
    url: sa.URL
    is_read_only: bool

    def writing(self) -> AbstractContextManager[sa.Connection]:
        """Return a transaction that commits at the end of the block, or rolls back on an error."""


def bring_up_to_date(store: Database) -> None:
    """Leave *store* with the newest schema, or refuse it untouched.

    Raises:
        StoreTooNew: a newer cl_notebook wrote it.
        StoreUnusable: it holds tables that are not ours, is damaged, or may only be read and is not up to date.

    """
    with store.engine.connect() as connection:
        version = _version(connection)
    if version == HEAD:
        return
    if store.is_read_only and version in {None, *known_revisions()}:
        what = "holds nothing yet" if version is None else f"has an older schema ({version!r}, this one needs {HEAD!r})"
        msg = f"The store {shown_url(store.url)} {what}. Open it once without read_only=True, which brings it up to date."
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
    """Return the revisions that this cl_notebook can read."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - Alembic is loaded only when there is something to upgrade

    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _version(connection: sa.Connection) -> str | None:
    tables = set(sa.inspect(connection).get_table_names())
    if not tables or _is_half_made(connection, tables):
        return None
    refuse_foreign(tables, shown_url(connection.engine.url))
    return _stamped(connection, is_new=tables == {"alembic_version"})


def refuse_foreign(tables: Collection[str], shown: str) -> None:
    """Refuse a database with *tables* that cl_notebook did not make; one without any may become a store.

    Raises:
        StoreUnusable: it is another program's.

    """
    if not tables or ("alembic_version" in tables and ("feed" in tables or len(tables) == 1)):
        return
    msg = f"{shown} holds a database that is not cl_notebook's (tables: {', '.join(sorted(tables)[:3])}…). Choose another."
    raise errors.StoreUnusable(msg)


def _is_half_made(connection: sa.Connection, tables: set[str]) -> bool:
    """Return whether a kernel was killed while it made the store: nothing has been written there yet."""
    if connection.dialect.name not in MARIADB or not {"alembic_version"} <= tables <= {"alembic_version", *reg.metadata.tables}:
        return False
    listed = (sa.table(name) for name in sorted(tables))  # the version comes first, and is there in every other store
    return not any(connection.scalar(sa.select(sa.literal(1)).select_from(table).limit(1)) for table in listed)


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
        _keep_others_out(connection)
        if _version(connection) is not None:  # another kernel was faster
            return
        if connection.dialect.name in MARIADB:  # not where the tables are defined: that would load the dialect
            for table in reg.metadata.tables.values():
                table.dialect_kwargs.update(table_options(connection.dialect))
            reg.metadata.drop_all(connection)  # what is half made may be of another version
        _VERSION.create(connection, checkfirst=True)
        reg.metadata.create_all(connection)
        search.make_indexes(connection)
        connection.execute(sa.insert(changefeed.FEED), {"id": 1, "head": 0})
        connection.execute(sa.insert(_VERSION), {"version_num": HEAD})


def _upgrade(store: Database) -> None:
    from alembic import command  # noqa: PLC0415 - see known_revisions

    with store.writing() as connection:
        _keep_others_out(connection)
        if _version(connection) == HEAD:
            return
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _keep_others_out(connection: sa.Connection) -> None:
    """Wait until no other kernel makes or upgrades the store, and let none begin before the transaction has ended."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    elif connection.dialect.name in MARIADB:
        # The lock ends with the connection that works, also if its kernel is killed while the server still does what it was told.
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
