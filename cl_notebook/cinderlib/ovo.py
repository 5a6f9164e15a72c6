"""Cinder's versioned objects, as far as scripts use them: ``_ovo`` of a resource, and the lists of them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from cl_notebook.model.context import SessionBound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Ovo(SessionBound):
    """Cinder's versioned object of a resource (``_ovo``): the resource's fields under Cinder's names.

    A value that is set is stored by the next ``save()`` or operation of the resource.
    """

    def __init__(self, owner: Any) -> None:  # noqa: ANN401 - an object of cinderlib's
        """Show the fields of *owner*."""
        vars(self)["owner"] = owner

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a field
        if name.startswith("__"):
            raise AttributeError(name)
        return vars(self)["owner"].ovo_field(name)

    def __setattr__(self, name: str, value: object) -> None:
        vars(self)["owner"].put(name, value)

    __getitem__ = __getattr__
    __setitem__ = __setattr__

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - a field
        """Return a field, or *default* if there is none of that name."""
        return getattr(self, name, default)

    def update(self, fields: Mapping[str, Any]) -> None:
        """Set several fields."""
        for name, value in fields.items():
            setattr(self, name, value)

    def obj_attr_is_set(self, name: str) -> bool:
        """Return whether the resource has the field."""
        return hasattr(self, name)

    def obj_reset_changes(self, _fields: Iterable[str] | None = None) -> None:
        """Do nothing: what was set is remembered until it is saved."""

    def obj_get_changes(self) -> dict[str, Any]:
        """Return the fields that were set and are not saved."""
        return dict(vars(self)["owner"].edits)

    @property
    def _changed_fields(self) -> set[str]:
        return {*vars(self)["owner"].edits}


class Objects(list[Ovo]):
    """The ``objects`` of a list of Cinder's; removing one that is not among them is no error, as the store decides."""

    def remove(self, value: Ovo) -> None:
        """Remove *value*, if it is in the list."""
        with contextlib.suppress(ValueError):
            super().remove(value)


class OvoList(SessionBound):
    """A list of Cinder's objects: the resources of a volume, as its ``_ovo`` has them."""

    def __init__(self, resources: Iterable[Any]) -> None:
        """Hold the objects of *resources*."""
        self.objects = Objects(resource._ovo for resource in resources)  # noqa: SLF001 - cinderlib's name, which scripts use
