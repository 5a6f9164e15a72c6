"""Text is kept as UTF-8, or the database is refused at the door."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import errors

if TYPE_CHECKING:
    from tests.servers import Server

_NAME = "Größe 漢字 🗄"


def _database(server: Server, options: str) -> str:
    """Return the URL of a new database with these *options*."""
    name = server.new_url().rpartition("/")[2]  # it is removed with the others
    server.execute(f"DROP DATABASE {name}")
    server.execute(f"CREATE DATABASE {name} {options}")
    return server.url(name)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_JP"])
@pytest.mark.parametrize("read_only", [False, True])
def test_postgresql_that_is_not_utf8_is_refused(postgresql: Server, encoding: str, *, read_only: bool) -> None:
    """A database of another encoding is StoreUnusable before anything is made in it; the line says how to make a right one."""
    options = f"ENCODING '{encoding}' TEMPLATE template0 LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
    url = _database(postgresql, options)
    with pytest.raises(errors.StoreUnusable, match=rf"{encoding}, not as UTF-8.* ENCODING 'UTF8' TEMPLATE template0") as caught:
        cl.Session(url, read_only=read_only)
    assert "\n" not in str(caught.value)
    assert "p@ss" not in str(caught.value)


def test_the_environment_does_not_change_what_is_read(postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of every language are what they are, whatever encoding the environment or the URL asks for."""
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    url = postgresql.new_url()
    for asked in (url, f"{url}?client_encoding=latin1"):
        with cl.Session(asked) as session:
            cl.KeyValue.set("name", _NAME, session=session)
            assert cl.KeyValue.all(session=session) == [cl.KeyValue("name", _NAME)]


def test_mariadb_keeps_every_name_whatever_its_database_is_made_for(mariadb: Server) -> None:
    """On a database of another character set the tables are made for all of Unicode, also if the URL asks for another one."""
    url = _database(mariadb, "CHARACTER SET latin1")
    for asked in (url, f"{url}?charset=latin1"):
        with cl.Session(asked) as session:
            cl.KeyValue.set("name", _NAME, session=session)
            assert cl.KeyValue.all(session=session) == [cl.KeyValue("name", _NAME)]
