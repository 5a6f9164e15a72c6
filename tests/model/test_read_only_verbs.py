"""A read-only session refuses every act before anything happens; every public verb is walked, so that none can be forgotten."""

from __future__ import annotations

import inspect
import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CONNECTOR = {"host": "web1", "ip": "127.0.0.1", "initiator": "iqn.2026-01.test:web1"}


class Filled:
    """One of everything in a store that may only be looked at, and what would be done to it."""

    def __init__(self, session: cl.Session, documents: dict[str, str], folder: Path) -> None:
        """Find it all."""
        self.session = session
        self.documents = documents
        self.folder = folder
        self.lab = session.backend("lab")
        self.vol = session.find("db")
        self.snap = session.find("kept")
        self.conn = self.vol.connections[0]

    def edited(self, resource: Any) -> Any:
        """Return the resource with something to save."""
        resource.name = "another"
        return resource


ACTS: dict[str, Callable[[Filled], object]] = {
    "Backend.create_volume": lambda it: it.lab.create_volume(1),
    "Backend.forget": lambda it: it.lab.forget(),
    "Backend.load": lambda it: cl.Backend.load(it.documents["Backend"], save=True),
    "Backend.manage": lambda it: it.lab.manage("ghost"),
    "Backend.save": lambda it: it.lab.save(),
    "Backend.write": lambda it: it.lab.write({}),
    "Backend.set_persistence": lambda it: cl.Backend.set_persistence(
        {"storage": "db", "connection": f"sqlite:///{it.folder / 'empty.db'}"}
    ),
    "Connection.attach": lambda it: it.conn.attach(),
    "Connection.attach_device": lambda it: it.conn.attach_device(),
    "Connection.detach": lambda it: it.conn.detach(),
    "Connection.disconnect": lambda it: it.conn.disconnect(force=True),
    "Connection.extend_device": lambda it: it.conn.extend_device(),
    "Connection.load": lambda it: cl.Connection.load(it.documents["Connection"], save=True),
    "Connection.make": lambda it: cl.Connection.make(it.vol, _CONNECTOR),
    "Connection.open": lambda it: it.conn.open(),
    "Connection.record": lambda it: cl.Connection.record(it.vol, _CONNECTOR, {}),
    "Connection.revoke": lambda it: it.conn.revoke(force=True),
    "Connection.release": lambda it: it.conn.release(force=True),
    "Connection.save": lambda it: it.conn.save(),
    "Connection.write": lambda it: it.conn.write({}),
    "KeyValue.load": lambda it: cl.KeyValue.load(it.documents["KeyValue"], save=True),
    "KeyValue.delete": lambda _it: cl.KeyValue.delete("rack"),
    "KeyValue.save": lambda _it: cl.KeyValue("rack", "b8").save(),
    "KeyValue.set": lambda _it: cl.KeyValue.set("rack", "b8"),
    "Session.backend": lambda it: it.session.backend("new", volume_driver="sim", path=str(it.folder / "new")),
    "Session.open_backend": lambda it: it.session.open_backend("lab", {"volume_driver": "sim", "path": "/x"}, replace=True),
    "Session.move_to": lambda it: it.session.move_to(str(it.folder / "empty.db")),
    "Snapshot.adopt": lambda it: cl.Snapshot.adopt(it.vol, {"source-name": "ghost"}, "ghost"),
    "Snapshot.create_volume": lambda it: it.snap.create_volume("copy"),
    "Snapshot.delete": lambda it: it.snap.delete(),
    "Snapshot.load": lambda it: cl.Snapshot.load(it.documents["Snapshot"], save=True),
    "Snapshot.make": lambda it: cl.Snapshot.make(it.vol, {}),
    "Snapshot.revert": lambda it: it.snap.revert(),
    "Snapshot.protect": lambda it: it.snap.protect(),
    "Snapshot.unprotect": lambda it: it.snap.unprotect(),
    "Snapshot.save": lambda it: it.edited(it.snap).save(),
    "Snapshot.write": lambda it: it.snap.write({}),
    "Snapshot.unmanage": lambda it: it.snap.unmanage(),
    "Volume.attach": lambda it: it.vol.attach(),
    "Volume.cleanup": lambda it: it.vol.cleanup(force=True),
    "Volume.clone": lambda it: it.vol.clone("copy"),
    "Volume.connect": lambda it: it.vol.connect(_CONNECTOR),
    "Volume.create_snapshot": lambda it: it.vol.create_snapshot("s"),
    "Volume.delete": lambda it: it.vol.delete(cascade=True, force=True),
    "Volume.detach": lambda it: it.vol.detach(force=True),
    "Volume.disconnect": lambda it: it.vol.disconnect(it.conn, force=True),
    "Volume.extend": lambda it: it.vol.extend(9),
    "Volume.load": lambda it: cl.Volume.load(it.documents["Volume"], save=True),
    "Volume.manage_snapshot": lambda it: it.vol.manage_snapshot("ghost"),
    "Volume.retype": lambda it: it.vol.retype({"a": "b"}),
    "Volume.revert": lambda it: it.vol.revert(it.snap),
    "Volume.protect": lambda it: it.vol.protect(),
    "Volume.unprotect": lambda it: it.vol.unprotect(),
    "Volume.save": lambda it: it.edited(it.vol).save(),
    "Volume.write": lambda it: it.vol.write({}),
    "Volume.unmanage": lambda it: it.vol.unmanage(),
    "cl.empty_trash": lambda _it: cl.empty_trash(),
    "cl.undo": lambda _it: cl.undo(),
    "cl.scratch": lambda _it: cl.scratch().__enter__(),
    "cl.import_cinderlib": lambda it: cl.import_cinderlib(f"sqlite:///{it.folder / 'store.db'}"),
    "cl.load": lambda it: cl.load(json.loads(it.documents["all"]), save=True),
}
"""What is done by each verb that acts; a new one has its line here, or below."""

LOOKS = {
    *("after_creation", "after_deletion", "as_data", "get_by_id", "get_by_name", "label", "refresh", "summary"),
    *("to_dict", "to_json", "to_jsons", "validate"),
    *("Backend.close", "Backend.list_supported_drivers", "Backend.log", "Backend.manageable_snapshots"),
    *("Backend.manageable_volumes", "Backend.stats", "Backend.volumes_filtered"),
    *("KeyValue.all", "KeyValue.get"),
    *("Session.close", "Session.close_backend", "Session.driver", "Session.find", "Session.get", "Session.get_open"),
    *("Session.host_at", "Session.is_confirmed", "Session.reopened", "Session.secrets"),
    *("Connection.refuse_if_not_typed", "Volume.refuse_if_in_use", "Session.backup", "cl.backup"),
    *("cl.default_session", "cl.dump", "cl.dumps", "cl.find", "cl.get_connector_properties", "cl.json", "cl.jsons"),
    *("cl.demo", "cl.doctor", "cl.each", "cl.status"),
    *("cl.list_supported_drivers", "cl.load_ipython_extension", "cl.setup", "cl.tree", "cl.unload_ipython_extension"),
}
"""Verbs that look, or that concern this kernel alone."""

_CLASSES = (cl.Backend, cl.Volume, cl.Snapshot, cl.Connection, cl.KeyValue, cl.Session)


def _verbs() -> Iterator[str]:
    """Give the name of every public verb."""
    for cls in _CLASSES:
        names = sorted({name for base in cls.__mro__ for name in vars(base)})  # dir() leaves out those for other modules
        for name, static in ((name, inspect.getattr_static(cls, name)) for name in names):
            if not name.startswith("_") and isinstance(static, (classmethod, staticmethod)) | inspect.isfunction(static):
                yield f"{cls.__name__}.{name}"
    yield from (f"cl.{name}" for name in cl.__all__ if inspect.isfunction(getattr(cl, name)))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with one of everything in it, which every test leaves as it is."""
    folder = tmp_path_factory.mktemp("read-only")
    path = folder / "store.db"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CL_NOTEBOOK_DATA", str(folder / "data"))
        with cl.setup(path):
            lab = cl.Backend("lab", volume_driver="sim", path=str(folder / "lab"))
            vol = lab.create_volume(1, "db")
            vol.create_snapshot("kept")
            vol.connect(_CONNECTOR)
            cl.KeyValue.set("rack", "b7")
            lab.driver.appear("ghost", 1)  # type: ignore[attr-defined] # the simulator's
            documents = {type(each).__name__: each.to_jsons() for each in (lab, vol, vol.snapshots[0], vol.connections[0])}
            documents["KeyValue"] = cl.KeyValue.get("rack").to_jsons().replace("rack", "shelf")  # type: ignore[union-attr] # it is there
            documents["all"] = cl.dumps()
            for each in (lab, vol, vol.snapshots[0], vol.connections[0]):  # of others, which are not tracked yet
                new = str(uuid.uuid4())
                documents = {kind: text.replace(each.id, new) for kind, text in documents.items()}
            documents = {kind: text.replace('"lab"', '"another"') for kind, text in documents.items()}
            (folder / "all.json").write_text(json.dumps(documents))
            cl.Session(folder / "empty.db").close()
    return path


@pytest.fixture(params=["argument", "environment"])
def filled(request: pytest.FixtureRequest, store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Filled]:
    """Give everything, in a read-only session: by its argument, or by the environment."""
    if request.param == "environment":
        monkeypatch.setenv("CL_NOTEBOOK_READ_ONLY", "1")
    with cl.setup(store, read_only=True if request.param == "argument" else None) as session:
        yield Filled(session, json.loads((store.parent / "all.json").read_text()), store.parent)


def test_every_verb_is_known() -> None:
    """Each public verb of the model, of sessions and of the module stands among those that act or those that look."""
    strange = {verb for verb in _verbs() if verb not in {*ACTS, *LOOKS} and verb.partition(".")[2] not in LOOKS}
    assert strange == set()
    assert set(ACTS) <= set(_verbs())


_BY_OTHER_WORDS = {"Volume.manage_snapshot", "Volume.retype", "Snapshot.adopt", "Snapshot.unmanage", "Connection.open"}
"""Verbs that something else stands in the way of here, too: no device, or a driver that has no such verb."""


@pytest.mark.parametrize("verb", sorted(ACTS))
def test_every_act_is_refused(filled: Filled, store: Path, verb: str) -> None:
    """No act changes a byte of the store or calls the storage, and each says that the session is read-only."""
    before, calls = store.read_bytes(), len(filled.lab.driver.calls())  # type: ignore[attr-defined] # the simulator's
    allowed = (cl.errors.ReadOnly, cl.errors.Error) if verb in _BY_OTHER_WORDS else cl.errors.ReadOnly
    with pytest.raises(allowed) as caught:
        ACTS[verb](filled)
    assert "\n" not in str(caught.value)
    driver = filled.session.driver(filled.lab)
    assert len(driver.calls()) == calls  # type: ignore[attr-defined] # as above
    assert store.read_bytes() == before
