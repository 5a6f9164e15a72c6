"""The pictures: what they show, as frame, text, SVG and Mermaid."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook.drivers.sim.driver import SimDriver
from cl_notebook.model import capacity_history
from cl_notebook.plots import activity, latencies
from cl_notebook.plots.plot import MERMAID, NEEDS_MATPLOTLIB
from cl_notebook.testing.stores import fill
from tests.plots.records import record

if TYPE_CHECKING:
    from pathlib import Path

    from cl_notebook.plots.plot import Plot

HOSTILE = '<img src=x onerror=alert(1)>"];click n0 call f()\x1b[31m $x^2$ 漢字'


def _svg(plot: Plot) -> str:
    svg = plot._repr_svg_()
    assert svg is not None
    ET.fromstring(svg)  # noqa: S314 - our own, and it has to be well-formed
    return svg


def test_nothing_is_one_line(session: cl.Session) -> None:
    """A plot of nothing says so in one line, as text alone, and its frame has its columns."""
    del session
    for plot in (cl.plot.capacity(), cl.plot.latency(), cl.plot.timeline(), cl.plot.lineage()):
        assert repr(plot).startswith("No")
        assert "\n" not in repr(plot)
        assert list(plot._repr_mimebundle_()) == ["text/plain"]
        assert plot._repr_svg_() is None
        assert len(plot.frame) == 0
        assert len(plot.frame.columns) > 5
        with pytest.raises(cl.errors.Refused):
            _ = plot.figure


def test_filters_that_nothing_matches_are_named(sim: cl.Backend) -> None:
    """A plot whose filters match nothing says that it is the filters."""
    del sim
    assert repr(cl.plot.latency(status="failed")) == "No calls of drivers match. Try fewer filters."
    assert repr(cl.plot.timeline(action="nosuch")) == "No operations match. Try fewer filters."
    with pytest.raises(cl.errors.InvalidInput, match="Did you mean"):
        cl.plot.latency(actoin="create")


def test_capacity_is_of_open_pools(session: cl.Session, tmp_path: Path) -> None:
    """The capacity of an open backend is drawn, a closed one is named and stays closed."""
    full = session.backend("full", volume_driver="sim", path=str(tmp_path / "full"), capacity=10)
    full.create_volume(9)
    closed = session.backend("closed", volume_driver="sim", path=str(tmp_path / "closed"))
    closed.close()
    plot = cl.plot.capacity()
    rows = plot.frame.set_index("backend")
    assert rows.loc["full", ["total", "used", "share", "volumes", "size"]].tolist() == [10, 9, 0.9, 1, 9]
    assert not rows.loc["closed", "open"]
    assert not closed.is_open
    assert "full    ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇░░  90%  9 GiB of 10 GiB" in repr(plot)
    assert "opens a closed one" in repr(plot)
    _svg(plot)
    assert len(cl.plot.capacity("full").frame) == len(cl.plot.capacity(full).frame) == 1
    with pytest.raises(cl.errors.NotFound, match="nosuch"):
        cl.plot.capacity("nosuch")


def test_capacity_is_kept_over_time(any_store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statistics leave a row in five minutes, for two days, and one in an hour, for ninety; forgetting removes them."""
    moment = 1_800_000_000.0
    monkeypatch.setattr(capacity_history, "time", SimpleNamespace(time=lambda: moment))
    with cl.setup(any_store_url) as session:
        assert "No capacities of that time" in repr(cl.plot.capacity(history=True))
        lab = session.backend("lab", volume_driver="sim", path=str(tmp_path / "lab"), capacity=100)
        for _ in range(40):
            lab.stats()
            moment += 100
        kept = cl.plot.capacity(history=True).frame
        assert kept["at"].diff().dropna().dt.total_seconds().tolist() == [300.0] * (len(kept) - 1)
        assert len(kept) == 14
        lab.create_volume(95)
        moment += 3 * 86400
        lab.stats()
        plot = cl.plot.capacity(lab, history=True)
        assert plot.frame[["total", "used", "share"]].to_numpy().tolist() == [[100, 0, 0]] * 2 + [[100, 95, 0.95]]
        assert re.search(r"lab  ▁+·+█\n +0% → 95%, 95 GiB of 100 GiB\n", repr(plot))
        _svg(plot)
        assert len(cl.plot.capacity("lab", over="1d").frame) == 1
        wrong: Any
        for wrong in ("soon", "", 7):
            with pytest.raises(cl.errors.InvalidInput, match="over is a span of time"):
                cl.plot.capacity(over=wrong)
        moment += 100 * 86400
        lab.stats()
        assert cl.plot.capacity(history=True).frame["used"].tolist() == [95]
        lab.volumes[0].delete()
        lab.forget()
        with session.store.reading() as connection:
            assert capacity_history.read(connection, None) == []


@pytest.mark.parametrize(
    ("pools", "shown"),
    [
        ([{"total_capacity_gb": "infinite", "free_capacity_gb": "infinite"}], "no limit"),
        ([{"total_capacity_gb": "unknown", "free_capacity_gb": "unknown"}], "not known"),
        ([{"total_capacity_gb": None, "free_capacity_gb": []}], "not known"),
        ([{"total_capacity_gb": 10, "free_capacity_gb": 5, "provisioned_capacity_gb": 25}], "provisioned 250%"),
        ([None, 5, {"total_capacity_gb": 10**400, "free_capacity_gb": "-inf"}], "not known"),
    ],
)
def test_any_capacity_is_shown(sim: cl.Backend, monkeypatch: pytest.MonkeyPatch, pools: Any, shown: str) -> None:
    """Whatever a driver reports as its capacity is shown, without a bar where there is no number."""
    del sim
    monkeypatch.setattr(SimDriver, "get_volume_stats", lambda _self, **_: {"pools": pools})
    plot = cl.plot.capacity()
    assert shown in repr(plot)
    _svg(plot)


def test_a_storage_that_does_not_answer_has_a_row(sim: cl.Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a driver is in its row, and the others are shown."""

    def fail(_self: object, **_options: object) -> None:
        msg = "no route to host"
        raise OSError(msg)

    monkeypatch.setattr(SimDriver, "get_volume_stats", fail)
    plot = cl.plot.capacity()
    assert sim.name in repr(plot)
    assert "no route to host" in plot.frame["error"][0]
    assert "no route to host" in repr(plot)
    _svg(plot)


def test_latencies_are_exact(session: cl.Session) -> None:
    """Median, 95th percentile, extremes and mean are those of the durations that are done; failures are counted beside them."""
    backend = fill(session.store, volumes=0)
    done = [{"duration": milliseconds / 1000, "backend_id": backend} for milliseconds in range(1, 101)]
    bad = [{"status": status, "backend_id": backend} for status in ("failed", "interrupted")]
    record(session, [*done, *bad, {"call": "delete_volume", "action": "delete"}, {"call": None, "action": "add"}])
    plot = cl.plot.latency()
    create, delete = plot.frame.to_dict("records")
    assert (create["call"], create["backend"], create["volume_driver"], create["done"], create["failed"]) == (
        *("create_volume", "sim", "sim"),
        *(100, 2),
    )
    times = [create[name] for name in ("median", "p95", "mean", "min", "max", "total")]
    assert times == pytest.approx([0.05, 0.095, 0.0505, 0.001, 0.1, 5.05])
    assert (delete["call"], delete["done"], delete["failed"]) == ("delete_volume", 1, 0)
    assert "create_volume  sim       100     ✗ 2   50 ms   95 ms" in repr(plot)
    _svg(plot)


def test_a_call_that_never_succeeded_has_no_times(session: cl.Session) -> None:
    """A call that has only failed is shown without times."""
    record(session, [{"status": "failed"}])
    plot = cl.plot.latency()
    assert math.isnan(plot.frame["median"][0])
    assert "✗ 1" in repr(plot)
    _svg(plot)


def test_latencies_are_those_of_one_resource(sim: cl.Backend) -> None:
    """A resource limits a plot to its operations, a backend to those of all that is on it."""
    volume = sim.create_volume(1, "db")
    sim.create_volume(1, "other")
    assert cl.plot.latency(volume).frame["done"].sum() == 1
    assert cl.plot.latency(sim).frame["done"].sum() == 2
    assert cl.plot.timeline(volume).frame["resource_name"].tolist() == ["db"]
    with pytest.raises(cl.errors.InvalidInput, match=r"cl\.find"):
        cl.plot.latency("db")


def test_releases_can_be_compared(session: cl.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of one call stand one after the other, each with the release of Cinder that its backend is open with."""
    for name in ("new", "old"):
        session.backend(name, volume_driver="sim", path=str(tmp_path / name)).create_volume(1)
    monkeypatch.setattr(SimDriver, "release", "29.0.0", raising=False)
    plot = cl.plot.latency()
    assert plot.frame[["call", "backend", "release"]].to_numpy().tolist() == [
        ["create_volume", "new", "29.0.0"],
        ["create_volume", "old", "29.0.0"],
    ]
    assert "create_volume  new (29.0.0)" in repr(plot)


def test_many_calls_are_cut(session: cl.Session) -> None:
    """At most a page of rows is shown, those that took the most time; the frame has all."""
    record(session, [{"call": f"call_{number:03}", "duration": number + 1} for number in range(100)])
    plot = cl.plot.latency()
    assert len(plot.frame) == 100
    assert "call_099" in repr(plot)
    assert "call_000" not in repr(plot)
    assert repr(plot).endswith(f"{100 - latencies.SHOWN} more rows, which took less time, are in .frame.")
    _svg(plot)


def test_few_operations_are_shown_one_by_one(session: cl.Session) -> None:
    """The timeline has a row for each operation, a line for each kernel, and what failed."""
    record(session, [{}, {"status": "failed", "error": "no space"}, {}])
    record(session, [{"status": "running", "duration": None, "ended_at": None}], "other", "lab2")
    plot = cl.plot.timeline()
    assert plot.frame["operations"].tolist() == [1] * 4
    assert (plot.frame["failed"].sum(), plot.frame["running"].sum()) == (1, 1)
    head, *rest = repr(plot).splitlines()
    assert head == "4 operations of 2 kernels, ✗ 1 failed, … 1 running"
    assert rest[0].startswith("tour.ipynb lab2:7")
    assert "✗" in rest[1]
    assert rest[-1].endswith("create volume db1: no space")
    _svg(plot)


def test_many_operations_are_counted_by_the_database(session: cl.Session) -> None:
    """More operations are counted for each kernel in slots of time, none is lost."""
    number = activity.ONE_BY_ONE + 200
    record(session, [{"status": "failed"} if place == 600 else {} for place in range(number)])
    plot = cl.plot.timeline()
    assert len(plot.frame) == activity.SLOTS
    assert plot.frame["operations"].sum() == number
    assert plot.frame["failed"].sum() == 1
    assert plot.frame["operations"].max() - plot.frame["operations"].min() <= 1
    head, line, *_ = repr(plot).splitlines()
    assert head == "1,200 operations of 1 kernel, ✗ 1 failed"
    assert line.endswith("█  ✗ 1")
    assert line.count("✗") == 1  # one of thirty is no reason to mark the slot
    _svg(plot)


def test_only_kernels_that_worked_last_are_shown(session: cl.Session) -> None:
    """Of many kernels the last ones are shown, and the number of the others."""
    for number in range(activity.SHOWN + 3):
        record(session, [{}], f"k{number}", f"lab{number}")
    assert "3 more kernels" in repr(cl.plot.timeline())


def _family(sim: cl.Backend) -> cl.Volume:
    origin = sim.create_volume(10, "db")
    copy = origin.create_snapshot(name="before").create_volume(name="copy")
    copy.clone(name="twin")
    sim.create_volume(1, "alone")
    return copy


def test_a_lineage_is_a_tree(sim: cl.Backend) -> None:
    """The lineage of everything has volumes, their snapshots, and what was created from them; who is alone is left out."""
    _family(sim)
    plot = cl.plot.lineage()
    rows = plot.frame[["kind", "name", "relation", "level"]].to_numpy().tolist()
    assert rows == [
        ["volume", "db", "origin", 0],
        ["snapshot", "before", "snapshot of", 1],
        ["volume", "copy", "created from", 2],
        ["volume", "twin", "clone of", 3],
    ]
    assert plot.frame["parent_id"].tolist()[1:] == plot.frame.index.tolist()[:3]
    assert plot.mermaid.splitlines() == [
        "flowchart LR",
        '    n0["db<br/>10 GiB  #10003; available"]',
        "    n0 --> n1",
        '    n1(["before<br/>10 GiB  #10003; available"])',
        "    n1 --> n2",
        '    n2["copy<br/>10 GiB  #10003; available"]',
        "    n2 -.->|clone| n3",
        '    n3["twin<br/>10 GiB  #10003; available"]',
    ]
    assert plot._repr_mimebundle_() == {"text/plain": repr(plot), MERMAID: plot.mermaid}
    assert plot._repr_mimebundle_(include={MERMAID}) == {MERMAID: plot.mermaid}
    _svg(plot)


def test_a_lineage_of_one_goes_up_and_down(sim: cl.Backend) -> None:
    """The lineage of a volume has the line that it came by, and all that came from it, but not its origin's other children."""
    copy = _family(sim)
    origin = cl.Volume.get_by_name("db")[0]
    origin.clone(name="cousin")
    assert cl.plot.lineage(copy).frame["name"].tolist() == ["db", "before", "copy", "twin"]
    assert cl.plot.lineage(origin).frame["name"].tolist() == ["db", "before", "copy", "twin", "cousin"]
    assert cl.plot.lineage(origin.snapshots[0]).frame["name"].tolist() == ["db", "before", "copy", "twin"]
    alone = cl.Volume.get_by_name("alone")[0]
    assert cl.plot.lineage(alone).frame["name"].tolist() == ["alone"]
    with pytest.raises(cl.errors.InvalidInput, match="lineage"):
        cl.plot.lineage("db")
    alone.delete()
    with pytest.raises(cl.errors.NotFound, match="not tracked"):
        cl.plot.lineage(alone)


def test_a_source_that_is_gone_keeps_its_name(sim: cl.Backend) -> None:
    """A source that was deleted is in the lineage under the name that the history has."""
    origin = sim.create_volume(1, "origin")
    origin.clone(name="first")
    origin.clone(name="second")
    origin.delete()
    assert cl.plot.lineage().frame[["name", "status"]].to_numpy().tolist() == [
        ["origin", "deleted"],
        ["first", "available"],
        ["second", "available"],
    ]


def test_a_lineage_says_what_it_leaves_out(session: cl.Session) -> None:
    """A lineage has at most as many resources as its limit, and says how many more it knows of."""
    fill(session.store, volumes=30, snapshots=2)
    plot = cl.plot.lineage()
    assert len(plot.frame) == 60
    assert repr(plot).endswith("\n30 more are left out, and what came from them. limit=240 shows more.")
    assert "#10003;" in plot.mermaid
    _svg(plot)
    assert len(cl.plot.lineage(limit=90).frame) == 90
    assert "left out" not in repr(cl.plot.lineage(limit=90))
    roots = cl.plot.lineage(limit=10)
    assert len(roots.frame) == 10
    assert "40 more" in repr(roots)
    for limit in (0, 501, "many"):
        with pytest.raises(cl.errors.InvalidInput, match="limit"):
            cl.plot.lineage(limit=limit)


def test_a_diagram_that_mermaid_refuses_is_not_offered(session: cl.Session) -> None:
    """A diagram that is too long for Mermaid is not shown as one; the picture is."""
    fill(session.store, volumes=200, snapshots=1)
    with session.store.writing() as connection:
        connection.execute(sa.update(cl.Volume).values(name='"' * 255))
    assert list(cl.plot.lineage(limit=400)._repr_mimebundle_()) == ["text/plain"]
    assert list(cl.plot.lineage()._repr_mimebundle_()) == ["text/plain", MERMAID]


def test_a_lineage_of_a_backend(session: cl.Session) -> None:
    """A backend limits the lineage to its volumes."""
    for backend in ("one", "two"):
        fill(session.store, volumes=2, snapshots=1, backend=backend)
    assert set(cl.plot.lineage(backend="one").frame["backend"]) == {"one"}


def test_names_from_storage_are_text(sim: cl.Backend, recwarn: pytest.WarningsRecorder) -> None:
    """A name is neither HTML, nor mathematics, nor Mermaid, nor an escape sequence, and what no font has is no warning."""
    volume = sim.create_volume(1, HOSTILE)
    volume.create_snapshot(name=HOSTILE)
    for plot in (cl.plot.lineage(), cl.plot.timeline(), cl.plot.latency(), cl.plot.capacity()):
        assert "\x1b" not in repr(plot)
        assert all(line.isprintable() for line in repr(plot).splitlines())
        svg = _svg(plot)
        assert "onerror=alert(1)>" not in svg.replace("<!--", "").replace("-->", "")
        assert "<img" not in svg
    mermaid = cl.plot.lineage().mermaid
    assert "#60;img src#61;x onerror#61;alert#40;#8230;<br/>" in mermaid
    assert not set("()<>`").intersection(mermaid.replace("<br/>", "").replace("([", "").replace("])", "").replace("-->", ""))
    assert [str(warning.message) for warning in recwarn.list] == []


def test_a_comment_of_the_svg_cannot_be_ended(sim: cl.Backend) -> None:
    """Matplotlib writes texts as comments into the SVG, too; a name that ends a comment does not end it."""
    sim.create_volume(1, "--><script>alert(1)</script>").create_snapshot()
    svg = _svg(cl.plot.lineage())
    root = ET.fromstring(svg)  # noqa: S314 - our own
    assert not [element for element in root.iter() if str(element.tag).endswith("script")]


def test_without_matplotlib_the_text_is_there(sim: cl.Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without matplotlib a plot is its text, with one line that says what to install."""
    sim.create_volume(1)
    plot = cl.plot.latency()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert repr(plot) == f"{plot.text()}\n{NEEDS_MATPLOTLIB}"
    assert plot._repr_svg_() is None
    with pytest.raises(cl.errors.Refused, match="pip install matplotlib"):
        _ = plot.figure


def test_a_figure_can_be_changed_and_saved(sim: cl.Backend, tmp_path: Path) -> None:
    """The figure is drawn once, and saves itself like any of matplotlib's."""
    sim.create_volume(1)
    plot = cl.plot.latency()
    plot.figure.savefig(tmp_path / "latency.png")
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG")
    assert plot.figure is plot.figure


@pytest.mark.lane("slow")
def test_matplotlib_is_loaded_for_a_picture_alone(tmp_path: Path) -> None:
    """A terminal's text loads no matplotlib; a picture loads no pyplot, and changes no setting of matplotlib."""
    code = """
import json, sys, cl_notebook as cl
cl.setup(store="memory")
backend = cl.Backend("sim", volume_driver="sim", path=sys.argv[1])
backend.create_volume(1).create_snapshot()
plots = [cl.plot.capacity(), cl.plot.latency(), cl.plot.timeline(), cl.plot.lineage()]
texts = [plot._repr_mimebundle_() for plot in plots]
early = "matplotlib" in sys.modules
import matplotlib
before = matplotlib.rcParams.copy()
pictures = [plot._repr_svg_() for plot in plots]
print(json.dumps([early, "matplotlib.pyplot" in sys.modules, matplotlib.rcParams.copy() == before]))
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [False, False, True]
