"""Typed frames from rows, and their class: shown as a list, and writable to Parquet and Excel."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from cl_notebook.display import listing, markup, text
from cl_notebook.display.listing import Field, Look, Page
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Literal, Self

ROWS = 20
"""Rows of a page, unless the option ``display.max_rows`` of pandas was changed."""

_DEFAULT_MAX_ROWS = 60  # of pandas
_FLAGS = 4
"""From so many columns of booleans on, they are shown as one column that names those that are true."""

_NO_UNITS: Mapping[str, str] = {}

_SAME_COLUMNS = frozenset((None, "copy", "sort_values", "sort_index", "reindex", "rename", "astype", "fillna", "replace", "take"))
"""The operations of pandas after which the columns of a list still mean what their names say."""


class Frame(pd.DataFrame):
    """A DataFrame that is shown as a list, and that converts dicts and times with a zone for Parquet and Excel.

    Its values are not touched: ``to_html()``, ``to_string()`` and ``style`` give them as pandas does. What is computed from a
    list, such as a sum of groups, is shown by pandas.
    """

    _metadata = ["_look"]  # noqa: RUF012 - pandas' own
    _look: Look | None = None

    @property
    def _constructor(self) -> Callable[..., Frame]:
        return type(self)

    def __finalize__(self, other: Any, method: str | None = None, **options: Any) -> Self:  # noqa: ANN401 - pandas' own
        """Take the metadata of *other*; the look of a list only where *method* leaves the meaning of the columns as it was."""
        result = super().__finalize__(other, method, **options)  # type: ignore[misc] # not in the stubs
        if method not in _SAME_COLUMNS:
            object.__setattr__(result, "_look", None)
        return cast("Self", result)

    def listed(
        self,
        noun: str,
        empty: str = "",
        *,
        start: Literal["", "magic", "python"] = "",
        units: Mapping[str, str] = _NO_UNITS,
    ) -> Self:
        """Return the frame, to be shown as a list of *noun*, a plural.

        If the frame has no rows, *empty* is the sentence to show instead; *start* puts the ways to begin below it, in that
        language. *units* are those of columns whose names do not tell, by name: ``GiB`` or ``s``.
        """
        look = Look(noun, units=units) if len(self) else Look(noun, empty, start, units)
        object.__setattr__(self, "_look", look)
        return self

    def __repr__(self) -> str:
        """Return the list as text for a terminal of this width; as pandas does where the shell is configured so."""
        shown = None if _is_shown_raw() else self._as_list(html=False)
        return shown or printable(super().__repr__())

    def _repr_html_(self) -> str | None:
        shown = self._as_list(html=True) if pd.get_option("display.notebook_repr_html") else None
        return shown or cast("str | None", super()._repr_html_())  # type: ignore[misc] # not in the stubs

    def _as_list(self, *, html: bool) -> str | None:
        """Return the frame as a list, as text or HTML; None if it is not a list, or cannot be shown as one."""
        if self._look is None or self.columns.nlevels > 1:
            return None
        try:
            return self._written(self._look, html=html)
        except Exception:  # noqa: BLE001 - whatever a frame holds, pandas can show it
            return None

    def _written(self, look: Look, *, html: bool) -> str:
        if not len(self):
            return listing.empty_html(look) if html else listing.empty_text(look)
        first = page(self, look.units)
        return listing.as_html(first) if html else listing.as_text(first)

    def to_parquet(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - pandas' own
        """Write the frame as pandas does; dicts and lists become JSON text."""
        return _flat(self).to_parquet(*args, **options)

    def to_excel(self, *args: Any, **options: Any) -> Any:  # type: ignore[misc] # noqa: ANN401 - pandas' own, final in its stubs
        """Write the frame as pandas does; dicts and lists become JSON text, times are in UTC without a zone.

        Text that begins like a formula is prefixed with an apostrophe; characters that Excel refuses become escapes.
        """
        return _without_zones(_flat(self)).to_excel(*args, **options)


def raw_text(frame: pd.DataFrame) -> str:
    """Return *frame* as pandas shows it in a terminal, with unprintable characters escaped."""
    return printable(pd.DataFrame.__repr__(frame))


def raw_html(frame: pd.DataFrame) -> str:
    """Return *frame* as pandas shows it in a notebook; as text where HTML is switched off."""
    html: str | None = pd.DataFrame._repr_html_(frame)  # type: ignore[attr-defined] # not in the stubs
    return html or f"<pre>{markup.escaped(raw_text(frame))}</pre>"


def _is_shown_raw() -> bool:
    """Return whether the shell of this process has its own text form of frames: ``%config ClNotebook.display = "pandas"``."""
    shell = text.shell()
    try:
        shell.display_formatter.formatters["text/plain"].lookup_by_type(f"{Frame.__module__}.{Frame.__name__}")
    except (AttributeError, KeyError):  # no shell, or one without formatters
        return False
    return True


def printable(text: str) -> str:
    """Return the lines of *text* with unprintable characters escaped; what pandas writes has the control characters of names."""
    return "\n".join(map(sanitize, text.split("\n")))


def page(frame: pd.DataFrame, units: Mapping[str, str] = _NO_UNITS) -> Page:
    """Return the first rows of *frame* as they are shown; the others are not looked at, so any length takes the same time.

    The index is left out if it only counts the rows.
    """
    limit = pd.get_option("display.max_rows")
    rows = ROWS if limit == _DEFAULT_MAX_ROWS else limit or len(frame)
    part = frame.iloc[:rows]
    index = [] if part.index.names == [None] else list(part.index.names)
    fields = [_field(name, part.index.get_level_values(level), is_index=True) for level, name in enumerate(index)]
    flags = [place for place, dtype in enumerate(part.dtypes) if pd.api.types.is_bool_dtype(dtype)]
    folded = flags if _FLAGS <= len(flags) < len(part.columns) else []
    for place, name in enumerate(part.columns):
        if place not in folded:
            fields.append(_field(name, part.iloc[:, place])._replace(unit=units.get(str(name), "")))
        elif place == folded[0]:
            fields.append(_folded(part.iloc[:, folded]))
    return Page(fields, len(frame) - len(part), f"_[{rows}:]", "_.iloc[0]")


def _field(name: object, values: pd.Series[Any] | pd.Index[Any], *, is_index: bool = False) -> Field:
    is_number = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
    return Field(str(name), [_shown_cell(value) for value in values.tolist()], is_number, is_index)


def _shown_cell(value: object) -> object:
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime(warn=False)
    return None if value is None or value is pd.NA or value is pd.NaT or value != value else value  # noqa: PLR0124 - not a number


def _folded(flags: pd.DataFrame) -> Field:
    names = [str(name) for name in flags.columns]
    rows = flags.itertuples(index=False, name=None)
    return Field("capabilities", [", ".join(itertools.compress(names, row)) for row in rows])


def typed_frame(
    schema: Mapping[str, Any],
    rows: Iterable[Sequence[Any]],
    index: str | tuple[str, ...] = (),
    *,
    noun: str = "rows",
    units: Mapping[str, str] = _NO_UNITS,
) -> Frame:
    """Return *rows* as a frame whose columns have the types of *schema*, even if there are no rows.

    Args:
        schema: the columns in order, each with its type: a dtype of pandas, ``"category"`` for the texts that occur,
            or a tuple of the texts that are its categories.
        rows: for each row its values, in the order of *schema*.
        index: the column that becomes the index, or the columns that become its levels.
        noun: what the rows are, in the plural.
        units: the units of columns whose names do not tell, by name: ``GiB`` or ``s``.

    Raises:
        ValueError: a row has more or fewer values than *schema* has columns.

    """
    values = list(zip(*rows, strict=True)) or [()] * len(schema)
    columns = {name: _typed_column(column, dtype) for (name, dtype), column in zip(schema.items(), values, strict=True)}
    if not index:
        return Frame(columns).listed(noun, units=units)
    if isinstance(index, str):
        levels = pd.Index(columns.pop(index), name=index)
    else:
        levels = pd.MultiIndex.from_arrays([columns.pop(name) for name in index], names=index)
    return Frame(columns, index=levels).listed(noun, units=units)


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
    safe = printable(value)
    return f"'{safe}" if safe.startswith("=") else safe
