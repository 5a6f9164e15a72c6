"""Whatever a volume holds, its document says, and brings back."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cl_notebook as cl
from cl_notebook.serialization import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
TEXTS = st.dictionaries(TEXT, TEXT, max_size=3)
MOMENTS = st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2200, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001 - its zone is beside it
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
)
DATA = st.fixed_dictionaries(
    {
        "id": st.uuids().map(str),
        "name": TEXT,
        "description": TEXT,
        "size": st.integers(1, 2**31 - 1),
        "status": st.sampled_from(["available", "error"]),
        "metadata": TEXTS,
        "extra_specs": TEXTS,
        "created_at": MOMENTS.map(msgspec.to_builtins),
        "driver_data": st.none() | st.dictionaries(TEXT, JSON, max_size=3),
    },
    optional={"new_in_a_later_release": JSON},
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cl.Backend]:
    """Give a backend on the simulator, in a memory store."""
    path: Path = tmp_path_factory.mktemp("round")
    with cl.setup("memory"):
        yield cl.Backend("lab", volume_driver="sim", path=str(path))


@given(data=DATA)
def test_a_volume_comes_round(lab: cl.Backend, data: dict[str, Any]) -> None:
    """A document that is loaded, tracked and dumped again says the same, in the object's words as in the store's."""
    document = {"class": "Volume", "version": 1, "backend": {"volume_backend_name": "lab"}, "data": data}
    volume = cl.load(json.dumps(document), save=True)
    for dumped in (volume.dump, next(each for each in lab.dump["volumes"] if each["data"]["id"] == data["id"])):
        assert {name: dumped["data"][name] for name in data} == data
        assert set(dumped["data"]) >= set(schema.FIELDS["Volume"])
    assert cl.load(volume.dumps, save=True) is volume
    volume.unmanage()
