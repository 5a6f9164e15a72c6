"""Lists in a page: at every width, in both themes, and what a selection copies."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from cl_notebook.display import listing
from cl_notebook.tabular import page as first_page
from tests.browser.browsers import axe

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IDS = [str(uuid.UUID(int=number << 96)) for number in range(1, 26)]
PATH = f"/dev/disk/by-id/{'x' * 60}"


LISTS: dict[str, dict[str, object]] = {
    "volumes": {"name": "a name of a volume that goes on and on, as people do", "status": "error", "size": 12000},
    "connections": {"status": "attached", "path": PATH},
}
"""Lists, by name, with what they must show at every width."""


def _shown(page: Page, theme: str, values: dict[str, object]) -> None:
    created = pd.Series([pd.Timestamp.now("UTC")] * len(IDS), index=IDS)
    columns = {**values, "backend": "lab", "created_at": created, **{f"column_{number}": "words" for number in range(9)}}
    colours = "background:#fff;color:#111" if theme == "light" else "background:#111;color:#eee;--jp-content-font-color2:#aaa"
    page.set_content(
        f"<html lang=en><title>x</title><body data-jp-theme-light={str(theme == 'light').lower()} style='margin:8px;{colours}'>"
        f"<main>{listing.as_html(first_page(pd.DataFrame(columns, index=pd.Index(IDS, name='id'))))}</main>"
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", LISTS)
def test_a_list_fits_the_cell(browser: Browser, kind: str, theme: str) -> None:
    """From 400 to 1500 pixels a list is as wide as its cell at most, keeps what matters, and names each column left out."""
    page = browser.new_page()
    for width in (400, 700, 1100, 1500):
        page.set_viewport_size({"width": width, "height": 900})
        _shown(page, theme, LISTS[kind])
        assert page.locator(".cl-card").evaluate("(card) => card.scrollWidth <= card.clientWidth")
        names = page.locator("th:visible").all_inner_texts()
        typed = {"_[20:]", "_.iloc[0]"}  # the lines that show more rows, and all columns
        left_out = [text for text in page.locator(".clc-dim code:visible").all_inner_texts() if text not in typed]
        assert {"id", *LISTS[kind]} <= set(names)
        assert len(names) + len(left_out) == 1 + len(LISTS[kind]) + 11
        assert set(names).isdisjoint(left_out)
        assert axe(page.locator("main")) == []
    page.close()


def test_a_selection_has_the_whole_id(browser: Browser) -> None:
    """Of an id eight characters are seen, and the whole of it is copied."""
    page = browser.new_page()
    _shown(page, "light", LISTS["volumes"])
    page.locator("tbody tr").first.evaluate("(row) => getSelection().selectAllChildren(row)")
    assert page.evaluate("getSelection().toString()").split()[0] == IDS[0]
    assert page.locator("tbody td").first.evaluate("(cell) => cell.getBoundingClientRect().width") < 120
    page.close()
