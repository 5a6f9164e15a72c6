"""Debian's Chromium, driven by Playwright, and axe-core, which knows what assistive technology needs."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator

AXE = Path(__file__).parents[2] / ".venv" / "axe" / "axe.min.js"
"""Put there by the Makefile."""

SIZE = {"width": 1400, "height": 1000}
FLAGS = ("--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage", "--force-color-profile=srgb")

_AXE_RUN = """async (element) => {
    const {violations} = await axe.run(element, {resultTypes: ["violations"]});
    return violations.map(({id, nodes}) => [id, ...nodes.map((node) => `${node.failureSummary}\\n  ${node.html}`)].join("\\n"));
}"""


def missing() -> str | None:
    """Return what this machine lacks for tests in a browser, None if it has everything."""
    if shutil.which("chromium") is None:
        return "Debian's chromium"
    if not AXE.exists():
        return "axe-core (make .venv/.axe, which needs npm)"
    return None


@contextmanager
def browsing(*flags: str) -> Iterator[Browser]:
    """Run the browser."""
    flags = (*FLAGS, *flags, *(["--no-sandbox"] if os.geteuid() == 0 else []))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        try:
            yield browser
        finally:
            browser.close()


def axe(part: Locator) -> list[str]:
    """Return what axe-core finds wrong with *part* of a page: a line or more each."""
    if not part.page.evaluate("'axe' in window"):
        part.page.evaluate(AXE.read_text(encoding="utf-8"))
    part.scroll_into_view_if_needed()
    violations: list[str] = part.evaluate(_AXE_RUN)
    return violations
