"""%cl_load --cinderlib."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notebook.conftest import Notebook

OWN = "3f2a0000-0000-4000-8000-000000000001"
TABLES = """
CREATE TABLE volumes (id TEXT PRIMARY KEY, host TEXT, size INTEGER, status TEXT, display_name TEXT, deleted BOOLEAN);
CREATE TABLE snapshots (id TEXT PRIMARY KEY, volume_id TEXT, status TEXT);
CREATE TABLE volume_attachment (id TEXT PRIMARY KEY, volume_id TEXT);
"""


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Return the least of a database that is taken for cinderlib's."""
    file = tmp_path / "cinderlib.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(TABLES)
        connection.execute("INSERT INTO volumes VALUES (?, 'lab1@sim#pool', 3, 'available', 'ledger', 0)", (OWN,))
        connection.commit()
    return str(file)


def test_a_data_base_of_cinderlibs_is_loaded(lab: Notebook, database: str) -> None:
    """%cl_load --cinderlib tracks what is in the database, and gives the report."""
    report = lab.run(f"%cl_load --cinderlib sqlite:///{database}")
    assert report[["id", "taken"]].to_numpy().tolist() == [[OWN, True]]
    assert cl.Volume.get_by_id(OWN).size == 3
    assert not lab.run(f"%cl_load --cinderlib {database}")["taken"].any()


def test_a_file_or_a_data_base(notebook: Notebook, database: str) -> None:
    """%cl_load takes a file or a database, and says so where it is given both, or neither."""
    for line in ("%cl_load", f"%cl_load lab.json --cinderlib {database}"):
        assert "the name of a file, or --cinderlib" in notebook.refused(line)
    assert "There is no file" in notebook.refused("%cl_load --cinderlib /nowhere.db")
