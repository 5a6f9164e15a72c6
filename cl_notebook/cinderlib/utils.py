"""Lists of resources, looked up by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def find_by_id(resource_id: str, elements: Sequence[Any] | None) -> tuple[int | None, Any]:
    """Return where in *elements* the resource of that id stands, and the resource; twice None if it does not."""
    matches = ((index, element) for index, element in enumerate(elements or ()) if element.id == resource_id)
    return next(matches, (None, None))


def add_by_id(resource: Any, elements: list[Any] | None) -> None:  # noqa: ANN401 - of any class
    """Put *resource* into *elements*, in the place of the one with its id if there is one."""
    place, _ = find_by_id(resource.id, elements)
    if elements is not None and place is not None:
        elements[place] = resource
    elif elements is not None:
        elements.append(resource)
