"""The frames' own kind of DataFrame: it can be written to Parquet and Excel, and shows the words that are typed whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable


class Frame(pd.DataFrame):
    """A DataFrame whose cells may hold dicts, and times with a zone, which files do not take as they are."""

    @property
    def _constructor(self) -> Callable[..., Frame]:
        return type(self)

    def to_parquet(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - pandas' own
        """Write it as pandas does; dicts and lists become JSON text."""
        return _flat(self).to_parquet(*args, **options)

    def to_excel(self, *args: Any, **options: Any) -> Any:  # type: ignore[misc] # noqa: ANN401 - pandas' own, final in its stubs
        """Write it as pandas does; dicts and lists become JSON text, times lose their zone: they are in UTC.

        Text that Excel would take for a formula gets an apostrophe in front, and characters that it does not take are written as
        escapes.
        """
        return _without_zones(_flat(self)).to_excel(*args, **options)


class WholeFrame(Frame):
    """A frame whose cells are shown whole, however long: their words are typed."""

    def __repr__(self) -> str:
        """Show every cell whole."""
        with pd.option_context("display.max_colwidth", None, "display.width", None):
            return super().__repr__()

    def _repr_html_(self) -> str | None:
        with pd.option_context("display.max_colwidth", None):
            html: str | None = super()._repr_html_()  # type: ignore[misc] # the stubs do not have it
            return html


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    made = pd.DataFrame(frame)
    for name in made.columns:
        if made[name].dtype == object:
            cells = [_text(value) for value in made[name].tolist()]
            made = made.assign(**{str(name): pd.Series(cells, index=made.index, dtype="string")})
    return made


def _text(value: object) -> str | None:
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - not a number
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _without_zones(frame: pd.DataFrame) -> pd.DataFrame:
    made = {}
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            made[str(name)] = column.dt.tz_convert("UTC").dt.tz_localize(None)
        elif column.dtype == "string" or isinstance(column.dtype, pd.CategoricalDtype):
            cells = [_cell(value) for value in column.tolist()]
            made[str(name)] = pd.Series(cells, index=frame.index, dtype="string")
    return frame.assign(**made)


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return None if pd.isna(value) else value  # type: ignore[call-overload] # one cell
    safe = "\n".join(sanitize(line) for line in value.split("\n"))
    return f"'{safe}" if safe.startswith("=") else safe
