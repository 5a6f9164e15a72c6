"""How volumes come into being: made empty, made from a snapshot or another volume, or adopted from the storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from cl_notebook import errors, masking
from cl_notebook.drivers.api import CanManage
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.model import claims, identity_map, naming, validation
from cl_notebook.model.driver_context import volume_data
from cl_notebook.model.identity_map import CLASSES
from cl_notebook.model.operations import guards, lifecycle
from cl_notebook.model.operations.changes import Insert, Update
from cl_notebook.model.operations.runner import OperationSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cl_notebook.drivers.api import Driver, ModelUpdate, Progress, VolumeData
    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context, StoredBackend
    from cl_notebook.model.operations.changes import Guard


def make_volume(
    backend: StoredBackend,
    fields: Mapping[str, Any],
    call: str = "create_volume",
    do: Callable[[Driver, VolumeData, Progress], ModelUpdate] | None = None,
    more_guards: tuple[Guard, ...] = (),
    *,
    driver_data: Mapping[str, Any] | None = None,
) -> Tracked:
    """Make a volume of *fields* on *backend*: by *do*, or an empty one; *driver_data* is what is known of its bytes beforehand.

    Raises:
        InvalidInput: a field cannot be right.
        AlreadyExists: the id stands for something else, or another volume has the name on the storage that is made of it.
        InvalidStatus: the id stands for such a volume that is not whole.
        ExistsOnStorage: the storage has a volume of that id, and nothing tracks it.
        DriverError: the storage refused.

    """
    values = _row(backend, fields) | {"driver_data": dict(driver_data) if driver_data else None}
    same = _already_there(backend, values) if fields.get("id") else None
    if same is not None:
        return same
    data = volume_data(values)

    def create(driver: Driver, progress: Progress) -> ModelUpdate:
        if fields.get("id"):
            _refuse_on_storage(backend, driver, data)
        return do(driver, data, progress) if do else driver.create_volume(data)

    if fields.get("id"):  # another row may have a name that is made of it
        more_guards = (*more_guards, claims.unclaimed(CLASSES["Volume"], backend.id, [data.name_in_storage]))
    operation: OperationSpec[ModelUpdate] = OperationSpec(
        action="create",
        method=call,
        call=create,
        insert=Insert("volume", values),
        backend=backend,
        arguments={name: values[name] for name in ("size", "name", "snapshot_id", "source_volid") if values[name]},
        guards=more_guards,
        on_success=lambda update: [Update.of(operation.target, {**guards.persisted_fields(update, data), "status": "available"})],
    )
    backend.context.journal.run(operation)
    return operation.target


def adopt_volume(backend: StoredBackend, source: Mapping[str, str], name: str, volume_id: str | None = None) -> Tracked:
    """Track what *source* names on the storage of *backend*, under a new id or the one that is given.

    Raises:
        AlreadyExists: it is tracked already, or the id is taken.
        NotSupported, DriverError: the driver cannot adopt, or the storage has no such volume; nothing is tracked then. Where the
            driver failed in the middle, the volume stays tracked as ``managing``: ``unmanage()`` or ``delete()`` release it.

    """
    values = _row(backend, {"name": name, "size": 0, "id": volume_id}) | {"status": "managing"}
    refuse_taken(backend.context, CLASSES["Volume"], volume_id)
    data = volume_data(values)
    # Its own name from the intent on: another kernel that adopts it at the same moment finds it taken.
    values["name_in_storage"] = validation.name(next(iter(source.values()), ""), "The name on the storage")

    def manage(driver: Driver, _progress: Progress) -> tuple[int, ModelUpdate]:
        able: CanManage = guards.require_capability(driver, "manage", cast("Tracked", backend))
        size = able.manage_existing_get_size(data, source)
        operation.side_effects = None
        return size, able.manage_existing(data, source)

    operation: OperationSpec[tuple[int, ModelUpdate]] = OperationSpec(
        action="manage",
        method="manage_existing",
        call=manage,
        side_effects=False,
        insert=Insert("volume", values),
        backend=backend,
        arguments=masking.data(dict(source)),
        guards=(claims.unclaimed(CLASSES["Volume"], backend.id, list(source.values())),),
        on_success=lambda answer: [
            Update.of(operation.target, {**guards.persisted_fields(answer[1], data), "size": answer[0], "status": "available"})
        ],
    )
    backend.context.journal.run(operation)
    return operation.target


def refuse_taken(context: Context, kind: type[Tracked], wanted: str | None) -> None:
    """Refuse the id that something is to be adopted under if it is taken.

    Raises:
        AlreadyExists: it is.

    """
    known = identity_map.by_spelling(context, kind, validation.spellings(wanted)) if wanted is not None else None
    if known is not None:
        msg = f"The id {wanted} is taken by {known.label()}. Choose another."
        raise errors.AlreadyExists(msg)


def _refuse_on_storage(backend: StoredBackend, driver: Driver, data: VolumeData) -> None:
    """Refuse to make what the storage has already, as far as it tells: a driver takes what is there for what it was to make.

    Raises:
        ExistsOnStorage: it is there.

    """
    if not isinstance(driver, CanManage):
        return
    try:
        with translate_errors(backend.name, "manage_existing_get_size"):
            driver.manage_existing_get_size(data, {"source-name": data.name_in_storage})
    except errors.Error:
        return  # it is not there, or the storage does not answer, as making it will tell
    msg = (
        f"{data.name_in_storage} is on the storage of {backend.label()} already, and is not tracked. "
        f"To adopt it: backend.manage({data.name_in_storage!r}, id={data.id!r})."
    )
    raise errors.ExistsOnStorage(msg)


_FIELDS = {
    *("id", "name", "description", "size", "pool_name", "snapshot_id", "source_volid", "availability_zone", "bootable"),
    *("metadata", "extra_specs", "qos_specs"),
}


def _row(backend: StoredBackend, fields: Mapping[str, Any]) -> dict[str, Any]:
    for name in fields:
        if name not in _FIELDS:
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
        "host": naming.host(settings, backend.name, backend.stored_config) + (f"#{pool}" if pool else ""),
        "pool_name": pool,
        "name_in_storage": naming.in_storage(backend, "volume", volume_id),
        "snapshot_id": fields.get("snapshot_id"),
        "source_volid": fields.get("source_volid"),
        "availability_zone": validation.optional_text(fields.get("availability_zone"), "availability_zone"),
        "bootable": validation.flag(fields.get("bootable", False), "bootable"),
        "metadata_": validation.text_map(fields.get("metadata"), "metadata"),
        "extra_specs": validation.text_map(fields.get("extra_specs"), "extra_specs"),
        "qos_specs": validation.text_map(fields.get("qos_specs"), "qos_specs"),
        "provider_location": None,
        "provider_id": None,
        "driver_data": None,
    }


def _already_there(backend: StoredBackend, values: Mapping[str, Any]) -> Tracked | None:
    known: Any = identity_map.by_spelling(backend.context, CLASSES["Volume"], validation.spellings(values["id"]))
    if known is None:
        return None
    if all(getattr(known, name) == values[name] for name in ("backend_id", "size", "name", "snapshot_id", "source_volid")):
        if known.status not in lifecycle.STABLE_STATUSES:
            msg = f"{known.label()} with that id exists and is {known.status!r}. Delete it, then repeat."
            raise errors.InvalidStatus(msg)
        return cast("Tracked", known)
    msg = f"The id {values['id']} is taken by {known.label()} of {known.size} GiB on {known.host}. Choose another."
    raise errors.AlreadyExists(msg)
