"""%cl_plot: pictures as plots, text, Mermaid and frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from cl_notebook.plots.plot import Plot

if TYPE_CHECKING:
    from tests.notebook.conftest import Notebook


@pytest.fixture
def family(lab: Notebook) -> Notebook:
    """Return a notebook with a volume, its snapshot, and a volume from that."""
    lab.run("%cl_volume create --size 1 --name db\n%cl_volume snapshot db --name before")
    lab.run("%cl_snapshot create-volume before --name copy")
    return lab


@pytest.mark.parametrize("picture", ["capacity", "latency", "timeline", "lineage"])
def test_each_picture_is_a_plot_with_a_frame_and_a_text(family: Notebook, picture: str) -> None:
    """Every picture is a plot that can be assigned; -f gives its text, its frame, or the frame in a format of the lists."""
    plot = family.run(f"plot = %cl_plot {picture}\nplot")
    assert isinstance(plot, Plot)
    assert family.printed(f"%cl_plot {picture} -f text").split() == repr(plot).split()
    assert isinstance(family.run(f"%cl_plot {picture} -f frame"), pd.DataFrame)
    assert "sim" in family.printed(f"%cl_plot {picture} -f csv") or picture == "timeline"


def test_a_plot_can_be_of_one_resource(family: Notebook) -> None:
    """A resource, a backend, or a filter limits what is shown."""
    assert len(family.run("%cl_plot capacity sim").frame) == len(family.run("%cl_plot capacity --backend sim").frame) == 1
    assert family.run("%cl_plot latency db").frame["call"].tolist() == ["create_volume"]
    assert family.run("%cl_plot latency --action create --backend 'si*'").frame["done"].sum() == 3
    assert family.run("%cl_plot timeline copy").frame["resource_name"].tolist() == ["copy"]
    assert family.run("%cl_plot lineage copy").frame["name"].tolist() == ["db", "before", "copy"]
    assert len(family.run("%cl_plot lineage --limit 2 --backend sim").frame) == 2
    assert family.printed("%cl_plot lineage -f mermaid").startswith("flowchart LR\n")


def test_a_wrong_word_is_one_line(family: Notebook) -> None:
    """What cannot be plotted is one line."""
    assert "capacity" in family.refused("%cl_plot capacty")
    assert "NotFound" in family.refused("%cl_plot lineage nosuch")
    assert "--format takes" in family.refused("%cl_plot latency -f mermaid")
    assert "limit" in family.refused("%cl_plot lineage --limit 501")


def test_tab_completes_pictures_and_filters(family: Notebook) -> None:
    """Tab offers the pictures, the formats and the filters of the history."""
    assert family.tab("%cl_plot ") == ["capacity", "latency", "timeline", "lineage"]
    assert "--started-at" in family.tab("%cl_plot latency --st")
    assert "db" in family.tab("%cl_plot lineage d")


def test_a_terminal_shows_the_text(family: Notebook) -> None:
    """What IPython displays in a terminal is the text, and in a notebook the picture beside it."""
    formatter: Any = family.shell.display_formatter
    plot = family.run("%cl_plot lineage")
    formatter.active_types = ["text/plain"]
    assert "image/svg+xml" not in formatter.format(plot)[0]
    formatter.active_types = formatter.format_types
    data = formatter.format(plot)[0]
    assert data["text/plain"] == repr(plot)
    assert data["image/svg+xml"].startswith("<?xml")
