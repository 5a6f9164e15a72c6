"""The hooks of MkDocs: the search of the built pages, read from disk, and their pictures."""

from __future__ import annotations

from tools import docs_pictures
from tools.docs_search import SHIM, on_post_page


def test_a_page_brings_the_search_s_worker_along() -> None:
    """The script that lets the search work from disk stands in the page itself; nothing is loaded from the network."""
    page = on_post_page(f"<head>{SHIM}</head>", page=None, config=None)
    assert "IFrameWorker" in page
    assert "unpkg" not in page
    assert on_post_page("<p>plain</p>") == "<p>plain</p>"


def test_a_picture_follows_the_theme() -> None:
    """A picture becomes a light one and a dark one, each of which is a link to itself; other pictures stay as they are."""
    page = docs_pictures.on_page_markdown("![All of it](../pictures/tree.png) ![x](other.png)", page=None)
    light, dark = "[![All of it](../pictures/tree.png#only-light)]", "[![All of it](../pictures/tree-dark.png#only-dark)]"
    assert page == f"{light}(../pictures/tree.png){dark}(../pictures/tree-dark.png) ![x](other.png)"
