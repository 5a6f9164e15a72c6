"""Names of several resources: ranges as in bash, and numbers behind one name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cl_notebook import errors
from cl_notebook.many import names


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("db", ["db"]),
        ("db-{1..3}", ["db-1", "db-2", "db-3"]),
        ("db-{3..1}", ["db-3", "db-2", "db-1"]),
        ("{08..10}x", ["08x", "09x", "10x"]),
        ("{0..2}", ["0", "1", "2"]),
        ("r{1..2}n{1..2}", ["r1n1", "r1n2", "r2n1", "r2n2"]),
        ("db-{1..}", ["db-{1..}"]),
        ("db-{a..c}", ["db-{a..c}"]),
        (r"db-\{1..3}", ["db-{1..3}"]),
    ],
)
def test_a_range_expands_to_names(text: str, expanded: list[str]) -> None:
    """A range counts as in bash, with the zeros that it is written with; anything else stays as it is."""
    assert names.expand(text) == expanded


@given(text=st.text() | st.text(st.sampled_from("\\{}.123")))
def test_an_escaped_text_expands_to_itself(text: str) -> None:
    """No text is taken for a range once it is escaped."""
    assert names.expand(names.escaped(text)) == [text]


@pytest.mark.parametrize("text", ["{1..999999999}", "{1..200}{1..200}", "{1..999999999}{1..999999999}"])
def test_a_range_has_a_limit(text: str) -> None:
    """A range of more names than one act takes is refused before they are made."""
    with pytest.raises(errors.InvalidInput, match="expands to more than 10,000 names"):
        names.expand(text)


def test_one_name_for_several_is_numbered_or_shared() -> None:
    """One name for several gets numbers, or is that of all; a range has to have their number."""
    assert names.numbered("n", 3) == ["n-1", "n-2", "n-3"]
    assert names.numbered(None, 2) == ["", ""]
    assert names.numbered("n{4..5}", 2) == ["n4", "n5"]
    assert names.shared("before", 2) == ["before", "before"]
    assert names.shared("s{1..2}", 2) == ["s1", "s2"]
    for naming in (names.numbered, names.shared):
        with pytest.raises(errors.InvalidInput, match="expands to 3 names, and 2 are needed"):
            naming("n{1..3}", 2)
        with pytest.raises(errors.InvalidInput, match="expands to 3 names, and 1 is needed"):
            naming("n{1..3}", 1)
