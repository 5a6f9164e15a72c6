"""Plots in JupyterLab: drawn, in both themes, and with names from storage that stay text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.lab import shot

if TYPE_CHECKING:
    from tests.browser.workspace import Desk

HOSTILE = '<img src=x onerror="window.ran=1">"];click n0 call f() $x$'


def test_plots_are_pictures_in_both_themes(desk: Desk) -> None:
    """Each plot is a picture on a light and on a dark page, the lineage drawn by JupyterLab; no name from a storage runs."""
    desk.stock()
    desk.sim.create_volume(1, HOSTILE).create_snapshot(name=HOSTILE)
    for theme in ("Dark", "Light"):
        desk.lab.theme(theme)
        for picture, rendered in (
            *((name, ".jp-RenderedSVG") for name in ("capacity", "latency", "timeline")),
            ("lineage", ".jp-RenderedMermaid"),
        ):
            area = desk.notebook.run(f"%cl_plot {picture}").area
            expect(area.locator(f"{rendered} img")).to_be_visible()
            shot(area, f"plot-{picture}-{theme}")
    assert desk.lab.page.evaluate("window.ran") is None
