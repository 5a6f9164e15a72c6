"""Slips in calls and assignments are errors of one line that say what was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIND: Any = cl.find  # not checked for its arguments

SLIPS: list[tuple[Callable[[Any], object], str]] = [
    (lambda volume: volume.backend.create_volume(sise=1), r"create_volume\(\) has no argument 'sise'. Did you mean 'size'\?"),
    (lambda volume: volume.backend.create_volume(), "missing 1 required positional argument: 'size'. Arguments: size, name,"),
    (lambda volume: volume.create_snapshot(nmae="x"), r"create_snapshot\(\) has no argument 'nmae'. Did you mean 'name'\?"),
    (lambda volume: volume.extend(2, 3), "takes 2 positional arguments but 3 were given. Arguments: size, force"),
    (lambda _volume: FIND(txt="x"), r"find\(\) has no argument 'txt'. Did you mean 'text'\?"),
    (lambda volume: volume.create_snapshot().revert(now=True), r"no argument 'now'. revert\(\) takes no arguments"),
]


@pytest.fixture
def volume(session: cl.Session, tmp_path: Path) -> cl.Volume:
    """Return a volume of 1 GiB on a simulator."""
    return session.backend("lab", volume_driver="sim", path=str(tmp_path)).create_volume(1, "db")


@pytest.mark.parametrize(("call", "message"), SLIPS)
def test_a_wrong_argument_is_an_error_with_the_close_match(
    volume: cl.Volume, call: Callable[[Any], object], message: str
) -> None:
    """The error is ours, and a TypeError as Python raises it."""
    with pytest.raises(errors.InvalidArguments, match=message) as caught:
        call(volume)
    assert isinstance(caught.value, TypeError)


def test_a_type_error_of_a_called_function_passes() -> None:
    """Only the TypeError of the call itself is translated, not one that the function raises."""

    @errors.arguments_checked
    def fail() -> None:
        len(3)  # type: ignore[arg-type] # that is the question

    with pytest.raises(TypeError, match="has no len") as caught:
        fail()
    assert not isinstance(caught.value, errors.Error)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("size", 5, r"size of volume 'db' \(\w+\) cannot be set. Use extend\(5\), which makes it larger."),
        ("nmae", "x", r"A volume has no attribute 'nmae'. Did you mean 'name'\?"),
        ("status", "error", "status of volume 'db'"),
    ],
)
def test_an_assignment_that_does_nothing_says_what_to_call(volume: cl.Volume, name: str, value: object, message: str) -> None:
    """A field that only an operation changes, or that does not exist, cannot be assigned."""
    with pytest.raises(errors.InvalidInput, match=message):
        setattr(volume, name, value)


def test_an_ambiguous_name_shows_what_tells_the_candidates_apart(session: cl.Session, tmp_path: Path) -> None:
    """Each candidate has a line with id, kind, size, status, backend and age; a page of them at most is in the message."""
    lab = session.backend("lab", volume_driver="sim", path=str(tmp_path))
    for size in range(1, 13):
        lab.create_volume(size, "db", id=f"aaaa0000-0000-4000-8000-0000000000{size:02}")
    with pytest.raises(errors.Ambiguous) as caught:
        session.find("db")
    error = caught.value
    assert error.heading == "'db' fits 12 resources; type more of the id:"
    assert len(error.candidates) == 12
    assert error.candidates[2].startswith("aaaa0000-0000-4000-8000-000000000003 volume 'db' 3 GiB available on ")
    assert error.candidates[2].endswith(" ago")
    assert str(error).startswith(f"{error.heading} {error.candidates[0]}; ")
    assert str(error).endswith("; and 2 more")
    shown = errors.displayed_lines(error)
    assert shown[0] == f"Ambiguous: {error.heading}"
    assert shown[-1] == "    and 2 more"
    assert len(shown) == 1 + errors.SHOWN + 1
