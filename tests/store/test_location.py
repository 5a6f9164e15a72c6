"""The location of a store: what is accepted for it, and what the error says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import errors, settings
from cl_notebook.store import Store
from cl_notebook.store.url import parse_url

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "store",
    [
        "mysql+mysqldb://me:hunter2@host/db",
        "oracle://me:hunter2@host/db",
        "mssql://me:hunter2@host/db",
        "sqlite+aiosqlite:///x.db",
        "postgresql+asyncpg://me:hunter2@host/db",
        "postgresql://me:hunter2/db",
        "postgresql://me:1@hunter2@host/db",
        "postgresql://me:1@host/hunter2@host/db",
        "postgresql://a/me:hunter2@host/db",
        "mysql://me:hunter2\0@host/db",
        "file://me:hunter2@host/db",
        "sqlite://host/x.db",
        "sqlite://x.db",
        "sqlite://me:hunter2@/x.db",
        "postgresql://host:port/db",
        "postgresql+asyncpgg://host/db",
        "sqlite:///x.db?timeout=abc",
        "sqlite:///x.db?timeout=-1",
        "sqlite:///x.db?timeout=nan",
        "sqlite:///x.db?uri=true",
        "sqlite:///a?b.db",
        "sqlite:///file:x.db",
        "sqlite:///file:x.db?mode=ro&uri=true",
        "file:x.db",
        "file:///x.db",
        "a\0b.db",
        "sqlite:///a\0b.db",
        "a\ud800b.db",
        "sqlite:///a\ud800b.db?timeout=1",
        "~nobody-of-that-name/x.db",
        "",
        5,
        b"x.db",
        ["x.db"],
        b"postgresql://me:hunter2@host/db",
        ["postgresql://host/db?password=hunter2"],
    ],
)
def test_what_is_no_store_is_one_clear_line(store: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL that cannot be opened here is InvalidInput in one line without a password, and no file is made."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(errors.InvalidInput) as caught:
        cl.Session(store)  # type: ignore[arg-type] # that is the question
    said = str(caught.value)
    assert said
    assert "\n" not in said
    assert "hunter2" not in said
    said.encode()
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert not list(tmp_path.iterdir())


def test_a_driver_that_refuses_the_url_when_it_connects_is_one_line() -> None:
    """What a driver says about an option of the URL, in whatever way it says it, becomes StoreError."""
    with pytest.raises(errors.StoreUnusable, match="nonsense") as caught:
        Store("mysql+pymysql://me:hunter2@localhost/db?nonsense=1")
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "module", "package"),
    [
        ("postgresql://host/db", "psycopg", "psycopg[binary]"),
        ("mysql://host/db", "pymysql", "pymysql"),
        ("mariadb://host/db", "pymysql", "pymysql"),
        ("mariadb+mysqldb://host/db", "MySQLdb", "pymysql"),
    ],
)
def test_a_driver_that_is_not_installed_is_one_line_with_its_package(url: str, module: str, package: str) -> None:
    """Without the Python driver of a server, one line says what to install, for a store and for an import alike."""
    code = f"""
import sys
sys.modules[{module!r}] = None
import cl_notebook as cl
for use in (lambda: cl.setup({url!r}), lambda: cl.import_cinderlib({url!r})):
    try:
        use()
    except cl.errors.InvalidInput as error:
        print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.count(f"the module '{module}' is missing. Install it: pip install '{package}'") == 2
    assert said.count("\n") == 2


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("postgresql://host/db", "postgresql+psycopg://host/db"),
        ("mysql://host/db", "mysql+pymysql://host/db"),
        ("mariadb://host/db", "mariadb+pymysql://host/db"),
        ("mysql+mysqlconnector://host/db", "mysql+mysqlconnector://host/db"),
    ],
)
def test_a_server_without_the_name_of_a_driver_has_the_one_of_our_extra(typed: str, meant: str) -> None:
    """A URL that names no Python driver is opened with psycopg 3 or PyMySQL; one that names another keeps it."""
    assert parse_url(typed).render_as_string() == meant


@pytest.mark.parametrize("name", ["a?b", "a%3Fb", "a#b", "a://b", "100%", "sp ace é"])
def test_the_default_store_lies_in_the_data_folder_whatever_it_is_called(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Characters that mean something in a URL mean nothing in the name of the data folder."""
    folder = tmp_path / name
    folder.mkdir(parents=True)
    monkeypatch.setenv("CL_NOTEBOOK_DATA", str(folder))
    cl.Session().close()
    assert [path.name for path in folder.iterdir()] == ["store.db"]


@pytest.mark.parametrize(
    "store", ["lab.db", "./lab.db", "sqlite:///lab.db", "sqlite:///lab.db?timeout=2", "sqlite+pysqlite:///lab.db"]
)
def test_a_relative_store_is_the_same_from_every_folder(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative name is made absolute when it is typed: opened again after chdir, it is the same file."""
    first, second = tmp_path / "first ?", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    monkeypatch.chdir(first)
    session = cl.Session(store)
    session.close()
    os.chdir(second)
    session.reopened().close()
    cl.Session(session.settings.store).close()
    assert [path.name for path in first.iterdir()] == ["lab.db"]
    assert not list(second.iterdir())


@pytest.mark.parametrize(
    "store",
    [
        "memory",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://me:p%40ss@host:5432/db?sslmode=require",
        "sqlite:////data/lab.db",
    ],
)
def test_what_is_absolute_already_is_kept_as_it_was_typed(store: str) -> None:
    """Memory, absolute URLs, and those of servers with their passwords, are kept letter for letter."""
    assert settings.Settings.choose(store).store == store


def test_a_name_with_a_question_mark_is_given_as_a_path(tmp_path: Path) -> None:
    """A plain path is the name of the file, whatever characters it has."""
    path = tmp_path / "a?b.db"
    Store(str(path)).close()
    Store(str(parse_url(str(path)).database)).close()
    assert [found.name for found in tmp_path.iterdir()] == ["a?b.db"]


def test_a_setting_has_its_type() -> None:
    """Text in place of truth, and what no store can keep, are refused as settings."""
    for wrong in ({"read_only": "false"}, {"read_only": 1}, {"host": 5}, {"host": "a\ud800"}, {"root_helper": "a\0"}):
        with pytest.raises(errors.InvalidInput):
            settings.Settings.choose("memory", **wrong)


def test_default_is_a_word_for_the_store_that_is_used_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``default`` means the store of the environment or of the data folder, and makes no file of that name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CL_NOTEBOOK_STORE", raising=False)
    assert settings.Settings.choose("default").store == settings.Settings.choose().store
    monkeypatch.setenv("CL_NOTEBOOK_STORE", str(tmp_path / "other.db"))
    assert settings.Settings.choose(" default ").store == str(tmp_path / "other.db")
    assert settings.Settings.choose("./default").store == str(tmp_path / "default")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("typed", "meant"), [("memmory", "memory"), ("defualt", "default"), ("Memory", "memory")])
def test_a_misspelt_word_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, meant: str) -> None:
    """A bare word that is nearly ``memory`` or ``default`` is refused; as a path, or where there is such a file, it is one."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(cl.errors.InvalidInput, match=f"Did you mean '{meant}'"):
        settings.Settings.choose(typed)
    assert settings.Settings.choose(f"./{typed}").store == str(tmp_path / typed)
    (tmp_path / typed).touch()
    assert settings.Settings.choose(typed).store == str(tmp_path / typed)
