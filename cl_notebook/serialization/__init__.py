"""Everything as JSON, and back: documents of one resource, of a list, of all that is tracked; those of cinderlib 5.2.0, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from cl_notebook.model import Backend, KeyValue, base
from cl_notebook.serialization import detached, documents, dumper, key_values, loader
from cl_notebook.serialization.dumper import dump, dump_file, dumps, json, jsons
from cl_notebook.serialization.loader import Counts, load, load_file, look_file
from cl_notebook.session import default_session

if TYPE_CHECKING:
    from cl_notebook.model.base import Document, Serializable, Tracked

__all__ = ["Counts", "dump", "dump_file", "dumps", "json", "jsons", "load", "load_file", "look_file"]


class _Documents:
    """What the objects are given: see :class:`cl_notebook.model.base.Documents`."""

    def of(self, resource: Serializable, *, simplified: bool) -> Document:
        return (
            key_values.of(resource) if isinstance(resource, KeyValue) else documents.of(_tracked(resource), simplified=simplified)
        )

    def whole(self, resource: Serializable) -> Document:
        if isinstance(resource, Backend) and resource.is_tracked:
            return dumper.whole(resource)
        return key_values.of(resource) if isinstance(resource, KeyValue) else documents.loaded(_tracked(resource))

    def plain(self, resource: Serializable) -> dict[str, Any]:
        return key_values.plain(resource) if isinstance(resource, KeyValue) else documents.plain(_tracked(resource))

    def text(self, document: Any) -> str:  # noqa: ANN401 - JSON
        return documents.text(document)

    def load(self, source: Any, cls: type[Serializable], *, save: bool) -> Any:  # noqa: ANN401 - text or data; an object or several
        return loader.load_as(default_session(), source, cls.__name__, save=save)

    def save(self, resource: Tracked) -> None:
        detached.save(resource)


def _tracked(resource: Serializable) -> Tracked:
    return cast("Tracked", resource)  # there are no others


base.late.documents = _Documents()
