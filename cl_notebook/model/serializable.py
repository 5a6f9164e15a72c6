"""Objects as JSON, in cinderlib's words. What writes and reads documents lies above the model: it is found when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from cl_notebook.errors import Error

if TYPE_CHECKING:
    from collections.abc import Callable

    from cl_notebook.model.base import Tracked

Document = dict[str, Any]
"""JSON's object in Python: what stands for one resource."""


class Documents(Protocol):
    """What writes and reads documents."""

    def of(self, resource: Serializable, *, simplified: bool) -> Document:
        """Return the document of *resource*: what was loaded of it, or only itself."""

    def whole(self, resource: Serializable) -> Document:
        """Return the document of *resource*, with what lies below and above it, loaded first."""

    def plain(self, resource: Serializable) -> dict[str, Any]:
        """Return the fields of *resource*, and of what was loaded below it."""

    def text(self, document: Any) -> str:  # noqa: ANN401 - JSON
        """Return *document* as one line of JSON."""

    def load(self, source: Any, cls: type[Serializable], *, save: bool) -> Any:  # noqa: ANN401 - text or data; an object or several
        """Return what *source* stands for, which must be of the class *cls*."""

    def save(self, resource: Tracked) -> None:
        """Track *resource*, which was loaded and not saved, and what was loaded below it."""


class _Late:
    """Where the objects find what writes and reads them: set by :mod:`cl_notebook.serialization`, once it is loaded."""

    documents: Documents | None = None
    load: Callable[[], object] | None = None


late = _Late()


def documents() -> Documents:
    """Return what writes and reads documents."""
    if late.documents is None and late.load is not None:
        late.load()
    if late.documents is None:
        msg = "Nothing here writes or reads documents: import cl_notebook."
        raise Error(msg)
    return late.documents


class Serializable:
    """``json`` holds what was loaded of the object already; ``dump`` loads what lies below it first. A trailing ``s`` is text."""

    @property
    def json(self) -> Document:
        """The document of the object, with the lists that were loaded."""
        return self.to_json(simplified=False)

    @property
    def jsons(self) -> str:
        """``json`` as text."""
        return documents().text(self.json)

    @property
    def dump(self) -> Document:
        """The document of the object, with its lists, or its volume, loaded first."""
        return documents().whole(self)

    @property
    def dumps(self) -> str:
        """``dump`` as text."""
        return documents().text(self.dump)

    def to_json(self, simplified: bool = True) -> Document:  # noqa: FBT001, FBT002 - cinderlib's signature
        """Return the document of the object; *simplified* leaves out what lies below and above it."""
        return documents().of(self, simplified=simplified)

    def to_jsons(self, simplified: bool = True) -> str:  # noqa: FBT001, FBT002 - as above
        """Return :meth:`to_json` as text."""
        return documents().text(self.to_json(simplified))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by their names, times as ``datetime``, with the lists that were loaded; no document around them."""
        return documents().plain(self)

    @classmethod
    def load(cls, json_src: Any, save: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - cinderlib's signature
        """Return what a document of such an object, text or data, stands for; see :func:`cl_notebook.load`."""
        return documents().load(json_src, cls, save=save)
