"""JSON documents of one resource, of a list or of a whole store.

Documents of cinderlib 5.2.0 can be read, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from cl_notebook.model import Backend, KeyValue
from cl_notebook.model.base import document_service
from cl_notebook.serialization import detached, documents, dumper, key_values, loader
from cl_notebook.serialization.dumper import dump, dump_file, dumps, json, jsons
from cl_notebook.serialization.loader import Counts, load, load_file, look_file
from cl_notebook.session import default_session

if TYPE_CHECKING:
    from cl_notebook.model.base import Document, Serializable, Tracked

__all__ = ["Counts", "dump", "dump_file", "dumps", "json", "jsons", "load", "load_file", "look_file"]


class _Documents:
    """The implementation of :class:`cl_notebook.model.base.Documents`."""

    def to_document(self, resource: Serializable, *, simplified: bool) -> Document:
        if isinstance(resource, KeyValue):
            return key_values.to_document(resource)
        return documents.to_document(_tracked(resource), simplified=simplified)

    def to_full_document(self, resource: Serializable) -> Document:
        if isinstance(resource, Backend) and resource.is_tracked:
            return dumper.dump_backend(resource)
        if isinstance(resource, KeyValue):
            return key_values.to_document(resource)
        return documents.to_loaded_document(_tracked(resource))

    def to_dict(self, resource: Serializable) -> dict[str, Any]:
        return key_values.to_dict(resource) if isinstance(resource, KeyValue) else documents.to_dict(_tracked(resource))

    def to_text(self, document: Any) -> str:  # noqa: ANN401 - JSON
        return documents.to_text(document)

    def load(self, source: Any, cls: type[Serializable], *, save: bool) -> Any:  # noqa: ANN401 - text or data; an object or several
        return loader.load_as(default_session(), source, cls.__name__, save=save)

    def save(self, resource: Tracked) -> None:
        detached.save(resource)


def _tracked(resource: Serializable) -> Tracked:
    return cast("Tracked", resource)  # every serialisable class but KeyValue is one


document_service.register(_Documents())
