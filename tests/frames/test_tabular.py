"""Frames as files, and frames whose words are typed."""

from __future__ import annotations

import copy
import json
import pickle
import uuid
from typing import TYPE_CHECKING

import pandas as pd

import cl_notebook as cl
from cl_notebook.frames import api
from cl_notebook.tabular import typed_frame

if TYPE_CHECKING:
    from pathlib import Path

_LISTS = ("volumes", "snapshots", "connections", "backends", "operations", "tree", "changes")


def _filled(sim: cl.Backend) -> cl.Volume:
    volume = sim.create_volume(size=1, name="=1+1", description="\x1b[2J", metadata={"owner": "lab"})
    volume.create_snapshot(name="before")
    sim.create_volume(size=2, name="plain").attach()
    return volume


def test_every_frame_is_written_to_parquet_and_excel(sim: cl.Backend, tmp_path: Path) -> None:
    """Each list, with dicts, empty ones and times, is written by to_parquet() and to_excel(), and is left as it is by that."""
    volume = _filled(sim)
    for name in _LISTS:
        frame = getattr(cl.frames, name)()
        frame.to_parquet(tmp_path / "frame.parquet")
        frame.to_excel(tmp_path / "frame.xlsx")
        assert len(pd.read_parquet(tmp_path / "frame.parquet")) == len(frame) > 0
    frame = cl.frames.volumes()
    frame.to_parquet(tmp_path / "volumes.parquet")
    stored = pd.read_parquet(tmp_path / "volumes.parquet")
    assert json.loads(str(stored.loc[volume.id, "metadata"])) == {"owner": "lab"}
    assert stored["created_at"][volume.id] == frame["created_at"][volume.id]
    assert frame.loc[volume.id, "metadata"] == {"owner": "lab"}


def test_plans_reports_and_scans_are_written_to_parquet_and_excel(sim: cl.Backend, tmp_path: Path) -> None:
    """A scan, a plan, its report, a repair of everything and what is on a storage are written, too."""
    _filled(sim)
    sim.driver.appear("ghost", 1)  # type: ignore[attr-defined] # the simulator's
    plan = cl.inventory.plan_cleanup()
    frames = [cl.inventory.scan(), plan.frame, cl.inventory.repair_all(), api.frame(sim.manageable_volumes()), plan.run()]
    for frame in frames:
        frame.to_parquet(tmp_path / "frame.parquet")
        frame.to_excel(tmp_path / "frame.xlsx")
        assert len(pd.read_parquet(tmp_path / "frame.parquet")) == len(frame)


def test_no_text_becomes_a_formula(sim: cl.Backend, tmp_path: Path) -> None:
    """In Excel a name that looks like a formula is text, and what a terminal would obey is written as escapes."""
    volume = _filled(sim)
    cl.frames.volumes().to_excel(tmp_path / "volumes.xlsx")
    read = pd.read_excel(tmp_path / "volumes.xlsx", index_col="id")
    assert read.loc[volume.id, "name"] == "'=1+1"
    assert read.loc[volume.id, "description"] == "\\x1b[2J"
    assert str(read["created_at"].dtype).startswith("datetime64")


def test_words_that_are_typed_are_shown_whole() -> None:
    """A path that is longer than the terminal is wide stands there whole, as text and as HTML."""
    path = "/" + "/".join(["a-long-folder"] * 10)
    frame = typed_frame({"setting": "string", "value": "string"}, [("store", path)], "setting")
    assert path in repr(frame)
    assert path in str(frame._repr_html_())


def test_a_list_stays_a_list_when_rows_are_chosen() -> None:
    """What is filtered, sorted or sliced from a list is shown as one, also after pickling and copying."""
    frame = typed_frame({"name": "string", "size": "Int64"}, [("a", 1), ("b", 2)])
    parts = [frame[frame["size"] > 1], frame.sort_values("name"), frame[1:], frame[["size"]], frame.head(1)]
    pickled = pickle.loads(pickle.dumps(frame))  # noqa: S301 - the test's own
    for part in (*parts, pickled, copy.deepcopy(frame)):
        assert "GiB" in repr(part)
    assert repr(frame[frame["size"] > 7]) == "No rows."


def test_what_is_computed_from_a_list_is_shown_by_pandas() -> None:
    """Sums of groups, counts, statistics, merged and turned frames are shown as pandas does: their numbers are no sizes."""
    frame = typed_frame({"name": "string", "size": "Int64"}, [("a", 1), ("b", 2)])
    computed = [
        frame.groupby("name").count(),
        frame.groupby("name").agg({"size": "sum"}),
        frame.describe(),
        frame.T,
        frame.isna(),
        frame.merge(frame, on="name"),
        pd.concat([frame, frame]),
        frame.pivot_table(index="name", values="size"),
    ]
    for result in computed:
        assert repr(result) == repr(pd.DataFrame(result))


def test_what_pandas_shows_has_no_control_characters() -> None:
    """Where pandas shows a frame, what is unprintable in a name is escaped, so that a terminal does not obey it."""
    frame = typed_frame({"name": "string"}, [("\x1b[2J\u202edb",)])
    for shown in (frame.T, frame.merge(frame, on="name"), pd.concat([frame, frame])):
        assert r"\x1b[2J\u202edb" in repr(shown)
        assert "\x1b" not in repr(shown)


def test_the_raw_frame_is_there() -> None:
    """to_html(), to_string(), to_csv() and style give what pandas gives for the same values."""
    frame = typed_frame({"id": "string", "size": "Int64"}, [(str(uuid.UUID(int=1)), 1)], "id")
    raw = pd.DataFrame(frame)
    assert (frame.to_html(), frame.to_string(), frame.to_csv()) == (raw.to_html(), raw.to_string(), raw.to_csv())
    assert frame.style.to_html(uuid="x") == raw.style.to_html(uuid="x")


def test_a_list_that_cannot_be_shown_is_shown_by_pandas() -> None:
    """If a cell cannot be formatted, or the columns have levels, the frame is shown as pandas does."""
    frame = typed_frame({"status": object}, [(object(),)])
    assert repr(frame) == repr(pd.DataFrame(frame))
    assert frame._repr_html_() == pd.DataFrame(frame)._repr_html_()  # type: ignore[operator] # not in the stubs
    frame.columns = pd.MultiIndex.from_tuples([("a", "b")])
    assert repr(frame) == repr(pd.DataFrame(frame))


def test_the_maker_of_a_list_knows_its_units() -> None:
    """Columns whose names do not tell have the unit that the frame was given; without an end, a capacity is infinite."""
    schema = {"pool": "string", "free": "float64", "median": "float64"}
    frame = typed_frame(schema, [("a", 2.5, 0.0123), ("b", float("inf"), 61)], units={"free": "GiB", "median": "s"})
    assert repr(pickle.loads(pickle.dumps(frame))[1:]).split() == ["pool", "free", "median", "b", "infinite", "1", "min"]  # noqa: S301 - the test's own
    assert "2.5 GiB   12 ms" in repr(frame)
