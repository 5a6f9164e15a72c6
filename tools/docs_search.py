"""A hook of MkDocs: the search of the built pages works from disk, and loads nothing from the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SHIM = '<script src="https://unpkg.com/iframe-worker/shim"></script>'
"""What Material's plugin for reading from disk puts into each page."""


def on_post_page(output: str, **_words: Any) -> str:  # noqa: ANN401 - MkDocs' own
    """Return the page with our own script in the place of the one from the network."""
    return _without_network(output)


def on_post_template(output_content: str, **_words: Any) -> str:  # noqa: ANN401 - as above
    """Return a page that stands for no Markdown file, such as the one for what is not found, likewise."""
    return _without_network(output_content)


def _without_network(page: str) -> str:
    script = Path(__file__).with_name("search_from_disk.js").read_text(encoding="utf-8")
    return page.replace(SHIM, f"<script>\n{script}</script>")
