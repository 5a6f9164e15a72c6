"""A Cinder driver behind the Driver Protocol: every call goes to the child, and starts a new one if the last one died."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar

from cl_notebook import concurrency, errors, regular_files, settings
from cl_notebook.drivers.api import no_progress
from cl_notebook.drivers.cinder import options as own_options
from cl_notebook.drivers.cinder import payloads
from cl_notebook.drivers.cinder.log import Log
from cl_notebook.drivers.cinder.process import Child
from cl_notebook.drivers.errors import operation
from cl_notebook.drivers.filebased.manage import checked_size
from cl_notebook.drivers.records import Surroundings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.drivers.api import (
        ConnectionData,
        ConnectionInfo,
        LogLine,
        ModelUpdate,
        Option,
        Progress,
        SnapshotData,
        Stats,
        VolumeData,
    )
    from cl_notebook.drivers.records import Records


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
    spare: ClassVar[list[Child]]
    """The child that described the class, for the first driver of it."""
    outlives_interrupts: ClassVar[bool] = True
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
            child = Child(cls.python)
        try:
            return child.ask(do, what, path=cls.path, **words)
        finally:
            cls.spare.append(child)

    def __init__(self, config: Mapping[str, Any], *, backend_name: str) -> None:
        """Keep the configuration; no process is started."""
        self._config = dict(config)
        self._name = backend_name
        self._timeout = min(float(self._config.get(own_options.TIMEOUT) or 0), threading.TIMEOUT_MAX) or None
        self._records: Records | None = None
        self._around = Surroundings()
        self._child: Child | None = None
        self._starting: Child | None = None
        self._log = Log()
        self._lock = concurrency.lock()
        self._stats: Stats = {}
        self.features: Mapping[str, bool] = self.class_features

    @property
    def storage_protocol(self) -> str:
        """What the driver's statistics call its protocol."""
        return str(self._stats.get("storage_protocol", "")).lower()

    def use(self, records: Records) -> None:
        """Look up there what the driver asks for."""
        self._records = records
        self._around = records.surroundings
        if not self._around.keeps_log:
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
            raise errors.NotSupported(msg, untouched=True)
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

    def _sending(self) -> Child:
        """Return the child, started if it does not run."""
        child = self._child
        return child if child is not None and child.is_alive else self._started()

    def _keep(self, changes: Mapping[str, Any] | None) -> None:
        """Keep what the driver wrote beside its answer, also where it failed; the call's own outcome does not hang on it."""
        if self._records is None or not changes or not any(changes[name] for name in _KEPT):
            return
        try:
            self._records.keep(*(changes[name] for name in _KEPT))
        except errors.StoreError as error:
            ids = ", ".join([*changes["volumes"], *changes["snapshots"]]) or "initiators"
            text = f"what the driver changed on {ids} could not be kept: {error}"
            self._log.add(
                {"at": time.time(), "level": "ERROR", "logger": "cl_notebook", "text": text, "call": 0}, operation.get()
            )

    def _started(self) -> Child:
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
                    error.untouched = True  # what the driver was to be called for was not begun
                raise
            finally:
                self._starting = None
            self._child = child
            return child

    def _set_up(self, child: Child, state: str) -> None:
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
            "root_helper": self._records.root_helper if self._records is not None else "sudo",
            "options": own_options.cinders(self._config),
            "sections": self._sections,
            **self._told_around(),
        }

    def _told_around(self) -> dict[str, Any]:
        around = self._around
        return {
            "project_id": around.project_id,
            "user_id": around.user_id,
            "locks": around.locks,
            "hides_ssl_warnings": around.hides_ssl_warnings,
            "defaults": dict(around.defaults),
        }

    def _new_child(self) -> Child:
        child = _taken(self.spare)
        if child is None or not child.is_alive:
            child = Child(self.python)
        child.log = self._log
        child.answer = self._answer
        return child

    def _answer(self, what: str, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - plain data
        """Return the rows that the driver looks up."""
        records = self._records
        if records is None:
            return []
        page = {"after": asked.get("after", ""), "limit": asked.get("limit", 0)}
        if what == "volumes":
            return [self._volume(data) for data in records.volumes(asked["ids"], **page)]
        if what == "snapshots":
            return [self._snapshot(data) for data in records.snapshots(asked["ids"], asked["volume_ids"], **page)]
        if what == "attachments":
            return [payloads.attachment(data) for data in records.attachments(asked["volume_ids"])]
        return [dict(data) for data in records.initiator_data()]

    @property
    def _sections(self) -> dict[str, dict[str, Any]]:
        return self._config.get(own_options.SECTIONS) or {}

    @property
    def _host(self) -> str:
        return self._records.host if self._records is not None else f"localhost@{self._name}"

    @property
    def _pool(self) -> str:
        pools = self._stats.get("pools") or [{}]
        return str(pools[0].get("pool_name") or self._name)

    def _volume(self, data: VolumeData) -> dict[str, Any]:
        return payloads.volume(data, self._host, self._pool, self._around)

    def _snapshot(self, data: SnapshotData) -> dict[str, Any]:
        return payloads.snapshot(data, self._host, self._pool, self._around)


def _taken(spare: list[Child]) -> Child | None:
    try:
        return spare.pop()
    except IndexError:  # another thread was faster
        return None
