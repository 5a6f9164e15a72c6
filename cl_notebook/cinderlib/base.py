"""What the objects have in common: each stands for one of the package's own, and answers as cinderlib's did."""

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
_HELD: weakref.WeakValueDictionary[int, Object] = weakref.WeakValueDictionary()


class Ovo(SessionBound):
    """Cinder's object in a resource of cinderlib's (``_ovo``): its fields are the resource's.

    What is set on it is seen there until the next act or refresh, and never written.
    """

    def __init__(self, owner: Object) -> None:
        """Show the fields of *owner*."""
        vars(self)["owner"] = owner

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a field
        return getattr(vars(self)["owner"], name)

    def __setattr__(self, name: str, value: object) -> None:
        vars(self)["owner"].told[name] = value


class Object(SessionBound):
    """A resource of cinderlib's; there is one for each of the package's own, as long as somebody holds it."""

    own: ClassVar[type[Tracked]]
    not_found: ClassVar[type[errors.NotFound]] = errors.NotFound

    def __init_subclass__(cls) -> None:
        """Stand for the class *own* from now on."""
        super().__init_subclass__()
        if "own" in vars(cls):
            _KINDS[cls.own] = cls

    def __new__(cls, *_words: Any, **_fields: Any) -> Self:  # noqa: ANN401 - as the classes' own
        """Make one that stands for nothing yet."""
        made = super().__new__(cls)
        vars(made).update(ours=None, told={})
        return made

    if TYPE_CHECKING:
        ours: Any
        """The object of the package's own; None before it was created."""
        told: dict[str, Any]
        """What was set on :attr:`_ovo`."""

    @property
    def _ovo(self) -> Ovo:
        return Ovo(self)

    @property
    def deleted(self) -> bool:
        """Whether it is gone."""
        return bool(self.told.get("deleted", self.is_gone))

    @property
    def is_gone(self) -> bool:
        """Whether it was removed, whatever :attr:`_ovo` was told."""
        return self.ours is not None and self.ours.status == "deleted"

    def track(self) -> None:
        """Track what was loaded and not saved, as cinderlib's acts did; what stands for its row already takes its place."""
        if self.ours is None or not self.ours.is_loaded_only:
            return
        self.ours.save()
        if self.ours.is_loaded_only:
            adopt(self, self.own.get_by_id(self.ours.id))
        for name in ("_backend", "_volume"):
            vars(self).pop(name, None)

    @property
    def obj(self) -> Any:  # noqa: ANN401 - one of four classes
        """The object of the package's own.

        Raises:
            Refused: it was not created yet.

        """
        if self.ours is None:
            msg = f"The {type(self).__name__.lower()} was not created yet: create() it first."
            raise errors.Refused(msg)
        return self.ours

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a field
        if name.startswith("__"):
            raise AttributeError(name)
        chosen = {**vars(self).get("_fields", {}), **self.told} if self.ours is None else self.told
        if name in chosen:
            return chosen[name]
        beside = (getattr(self.ours, "extra", None) or {}).get("data", {})  # Cinder's fields that have no place here
        return beside[name] if name in beside and not hasattr(type(self.ours), name) else getattr(self.obj, name)

    def __setattr__(self, name: str, value: object) -> None:
        if name != "ours" and self.ours is not None and name in {*self.ours.editable, "metadata"}:
            setattr(self.ours, name, value)
        else:
            super().__setattr__(name, value)

    def _instead_of_copy(self) -> tuple[str, str]:
        """Name its document."""
        return repr(self), f"Pass {type(self).__name__.lower()}.dumps, its document, and load it there: cinderlib.load(text)."

    def __repr__(self) -> str:
        return repr(self.ours) if self.ours is not None else f"<{type(self).__name__}, not created>"

    @classmethod
    def get_by_id(cls, resource_id: str) -> Self:
        """Return the resource with that id.

        Raises:
            VolumeNotFound, SnapshotNotFound, ConnectionNotFound: there is none.

        """
        try:
            found: Self = wrapped(cls.own.get_by_id(resource_id))
        except (errors.NotFound, errors.InvalidInput) as error:
            raise cls.not_found(str(error)) from error
        return found

    @classmethod
    def load(cls, json_src: Any, save: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - cinderlib's signature
        """Return what a document of such a resource stands for."""
        return wrapped(cls.own.load(json_src, save))

    def refresh(self) -> None:
        """Bring the resource, and what was loaded of it, up to date."""
        self.told.clear()
        self.obj.refresh()

    def save(self) -> None:
        """Write what was set on the resource, which is tracked from then on; what was set on its ``_ovo`` is not."""
        self.track()
        self.obj.save()

    @contextlib.contextmanager
    def acting(self) -> Iterator[None]:
        """Act on the resource: an error names it as its ``resource``."""
        self.told.clear()
        try:
            self.track()
            yield
        except errors.Error as error:
            if not hasattr(error, "resource"):
                error.resource = self  # type: ignore[attr-defined] # where cinderlib put it
            raise


def wrapped(ours: Any) -> Any:  # noqa: ANN401 - what stands for it: an object, a list, or None
    """Return what stands for one of the package's own objects, or for several."""
    if isinstance(ours, list):
        return [wrapped(each) for each in ours]
    if ours is None or type(ours) not in _KINDS:
        return ours
    held = _HELD.get(id(ours))
    return held if held is not None and held.ours is ours else adopt(_KINDS[type(ours)].__new__(_KINDS[type(ours)]), ours)


def adopt(one: Object, ours: Tracked) -> Object:
    """Let *one* stand for *ours* from now on, and return it."""
    one.ours = ours
    _HELD[id(ours)] = one
    return one
