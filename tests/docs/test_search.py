"""The hooks of MkDocs: the search of the built pages, read from disk, and their pictures."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

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


def test_the_search_finds_names_inside_of_code() -> None:
    """Words of the search end at the signs of code: a magic is found without its %, a function without its module."""
    plugins = yaml.safe_load((Path(__file__).parents[2] / "mkdocs.yml").read_text(encoding="utf-8"))["plugins"]
    separator = next(plugin["search"]["separator"] for plugin in plugins if "search" in plugin)
    words = set(re.split(separator, "`%cl_tree --side`, cl.frames.volumes(size='>1.5T') [x]"))
    assert {"cl_tree", "side", "frames", "volumes", "x"} <= words
    assert any("1.5T" in word for word in words)
