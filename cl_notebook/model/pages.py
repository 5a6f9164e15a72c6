"""A page of what a driver lists: no more of the list is held than that."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, TypeVar, cast

from cl_notebook import errors
from cl_notebook.drivers.filebased.manage import SOURCE_NAME
from cl_notebook.model import validation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

E = TypeVar("E")


def page(listed: Iterable[E], limit: int | None, marker: str | None) -> list[E]:
    """Return the *limit* entries of what was *listed* that follow the one called *marker*; None is all, and from the first.

    Raises:
        InvalidInput: *limit* is no whole number above 0, or no entry is called so.

    """
    number = None if limit is None else validation.count(limit, "limit")
    rest = iter(listed) if marker is None else _behind(listed, validation.text(marker, "marker"))
    return list(rest if number is None else itertools.islice(rest, number))


def _behind(listed: Iterable[E], marker: str) -> Iterator[E]:
    rest = iter(listed)
    for entry in rest:
        if word(cast("Any", entry)["reference"]) == marker:
            return rest
    msg = f"Nothing on the storage is called {marker!r}: the marker is the reference of the last entry of the page before."
    raise errors.InvalidInput(msg)


def word(reference: Mapping[str, Any]) -> str:
    """Return *reference* as ``manage`` takes it."""
    if SOURCE_NAME in reference:
        return str(reference[SOURCE_NAME])
    return ",".join(f"{key}={value}" for key, value in reference.items())
