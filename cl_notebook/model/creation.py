"""Create volumes, empty or from a snapshot or another volume, and adopt volumes of the storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from cl_notebook import errors, masking
from cl_notebook.attach import block_devices
from cl_notebook.drivers.api import CanManage, GiB, least_bytes
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.drivers.filebased.manage import SOURCE_NAME
from cl_notebook.model import claims, identity_map, naming, validation
from cl_notebook.model.driver_context import volume_data
from cl_notebook.model.identity_map import CLASSES
from cl_notebook.model.operations import guards, lifecycle
from cl_notebook.model.operations.changes import Insert, Update
from cl_notebook.model.operations.runner import OperationSpec
from cl_notebook.model.operations.tables import Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cl_notebook.drivers.api import ConnectionInfo, Driver, ModelUpdate, Progress, VolumeData
    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context, StoredBackend
    from cl_notebook.model.operations.changes import Guard

_FIELDS = {
    *("id", "name", "description", "size", "pool_name", "snapshot_id", "source_volid", "availability_zone", "bootable"),
    *("metadata", "extra_specs", "qos_specs"),
}
_LAYER_FIELDS = {"host", "extra", "driver_data"}
"""Columns that only cinderlib's names set, checked there."""


def make_volume(
    backend: StoredBackend,
    fields: Mapping[str, Any],
    method: str = "create_volume",
    create_on_storage: Callable[[Driver, VolumeData, Progress], ModelUpdate] | None = None,
    more_guards: tuple[Guard, ...] = (),
    *,
    driver_data: Mapping[str, Any] | None = None,
    is_new_id: bool = False,
) -> Tracked:
    """Create a volume on *backend*, and return it.

    If the fields have the id of a tracked volume with the same fields, that volume is returned and nothing is created.

    Args:
        backend: where to create it.
        fields: those of the new volume, with ``size`` in GiB.
        method: the driver's method, for the history and for messages.
        create_on_storage: calls that method; by default an empty volume is created.
        more_guards: checks in the transaction of the intent.
        driver_data: the initial value of that column, e.g. the encryption of the volume that is copied.
        is_new_id: the id in *fields* was made up just now, so neither the store nor the storage is asked for it.

    Raises:
        InvalidInput: a field is invalid.
        AlreadyExists: the id is taken by a volume with other fields, or the name on the storage that derives from it is claimed.
        InvalidStatus: the id is taken by a volume with the same fields whose status is not a stable one.
        ExistsOnStorage: the storage has an untracked volume of that id.
        DriverError: the storage refused.

    """
    values = _new_row(backend, fields)
    values["driver_data"] = {**(driver_data or {}), **(values["driver_data"] or {})} or None
    is_typed_id = bool(fields.get("id")) and not is_new_id
    existing = _find_equal(backend, values) if is_typed_id else None
    if existing is not None:
        return existing
    data = volume_data(values)

    def call_driver(driver: Driver, progress: Progress) -> ModelUpdate:
        if is_typed_id:
            _refuse_if_on_storage(backend, driver, data)
        return create_on_storage(driver, data, progress) if create_on_storage else driver.create_volume(data)

    if is_typed_id:  # the name on the storage derives from the id, and another row may have that name
        more_guards = (*more_guards, claims.unclaimed(CLASSES["Volume"], backend.id, [data.name_in_storage]))
    operation: OperationSpec[ModelUpdate] = OperationSpec(
        action="create",
        method=method,
        call=call_driver,
        insert=Insert("volume", values),
        backend=backend,
        arguments={name: values[name] for name in ("size", "name", "snapshot_id", "source_volid") if values[name]},
        guards=more_guards,
        on_success=lambda update: [Update.of(operation.target, {**guards.persisted_fields(update, data), "status": "available"})],
    )
    backend.context.journal.run(operation)
    return operation.target


def adopt_volume(backend: StoredBackend, source: Mapping[str, str], name: str, volume_id: str | None = None) -> Tracked:
    """Track the volume that the reference *source* names on the storage of *backend*, and return it.

    Without a *volume_id* the volume gets a new id.

    Raises:
        AlreadyExists: the volume is tracked already, or the id is taken.
        NotSupported: the driver cannot adopt volumes.
        DriverError: the storage has no such volume, and nothing is tracked. If the driver failed later, the volume stays tracked
            as ``managing``, and ``unmanage()`` or ``delete()`` release it.

    """
    values = _new_row(backend, {"name": name, "size": 0, "id": volume_id}) | {"status": "managing"}
    refuse_taken(backend.context, CLASSES["Volume"], volume_id)
    data = volume_data(values)
    values["name_in_storage"] = claimed_name(source)

    def call_driver(driver: Driver, _progress: Progress) -> tuple[int, ModelUpdate]:
        capable_driver: CanManage = guards.require_capability(driver, "manage", cast("Tracked", backend))
        size = capable_driver.manage_existing_get_size(data, source)
        operation.side_effects = None
        return size, capable_driver.manage_existing(data, source)

    operation: OperationSpec[tuple[int, ModelUpdate]] = OperationSpec(
        action="manage",
        call=call_driver,
        side_effects=False,
        insert=Insert("volume", values),
        backend=backend,
        arguments=masking.data(dict(source)),
        guards=(claims.unclaimed(CLASSES["Volume"], backend.id, list(source.values())),),
        on_success=lambda result: [
            Update.of(operation.target, {**guards.persisted_fields(result[1], data), "size": result[0], "status": "available"})
        ],
    )
    backend.context.journal.run(operation)
    return operation.target


def reference_dict(reference: str | Mapping[str, str]) -> dict[str, str]:
    """Return Cinder's reference dict for *reference*, which is such a dict, or a name on the storage.

    Raises:
        InvalidInput: *reference* is neither.

    """
    return {SOURCE_NAME: reference} if isinstance(reference, str) else validation.text_map(reference, "reference")


def referenced_name(source: Mapping[str, str]) -> str:
    """Return the name in the reference dict *source*; empty if it names nothing."""
    return next(iter(source.values()), "")


def claimed_name(source: Mapping[str, str]) -> str:
    """Return the name on the storage that the adoption of *source* claims.

    It is stored with the intent, so that another kernel which adopts the same resource now finds it claimed.

    Raises:
        InvalidInput: the name cannot be stored.

    """
    return validation.name(referenced_name(source), "The name on the storage")


def refuse_taken(context: Context, cls: type[Tracked], resource_id: str | None) -> None:
    """Refuse *resource_id* for a resource to adopt if a row of *cls* has that id; accept None.

    Raises:
        AlreadyExists: the id is taken.

    """
    existing = identity_map.by_spelling(context, cls, validation.spellings(resource_id)) if resource_id is not None else None
    if existing is not None:
        msg = f"The id {resource_id} is taken by {existing.label()}. Choose another."
        raise errors.AlreadyExists(msg)


def _refuse_if_on_storage(backend: StoredBackend, driver: Driver, data: VolumeData) -> None:
    """Refuse to create a volume that is on the storage already.

    Some drivers would return the existing one as the new one. A driver that cannot adopt volumes cannot report it; nothing is
    refused then.

    Raises:
        ExistsOnStorage: the storage has a volume of that name.

    """
    if not isinstance(driver, CanManage):
        return
    try:
        with translate_errors(backend.name, "manage_existing_get_size"):
            driver.manage_existing_get_size(data, {SOURCE_NAME: data.name_in_storage})
    except errors.Error:
        return  # the volume is not there, or the storage does not answer, which the creation reports
    msg = (
        f"{data.name_in_storage} is on the storage of {backend.label()} already, and is not tracked. "
        f"To adopt it: backend.manage({data.name_in_storage!r}, id={data.id!r})."
    )
    raise errors.ExistsOnStorage(msg)


def _new_row(backend: StoredBackend, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Validate *fields*, and return the row of a new volume on *backend*, by column.

    Raises:
        InvalidInput: a field is unknown or invalid.

    """
    for name in fields:
        if name not in _FIELDS and name not in _LAYER_FIELDS:
            msg = f"A volume has no {name!r} to set.{errors.did_you_mean(name, _FIELDS)}"
            raise errors.InvalidInput(msg)
    volume_id = validation.new_id(fields.get("id"), any_text=backend.context.settings.non_uuid_ids)
    pool = validation.optional_text(fields.get("pool_name"), "pool_name")
    settings = backend.context.settings
    return {
        "id": volume_id,
        "name": validation.name(fields.get("name")),
        "description": validation.text(fields.get("description"), "description"),
        "size": fields["size"],
        "status": "creating",
        "attach_status": "detached",
        "backend_id": backend.id,
        "host": fields.get("host") or naming.host(settings, backend.name, backend.stored_config) + (f"#{pool}" if pool else ""),
        "pool_name": pool,
        "name_in_storage": naming.in_storage(backend, "volume", volume_id),
        "snapshot_id": fields.get("snapshot_id"),
        "source_volid": fields.get("source_volid"),
        "availability_zone": validation.optional_text(fields.get("availability_zone"), "availability_zone"),
        "bootable": validation.flag(fields.get("bootable", False), "bootable"),
        "protected": False,
        "metadata_": validation.text_map(fields.get("metadata"), "metadata"),
        "extra_specs": validation.text_map(fields.get("extra_specs"), "extra_specs"),
        "qos_specs": validation.text_map(fields.get("qos_specs"), "qos_specs"),
        "provider_location": None,
        "provider_id": None,
        "driver_data": fields.get("driver_data"),
        "extra": fields.get("extra"),
    }


def _find_equal(backend: StoredBackend, values: Mapping[str, Any]) -> Tracked | None:
    """Return the tracked volume that has the id of the row *values*; None if the id is free.

    Raises:
        InvalidStatus: the volume is equal, and its status is not a stable one.
        AlreadyExists: the volume differs.

    """
    existing: Any = identity_map.by_spelling(backend.context, CLASSES["Volume"], validation.spellings(values["id"]))
    if existing is None:
        return None
    if all(getattr(existing, name) == values[name] for name in ("backend_id", "size", "name", "snapshot_id", "source_volid")):
        if existing.status not in lifecycle.STABLE_STATUSES:
            msg = f"{existing.label()} with that id exists and is {existing.status!r}. Delete it, then repeat."
            raise errors.InvalidStatus(msg)
        return cast("Tracked", existing)
    msg = f"The id {values['id']} is taken by {existing.label()} of {existing.size} GiB on {existing.host}. Choose another."
    raise errors.AlreadyExists(msg)


def expected_bytes(info: ConnectionInfo, size: int, *, is_rounded: bool) -> int:
    """Return the smallest number of bytes that the device of a volume of *size* GiB may have.

    Drivers round the sizes of adopted volumes up to whole GiB, and a clone has as many bytes as its source. So a volume whose
    size *is_rounded* may be almost 1 GiB smaller.
    """
    # Only the protocol ``local`` reports the exact size by this key; other protocols use the key for other things.
    exact = info["data"].get("size") if info["driver_volume_type"].lower() == "local" else None
    return int(exact or least_bytes(size) if is_rounded or exact else size * GiB)


def may_be_rounded(volume: Tracked, info: Mapping[str, Any]) -> bool:
    """Return whether the device that *info* describes may be smaller than the volume's size in GiB.

    If the device can be identified, its size proves nothing more, and may be smaller. Otherwise a smaller device may be another
    volume's, so the size counts as rounded only for volumes that this store did not create, and for copies of them.
    """
    return block_devices.is_known(info) or not _is_created_here(volume)


def _is_created_here(volume: Any) -> bool:  # noqa: ANN401 - a volume
    """Return whether the history records the creation of the volume and of all its sources."""
    source_id: str | None = volume.id
    while source_id is not None:
        is_creation = (Operation.resource_id == source_id, Operation.action == "create")
        with volume.context.store.reading() as connection:
            if connection.execute(sa.select(Operation.id).where(*is_creation).limit(1)).first() is None:
                return False
        source = identity_map.get(volume.context, type(volume), source_id)
        if source is None:
            return False
        source_id = source.source_volid
        if source.snapshot_id is not None:
            snapshot: Any = identity_map.get(volume.context, identity_map.CLASSES["Snapshot"], source.snapshot_id)
            if snapshot is None:
                return False
            source_id = snapshot.volume_id
    return True
