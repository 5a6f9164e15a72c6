"""Sizes and spans of time as people type them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook import quantities

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10", 10),
        ("10G", 10),
        ("10 GiB", 10),
        ("10gb", 10),
        ("1.5T", 1536),
        ("2048M", 2),
        ("1P", 2**20),
        (" 3 ", 3),
        (".5t", 512),
    ],
)
def test_a_size_has_the_units_that_people_type(text: str, size: int) -> None:
    """Units are powers of 1024 from KiB to EiB, with and without B, in any case; no unit is GiB."""
    assert quantities.gib(text) == size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.3T", r"above 0 \(1332G is the next\)"),
        ("512M", r"\(1G is the next\)"),
        *[(t, r"\(10, 10G, 1.5T\)") for t in ("0", "x", "")],
    ],
)
def test_a_size_that_is_not_whole_is_refused_with_the_next_one(text: str, expected: str) -> None:
    """The message has the next whole size, or how sizes are typed."""
    with pytest.raises(ValueError, match=expected):
        quantities.gib(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("2s", 2), ("1.5h", 5400), ("3 days", 259200), ("5min", 300), ("20ms", 0.02), ("2", None), ("2x", None)]
)
def test_a_span_of_time_has_a_unit(text: str, seconds: float | None) -> None:
    """A number without a unit is no span of time."""
    assert quantities.seconds(text) == seconds


def test_the_library_takes_sizes_as_text(session: cl.Session, tmp_path: Path) -> None:
    """Volumes are created, cloned and extended with units; a plus sign adds to the size."""
    volume = session.backend("lab", volume_driver="sim", path=str(tmp_path)).create_volume("1T")
    assert volume.clone(size="2T").size == 2048
    volume.extend("+5")
    assert volume.size == 1029
    volume.extend("1.5T")
    assert volume.size == 1536
    with pytest.raises(cl.errors.InvalidInput, match=r"size must be a whole number of GiB above 0 \(10, 10G, 1.5T\), not '\+1T'"):
        volume.clone(size="+1T")
