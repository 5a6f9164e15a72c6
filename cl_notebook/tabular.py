"""Typed frames from rows, and their classes: writable to Parquet and Excel, or with cells that are never cut."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


class Frame(pd.DataFrame):
    """A DataFrame that converts dicts and times with a zone when it is written to Parquet or Excel."""

    @property
    def _constructor(self) -> Callable[..., Frame]:
        return type(self)

    def to_parquet(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - pandas' own
        """Write the frame as pandas does; dicts and lists become JSON text."""
        return _flat(self).to_parquet(*args, **options)

    def to_excel(self, *args: Any, **options: Any) -> Any:  # type: ignore[misc] # noqa: ANN401 - pandas' own, final in its stubs
        """Write the frame as pandas does; dicts and lists become JSON text, times are in UTC without a zone.

        Text that begins like a formula is prefixed with an apostrophe; characters that Excel refuses become escapes.
        """
        return _without_zones(_flat(self)).to_excel(*args, **options)


class WholeFrame(Frame):
    """A frame that shows cells in full, however long: people copy from them."""

    def __repr__(self) -> str:
        """Return the table with every cell in full."""
        with pd.option_context("display.max_colwidth", None, "display.width", None):
            return super().__repr__()

    def _repr_html_(self) -> str | None:
        with pd.option_context("display.max_colwidth", None):
            html: str | None = super()._repr_html_()  # type: ignore[misc] # the stubs do not have it
            return html


def typed_frame(
    schema: Mapping[str, Any], rows: Iterable[Sequence[Any]], index: str | tuple[str, ...] = (), *, cls: type[Frame] = Frame
) -> Frame:
    """Return *rows* as a frame whose columns have the types of *schema*, even if there are no rows.

    Args:
        schema: the columns in order, each with its type: a dtype of pandas, ``"category"`` for the texts that occur,
            or a tuple of the texts that are its categories.
        rows: for each row its values, in the order of *schema*.
        index: the column that becomes the index, or the columns that become its levels.
        cls: the class of the frame.

    Raises:
        ValueError: a row has more or fewer values than *schema* has columns.

    """
    values = list(zip(*rows, strict=True)) or [()] * len(schema)
    columns = {name: _typed_column(column, dtype) for (name, dtype), column in zip(schema.items(), values, strict=True)}
    if not index:
        return cls(columns)
    if isinstance(index, str):
        levels = pd.Index(columns.pop(index), name=index)
    else:
        levels = pd.MultiIndex.from_arrays([columns.pop(name) for name in index], names=index)
    return cls(columns, index=levels)


def _typed_column(values: Sequence[Any], dtype: Any) -> Any:  # noqa: ANN401 - an extension array
    if dtype == "category":
        return pd.Categorical(_typed_column(values, "string"))
    if isinstance(dtype, tuple):
        return pd.Categorical(_typed_column(values, "string"), categories=pd.Index(dtype, dtype="string"))
    return pd.Series(list(values), dtype=dtype).array


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    flat = pd.DataFrame(frame)
    for name in flat.columns:
        if flat[name].dtype == object:
            cells = [_text(value) for value in flat[name].tolist()]
            flat = flat.assign(**{str(name): pd.Series(cells, index=flat.index, dtype="string")})
    return flat


def _text(value: object) -> str | None:
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - not a number
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _without_zones(frame: pd.DataFrame) -> pd.DataFrame:
    columns = {}
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            columns[str(name)] = column.dt.tz_convert("UTC").dt.tz_localize(None)
        elif column.dtype == "string" or isinstance(column.dtype, pd.CategoricalDtype):
            cells = [_cell(value) for value in column.tolist()]
            columns[str(name)] = pd.Series(cells, index=frame.index, dtype="string")
    return frame.assign(**columns)


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return None if pd.isna(value) else value  # type: ignore[call-overload] # one cell
    safe = "\n".join(sanitize(line) for line in value.split("\n"))
    return f"'{safe}" if safe.startswith("=") else safe
