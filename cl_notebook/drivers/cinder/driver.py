"""A Cinder driver behind the Driver Protocol: calls run in a child process, which is started when needed."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar

from cl_notebook import concurrency, errors, regular_files, settings
from cl_notebook.drivers.api import DriverEnvironment, no_progress
from cl_notebook.drivers.cinder.log import Log
from cl_notebook.drivers.cinder.options import SECTIONS, TIMEOUT, cinder_options
from cl_notebook.drivers.cinder.process import WorkerProcess
from cl_notebook.drivers.errors import operation
from cl_notebook.drivers.filebased.manage import checked_size
from cl_notebook.drivers.options import UNDECLARED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cl_notebook.drivers.api import (
        AttachmentData,
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

MESSAGE_ENTRIES = 1000
"""Entries of a list that one message carries."""

PAGE_ENTRIES = 100_000
"""Entries per page: most drivers build their whole list for every page, so pages are large."""

_DROP_TIMEOUT = 1.0
"""Seconds to wait when a list is dropped: the child may be in a call that does not end."""

_LIST_NUMBERS = itertools.count(1)

_CHANGES = ("volumes", "snapshots", "initiator_data")
"""Keys of a reply for what the driver changed on other resources than its call's."""

_VOLUME_FIELDS = (
    *("id", "name_in_storage", "size", "name", "pool_name", "bootable", "provider_location", "provider_id", "source_volid"),
    *("snapshot_id", "availability_zone", "status", "attach_status", "created_at", "description"),
)
_SNAPSHOT_FIELDS = ("id", "name_in_storage", "size", "name", "provider_location", "provider_id", "status", "created_at")
_SNAPSHOT_STATUSES = {"managing": "creating"}
"""Statuses of snapshots that Cinder does not have -> Cinder's."""


def list_entries(
    child: WorkerProcess, backend_name: str, method: str, known: Iterable[dict[str, Any]], timeout: float | None
) -> Iterator[Any]:
    """Yield the entries that *method* of the driver in *child* lists, page by page.

    *known* are the payloads of the tracked resources; *timeout*, in seconds, is for each page.

    Raises:
        errors.DriverError: the driver failed, the child ended, or it did not reply in time.

    """
    what, known_list, page_list = f"{backend_name}: {method}", next(_LIST_NUMBERS), next(_LIST_NUMBERS)
    try:
        child.ask("put", what, list=known_list, items=[])
        for part in _parts(known):
            child.ask("put", what, list=known_list, items=part)
        offset, first = 0, None
        while True:
            params = {"known": known_list, "list": page_list, "limit": PAGE_ENTRIES, "offset": offset}
            count = int(child.ask("call", what, timeout, method=method, params=params)["value"])
            for number, entry in enumerate(_page_entries(child, what, page_list, count)):
                if not number and offset and entry == first:
                    return  # the driver ignores the offset and always returns its whole list
                first = entry if not number and not offset else first
                yield entry
            if count != PAGE_ENTRIES:
                return
            offset += count
    finally:
        for number in (known_list, page_list):
            with contextlib.suppress(errors.Error):
                child.ask("drop", what, _DROP_TIMEOUT, list=number)


def _page_entries(child: WorkerProcess, what: str, number: int, count: int) -> Iterator[Any]:
    for _ in range(0, count, MESSAGE_ENTRIES):
        yield from child.ask("take", what, list=number, limit=MESSAGE_ENTRIES)


def _parts(items: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rest = iter(items)
    while part := list(itertools.islice(rest, MESSAGE_ENTRIES)):
        yield part


class CinderDriver:
    """A backend on a Cinder driver in its own child process; see :func:`~cl_notebook.drivers.cinder.driver_class`.

    Creating is not idempotent, although the Protocol requires it: Cinder's drivers refuse to create what exists. Deleting is.
    """

    path: ClassVar[str]
    """Path of Cinder's driver class."""

    python: ClassVar[str]
    """The Python that has Cinder."""

    release: ClassVar[str]
    """Cinder's release."""

    declared: ClassVar[tuple[Option, ...]]
    """All options of the driver."""

    class_features: ClassVar[Mapping[str, bool]]
    """Capabilities and features as far as they are known before the driver runs."""

    missing: ClassVar[tuple[str, ...]]
    """Optional Python libraries of the driver that its Python does not have."""

    in_default: ClassVar[frozenset[str]]
    """Names of Cinder's options in ``[DEFAULT]``, which are not options of the driver."""

    spare: ClassVar[list[WorkerProcess]]
    """The child that described the class, for the first driver that is opened."""

    uninterruptible: ClassVar[bool] = True
    """A call continues when the kernel is interrupted, and its outcome is saved when it ends."""

    @classmethod
    def options(cls) -> tuple[Option, ...]:
        """Describe the options: how the driver runs, the driver's own, and those that Cinder gives to every driver."""
        return cls.declared

    @classmethod
    def release_spare(cls) -> None:
        """End the child that described the class, if no driver uses it."""
        while (child := _pop_spare(cls.spare)) is not None:
            child.close()

    @classmethod
    def ask(cls, do: str, what: str, **params: Any) -> Any:  # noqa: ANN401 - plain data
        """Send a request about the class, with its path, to a child; return the reply. See :meth:`WorkerProcess.ask`.

        Raises:
            errors.DriverError: the request failed.

        """
        child = _pop_spare(cls.spare)
        if child is None or not child.is_alive:
            child = WorkerProcess(cls.python)
        try:
            return child.ask(do, what, path=cls.path, **params)
        finally:
            cls.spare.append(child)

    def __init__(self, config: Mapping[str, Any], *, backend_name: str) -> None:
        """Keep the configuration; no process is started."""
        self._config = dict(config)
        self._name = backend_name
        self._timeout = min(float(self._config.get(TIMEOUT) or 0), threading.TIMEOUT_MAX) or None
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
        """The protocol in the driver's statistics, in lower case; empty before :meth:`setup`."""
        return str(self._stats.get("storage_protocol", "")).lower()

    def bind(self, context: DriverContext) -> None:
        """Read the rows that the driver requests from *context*."""
        self._context = context
        self._environment = context.environment
        if not self._environment.keeps_log:
            self._log = Log(0)

    def setup(self) -> None:
        """Start the child and connect the driver to its storage; if it runs already, read its statistics.

        Raises:
            errors.DriverError: the driver failed.
            errors.InvalidInput: Cinder does not accept the value of an option.

        """
        child = self._child
        if child is None or not child.is_alive:
            self._start()
        else:
            self.get_volume_stats(refresh=True)

    def close(self) -> None:
        """End the child once its running calls are finished; does not wait for that."""
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            child.close()

    def kill(self) -> None:
        """Kill the child at once; what it was doing stays unfinished on the storage."""
        starting = self._starting
        if starting is not None:
            starting.kill()  # the thread that starts it holds the lock
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            child.kill()

    def log_lines(self) -> list[LogLine]:
        """Return the last lines of the driver's log, the oldest first."""
        return self._log.lines()

    def take_log_lines(self) -> list[LogLine]:
        """Return the lines of the driver's log that were added since the last call of this method."""
        return self._log.take()

    def attribute(self, name: str) -> Any:  # noqa: ANN401 - as Cinder's driver has it
        """Return the attribute *name* of Cinder's driver, plain data; a function that calls it if it is a method.

        Raises:
            AttributeError: the driver has no such attribute, or it is neither plain data nor a method.

        """
        what = f"{self._name}: {name}"
        reply = self._running_child().ask("attribute", what, self._timeout, name=name)
        if reply["kind"] == "method":
            return lambda *args, **kwargs: self._running_child().ask(
                "method", what, self._timeout, name=name, args=list(args), kwargs=kwargs
            )
        if reply["kind"] != "value":
            msg = f"The driver of {self._name} has no attribute {name!r} that can be read here."
            raise AttributeError(msg)
        return reply["value"]

    def get_volume_stats(self, *, refresh: bool = False) -> Stats:
        """Return the driver's statistics; capacities may be ``unknown`` or ``infinite``."""
        stats: Stats = self._call("get_volume_stats", refresh=refresh)["value"]
        self._stats = stats
        return stats

    def known_stats(self) -> Stats:
        """Return the statistics that the driver reported last, in its setup at the latest."""
        return self._stats

    def create_volume(self, volume: VolumeData) -> ModelUpdate:
        """Create an empty volume."""
        checked_size(volume.size)
        return self._update("create_volume", volume=self._volume(volume))

    def create_volume_from_snapshot(
        self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress
    ) -> ModelUpdate:
        """Create a volume with the snapshot's bytes. Cinder's drivers report no progress."""
        del progress
        checked_size(volume.size, snapshot.size)
        params = {"volume": self._volume(volume), "snapshot": self._snapshot(snapshot)}
        return self._update("create_volume_from_snapshot", **params)

    def create_cloned_volume(self, volume: VolumeData, source: VolumeData, progress: Progress = no_progress) -> ModelUpdate:
        """Create a volume with the source's bytes. Cinder's drivers report no progress."""
        del progress
        checked_size(volume.size, source.size)
        return self._update("create_cloned_volume", volume=self._volume(volume), source=self._volume(source))

    def extend_volume(self, volume: VolumeData, new_size: int) -> None:
        """Grow the volume to *new_size* GiB.

        Raises:
            errors.InvalidInput: *new_size* is less than the size: some of Cinder's drivers would shrink the volume.
            errors.NotSupported: the volume is attached, and the driver cannot extend it then.

        """
        checked_size(new_size, volume.size)
        if volume.attach_status == "attached" and not self.features.get("extend_attached", True):
            msg = f"{self._name}: The driver cannot extend an attached volume. Detach it first."
            raise errors.NotSupported(msg, no_side_effects=True)
        self._update("extend_volume", volume=self._volume(volume), new_size=new_size)

    def delete_volume(self, volume: VolumeData) -> None:
        """Delete the volume."""
        self._update("delete_volume", volume=self._volume(volume))

    def create_snapshot(self, snapshot: SnapshotData, progress: Progress = no_progress) -> ModelUpdate:
        """Take a snapshot. Cinder's drivers report no progress."""
        del progress
        return self._update("create_snapshot", snapshot=self._snapshot(snapshot))

    def delete_snapshot(self, snapshot: SnapshotData) -> None:
        """Delete the snapshot."""
        self._update("delete_snapshot", snapshot=self._snapshot(snapshot))

    def create_export(self, volume: VolumeData, connector: Mapping[str, Any]) -> ModelUpdate:
        """Export the volume."""
        return self._update("create_export", volume=self._volume(volume), connector=dict(connector))

    def ensure_export(self, volume: VolumeData) -> ModelUpdate:
        """Export the volume again, after a restart."""
        return self._update("ensure_export", volume=self._volume(volume))

    def remove_export(self, volume: VolumeData) -> None:
        """End the export of the volume."""
        self._update("remove_export", volume=self._volume(volume))

    def initialize_connection(self, volume: VolumeData, connection: ConnectionData) -> ConnectionInfo:
        """Give a host access; return how os-brick reaches the volume."""
        params = {"volume": self._volume(volume), "connector": dict(connection.connector)}
        info: ConnectionInfo = self._call("initialize_connection", **params)["value"]
        return info

    def terminate_connection(self, volume: VolumeData, connection: ConnectionData) -> None:
        """End a host's access."""
        self._update("terminate_connection", volume=self._volume(volume), connector=dict(connection.connector))

    def _update(self, method: str, **params: Any) -> ModelUpdate:  # noqa: ANN401 - plain data
        __tracebackhide__ = True
        update: ModelUpdate = self._call(method, **params)["update"]
        return update

    def _call(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - plain data
        __tracebackhide__ = True
        child = self._running_child()
        what = f"{self._name}: {method}"
        reply: dict[str, Any] = child.ask(
            "call", what, self._timeout, lambda failure: self._save_changes(failure.get("changes")), method=method, params=params
        )
        self._save_changes(reply)
        return reply

    def _running_child(self) -> WorkerProcess:
        """Return the child, started if it does not run."""
        child = self._child
        return child if child is not None and child.is_alive else self._start()

    def _save_changes(self, changes: Mapping[str, Any] | None) -> None:
        """Save what the driver changed on other resources, also in a failed call; if that fails, log it, and raise nothing."""
        if self._context is None or not changes or not any(changes[name] for name in _CHANGES):
            return
        try:
            self._context.save_updates(*(changes[name] for name in _CHANGES))
        except errors.StoreError as error:
            ids = ", ".join([*changes["volumes"], *changes["snapshots"]]) or "initiators"
            text = f"The driver's changes of {ids} could not be saved: {error}"
            self._log.add(
                {"at": time.time(), "level": "ERROR", "logger": "cl_notebook", "text": text, "call": 0}, operation.get()
            )

    def _start(self) -> WorkerProcess:
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
                    error.no_side_effects = True  # the child was started for a call that was not sent
                raise
            finally:
                self._starting = None
            self._child = child
            return child

    def _set_up(self, child: WorkerProcess, state: str) -> None:
        try:
            child.ask("load", f"{self._name}: setup", **self.load_request(state))
            reply = child.ask("open", f"{self._name}: setup", self._timeout)
        except errors.DriverError as error:
            if self.missing:
                hint = (
                    f"{str(error).removesuffix('.')}. {self.python} may lack libraries of the driver: {', '.join(self.missing)}."
                )
                error.args = (hint,)
            raise
        self._stats, self.features = reply["stats"], reply["features"]

    def load_request(self, state: str) -> dict[str, Any]:
        """Return the parameters of the request that loads the driver; *state* is a folder that outlives the child."""
        return {
            "path": self.path,
            "name": self._name,
            "host": self._host,
            "state": state,
            "root_helper": self._context.root_helper if self._context is not None else "sudo",
            "options": cinder_options(self._config),
            "sections": self._sections,
            "project_id": self._environment.project_id,
            "user_id": self._environment.user_id,
            "locks": self._environment.locks,
            "hides_ssl_warnings": self._environment.hides_ssl_warnings,
            "defaults": dict(self._environment.defaults),
            "accept_unknown": self._environment.accept_unknown,
            "undeclared": dict(self._config.get(UNDECLARED) or {}),
        }

    def _new_child(self) -> WorkerProcess:
        child = _pop_spare(self.spare)
        if child is None or not child.is_alive:
            child = WorkerProcess(self.python)
        child.log = self._log
        child.answer = self._answer
        return child

    def _answer(self, what: str, params: Mapping[str, Any]) -> Any:  # noqa: ANN401 - plain data
        """Return the rows of the kind *what* that the driver reads."""
        context = self._context
        if context is None:
            return []
        page = {"after": params.get("after", ""), "limit": params.get("limit", 0)}
        if what == "volumes":
            return [self._volume(data) for data in context.volumes(params["ids"], **page)]
        if what == "snapshots":
            return [self._snapshot(data) for data in context.snapshots(params["ids"], params["volume_ids"], **page)]
        if what == "attachments":
            return [_attachment_payload(data) for data in context.attachments(params["volume_ids"])]
        return [dict(data) for data in context.initiator_data()]

    @property
    def _sections(self) -> dict[str, dict[str, Any]]:
        return self._config.get(SECTIONS) or {}

    @property
    def _host(self) -> str:
        return self._context.host if self._context is not None else f"localhost@{self._name}"

    @property
    def _pool(self) -> str:
        pools = self._stats.get("pools") or [{}]
        return str(pools[0].get("pool_name") or self._name)

    def _volume(self, data: VolumeData) -> dict[str, Any]:
        return _volume_payload(data, self._host, self._pool, self._environment)

    def _snapshot(self, data: SnapshotData) -> dict[str, Any]:
        return _snapshot_payload(data, self._host, self._pool, self._environment)


def _volume_payload(data: VolumeData, host: str, pool: str, environment: DriverEnvironment) -> dict[str, Any]:
    """Return a volume as the child gets it; without a host or pool of its own it is on *host*, in *pool*."""
    payload = {name: getattr(data, name) for name in _VOLUME_FIELDS}
    payload |= {name: dict(getattr(data, name)) for name in ("metadata", "extra_specs", "qos_specs", "driver_data")}
    payload |= {"project_id": environment.project_id, "user_id": environment.user_id}
    pool_name = data.pool_name or pool
    payload["host"] = (data.host or host).partition("#")[0] + (f"#{pool_name}" if pool_name else "")
    return payload


def _snapshot_payload(data: SnapshotData, host: str, pool: str, environment: DriverEnvironment) -> dict[str, Any]:
    """Return a snapshot, with its volume, as the child gets it."""
    payload = {name: getattr(data, name) for name in _SNAPSHOT_FIELDS}
    payload |= {name: dict(getattr(data, name)) for name in ("metadata", "driver_data")}
    payload["status"] = _SNAPSHOT_STATUSES.get(data.status, data.status)
    return payload | {"volume": _volume_payload(data.volume, host, pool, environment)}


def _attachment_payload(data: AttachmentData) -> dict[str, Any]:
    """Return an attachment as the child gets it."""
    return {
        "id": data.id,
        "volume_id": data.volume_id,
        "attached_host": data.attached_host,
        "path": data.path,
        "attach_mode": data.attach_mode,
        "connector_info": dict(data.connector_info),
        "conn_info": dict(data.conn_info) if data.conn_info else None,
    }


def _pop_spare(spare: list[WorkerProcess]) -> WorkerProcess | None:
    try:
        return spare.pop()
    except IndexError:  # none is left, or another thread took it
        return None


class Reverting(CinderDriver):
    """A driver that reverts volumes to snapshots."""

    def revert_to_snapshot(self, volume: VolumeData, snapshot: SnapshotData, progress: Progress = no_progress) -> ModelUpdate:
        """Give the volume the snapshot's bytes again."""
        del progress
        return self._update("revert_to_snapshot", volume=self._volume(volume), snapshot=self._snapshot(snapshot))


class Managing(CinderDriver):
    """A driver that adopts and releases volumes."""

    def manage_existing_get_size(self, volume: VolumeData, reference: Mapping[str, str]) -> int:
        """Return the size of what *reference* names, in GiB."""
        params = {"volume": self._volume(volume), "reference": dict(reference)}
        return int(self._call("manage_existing_get_size", **params)["value"])

    def manage_existing(self, volume: VolumeData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt what *reference* names; the driver renames it to the volume's name, unless it has that name already."""
        if _has_its_name(reference, volume.name_in_storage):
            return {"name_in_storage": volume.name_in_storage}
        return self._update("manage_existing", volume=self._volume(volume), reference=dict(reference))

    def unmanage(self, volume: VolumeData) -> None:
        """Release the volume; its bytes stay."""
        self._update("unmanage", volume=self._volume(volume))


class ListingManageable(CinderDriver):
    """A driver that lists the volumes on its storage."""

    def get_manageable_volumes(self, known: Iterable[VolumeData]) -> Iterator[ManageableVolume]:
        """Yield an entry for each on the storage, page by page."""
        return list_entries(self._running_child(), self._name, "get_manageable_volumes", map(self._volume, known), self._timeout)


class ManagingSnapshots(CinderDriver):
    """A driver that adopts and releases snapshots."""

    def manage_existing_snapshot_get_size(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> int:
        """Return the size of what *reference* names, in GiB."""
        params = {"snapshot": self._snapshot(snapshot), "reference": dict(reference)}
        return int(self._call("manage_existing_snapshot_get_size", **params)["value"])

    def manage_existing_snapshot(self, snapshot: SnapshotData, reference: Mapping[str, str]) -> ModelUpdate:
        """Adopt what *reference* names; the driver renames it to the snapshot's name, unless it has that name already."""
        if _has_its_name(reference, snapshot.name_in_storage):
            return {"name_in_storage": snapshot.name_in_storage}
        return self._update("manage_existing_snapshot", snapshot=self._snapshot(snapshot), reference=dict(reference))

    def unmanage_snapshot(self, snapshot: SnapshotData) -> None:
        """Release the snapshot; it stays on the storage."""
        self._update("unmanage_snapshot", snapshot=self._snapshot(snapshot))


class ListingManageableSnapshots(CinderDriver):
    """A driver that lists the snapshots on its storage."""

    def get_manageable_snapshots(self, known: Iterable[SnapshotData]) -> Iterator[ManageableSnapshot]:
        """Yield an entry for each on the storage, page by page."""
        return list_entries(
            self._running_child(), self._name, "get_manageable_snapshots", map(self._snapshot, known), self._timeout
        )


class Retyping(CinderDriver):
    """A driver that changes the specs of a volume in place."""

    def retype(self, volume: VolumeData, extra_specs: Mapping[str, str], qos_specs: Mapping[str, str]) -> ModelUpdate:
        """Change the specs of the volume in place.

        Raises:
            errors.NotSupported: the driver cannot do that for these specs; the volume is unchanged.

        """
        specs: dict[str, Any] = {"extra_specs": dict(extra_specs), "qos_specs": dict(qos_specs)}
        reply = self._call("retype", volume=self._volume(volume), specs=specs)
        if not reply["value"]:
            msg = f"{self._name}: The driver cannot give the volume these specs in place."
            raise errors.NotSupported(msg, no_side_effects=True)
        update: ModelUpdate = reply["update"]
        return update


def _has_its_name(reference: Mapping[str, str], name: str) -> bool:
    # Cinder's drivers refuse to rename a resource to the name that it has
    return [value.removeprefix("_") for value in reference.values()] == [name]  # LVM prefixes a snapshot's name with _


MIXINS: Mapping[str, type[CinderDriver]] = {
    "revert": Reverting,
    "manage": Managing,
    "list_manageable": ListingManageable,
    "manage_snapshots": ManagingSnapshots,
    "list_manageable_snapshots": ListingManageableSnapshots,
    "retype": Retyping,
}
"""Name of each capability -> the class with its methods."""
