"""A hook of MkDocs: the search of the built pages works from disk, and loads nothing from the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SHIM = '<script src="https://unpkg.com/iframe-worker/shim"></script>'
"""What Material's plugin for reading from disk puts into each page."""


def on_post_page(output: str, **_words: Any) -> str:  # noqa: ANN401 - MkDocs' own
    """Return the page with our own script in the place of the one from the network."""
    script = Path(__file__).with_name("search_from_disk.js").read_text(encoding="utf-8")
    return output.replace(SHIM, f"<script>\n{script}</script>")
