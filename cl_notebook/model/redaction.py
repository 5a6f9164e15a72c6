"""Secrets in the columns that storage and drivers fill: masked where they are shown or written, never sent masked."""

from __future__ import annotations

from typing import Any

from cl_notebook.masking import data as masked
from cl_notebook.masking import is_mask, missing, without

__all__ = ["FIELDS", "masked", "missing", "same", "usable", "without"]

FIELDS = frozenset({"conn_info", "connector_info", "device", "driver_data", "provider_location"})
"""Columns that may hold secrets."""


def usable(text: str | None) -> str | None:
    """Return *text*, or None if a secret in it is masked: no driver is told of a mask."""
    return None if is_mask(text) else text


def same(one: Any, other: Any) -> bool:  # noqa: ANN401 - plain data of any shape
    """Return whether the two say the same, as far as a mask on either side lets that be seen."""
    return bool(one == other or ((missing(one) or missing(other)) and masked(one) == masked(other)))
