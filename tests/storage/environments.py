"""The interpreters that can import Cinder: one virtual environment for each release that the tests run."""

from __future__ import annotations

from pathlib import Path

from tests.skips import require

_PROJECT = Path(__file__).parents[2]
_FOLDER = _PROJECT / ".venv-cinder"

CINDER_29 = _FOLDER / "29" / "bin" / "python"
CINDER_28 = _FOLDER / "28" / "bin" / "python"
PEER = _PROJECT / ".peer" / "bin" / "python"
"""The interpreter that has cinderlib itself, and no Cinder of ours."""


def cinder(interpreter: Path) -> str:
    """Return *interpreter* as an option of a Cinder driver; a test that needs one that is not there says so."""
    if not interpreter.exists():
        require(f"Cinder in {interpreter.parents[1].relative_to(_PROJECT)}: make .venv-cinder/.ready")
    return str(interpreter)
