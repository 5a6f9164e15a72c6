"""Run the tour in a throw-away data folder, and print its headings, then its trees, each below its heading."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from nbclient.exceptions import CellExecutionError

from tools.notebooks import run

TOUR = Path(__file__).parent.parent / "examples" / "01_tour.ipynb"
TREE = "%cl_tree"


def main() -> int:
    """Run it; return 1 if a cell failed."""
    with tempfile.TemporaryDirectory(prefix="cl_notebook-tour-") as data:
        try:
            tour = run(TOUR, Path(data), _headings)
        except CellExecutionError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    heading = ""
    for cell in tour["cells"]:
        if cell["source"].startswith("#"):
            heading = cell["source"].splitlines()[0].lstrip("# ")
        elif cell["source"].startswith(TREE):
            texts = [text for output in cell["outputs"] if (text := output.get("data", {}).get("text/plain"))]
            sys.stdout.write(f"\n{heading}: {TREE}\n" + "\n".join(texts) + "\n")
    return 0


def _headings(source: str) -> None:
    for line in source.splitlines():
        if line.startswith("#"):
            sys.stdout.write(f"{line.lstrip('# ')}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
