"""Names as they are searched, on every kind of data base."""

from __future__ import annotations

import pytest

import cl_notebook as cl
from cl_notebook.testing.stores import fill
from cl_notebook.views import frames

TOLD = {"vol-1": 1, "VOL-1?": 2, "*L-1*": 3, "v*": 12, "vol-%": 0, "vol_*": 0, "?ol-3": 1, "*1*": 3}


def test_names_are_found_whatever_their_letter_case(any_store_url: str) -> None:
    """A glob and a part of a name find the same on each data base, and what stands for something in SQL stands for itself."""
    with cl.Session(any_store_url) as session:
        fill(session.store, volumes=12, snapshots=0, connections=0)
        assert {word: len(frames.volumes(session, name=word, limit=50)) for word in TOLD} == TOLD
        assert sorted(volume.name for volume in session.find("OL-1", all=True)) == ["vol-1", "vol-10", "vol-11"]
        assert session.find("L-11").name == "vol-11"
        for nothing in ("%", "_", "l%1"):
            with pytest.raises(cl.errors.NotFound):
                session.find(nothing)
