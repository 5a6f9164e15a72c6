"""Tracked objects stay in their session: copies are refused in one line, and what is plain data is copied right."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import cinderlib, errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_WAYS = [copy.copy, copy.deepcopy, pickle.dumps, lambda thing: copy.deepcopy({"nested": [thing]})]


@pytest.fixture(params=_WAYS, ids=["copy", "deepcopy", "pickle", "nested"])
def way(request: pytest.FixtureRequest) -> Callable[[object], object]:
    """Give each way to copy an object."""
    found: Callable[[object], object] = request.param
    return found


@pytest.mark.parametrize("store_url", ["memory"], indirect=True)
def test_a_tracked_object_is_not_copied(sim: cl.Backend, way: Callable[[object], object]) -> None:
    """A copy of any tracked object is TypeError, in one line that names its document and how to find it."""
    volume = sim.create_volume(1, "db")
    snapshot = volume.create_snapshot("s")
    for resource in (sim, volume, snapshot, volume.connect({"host": "h", "initiator": "iqn.x"})):
        with pytest.raises(
            TypeError, match=rf"cannot be copied .*{resource.kind}\.dumps.* cl\.find\('{resource.id}'\)"
        ) as caught:
            way(resource)
        assert "\n" not in str(caught.value)
    snapshot.delete()
    with pytest.raises(TypeError, match="cannot be copied"):
        way(snapshot)
    with pytest.raises(TypeError, match="cannot be copied"):
        way(cl.Volume.load(volume.dumps))
    assert [each.name for each in sim.volumes] == ["db"]


@pytest.mark.parametrize("store_url", ["memory"], indirect=True)
def test_a_session_and_an_operation_are_not_copied(session: cl.Session, way: Callable[[object], object]) -> None:
    """A copy of a session, of a row of the history, and of what holds a session is TypeError, and says what to do."""
    with pytest.raises(TypeError, match=r"cl\.Session\(session\.settings\)"):
        way(session)
    with pytest.raises(TypeError, match=r"cl\.frames\.operations"):
        way(cl.Operation())


def test_a_resource_of_cinderlibs_is_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Callable[[object], object]
) -> None:
    """A copy of a resource under cinderlib's names, also of one that was not created yet, is TypeError."""
    monkeypatch.setattr(cinderlib.Backend, "global_initialization", False)
    cinderlib.setup()
    backend = cinderlib.Backend(volume_driver="sim", volume_backend_name="sim", path=str(tmp_path / "sim"))
    volume = backend.create_volume(1, name="db")
    for one in (backend, volume, volume._ovo, cinderlib.Volume(backend, size=1)):
        with pytest.raises(TypeError, match="cannot be copied"):
            way(one)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])  # noqa: S301 - its own
def test_a_key_value_pair_is_copied(session: cl.Session, way: Callable[[cl.KeyValue], cl.KeyValue]) -> None:
    """A copied key-value pair is an equal pair of its own, which can be changed and saved."""
    pair = cl.KeyValue.set("rack", "b7", session=session)
    twin = way(pair)
    assert (twin, type(twin)) == (pair, cl.KeyValue)
    twin.value = "b8"
    twin.save()
    assert (pair.value, cl.KeyValue.get("rack")) == ("b7", twin)


_ERRORS: list[tuple[BaseException, dict[str, Any]]] = [
    (errors.OutcomePending("kept", 7), {"operation": 7}),
    (errors.StillRunning("goes on", 8), {"operation": 8}),
    (errors.Ambiguous("several", ["a", "b"]), {"candidates": ("a", "b")}),
    (
        errors.StorageFull("full", driver="lab", call="create_volume", no_side_effects=True),
        {"driver": "lab", "no_side_effects": True},
    ),
    (errors.CleanupIncomplete("left", None), {"report": None}),
    (errors.HostUnreachable("away", no_side_effects=True), {"no_side_effects": True}),
]


@pytest.mark.parametrize(("error", "beside"), _ERRORS, ids=lambda each: type(each).__name__)
def test_an_error_crosses_processes(error: BaseException, beside: dict[str, Any]) -> None:
    """A pickled error has its class, its words and what stands beside them."""
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - as above
    assert (type(again), str(again)) == (type(error), str(error))
    assert {name: getattr(again, name) for name in beside} == beside


def test_an_error_that_names_a_resource_crosses_processes(sim: cl.Backend) -> None:
    """An error that holds a tracked object, as cinderlib's do, is pickled with what that shows."""
    error = errors.NotFound("gone")
    error.resource = sim  # type: ignore[attr-defined] # cinderlib's
    assert pickle.loads(pickle.dumps(error)).resource == repr(sim)  # noqa: S301 - as above


def _find(settings: Any, volume_id: str) -> str:
    with cl.Session(settings) as session:
        return str(session.find(volume_id).name)


def test_another_process_finds_a_resource_by_its_id(tmp_path: Path) -> None:
    """What the message advises works: settings and an id go to another process, and the volume is found there."""
    with cl.Session(tmp_path / "s.db") as session:
        sim = session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
        volume = sim.create_volume(1, "db")
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.apply(_find, (session.settings, volume.id)) == "db"
