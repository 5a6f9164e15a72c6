"""Key-value pairs beside the resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import errors

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.usefixtures("session")
def test_a_pair_is_kept() -> None:
    """What was set is there, by its key and among all, until it is deleted."""
    assert cl.KeyValue.get("rack") is None
    cl.KeyValue.set("rack", "b7")
    cl.KeyValue("host", "lab1").save()
    assert cl.KeyValue.get("rack") == cl.KeyValue("rack", "b7")
    assert cl.KeyValue.all() == [cl.KeyValue("host", "lab1"), cl.KeyValue("rack", "b7")]
    assert cl.KeyValue.delete("rack")
    assert not cl.KeyValue.delete("rack")
    assert [pair.key for pair in cl.KeyValue.all()] == ["host"]


@pytest.mark.usefixtures("session")
def test_setting_again_replaces() -> None:
    """A key has one value, the last that was set."""
    for value in ("one", "two", "two"):
        cl.KeyValue.set("count", value)
    assert [pair.value for pair in cl.KeyValue.all()] == ["two"]


def test_a_pair_outlives_its_session(tmp_path: Path) -> None:
    """Another session on the store reads it, and the feed says that something changed."""
    with cl.Session(tmp_path / "store.db") as session:
        before = session.store.head()
        cl.KeyValue.set("rack", "b7", session=session)
        assert session.store.head() == before + 1
    with cl.Session(tmp_path / "store.db") as session:
        assert cl.KeyValue.get("rack", session=session) == cl.KeyValue("rack", "b7")


def test_a_read_only_session_keeps_nothing(tmp_path: Path) -> None:
    """A session that may only look reads pairs, and neither sets nor deletes them."""
    with cl.Session(tmp_path / "store.db") as session:
        cl.KeyValue.set("rack", "b7", session=session)
    with cl.Session(tmp_path / "store.db", read_only=True) as session:
        assert [pair.value for pair in cl.KeyValue.all(session=session)] == ["b7"]
        with pytest.raises(errors.ReadOnly):
            cl.KeyValue.set("rack", "c9", session=session)
        with pytest.raises(errors.ReadOnly):
            cl.KeyValue.delete("rack", session=session)


@pytest.mark.parametrize("key", ["", "k" * 256, "a\0b", 7])
def test_keys_that_cannot_be(key: object) -> None:
    """A key is text of 1 to 255 characters that a database can keep."""
    with pytest.raises(errors.InvalidInput, match="key"):
        cl.KeyValue(key, "value")  # type: ignore[arg-type] # that is the point


def test_a_value_must_be_text() -> None:
    """A value is text."""
    with pytest.raises(errors.InvalidInput, match="value must be text"):
        cl.KeyValue("key", 7)  # type: ignore[arg-type] # that is the point


def test_pairs_are_distinguished() -> None:
    """Pairs are equal if key and value are, and nothing else is equal to one."""
    assert cl.KeyValue("a", "b") == cl.KeyValue("a", "b")
    assert len({cl.KeyValue("a", "b"), cl.KeyValue("a", "b"), cl.KeyValue("a", "c")}) == 2
    assert cl.KeyValue("a", "b") != ("a", "b")
    assert repr(cl.KeyValue("a", "b")) == "<KeyValue 'a'='b'>"
