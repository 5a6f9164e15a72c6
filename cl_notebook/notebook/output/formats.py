"""Format a frame as ``table``, ``json``, ``csv``, ``yaml`` or ``value``, like the OpenStack client."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from cl_notebook.display.text import pad, width
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def as_text(frame: pd.DataFrame, form: str, columns: Sequence[str] | None) -> str:
    """Return *frame* in the format *form*, with *columns* only, or with all columns after the index."""
    table = frame.reset_index()
    names = list(table.columns) if columns is None else list(columns)
    series = [[_plain_value(value) for value in table[name].tolist()] for name in names]
    return FORMATS[form](names, list(zip(*series, strict=True)))


def _plain_value(value: Any) -> Any:  # noqa: ANN401 - whatever a cell holds
    if isinstance(value, (dict, list)):
        return value
    if value is None or pd.isna(value):
        return None
    return value.isoformat() if isinstance(value, pd.Timestamp) else value


def _word(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        return sanitize(json.dumps(value, ensure_ascii=False))
    return sanitize(value)


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [list(names), *([_word(value) for value in row] for row in rows)]
    widths = [max(width(line[place]) for line in lines) for place in range(len(names))]
    rule = "+".join(["", *("-" * (width + 2) for width in widths), ""])
    framed = [f"| {' | '.join(map(pad, line, widths))} |" for line in lines]
    return "\n".join([rule, framed[0], rule, *framed[1:], *([rule] if rows else [])])


def _json(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    return _harmless_json(json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=2, ensure_ascii=False))


def _yaml(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    # JSON's scalars are YAML's, too: quoted, so that no name is taken for a number, a date or a key
    def item(row: Mapping[str, Any]) -> str:
        fields = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in row.items()]
        return "- " + "\n  ".join(fields)

    return _harmless_json("\n".join(item(dict(zip(names, row, strict=True))) for row in rows) or "[]")


def _harmless_json(text: str) -> str:
    """Write control characters as JSON escapes, which keeps the data the same."""
    return "".join(
        character if character == "\n" or sanitize(character) == character else json.dumps(character)[1:-1] for character in text
    )


def _csv(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(names)
    writer.writerows([value if isinstance(value, (int, float)) else _word(value) for value in row] for row in rows)
    return buffer.getvalue().rstrip("\n")


def _value(_names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    return "\n".join(" ".join(_word(value) for value in row) for row in rows)


FORMATS: Mapping[str, Callable[[Sequence[str], Sequence[Sequence[Any]]], str]] = {
    "table": _table,
    "json": _json,
    "csv": _csv,
    "yaml": _yaml,
    "value": _value,
}
"""The writer of each text format; it takes the names of the columns and the rows."""
