"""The store contract, on every database that stores are kept on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cl_notebook.store import Store
from cl_notebook.testing.shared_store_contract import SharedStoreContract
from cl_notebook.testing.store_contract import StoreContract

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Server

_COLLATIONS = """
SELECT table_collation FROM information_schema.tables WHERE table_schema = database() AND table_name <> 'alembic_version'
"""


class TestSqliteInMemory(StoreContract):
    """A store that lasts as long as its session."""

    @pytest.fixture
    def store_url(self) -> str:
        """Return the word for it."""
        return "memory"


class TestSqliteFile(SharedStoreContract):
    """A file."""

    @pytest.fixture
    def store_url(self, tmp_path: Path) -> str:
        """Return the URL of a file that is not there yet."""
        return f"sqlite:///{tmp_path / 'store.db'}"


class TestPostgreSQL(SharedStoreContract):
    """A database on a server of Debian's."""

    @pytest.fixture
    def store_url(self, postgresql: Server) -> str:
        """Return the URL of a new database."""
        return postgresql.new_url()


class TestMariaDB(SharedStoreContract):
    """Likewise."""

    @pytest.fixture
    def store_url(self, mariadb: Server) -> str:
        """Return the URL of a new database."""
        return mariadb.new_url()


def test_a_mariadb_store_compares_letter_by_letter_whatever_its_url_is_called(mariadb: Server) -> None:
    """Opened as ``mysql://`` or ``mariadb://``, a new store has tables that keep case and blanks apart, and long texts."""
    for scheme in ("mysql", "mariadb"):
        store = Store(mariadb.new_url(scheme))
        with store.reading() as connection:
            made = set(connection.exec_driver_sql(_COLLATIONS).scalars())
            assert made == {"utf8mb4_nopad_bin"}
        store.close()
