"""Input: what is accepted, and what the error says otherwise."""

from __future__ import annotations

import math
import uuid

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.model import validation


@pytest.mark.parametrize("size", [0, -1, True, 1.0, "big", "+5", "-1", "0.5G", "1.3T", None, 2**31, 2**70, "4E"])
def test_a_size_is_a_whole_number_that_every_store_can_keep(size: object) -> None:
    """Sizes are whole GiB from 1 to 2**31 - 1, whose bytes fit in 63 bits."""
    assert validation.size(validation.MOST_GIB) * 1024**3 < 2**63
    with pytest.raises(errors.InvalidInput):
        validation.size(size)


@pytest.mark.parametrize("value", ["false", "", 0, 1, None, []])
def test_a_flag_is_true_or_false_itself(value: object) -> None:
    """What merely counts as true or false is no flag."""
    assert validation.flag(True, "force") is True  # noqa: FBT003 - that is the question
    assert validation.flag(False, "force") is False  # noqa: FBT003 - as above
    with pytest.raises(errors.InvalidInput, match="force must be True or False"):
        validation.flag(value, "force")


@pytest.mark.parametrize("value", [5, "a\0", "\ud800", "a" * 256, b"fast"])
def test_optional_text_is_text_or_none(value: object) -> None:
    """None stays None, text up to 255 characters stays itself, and anything else is InvalidInput."""
    assert validation.optional_text(None, "pool_name") is None
    assert validation.optional_text("a" * 255, "pool_name") == "a" * 255
    with pytest.raises(errors.InvalidInput, match="pool_name"):
        validation.optional_text(value, "pool_name")


@pytest.mark.parametrize("value", [5, None, b"3f2a", "\ud800", ["3f2a"]])
def test_an_id_is_looked_up_as_it_is_stored(value: object) -> None:
    """Ids are text or UUIDs; spaces around them and upper case do not matter."""
    known = uuid.UUID("3F2A91C0-0000-4000-8000-00000000000A")
    assert validation.resource_id(known) == validation.resource_id(f" {str(known).upper()}\n") == str(known)
    with pytest.raises(errors.InvalidInput, match="id"):
        validation.resource_id(value)


@pytest.mark.parametrize(
    "value", [{1, 2}, {"a": math.nan}, [math.inf], {"a": object()}, {"a": ["\ud800"]}, {"a\0": 1}, {("a",): 1}]
)
def test_json_is_strict(value: object) -> None:
    """What is no strict JSON, or holds text that cannot be stored, is InvalidInput; the rest comes back as the store gives it."""
    assert validation.json_safe({"a": (1, 2.5, None, "é"), 5: True}, "connector") == {"a": [1, 2.5, None, "é"], "5": True}
    with pytest.raises(errors.InvalidInput, match="connector"):
        validation.json_safe(value, "connector")


def test_json_without_an_end_is_refused() -> None:
    """What holds itself, or is nested too deeply, is InvalidInput."""
    round_and_round: list[object] = []
    round_and_round.append(round_and_round)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (round_and_round, deep):
        with pytest.raises(errors.InvalidInput, match="connector"):
            validation.json_safe(value, "connector")


@pytest.mark.parametrize("value", [{"a": "\ud800"}, {"\ud800": "a"}, {"a": "\0"}, 5, ["a"]])
def test_metadata_can_be_stored(value: object) -> None:
    """Metadata is text to text that every database can keep."""
    assert validation.text_map({"a": 1}, "metadata") == {"a": "1"}
    with pytest.raises(errors.InvalidInput, match="metadata"):
        validation.text_map(value, "metadata")  # type: ignore[arg-type] # that is the question


@pytest.mark.parametrize("text", ["a" * 100_000, "a" * 256, "\ud800", "a\0", "", " ", 5, None])
def test_what_cannot_be_found_is_one_clear_line(session: cl.Session, text: object) -> None:
    """Looking for what no id and no name can be is InvalidInput."""
    for everything in (False, True):
        with pytest.raises(errors.InvalidInput) as caught:
            session.find(text, all=everything)  # type: ignore[arg-type] # that is the question
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize("text", ["a" * 255, "é" * 255, "%" * 255])
def test_the_longest_name_can_be_looked_for(session: cl.Session, text: str) -> None:
    """A text as long as the longest name is looked for, whatever its characters are."""
    with pytest.raises(errors.NotFound):
        session.find(text)
