"""Compare the store with storages and hosts, repair differences, and clean up resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.inventory.cleanup.plan import Plan, plan_cleanup
from cl_notebook.inventory.cleanup.scratch import Scratch, scratch
from cl_notebook.store import damage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from cl_notebook.inventory.verdicts import Finding
    from cl_notebook.model import Backend, Snapshot, Volume
    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context

__all__ = ["Plan", "Scratch", "findings", "forget", "manage", "plan_cleanup", "repair", "repair_all", "scan", "scratch"]


@errors.arguments_checked
def scan(
    backend: Backend | str | Iterable[Backend | str] | None = None, *, host: bool = True, session: Context | None = None
) -> pd.DataFrame:
    """Compare tracked resources with the storages and this host; return a frame and change nothing.

    Backends that are not open are opened. A storage, or a part of the host, that cannot be asked leaves what is tracked there
    ``unknown``, and does not stop the rest.

    Args:
        backend: only this backend, or these: by name, or the objects; all that are stored by default.
        host: look at the devices of this host, too.
        session: whose; the default session's by default.

    Returns:
        a row for each thing, what is not ok first: its ``verdict`` (``ok``, ``untracked``, ``missing``, ``stuck``,
        ``conflict``, ``size differs``, ``leftover device`` or ``unknown``), its ``kind``, ``backend``, ``id``, ``name``,
        ``name_in_storage``, ``size`` and ``size_on_storage`` (GiB), ``status``, ``device`` (the path here), ``detail``, and
        ``next``: the line of magic that deals with it. The frame is shown as a report: counts first, then what is not ok. What
        is made of it (``scan()[…]``) is shown as a list.

    Raises:
        NotFound: no backend has that name.
        StoreError: the store cannot be read.

    """
    from cl_notebook.inventory.scan_frame import frame  # noqa: PLC0415 - pandas is loaded when a frame is made
    from cl_notebook.model.context import current  # noqa: PLC0415 - `import cl_notebook` stays light

    session = session or current()
    with damage.named(session.store):
        return frame(findings(session, backend, host=host))


@errors.arguments_checked
def findings(
    session: Context, backend: Backend | str | Iterable[Backend | str] | None = None, *, host: bool = True
) -> list[Finding]:
    """Return the result of :func:`scan` as tuples, with unmodified names, for programs."""
    from cl_notebook.inventory import scanner  # noqa: PLC0415 - as above

    with damage.named(session.store):
        return scanner.findings(session, backend, host=host)


@errors.arguments_checked
def manage(
    backend: Backend,
    reference: str | Mapping[str, str],
    name: str = "",
    *,
    snapshot: bool = False,
    volume: Volume | None = None,
    id: str | None = None,  # noqa: A002 - as create_volume's
) -> Volume | Snapshot:
    """Adopt what is on the storage of *backend* and not tracked, and return it.

    What was lost comes back under the very id that its name carries, if nothing else has it; *id* is another one to give it.

    Args:
        backend: whose storage it is on.
        reference: its name there (``name_in_storage`` of a scan), or Cinder's reference dict.
        name: its display name from now on; by default what it is called there.
        snapshot: it is a snapshot, not a volume.
        volume: of which volume the snapshot is, where neither the storage nor the history of operations tells.
        id: the id to track it under.

    Raises:
        InvalidInput: it is not known which volume the snapshot is of, or *backend* is none.
        NotSupported: the driver cannot adopt.
        AlreadyExists: it is tracked already, or the id is taken.
        DriverError: the storage has no such thing.

    """
    from cl_notebook.inventory import adopt  # noqa: PLC0415 - as above
    from cl_notebook.model import Backend  # noqa: PLC0415 - as above

    _refuse_other(backend, Backend, f"manage takes a backend, as cl.Backend('lab') gives it, not {backend!r}.")
    return adopt.manage(backend, reference, name, snapshot=snapshot, volume=volume, requested_id=id)


@errors.arguments_checked
def repair(resource: Tracked | str, *, remove: bool = False, force: bool = False, session: Context | None = None) -> str:
    """Finish or roll back what was cut short on *resource*, by asking the storage and the host, and return what was done.

    What was being made and is not on the storage is not tracked any more; what is there and whole, is there. Whether a volume
    that was being copied is whole, only some drivers can tell: from the others it is removed, if *remove* says so. A deletion, a
    revert or a detachment is done again. Of an extension, and of a size that differs, the storage's size is taken. A connection
    whose device is gone, after a restart of the host, is attached again. Of a backend, what killed processes left half made is
    removed.

    Args:
        resource: a backend, volume, snapshot or connection; or the path of a device of this host that is left over, which is let
            go if nothing uses it.
        remove: remove from the storage what was being made there and may not be whole; let go of a device whose file is gone,
            with what only it holds, or whose volume is connected elsewhere, unknown to this store.
        force: take a kernel that is still named as working on it for dead.
        session: whose the device is; the default session's by default.

    Raises:
        Refused: it cannot be repaired; the message says why, and what can be done.
        InvalidStatus: a kernel works on it.
        DriverError, AttachError: the storage or the host could not.

    """
    from cl_notebook.inventory import orphan_devices, repairs  # noqa: PLC0415 - as above
    from cl_notebook.model.base import Tracked  # noqa: PLC0415 - as above
    from cl_notebook.model.context import current  # noqa: PLC0415 - as above

    if isinstance(resource, str) and resource.startswith("/"):
        return orphan_devices.detach_orphan(session or current(), resource, remove=remove)
    if not isinstance(resource, Tracked):
        msg = f"repair takes a resource, as cl.find gives it, or the path of a device, not {resource!r}."
        raise errors.InvalidInput(msg)
    return repairs.repair(resource, remove=remove, force=force)


@errors.arguments_checked
def repair_all(
    backend: Backend | str | Iterable[Backend | str] | None = None, *, remove: bool = False, session: Context | None = None
) -> pd.DataFrame:
    """Repair everything that a scan finds and that can be repaired; go on where something cannot.

    Returns:
        a row for each thing that was tried: ``kind``, ``backend``, ``id``, ``name``, ``device``, whether it is ``done``, and
        ``detail``: what was done, or why not. ``attrs["left"]`` has by verdict the number of findings that a repair does not take
        on, because they take a decision: to adopt, to forget, or to delete.

    """
    from cl_notebook.inventory import repairs  # noqa: PLC0415 - as above
    from cl_notebook.model.context import current  # noqa: PLC0415 - as above

    session = session or current()
    with damage.named(session.store):
        return repairs.repair_all(session, backend, remove=remove)


@errors.arguments_checked
def forget(resource: Tracked, *, force: bool = False) -> None:
    """Stop tracking *resource*, and leave the storage as it is: for what the storage does not have any more.

    ``force`` forgets also what the storage has, or may have, and takes a kernel that is named as working on it for dead.

    Raises:
        Refused: the storage has it, or could not be asked.
        ResourceBusy: snapshots or connections of the volume are tracked.
        InvalidStatus: a kernel works on it.

    """
    from cl_notebook.inventory import untrack  # noqa: PLC0415 - as above
    from cl_notebook.model.base import Tracked  # noqa: PLC0415 - as above

    _refuse_other(resource, Tracked, f"forget takes a resource, as cl.find gives it, not {resource!r}.")
    untrack.forget(resource, force=force)


def _refuse_other(given: object, kind: type, message: str) -> None:
    if not isinstance(given, kind):
        raise errors.InvalidInput(message)
