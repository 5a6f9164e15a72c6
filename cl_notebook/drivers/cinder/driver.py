"""A Cinder driver behind the Driver Protocol: every call goes to the child, and starts a new one if the last one died."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar

from cl_notebook import concurrency, errors, regular_files, settings
from cl_notebook.drivers.api import DriverEnvironment, no_progress
from cl_notebook.drivers.cinder import options as own_options
from cl_notebook.drivers.cinder import payloads
from cl_notebook.drivers.cinder.log import Log
from cl_notebook.drivers.cinder.process import WorkerProcess
from cl_notebook.drivers.errors import operation
from cl_notebook.drivers.filebased.manage import checked_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cl_notebook.drivers.api import (
        ConnectionData,
        ConnectionInfo,
        DriverContext,
        LogLine,
        ManageableSnapshot,
        ManageableVolume,
        ModelUpdate,
        Option,
        Progress,
        SnapshotData,
        Stats,
        VolumeData,
    )

MESSAGE = 1000
"""Entries that a message holds."""

PAGE = 100_000
"""Entries that a driver is asked for at once. Most make the whole list for each page of it, so that small pages cost most."""

_PATIENCE = 1.0
"""Seconds that an end waits for the child, which may be in a call that does not end."""

_NUMBERS = itertools.count(1)


def listed(child: WorkerProcess, name: str, method: str, known: Iterable[dict[str, Any]], timeout: float | None) -> Iterator[Any]:
    """Yield what the driver in *child* lists by *method*, given the *known* resources; *name* is the backend's.

    Raises:
        errors.DriverError: as :meth:`WorkerProcess.ask`.

    """
    what, before, page = f"{name}: {method}", next(_NUMBERS), next(_NUMBERS)
    try:
        child.ask("put", what, list=before, items=[])
        for part in _parts(known):
            child.ask("put", what, list=before, items=part)
        offset, first = 0, None
        while True:
            words = {"known": before, "list": page, "limit": PAGE, "offset": offset}
            count = int(child.ask("call", what, timeout, method=method, words=words)["value"])
            for number, entry in enumerate(_page_entries(child, what, page, count)):
                if not number and offset and entry == first:
                    return  # the driver gives all of it at once, however much it is asked for
                first = entry if not number and not offset else first
                yield entry
            if count != PAGE:
                return
            offset += count
    finally:
        for number in (before, page):
            with contextlib.suppress(errors.Error):
                child.ask("drop", what, _PATIENCE, list=number)


def _page_entries(child: WorkerProcess, what: str, number: int, count: int) -> Iterator[Any]:
    for _ in range(0, count, MESSAGE):
        yield from child.ask("take", what, list=number, limit=MESSAGE)


def _parts(items: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rest = iter(items)
    while part := list(itertools.islice(rest, MESSAGE)):
        yield part


_KEPT = ("volumes", "snapshots", "initiator_data")


class CinderDriver:
    """One backend on a driver of Cinder's, in a child of its own; see :func:`~cl_notebook.drivers.cinder.driver_class`.

    Creating is not idempotent, unlike what the Protocol asks: Cinder's drivers refuse what exists already. Deleting is.
    """

    path: ClassVar[str]
    python: ClassVar[str]
    release: ClassVar[str]
    declared: ClassVar[tuple[Option, ...]]
    class_features: ClassVar[Mapping[str, bool]]
    missing: ClassVar[tuple[str, ...]]
    """Python libraries that the driver would use, and that its Python does not have."""
    beside: ClassVar[frozenset[str]]
    """Options that Cinder has in ``[DEFAULT]``, beside the driver's own."""
    spare: ClassVar[list[WorkerProcess]]
    """The child that described the class, for the first driver of it."""
    uninterruptible: ClassVar[bool] = True
    """A call goes on when the kernel is interrupted, and its outcome comes later."""

    @classmethod
    def options(cls) -> tuple[Option, ...]:
        """Describe the options: ours, the driver's, and those that Cinder gives to every driver."""
        return cls.declared

    @classmethod
    def release_spare(cls) -> None:
        """Let the child go that described the class: nobody is about to open a driver of it."""
        while (child := _taken(cls.spare)) is not None:
            child.close()

    @classmethod
    def ask(cls, do: str, what: str, **words: Any) -> Any:  # noqa: ANN401 - plain data
        """Ask the child that described the class, or another one, about the class: *do* is what for.

        Raises:
            errors.DriverError: it cannot answer.

        """
        child = _taken(cls.spare)
        if child is None or not child.is_alive:
            child = WorkerProcess(cls.python)
        try:
            return child.ask(do, what, path=cls.path, **words)
        finally:
            cls.spare.append(child)

    def __init__(self, config: Mapping[str, Any], *, backend_name: str) -> None:
        """Keep the configuration; no process is started."""
        self._config = dict(config)
        self._name = backend_name
        self._timeout = min(float(self._config.get(own_options.TIMEOUT) or 0), threading.TIMEOUT_MAX) or None
        self._context: DriverContext | None = None
        self._environment = DriverEnvironment()
        self._child: WorkerProcess | None = None
        self._starting: WorkerProcess | None = None
        self._log = Log()
        self._lock = concurrency.lock()
        self._stats: Stats = {}
        self.features: Mapping[str, bool] = self.class_features

    @property
    def storage_protocol(self) -> str:
        """What the driver's statistics call its protocol."""
        return str(self._stats.get("storage_protocol", "")).lower()

    def bind(self, context: DriverContext) -> None:
        """Look up there what the driver asks for."""
        self._context = context
        self._environment = context.environment
        if not self._environment.keeps_log:
            self._log = Log(0)

    def setup(self) -> None:
        """Start the child and let the driver reach its storage; one that is there already is asked for its statistics.

        Raises:
            errors.DriverError: the driver's own words.
            errors.InvalidInput: an option's value is none for Cinder.

        """
        child = self._child
        if child is None or not child.is_alive:
            self._started()
        else:
            self.get_volume_stats(refresh=True)

    def close(self) -> None:
        """Let the child finish what it does, and end."""
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            child.close()

    def kill(self) -> None:
        """End the child at once, whatever it does: what it was doing is left half done."""
        starting = self._starting
        if starting is not None:
            starting.kill()  # whoever starts it has the lock
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            child.kill()

    def log_lines(self) -> list[LogLine]:
        """Return the last lines of the driver's log, the oldest first."""
        return self._log.lines()

    def get_volume_stats(self, *, refresh: bool = False) -> Stats:
        """Return what the driver says; capacities may be ``unknown`` or ``infinite``."""
        found: Stats = self._call("get_volume_stats", refresh=refresh)["value"]
        self._stats = found
        return found

    def create_volume(self, volume: VolumeData) -> ModelUpdate:
        """Make an empty volume."""
        checked_size(volume.size)
        return self._update("create_volume", volume=self._volume(volume))

    def create_volume_from_snapshot(
        self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress
    ) -> ModelUpdate:
        """Make a volume with the snapshot's bytes. Cinder's drivers do not say how far they are."""
        del progress
        checked_size(volume.size, snapshot.size)
        words = {"volume": self._volume(volume), "snapshot": self._snapshot(snapshot)}
        return self._update("create_volume_from_snapshot", **words)

    def create_cloned_volume(self, volume: VolumeData, source: VolumeData, progress: Progress = no_progress) -> ModelUpdate:
        """Make a volume with the source's bytes. Cinder's drivers do not say how far they are."""
        del progress
        checked_size(volume.size, source.size)
        return self._update("create_cloned_volume", volume=self._volume(volume), source=self._volume(source))

    def extend_volume(self, volume: VolumeData, new_size: int) -> None:
        """Grow the volume; some of Cinder's drivers would shrink it, and lose its end."""
        checked_size(new_size, volume.size)
        if volume.attach_status == "attached" and not self.features.get("extend_attached", True):
            msg = f"{self._name}: the driver cannot extend a volume while it is attached"
            raise errors.NotSupported(msg, no_side_effects=True)
        self._update("extend_volume", volume=self._volume(volume), new_size=new_size)

    def delete_volume(self, volume: VolumeData) -> None:
        """Remove the volume."""
        self._update("delete_volume", volume=self._volume(volume))

    def create_snapshot(self, snapshot: SnapshotData, progress: Progress = no_progress) -> ModelUpdate:
        """Keep the volume's bytes."""
        del progress
        return self._update("create_snapshot", snapshot=self._snapshot(snapshot))

    def delete_snapshot(self, snapshot: SnapshotData) -> None:
        """Remove the snapshot."""
        self._update("delete_snapshot", snapshot=self._snapshot(snapshot))

    def create_export(self, volume: VolumeData, connector: Mapping[str, Any]) -> ModelUpdate:
        """Offer the volume."""
        return self._update("create_export", volume=self._volume(volume), connector=dict(connector))

    def ensure_export(self, volume: VolumeData) -> ModelUpdate:
        """Offer the volume again."""
        return self._update("ensure_export", volume=self._volume(volume))

    def remove_export(self, volume: VolumeData) -> None:
        """Stop offering the volume."""
        self._update("remove_export", volume=self._volume(volume))

    def initialize_connection(self, volume: VolumeData, connection: ConnectionData) -> ConnectionInfo:
        """Let a host in."""
        words = {"volume": self._volume(volume), "connector": dict(connection.connector)}
        info: ConnectionInfo = self._call("initialize_connection", **words)["value"]
        return info

    def terminate_connection(self, volume: VolumeData, connection: ConnectionData) -> None:
        """Shut a host out."""
        self._update("terminate_connection", volume=self._volume(volume), connector=dict(connection.connector))

    def _update(self, method: str, **words: Any) -> ModelUpdate:  # noqa: ANN401 - plain data
        __tracebackhide__ = True
        update: ModelUpdate = self._call(method, **words)["update"]
        return update

    def _call(self, method: str, **words: Any) -> dict[str, Any]:  # noqa: ANN401 - plain data
        __tracebackhide__ = True
        child = self._sending()
        what = f"{self._name}: {method}"
        answer: dict[str, Any] = child.ask(
            "call", what, self._timeout, lambda told: self._keep(told.get("changes")), method=method, words=words
        )
        self._keep(answer)
        return answer

    def _sending(self) -> WorkerProcess:
        """Return the child, started if it does not run."""
        child = self._child
        return child if child is not None and child.is_alive else self._started()

    def _keep(self, changes: Mapping[str, Any] | None) -> None:
        """Keep what the driver wrote beside its answer, also where it failed; the call's own outcome does not hang on it."""
        if self._context is None or not changes or not any(changes[name] for name in _KEPT):
            return
        try:
            self._context.save_updates(*(changes[name] for name in _KEPT))
        except errors.StoreError as error:
            ids = ", ".join([*changes["volumes"], *changes["snapshots"]]) or "initiators"
            text = f"what the driver changed on {ids} could not be kept: {error}"
            self._log.add(
                {"at": time.time(), "level": "ERROR", "logger": "cl_notebook", "text": text, "call": 0}, operation.get()
            )

    def _started(self) -> WorkerProcess:
        with self._lock:
            if self._child is not None and self._child.is_alive:
                return self._child
            state = settings.data_dir() / "cinder"
            regular_files.make_folders(state)
            child = self._starting = self._new_child()
            try:
                self._set_up(child, str(state))
            except BaseException as error:
                child.kill()
                if isinstance(error, errors.DriverError):
                    error.no_side_effects = True  # what the driver was to be called for was not begun
                raise
            finally:
                self._starting = None
            self._child = child
            return child

    def _set_up(self, child: WorkerProcess, state: str) -> None:
        try:
            child.ask("load", f"{self._name}: setup", **self.load_request(state))
            found = child.ask("open", f"{self._name}: setup", self._timeout)
        except errors.DriverError as error:
            if self.missing:
                hint = f"{error}. {self.python} lacks what the driver may need: {', '.join(self.missing)}."
                error.args = (hint,)
            raise
        self._stats, self.features = found["stats"], found["features"]

    def load_request(self, state: str) -> dict[str, Any]:
        """Return what the child is sent to load the driver; *state* is the folder of what outlives the child."""
        return {
            "path": self.path,
            "name": self._name,
            "host": self._host,
            "state": state,
            "root_helper": self._context.root_helper if self._context is not None else "sudo",
            "options": own_options.cinders(self._config),
            "sections": self._sections,
            **self._told_around(),
        }

    def _told_around(self) -> dict[str, Any]:
        around = self._environment
        return {
            "project_id": around.project_id,
            "user_id": around.user_id,
            "locks": around.locks,
            "hides_ssl_warnings": around.hides_ssl_warnings,
            "defaults": dict(around.defaults),
        }

    def _new_child(self) -> WorkerProcess:
        child = _taken(self.spare)
        if child is None or not child.is_alive:
            child = WorkerProcess(self.python)
        child.log = self._log
        child.answer = self._answer
        return child

    def _answer(self, what: str, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - plain data
        """Return the rows that the driver looks up."""
        context = self._context
        if context is None:
            return []
        page = {"after": asked.get("after", ""), "limit": asked.get("limit", 0)}
        if what == "volumes":
            return [self._volume(data) for data in context.volumes(asked["ids"], **page)]
        if what == "snapshots":
            return [self._snapshot(data) for data in context.snapshots(asked["ids"], asked["volume_ids"], **page)]
        if what == "attachments":
            return [payloads.attachment(data) for data in context.attachments(asked["volume_ids"])]
        return [dict(data) for data in context.initiator_data()]

    @property
    def _sections(self) -> dict[str, dict[str, Any]]:
        return self._config.get(own_options.SECTIONS) or {}

    @property
    def _host(self) -> str:
        return self._context.host if self._context is not None else f"localhost@{self._name}"

    @property
    def _pool(self) -> str:
        pools = self._stats.get("pools") or [{}]
        return str(pools[0].get("pool_name") or self._name)

    def _volume(self, data: VolumeData) -> dict[str, Any]:
        return payloads.volume(data, self._host, self._pool, self._environment)

    def _snapshot(self, data: SnapshotData) -> dict[str, Any]:
        return payloads.snapshot(data, self._host, self._pool, self._environment)


def _taken(spare: list[WorkerProcess]) -> WorkerProcess | None:
    try:
        return spare.pop()
    except IndexError:  # another thread was faster
        return None


class Reverting(CinderDriver):
    """The driver reverts volumes."""

    def revert_to_snapshot(self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress) -> ModelUpdate:
        """Give the volume the snapshot's bytes."""
        del progress
        return self._update("revert_to_snapshot", volume=self._volume(volume), snapshot=self._snapshot(snapshot))


class Managing(CinderDriver):
    """The driver adopts volumes."""

    def manage_existing_get_size(self, volume: VolumeData, reference: Mapping[str, str]) -> int:
        """Return the size of what is to be adopted, in GiB."""
        words = {"volume": self._volume(volume), "reference": dict(reference)}
        return int(self._call("manage_existing_get_size", **words)["value"])

    def manage_existing(self, volume: VolumeData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt it; Cinder's drivers give it the volume's name. One that has it, for it was lost and is found again, keeps it."""
        if _has_its_name(reference, volume.name_in_storage):
            return {"name_in_storage": volume.name_in_storage}
        return self._update("manage_existing", volume=self._volume(volume), reference=dict(reference))

    def unmanage(self, volume: VolumeData) -> None:
        """Release the volume."""
        self._update("unmanage", volume=self._volume(volume))


class ListingManageable(CinderDriver):
    """The driver lists its volumes."""

    def get_manageable_volumes(self, known: Iterable[VolumeData]) -> Iterator[ManageableVolume]:
        """Yield what is on the storage."""
        return listed(self._sending(), self._name, "get_manageable_volumes", map(self._volume, known), self._timeout)


class ManagingSnapshots(CinderDriver):
    """The driver adopts snapshots."""

    def manage_existing_snapshot_get_size(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> int:
        """Return the size of what is to be adopted, in GiB."""
        words = {"snapshot": self._snapshot(snapshot), "reference": dict(reference)}
        return int(self._call("manage_existing_snapshot_get_size", **words)["value"])

    def manage_existing_snapshot(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt it; Cinder's drivers give it the snapshot's name. One that has it, for it was lost, keeps it."""
        if _has_its_name(reference, snapshot.name_in_storage):
            return {"name_in_storage": snapshot.name_in_storage}
        return self._update("manage_existing_snapshot", snapshot=self._snapshot(snapshot), reference=dict(reference))

    def unmanage_snapshot(self, snapshot: SnapshotData) -> None:
        """Release the snapshot."""
        self._update("unmanage_snapshot", snapshot=self._snapshot(snapshot))


class ListingManageableSnapshots(CinderDriver):
    """The driver lists its snapshots."""

    def get_manageable_snapshots(self, known: Iterable[SnapshotData]) -> Iterator[ManageableSnapshot]:
        """Yield what is on the storage."""
        return listed(self._sending(), self._name, "get_manageable_snapshots", map(self._snapshot, known), self._timeout)


class Retyping(CinderDriver):
    """The driver changes the specs of a volume in place."""

    def retype(self, volume: VolumeData, extra_specs: Mapping[str, str], qos_specs: Mapping[str, str]) -> ModelUpdate:
        """Give the volume other specs.

        Raises:
            errors.NotSupported: the driver says that these cannot be had in place.

        """
        specs: dict[str, Any] = {"extra_specs": dict(extra_specs), "qos_specs": dict(qos_specs)}
        answer = self._call("retype", volume=self._volume(volume), specs=specs)
        if not answer["value"]:
            msg = f"{self._name}: the driver cannot give the volume these specs in place"
            raise errors.NotSupported(msg, no_side_effects=True)
        update: ModelUpdate = answer["update"]
        return update


def _has_its_name(reference: Mapping[str, str], name: str) -> bool:
    # Cinder's drivers would refuse to give a name to what has it
    return [word.removeprefix("_") for word in reference.values()] == [name]  # LVM puts a line before a snapshot's


MIXINS: Mapping[str, type[CinderDriver]] = {
    "revert": Reverting,
    "manage": Managing,
    "list_manageable": ListingManageable,
    "manage_snapshots": ManagingSnapshots,
    "list_manageable_snapshots": ListingManageableSnapshots,
    "retype": Retyping,
}
"""Name of each capability -> the class that has its methods."""
