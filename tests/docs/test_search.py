"""The search of the built pages, read from disk."""

from __future__ import annotations

from tools.docs_search import SHIM, on_post_page


def test_a_page_brings_the_search_s_worker_along() -> None:
    """The script that lets the search work from disk stands in the page itself; nothing is loaded from the network."""
    page = on_post_page(f"<head>{SHIM}</head>", page=None, config=None)
    assert "IFrameWorker" in page
    assert "unpkg" not in page
    assert on_post_page("<p>plain</p>") == "<p>plain</p>"
