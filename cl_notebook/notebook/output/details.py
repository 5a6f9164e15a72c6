"""Display the fields of one resource, as returned by the ``show`` verbs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.display.markup import bundle, card, escaped
from cl_notebook.display.markup import facts as facts_table
from cl_notebook.display.values import shown
from cl_notebook.model import Connection, Snapshot, facts
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Container

    import pandas as pd

    from cl_notebook.model.base import Tracked


class Details(Mapping[str, Any]):
    """The fields of one resource, secrets masked. ``resource`` is the live object, ``frame`` the same as a DataFrame."""

    def __init__(self, resource: Tracked) -> None:
        """Read the fields of *resource* as they are now."""
        self.resource = resource
        self._fields = dict(_fields(resource))

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - each field has a type of its own
        """Return one field."""
        return self._fields[key]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the fields."""
        return iter(self._fields)

    def __len__(self) -> int:
        """Return the number of fields."""
        return len(self._fields)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    @property
    def frame(self) -> pd.DataFrame:
        """The fields as a DataFrame of one column, ``value``, indexed by ``field``."""
        import pandas as pd  # noqa: PLC0415 - only who asks for a frame pays for it

        return pd.DataFrame({"value": list(self._fields.values())}, index=pd.Index(list(self), name="field"), dtype=object)

    def __repr__(self) -> str:
        """Return one line for each field."""
        width = max(map(len, self))
        return "\n".join(f"{name:<{width}}  {sanitize(shown(value))}".rstrip() for name, value in self.items())

    def _repr_mimebundle_(self, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
        shown_fields = ((name, f"<code>{escaped(shown(value))}</code>") for name, value in self.items())
        return bundle(repr(self), card(facts_table(shown_fields)), include, exclude)


class SeveralDetails(list[Details]):
    """The fields of several resources, shown one below the other."""

    def __repr__(self) -> str:
        """Return one line for each field, and an empty line between the resources."""
        return "\n\n".join(map(repr, self))

    def _repr_mimebundle_(self, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
        pages = [details._repr_mimebundle_() for details in self]
        return bundle(repr(self), "<hr>".join(page["text/html"] for page in pages), include, exclude)


def _fields(resource: Tracked) -> Iterator[tuple[str, Any]]:
    yield from facts.fields(resource)
    match resource.kind:
        case "backend":
            yield "open", resource.is_open  # type: ignore[attr-defined] # it is a backend
            yield "config", facts.options(resource)
            yield "capabilities", [name for name, can in facts.known_capabilities(resource).items() if can]
        case "volume":
            yield "encrypted", resource.encrypted  # type: ignore[attr-defined] # it is a volume
            with resource.context.store.reading() as reading:
                related = (facts.count(cls.volume_id, resource.id) for cls in (Snapshot, Connection))
                yield from zip(("snapshots", "connections"), reading.execute(sa.select(*related)).one(), strict=True)
