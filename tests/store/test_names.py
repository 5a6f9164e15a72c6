"""Names as they are searched, on every kind of database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook.frames import api
from cl_notebook.model import lookup
from cl_notebook.testing.stores import fill

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Server

MATCHES = {"vol-1": 1, "VOL-1?": 2, "*L-1*": 3, "v*": 12, "vol-%": 0, "vol_*": 0, "?ol-3": 1, "*1*": 3}


def test_names_are_found_whatever_their_letter_case(any_store_url: str) -> None:
    """A glob and a part of a name find the same on each database, and the wildcards of SQL are literal."""
    with cl.Session(any_store_url) as session:
        fill(session.store, volumes=12, snapshots=0, connections=0)
        assert {pattern: len(api.volumes(session, name=pattern, limit=50)) for pattern in MATCHES} == MATCHES
        assert sorted(volume.name for volume in session.find("OL-1", all=True)) == ["vol-1", "vol-10", "vol-11"]
        assert session.find("L-11").name == "vol-11"
        for nothing in ("%", "_", "l%1"):
            with pytest.raises(cl.errors.NotFound):
                session.find(nothing)


@pytest.mark.parametrize("text", ["gRÖ", "Rö", "Ö", "ГОРОД м", "ОД", "数据", "据", "100%_", "%_", "_", "\\", "ZEICHNIS ÖÄÜ ß"])
@pytest.mark.parametrize("is_indexed", [True, False])
def test_postgresql_finds_a_part_in_every_script(postgresql: Server, tmp_path: Path, text: str, *, is_indexed: bool) -> None:
    """A part of a name is found whatever its letter case and its length, with trigrams and without, and nothing else is."""
    names = ["Größe", "город Москва", "数据库", "backup 100%_old", "a\\b", "Verzeichnis öäü ß"]
    with cl.Session(postgresql.new_url()) as session:
        lab = session.backend("lab", volume_driver="sim", path=str(tmp_path))
        for name in names:
            lab.create_volume(1, name)
        if not is_indexed:
            with session.store.writing() as connection:
                connection.exec_driver_sql("DROP INDEX ix_volume_name_trigrams, ix_snapshot_name_trigrams")
        low = text.lower()
        assert {found.name for found in session.find(text, all=True)} == {name for name in names if low in name.lower()}


def test_how_many_fit_is_not_understated(tmp_path: Path) -> None:
    """Of more resources than a search returns, the error says that they are at least so many."""
    with cl.Session(tmp_path / "store.db") as session:
        fill(session.store, volumes=lookup.MOST + 1, snapshots=0, connections=0)
        with pytest.raises(cl.errors.Ambiguous, match=f"fits at least {lookup.MOST} resources"):
            session.find("vol")
