"""Search and update lists of resources by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def find_by_id(resource_id: str, elements: Sequence[Any] | None) -> tuple[int | None, Any]:
    """Return the index and the element of *elements* with this id, or None twice."""
    matches = ((index, element) for index, element in enumerate(elements or ()) if element.id == resource_id)
    return next(matches, (None, None))


def add_by_id(resource: Any, elements: list[Any] | None) -> None:  # noqa: ANN401 - of any class
    """Replace the element of *elements* with the id of *resource*, or append *resource*."""
    index, _ = find_by_id(resource.id, elements)
    if elements is not None and index is not None:
        elements[index] = resource
    elif elements is not None:
        elements.append(resource)
