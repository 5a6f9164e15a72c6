"""Values of drivers as the channel carries them: of Python's own types, and text that can be encoded."""

from __future__ import annotations

import math
from typing import Any


def plain(value: Any) -> Any:
    """Return *value* as the channel takes it, and as JSON keeps it."""
    if hasattr(value, "items"):
        return {text(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    return _number(value) if isinstance(value, (int, float)) else text(value)


def _number(value: float) -> Any:
    # an IntEnum is none that the channel knows
    if isinstance(value, int):
        return int(value)
    return float(value) if math.isfinite(value) else str(float(value))


def text(value: object) -> str:
    """Return *value* as text; what cannot be encoded, as in the names of some files, is written out."""
    words = bytes(value).decode(errors="replace") if isinstance(value, (bytes, bytearray)) else str(value)
    return words.encode(errors="backslashreplace").decode()
