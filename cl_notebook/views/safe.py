"""Text from storage, made fit for a terminal: what could move the cursor or turn the reading direction is shown, not obeyed."""

from __future__ import annotations

from cl_notebook.text import plain

__all__ = ["plain"]
