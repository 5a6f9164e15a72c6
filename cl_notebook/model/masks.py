"""Secrets in the columns that storage and drivers fill: masked where they are shown or written, never sent masked."""

from __future__ import annotations

from typing import Any

from cl_notebook.masking import data as masked
from cl_notebook.masking import missing, without

__all__ = ["FIELDS", "masked", "missing", "same", "without"]

FIELDS = frozenset({"conn_info", "driver_data"})
"""Columns that may hold secrets."""


def same(one: Any, other: Any) -> bool:  # noqa: ANN401 - plain data of any shape
    """Return whether the two say the same, as far as a mask on either side lets that be seen."""
    return bool(one == other or ((missing(one) or missing(other)) and masked(one) == masked(other)))
