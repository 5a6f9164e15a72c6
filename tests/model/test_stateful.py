"""Random sequences of acts from two sessions on one store, on a storage that fails: nothing drifts from a plain model."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import cl_notebook as cl
from cl_notebook import errors
from tests.model import reference
from tests.model.reference import HOST, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cl_notebook.model.base import Tracked

EXAMPLES = int(os.environ.get("CL_NOTEBOOK_SEQUENCES", "0"))
"""Sequences to run, each time others; 0 is those few that are the same each time."""

_FEW, _STEPS = settings().max_examples * 7 // 10, 40

_WHICH = st.integers(0, 999)
_WHO = st.integers(0, 1)
_SIZES = st.integers(1, 3)
_NAMES = st.sampled_from(["db", "logs", "a'b <b>", ""])
_FAILING = (
    *("create_volume", "create_volume_from_snapshot", "create_cloned_volume", "extend_volume", "delete_volume"),
    *("create_snapshot", "delete_snapshot", "revert_to_snapshot", "create_export", "ensure_export", "remove_export"),
    *("initialize_connection", "terminate_connection", "manage_existing_get_size", "manage_existing", "unmanage"),
)
_FAULT = st.builds(
    "{}:{}:{}".format,
    st.sampled_from(_FAILING),
    st.sampled_from(["1", "2", "3-4", "2-3", "5"]),
    st.sampled_from(["DriverError", "crash", "lost"]),
)


class Machine(RuleBasedStateMachine):
    """The two sessions, and the model."""

    empty: ClassVar[Path]
    """A new store, to be copied: making one takes longer than a sequence."""

    @initialize(faults=st.lists(_FAULT, min_size=4, max_size=16))
    def start(self, faults: list[str]) -> None:
        """Begin on an empty store and an empty storage."""
        self.folder = Path(tempfile.mkdtemp(dir=self.empty.parent))
        self.store = self.folder / "store.db"
        shutil.copyfile(self.empty, self.store)
        plan = ",".join(faults)
        self.model = Reference(plan)
        self.sessions = [cl.Session(self.store, host=HOST) for _ in range(2)]
        self.lab = self.sessions[0].backend(
            "lab", volume_driver="sim", path=self.folder / "lab", capacity=float(reference.CAPACITY), faults=plan
        )
        self.sessions[1].backend("lab")
        self.held: list[dict[str, Any]] = [{}, {}]
        self.gone: list[list[Any]] = [[], []]
        self.in_line = [True, True]
        self.edits: list[dict[str, tuple[str, bool]]] = [{}, {}]
        self.versions: dict[str, int] = {}
        self.appeared = self.edited = 0

    def teardown(self) -> None:
        """Remove everything, as if the storage had recovered, and let go."""
        if not hasattr(self, "sessions"):
            return
        self._finish()
        for session in self.sessions:
            session.close()
        shutil.rmtree(self.folder)

    def _finish(self) -> None:
        last = self.sessions[0].backend("lab", volume_driver="sim", path=self.folder / "lab", faults="", replace=True)
        report = cl.inventory.plan_cleanup(self.sessions[0], all=True).run()
        assert set(report["outcome"]) <= {"done"}, report["detail"].to_list()
        assert self._rows("SELECT id FROM volume UNION SELECT id FROM snapshot UNION SELECT id FROM connection") == []
        last.forget()

    # -- acts ---------------------------------------------------------------------------------------------------------------

    @rule(who=_WHO, name=_NAMES, size=_SIZES)
    def create(self, who: int, name: str, size: int) -> None:
        """Make a volume."""
        backend = self.sessions[who].backends["lab"]
        self._both(who, lambda: backend.create_volume(size, name), lambda new: self.model.create(new, name, size))

    @precondition(lambda self: self.model.volumes)
    @rule(who=_WHO, which=_WHICH, name=_NAMES, size=_SIZES)
    def clone(self, who: int, which: int, name: str, size: int) -> None:
        """Clone a volume."""
        source, volume = self._volume(who, which)
        self._both(who, lambda: volume.clone(name, size=size), lambda new: self.model.clone(new, name, size, source))

    @precondition(lambda self: self.model.volumes)
    @rule(who=_WHO, which=_WHICH, name=_NAMES)
    def take_snapshot(self, who: int, which: int, name: str) -> None:
        """Take a snapshot."""
        source, volume = self._volume(who, which)
        self._both(who, lambda: volume.create_snapshot(name), lambda new: self.model.create_snapshot(new, name, source))

    @precondition(lambda self: self.model.snapshots)
    @rule(who=_WHO, which=_WHICH, name=_NAMES, size=_SIZES)
    def restore(self, who: int, which: int, name: str, size: int) -> None:
        """Make a volume from a snapshot."""
        source, snapshot = self._snapshot(who, which)
        self._both(
            who,
            lambda: snapshot.create_volume(name, size=size),
            lambda new: self.model.create_from_snapshot(new, name, size, source),
        )

    @precondition(lambda self: self.model.volumes)
    @rule(who=_WHO, which=_WHICH, size=_SIZES)
    def extend(self, who: int, which: int, size: int) -> None:
        """Grow a volume; on an object that is out of date that is refused, and the object is right then."""
        row, volume = self._volume(who, which)
        if volume.version == self._version(row.id):
            self._both(who, lambda: volume.extend(size), lambda _new: self.model.extend(row, size))
            return
        try:
            volume.extend(size)
        except errors.ChangedElsewhere:
            assert (volume.size, volume.status) == (row.size, row.status)
        except (errors.InvalidInput, errors.InvalidStatus):
            pass
        else:
            pytest.fail("it was out of date")

    @precondition(lambda self: self.model.snapshots)
    @rule(who=_WHO, which=_WHICH)
    def revert(self, who: int, which: int) -> None:
        """Revert a volume to a snapshot."""
        row, snapshot = self._snapshot(who, which)
        self._both(who, snapshot.revert, lambda _new: self.model.revert(row))

    @precondition(lambda self: self.model.volumes)
    @rule(who=_WHO, which=_WHICH, cascade=st.booleans())
    def delete(self, who: int, which: int, *, cascade: bool) -> None:
        """Delete a volume."""
        row, volume = self._volume(who, which)
        self._both(who, lambda: volume.delete(cascade=cascade), lambda _new: self.model.delete(row, cascade=cascade))

    @precondition(lambda self: self.model.snapshots)
    @rule(who=_WHO, which=_WHICH)
    def delete_snapshot(self, who: int, which: int) -> None:
        """Delete a snapshot."""
        row, snapshot = self._snapshot(who, which)
        self._both(who, snapshot.delete, lambda _new: self.model.delete_snapshot(row))

    @precondition(lambda self: self.model.volumes)
    @rule(who=_WHO, which=_WHICH, host=st.sampled_from([HOST, "node1"]))
    def connect(self, who: int, which: int, host: str) -> None:
        """Let a host in."""
        row, volume = self._volume(who, which)
        self._both(who, lambda: volume.connect({"host": host}), lambda new: self.model.connect(new, row, host))

    @precondition(lambda self: self.model.volumes)
    @rule(who=_WHO, which=_WHICH)
    def attach(self, who: int, which: int) -> None:
        """Attach a volume."""
        row, volume = self._volume(who, which)
        self._both(who, volume.attach, lambda new: self.model.attach(new, row))

    @precondition(lambda self: self.model.volumes)
    @rule(who=_WHO, which=_WHICH)
    def detach(self, who: int, which: int) -> None:
        """Detach a volume."""
        row, volume = self._volume(who, which)
        self._both(who, volume.detach, lambda _new: self.model.detach(row))

    @precondition(lambda self: self.model.volumes)
    @rule(who=_WHO, which=_WHICH)
    def clean_up(self, who: int, which: int) -> None:
        """Remove all connections of a volume."""
        row, volume = self._volume(who, which)
        self._both(who, volume.cleanup, lambda _new: self.model.cleanup(row))

    @precondition(lambda self: self.model.connections)
    @rule(who=_WHO, which=_WHICH)
    def disconnect(self, who: int, which: int) -> None:
        """Shut a host out."""
        row, connection = self._connection(who, which)
        self._both(who, connection.disconnect, lambda _new: self.model.disconnect(row))

    @precondition(lambda self: self.model.connections)
    @rule(who=_WHO, which=_WHICH)
    def attach_connection(self, who: int, which: int) -> None:
        """Attach over a connection of this host."""
        row, connection = self._connection(who, which)
        if row.host == HOST:
            self._both(who, connection.attach, lambda _new: self.model.attach_connection(row))

    @precondition(lambda self: self.model.storage.volumes)
    @rule(who=_WHO, which=_WHICH)
    def manage(self, who: int, which: int) -> None:
        """Adopt what is on the storage, tracked or not."""
        names = list(self.model.storage.volumes)  # not sorted: ids are different each time
        strays = [name for name in names if all(row.name_in_storage != name for row in self.model.volumes.values())]
        name = _one_of(strays if which % 4 and strays else names, which)
        backend = self.sessions[who].backends["lab"]
        self._both(who, lambda: backend.manage(name), lambda new: self.model.manage(new, name))

    @precondition(lambda self: self.model.volumes)
    @rule(who=_WHO, which=_WHICH)
    def unmanage(self, who: int, which: int) -> None:
        """Release a volume."""
        row, volume = self._volume(who, which)
        self._both(who, volume.unmanage, lambda _new: self.model.unmanage(row))

    @rule(size=_SIZES)
    def appear(self, size: int) -> None:
        """Let somebody else make a volume on the storage."""
        self.appeared += 1
        name = f"theirs-{self.appeared}"
        self.lab.driver.appear(name, size)  # type: ignore[attr-defined] # the simulator's
        self.model.storage.volumes[name] = size

    @precondition(lambda self: self.model.storage.volumes)
    @rule(which=_WHICH, size=st.none() | _SIZES)
    def haunt(self, which: int, size: int | None) -> None:
        """Let somebody else resize or remove a volume on the storage that no host is connected to."""
        storage = self.model.storage
        name = _one_of(list(storage.volumes), which)
        if any(volume == name for volume, _ in storage.connections):
            return
        driver: Any = self.lab.driver
        if size is None:
            driver.vanish(name)
            del storage.volumes[name]
        else:
            driver.resize(name, size)
            storage.volumes[name] = size

    @rule(who=_WHO)
    def scan(self, who: int) -> None:
        """Compare a scan with the model."""
        found = cl.inventory.findings(self.sessions[who])
        assert {(each.id if each.kind == "connection" else each.name_in_storage, each.verdict) for each in found} == (
            self.model.verdicts()
        )

    # -- objects ------------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.model.volumes)
    @rule(who=_WHO, which=_WHICH)
    def edit(self, who: int, which: int) -> None:
        """Set a name, and do not save it."""
        row, volume = self._volume(who, which)
        self.edited += 1
        name = f"edit {self.edited}"
        is_late = self.edits[who].get(row.id, ("", volume.version != self._version(row.id)))[1]
        volume.name = name
        self.edits[who][row.id] = (name, is_late)

    @precondition(lambda self: any(self.edits))
    @rule(who=_WHO, which=_WHICH)
    def save(self, who: int, which: int) -> None:
        """Save what was set: it is written, or refused if the row was changed elsewhere since."""
        ids = [each for each in self.edits[who] if each in self.model.volumes]
        if not ids:
            return
        row = self.model.volumes[_one_of(ids, which)]
        name, is_late = self.edits[who].pop(row.id)
        volume = self.held[who][row.id]
        try:
            volume.save()
        except errors.ChangedElsewhere:
            assert is_late
        else:
            assert not is_late
            row.name = name
            self._acted(who)
        assert volume.name == row.name

    @rule(who=_WHO)
    def look(self, who: int) -> None:
        """Refresh every object of a session, load every list, and compare them with the model."""
        for resource in [*self.held[who].values(), self.sessions[who].backends["lab"]]:
            resource.refresh()
            if resource.is_tracked:
                for name in resource.relations:
                    getattr(resource, name)
        self.edits[who].clear()
        self.in_line[who] = True

    @precondition(lambda self: any(self.gone))
    @rule(who=_WHO, which=_WHICH, act=st.sampled_from(["delete", "extend", "attach", "save", "refresh"]))
    def act_on_what_is_gone(self, who: int, which: int, act: str) -> None:
        """Try to do something with what was deleted: it is refused in words of ours, and nothing happens."""
        if not self.gone[who]:
            return
        resource = _one_of(self.gone[who], which)
        words = (9,) if act == "extend" else ()
        if not hasattr(resource, act):
            return
        try:
            getattr(resource, act)(*words)
        except (errors.Refused, errors.NotFound):
            return
        assert act == "refresh"

    @rule(who=_WHO)
    def reopen(self, who: int) -> None:
        """Let the kernel end, and another one begin."""
        self.sessions[who].close()
        self.sessions[who] = cl.Session(self.store, host=HOST)
        backend = self.sessions[who].backend("lab")
        if not who:
            self.lab = backend
        self.held[who], self.gone[who], self.edits[who], self.in_line[who] = {}, [], {}, True

    # -- what must be so ----------------------------------------------------------------------------------------------------

    @invariant()
    def nothing_drifts(self) -> None:
        """Compare store, storage and objects with the model."""
        if not hasattr(self, "model"):
            return
        self._compare_store()
        self._compare_storage()
        for who in range(2):
            if self.in_line[who]:
                self._compare_objects(who)

    def _compare_store(self) -> None:
        model = self.model
        assert set(self._rows("SELECT id, name, size, name_in_storage, status, attach_status FROM volume")) == {
            (row.id, row.name, row.size, row.name_in_storage, row.status, row.attach_status) for row in model.volumes.values()
        }
        assert set(self._rows("SELECT id, volume_id, name, volume_size, status FROM snapshot")) == {
            (row.id, row.volume_id, row.name, row.size, row.status) for row in model.snapshots.values()
        }
        connections = "SELECT id, volume_id, attach_status, conn_info IS NOT NULL, path IS NOT NULL FROM connection"
        assert set(self._rows(connections)) == {
            (row.id, row.volume_id, row.status, row.connected, row.attached) for row in model.connections.values()
        }
        assert self._rows("SELECT action FROM operation WHERE status = 'running'") == []

    def _compare_storage(self) -> None:
        storage = self.model.storage
        with closing(sqlite3.connect(self.folder / "lab" / ".cl_notebook" / "state.db")) as state:
            volumes = dict(state.execute("SELECT name, size / 1073741824 FROM volumes"))
            snapshots = dict(state.execute("SELECT name, size / 1073741824 FROM snapshots"))
            connections = set(state.execute("SELECT volume, id FROM connections"))
            counted = dict(state.execute("SELECT call, calls FROM counters"))
        assert (volumes, snapshots, connections) == (storage.volumes, storage.snapshots, storage.connections)
        assert {call: number for call, number in counted.items() if call in _FAILING} == dict(storage.counted)

    def _compare_objects(self, who: int) -> None:
        held = self.held[who]
        for resource_id, resource in list(held.items()):
            if not self._is_tracked(resource_id):
                assert resource.status == "deleted"
                self.gone[who].append(held.pop(resource_id))
                self.edits[who].pop(resource_id, None)
            else:
                self._compare_object(who, resource_id)
        self._compare_list(self.sessions[who].backends["lab"], "volumes", list(self.model.volumes))

    def _compare_object(self, who: int, resource_id: str) -> None:
        model, held = self.model, self.held[who][resource_id]
        if resource_id in model.volumes:
            row = model.volumes[resource_id]
            name = self.edits[who].get(resource_id, (row.name, 0))[0]
            assert (held.name, held.size, held.status, held.attach_status) == (name, row.size, row.status, row.attach_status)
            self._compare_list(held, "snapshots", [each.id for each in model.snapshots_of(row)])
            self._compare_list(held, "connections", [each.id for each in model.connections_of(row)])
        elif resource_id in model.snapshots:
            kept = model.snapshots[resource_id]
            assert (held.name, held.size, held.status) == (kept.name, kept.size, kept.status)
            assert held.volume.id == kept.volume_id
        else:
            let_in = model.connections[resource_id]
            assert (held.status, held.connected, held.attached) == (let_in.status, let_in.connected, let_in.attached)

    def _compare_list(self, owner: Tracked, name: str, ids: list[str]) -> None:
        if f"_loaded_{name}" in owner.__dict__:
            assert [each.id for each in getattr(owner, name)] == ids

    # -- how ----------------------------------------------------------------------------------------------------------------

    def _both(self, who: int, real: Callable[[], object], model: Callable[[str], object]) -> None:
        """Do the act and its model: both must end in the same way."""
        before, raised = self._ids(), None
        try:
            real()
        except errors.Error as error:
            raised = error
        new = self._ids() - before
        assert len(new) <= 1
        try:
            model(new.pop() if new else "none")
        except errors.Error as expected:
            assert type(raised) is type(expected), f"{raised!r} instead of {expected!r}"  # noqa: PT017 - both are compared
        else:
            assert raised is None, repr(raised)
        self._acted(who)

    def _acted(self, who: int) -> None:
        """Note that the other session is out of date, and that what it set on rows that were changed comes too late."""
        other, before = 1 - who, self.versions
        self.versions = dict(self._rows("SELECT id, version FROM volume"))
        self.in_line[other] = False
        for resource_id, (name, is_late) in self.edits[other].items():
            changed = self.versions.get(resource_id) != before.get(resource_id)
            self.edits[other][resource_id] = (name, is_late or changed)

    def _volume(self, who: int, which: int) -> tuple[reference.Volume, cl.Volume]:
        row = _one_of(list(self.model.volumes.values()), which)
        return row, self._object(who, cl.Volume, row.id)

    def _snapshot(self, who: int, which: int) -> tuple[reference.Snapshot, cl.Snapshot]:
        row = _one_of(list(self.model.snapshots.values()), which)
        return row, self._object(who, cl.Snapshot, row.id)

    def _connection(self, who: int, which: int) -> tuple[reference.Connection, cl.Connection]:
        row = _one_of(list(self.model.connections.values()), which)
        return row, self._object(who, cl.Connection, row.id)

    def _object(self, who: int, cls: type[Tracked], resource_id: str) -> Any:
        held = self.held[who]
        if resource_id not in held:
            held[resource_id] = self.sessions[who].get(cls, resource_id)
        return held[resource_id]

    def _is_tracked(self, resource_id: str) -> bool:
        model = self.model
        return resource_id in model.volumes or resource_id in model.snapshots or resource_id in model.connections

    def _ids(self) -> set[str]:
        return {
            row[0] for row in self._rows("SELECT id FROM volume UNION SELECT id FROM snapshot UNION SELECT id FROM connection")
        }

    def _version(self, resource_id: str) -> int:
        return int(self._rows("SELECT version FROM volume WHERE id = ?", resource_id)[0][0])

    def _rows(self, sql: str, *parameters: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.store)) as store:
            return store.execute(sql, parameters).fetchall()


def _one_of(listed: list[Any], which: int) -> Any:
    return listed[which % len(listed)]


@pytest.fixture(scope="module")
def _empty_store() -> Iterator[None]:
    """Give a new store to copy, in memory if that can be."""
    memory = Path("/dev/shm")  # noqa: S108 - what is made there has a name of its own
    with tempfile.TemporaryDirectory(prefix="stateful-", dir=memory if os.access(memory, os.W_OK) else None) as name:
        Machine.empty = Path(name) / "empty.db"
        cl.Session(Machine.empty).close()
        yield


TestSequences = Machine.TestCase
TestSequences.settings = settings(
    max_examples=EXAMPLES or _FEW,
    stateful_step_count=_STEPS,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    report_multiple_bugs=False,
)
TestSequences.pytestmark = [pytest.mark.usefixtures("_empty_store")]  # type: ignore[attr-defined] # pytest reads it
