"""Questions before what cannot be undone."""

from __future__ import annotations

import sys

from IPython.utils.io import ask_yes_no


def agreed(question: str) -> bool:
    """Ask *question*, and return whether the answer is yes: no by default, on an interrupt, and where nobody can be asked."""
    sys.stdout.flush()
    try:
        return bool(ask_yes_no(f"{question} [y/N]", default="n", interrupt="n"))  # type: ignore[no-untyped-call] # IPython's
    except (RuntimeError, OSError, ValueError):  # a front end without input, as with nbconvert, or a stdin that is closed
        return False
