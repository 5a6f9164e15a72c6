"""Display the fields of one resource, as returned by the ``show`` verbs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import masking
from cl_notebook.display.markup import bundle, escaped
from cl_notebook.drivers.api import capabilities
from cl_notebook.model import Connection, Snapshot
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Container

    import pandas as pd

    from cl_notebook.model.base import Tracked

_LEFT_OUT = {"version", "backend_id", "config"}
_STYLE = """
.cl-details th,.cl-details td{text-align:left;vertical-align:top;white-space:pre-wrap;overflow-wrap:anywhere;
font-family:var(--jp-code-font-family,ui-monospace,monospace)}
"""


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
        rows = "".join(
            f"<tr><th scope='row'>{escaped(name)}</th><td>{escaped(shown(value))}</td></tr>" for name, value in self.items()
        )
        return bundle(repr(self), f"<style>{_STYLE}</style><table class='cl-details'>{rows}</table>", include, exclude)


def shown(value: object) -> str:
    """Return *value* as text for a reader."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=str) if value else ""
    return str(value)


def _fields(resource: Tracked) -> Iterator[tuple[str, Any]]:
    for attribute in sa.inspect(type(resource)).column_attrs:
        name = attribute.columns[0].key
        if name not in _LEFT_OUT:
            yield name, masking.data(getattr(resource, attribute.key), name)
            if name == "id" and resource.kind != "backend":
                yield "backend", resource.backend.name  # type: ignore[attr-defined] # all but backends have one
    match resource.kind:
        case "backend":
            yield "open", resource.is_open  # type: ignore[attr-defined] # it is a backend
            yield "config", masking.data(_options(resource))
            yield "capabilities", _abilities(resource)
        case "volume":
            yield "encrypted", resource.encrypted  # type: ignore[attr-defined] # it is a volume
            yield "snapshots", _count(resource, Snapshot)
            yield "connections", _count(resource, Connection)


def _options(backend: Any) -> dict[str, Any]:  # noqa: ANN401 - a backend
    return {name: value for name, value in backend.config.items() if name not in {"volume_driver", "volume_backend_name"}}


def _abilities(backend: Any) -> list[str]:  # noqa: ANN401 - a backend
    driver = backend.context.get_open(backend)  # a closed backend is not opened for this
    return [name for name, can in capabilities(driver).items() if can] if driver is not None else []


def _count(volume: Tracked, cls: type[Snapshot | Connection]) -> int:
    # counted in the store: display must not load collections that the user did not request
    with volume.context.store.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(cls).where(cls.volume_id == volume.id)).scalar_one()
