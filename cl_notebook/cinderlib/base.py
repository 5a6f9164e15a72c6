"""The base class of cinderlib's objects: each wraps an object of cl_notebook, and answers as cinderlib's did."""

from __future__ import annotations

import contextlib
import weakref
from typing import TYPE_CHECKING, Any, ClassVar, Self

from cl_notebook import errors
from cl_notebook.model.context import SessionBound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cl_notebook.model.base import Tracked

DEFAULT_PROJECT_ID = "cinderlib"
DEFAULT_USER_ID = "cinderlib"

_KINDS: dict[type[Tracked], type[Object]] = {}
_WRAPPERS: weakref.WeakValueDictionary[int, Object] = weakref.WeakValueDictionary()


class Ovo(SessionBound):
    """Cinder's versioned object of a resource (``_ovo``), with the resource's fields.

    Values that are set on it override the fields until the next operation or refresh, and are never stored.
    """

    def __init__(self, owner: Object) -> None:
        """Show the fields of *owner*."""
        vars(self)["owner"] = owner

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a field
        return getattr(vars(self)["owner"], name)

    def __setattr__(self, name: str, value: object) -> None:
        vars(self)["owner"].overrides[name] = value


class Object(SessionBound):
    """A resource of cinderlib's; one object wraps one of cl_notebook's, as long as a reference to it exists."""

    own: ClassVar[type[Tracked]]
    not_found: ClassVar[type[errors.NotFound]] = errors.NotFound

    def __init_subclass__(cls) -> None:
        """Register the class as the wrapper of the class ``own``."""
        super().__init_subclass__()
        if "own" in vars(cls):
            _KINDS[cls.own] = cls

    def __new__(cls, *_args: Any, **_fields: Any) -> Self:  # noqa: ANN401 - as the classes' own
        """Create an object that wraps nothing yet."""
        instance = super().__new__(cls)
        vars(instance).update(ours=None, overrides={})
        return instance

    if TYPE_CHECKING:
        ours: Any
        """The wrapped object of cl_notebook; None before the resource is created."""
        overrides: dict[str, Any]
        """The values that were set on :attr:`_ovo`."""

    @property
    def _ovo(self) -> Ovo:
        return Ovo(self)

    @property
    def deleted(self) -> bool:
        """Whether the resource was deleted, or :attr:`_ovo` was set to say so."""
        return bool(self.overrides.get("deleted", self.is_gone))

    @property
    def is_gone(self) -> bool:
        """Whether the resource was deleted, whatever was set on :attr:`_ovo`."""
        return self.ours is not None and self.ours.status == "deleted"

    def track(self) -> None:
        """Save a resource that was loaded and not saved, as cinderlib's operations did; wrap its tracked object."""
        if self.ours is None or not self.ours.is_loaded_only:
            return
        self.ours.save()
        if self.ours.is_loaded_only:
            adopt(self, self.own.get_by_id(self.ours.id))
        for name in ("_backend", "_volume"):
            vars(self).pop(name, None)

    @property
    def obj(self) -> Any:  # noqa: ANN401 - one of four classes
        """The wrapped object of cl_notebook.

        Raises:
            Refused: the resource was not created yet.

        """
        if self.ours is None:
            msg = f"The {type(self).__name__.lower()} was not created yet: create() it first."
            raise errors.Refused(msg)
        return self.ours

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a field
        if name.startswith(("__", "_repr_")):  # cinderlib's objects have one line, also where IPython looks for more
            raise AttributeError(name)
        values = {**vars(self).get("_fields", {}), **self.overrides} if self.ours is None else self.overrides
        if name in values:
            return values[name]
        unknown = (getattr(self.ours, "extra", None) or {}).get("data", {})  # fields of Cinder's that we have no column for
        return unknown[name] if name in unknown and not hasattr(type(self.ours), name) else getattr(self.obj, name)

    def __setattr__(self, name: str, value: object) -> None:
        if name != "ours" and self.ours is not None and name in {*self.ours.editable, "metadata"}:
            setattr(self.ours, name, value)
        else:
            super().__setattr__(name, value)

    def _instead_of_copy(self) -> tuple[str, str]:
        """Return what to pass to another process instead: the document."""
        return repr(self), f"Pass {type(self).__name__.lower()}.dumps, its document, and load it there: cinderlib.load(text)."

    def __repr__(self) -> str:
        return repr(self.ours) if self.ours is not None else f"<{type(self).__name__}, not created>"

    @classmethod
    def get_by_id(cls, resource_id: str) -> Self:
        """Return the resource with that id.

        Raises:
            VolumeNotFound, SnapshotNotFound, ConnectionNotFound: no resource has it.

        """
        try:
            resource: Self = wrapped(cls.own.get_by_id(resource_id))
        except (errors.NotFound, errors.InvalidInput) as error:
            raise cls.not_found(str(error)) from error
        return resource

    @classmethod
    def load(cls, json_src: Any, save: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - cinderlib's signature
        """Return the resource of a document, or a list of them; see :func:`cl_notebook.load`."""
        return wrapped(cls.own.load(json_src, save))

    def refresh(self) -> None:
        """Update the resource and its loaded lists from the store."""
        self.overrides.clear()
        self.obj.refresh()

    def save(self) -> None:
        """Store the values that were set on the resource, and track it; those set on its ``_ovo`` are not stored."""
        self.track()
        self.obj.save()

    @contextlib.contextmanager
    def acting(self) -> Iterator[None]:
        """Run an operation on the resource in the block; errors get it as their ``resource``."""
        self.overrides.clear()
        try:
            self.track()
            yield
        except errors.Error as error:
            if not hasattr(error, "resource"):
                error.resource = self  # type: ignore[attr-defined] # where cinderlib put it
            raise


def wrapped(ours: Any) -> Any:  # noqa: ANN401 - an object, a list, or None
    """Return the wrapper of an object of cl_notebook, or a list of wrappers for a list."""
    if isinstance(ours, list):
        return [wrapped(item) for item in ours]
    if ours is None or type(ours) not in _KINDS:
        return ours
    wrapper = _WRAPPERS.get(id(ours))
    return (
        wrapper if wrapper is not None and wrapper.ours is ours else adopt(_KINDS[type(ours)].__new__(_KINDS[type(ours)]), ours)
    )


def adopt(wrapper: Object, ours: Tracked) -> Object:
    """Let *wrapper* wrap *ours* from now on, and return it."""
    wrapper.ours = ours
    _WRAPPERS[id(ours)] = wrapper
    return wrapper
