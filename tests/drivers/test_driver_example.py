"""The example of docs/write-a-driver.md, examples/driver, passes the driver contract; test_pages.py runs the page itself."""

from __future__ import annotations

from pathlib import Path

from test_plain_files import TestPlainFiles

__all__ = ["TestPlainFiles"]

EXAMPLE = Path(__file__).parents[2] / "examples" / "driver"


def test_the_page_includes_each_file_of_the_example() -> None:
    """The page shows each file of the example whole, from where it stands, and not a copy."""
    page = (EXAMPLE.parents[1] / "docs" / "write-a-driver.md").read_text(encoding="utf-8")
    files = sorted(file.name for file in EXAMPLE.iterdir() if file.suffix in {".py", ".toml"})
    assert [name for name in files if f'--8<-- "examples/driver/{name}"' not in page] == []
