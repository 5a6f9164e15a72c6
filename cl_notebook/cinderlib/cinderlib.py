"""cinderlib's class of backends and its set-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from cl_notebook import errors, model, settings
from cl_notebook import session as sessions
from cl_notebook.cinderlib import exception
from cl_notebook.cinderlib.base import Object, wrapped
from cl_notebook.cinderlib.objects import Volume
from cl_notebook.cinderlib.persistence import Persistence
from cl_notebook.model import connection

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Backend", "setup"]


class _Open:
    """The attribute ``Backend.backends``: the open backends by name."""

    def __get__(self, instance: object, owner: type) -> dict[str, Any]:
        return {name: wrapped(ours) for name, ours in sessions.default_session().backends.items()}


class Backend(Object):
    """A named driver with its configuration."""

    own: ClassVar[Any] = model.Backend
    backends: ClassVar[_Open] = _Open()
    global_initialization: ClassVar[bool] = False
    """Whether :meth:`global_setup` was called; it may be called again after this is set to False."""
    persistence: ClassVar[Persistence] = Persistence()

    def __new__(cls, volume_backend_name: str = "", **driver_cfg: Any) -> Any:  # noqa: ANN401 - the backend, an option's value
        """Open the backend, or return the open one with the same configuration.

        Raises:
            AlreadyExists: it is open with another configuration.

        """
        if not volume_backend_name:
            return super().__new__(cls)
        if not cls.global_initialization:
            cls.global_setup()
        session = sessions.default_session()
        # cinderlib stored no backends: what an earlier process opened under the name does not bind this one
        is_new = volume_backend_name not in session.backends
        return wrapped(session.open_backend(volume_backend_name, driver_cfg, replace=is_new))

    @classmethod
    def global_setup(  # noqa: PLR0917 - cinderlib's signature
        cls,
        file_locks_path: str | None = None,
        root_helper: str = "sudo",
        suppress_requests_ssl_warnings: bool = True,  # noqa: FBT001, FBT002 - as above
        disable_logs: bool = True,  # noqa: FBT001, FBT002 - as above
        non_uuid_ids: bool = False,  # noqa: FBT001, FBT002 - as above
        output_all_backend_info: bool = False,  # noqa: FBT001, FBT002 - as above
        project_id: str | None = None,
        user_id: str | None = None,
        persistence_config: object = None,
        fail_on_missing_backend: bool = True,  # noqa: FBT001, FBT002 - as above
        host: str | None = None,
        *,
        include_secrets: bool = False,
        **cinder_config_params: Any,  # noqa: ANN401 - Cinder's options
    ) -> None:
        """Set up the default session once, as :func:`cl_notebook.setup` does; *include_secrets* is ours.

        Without *persistence_config* the store is in memory.

        Raises:
            Refused: it was called before.
            InvalidPersistence: *persistence_config* does not name a store.

        """
        if cls.global_initialization:
            msg = "Already set up. Set Backend.global_initialization to False to do it again, on a new store."
            raise errors.Refused(msg)
        sessions.setup(
            store=_store(persistence_config),
            host=host,
            root_helper=root_helper,
            file_locks_path=file_locks_path,
            suppress_requests_ssl_warnings=suppress_requests_ssl_warnings,
            disable_logs=disable_logs,
            non_uuid_ids=non_uuid_ids,
            output_all_backend_info=output_all_backend_info,
            include_secrets=include_secrets,
            project_id=project_id,
            user_id=user_id,
            fail_on_missing_backend=fail_on_missing_backend,
            **cinder_config_params,
        )
        cls.global_initialization = True

    @classmethod
    def set_persistence(cls, persistence_config: object) -> None:
        """Switch to another store, and keep the open backends.

        Raises:
            InvalidPersistence: *persistence_config* does not name a store.

        """
        sessions.default_session().move_to(_store(persistence_config))

    @property
    def obj(self) -> Any:  # noqa: ANN401 - as of every object
        """The wrapped backend; for one that was loaded from a document, the open one of the same name, if any."""
        ours = super().obj
        return sessions.default_session().backends.get(ours.name, ours) if ours.is_loaded_only else ours

    def save(self) -> None:
        """Track a backend that was loaded from a document, and what was loaded with it."""
        if self.ours is not None and self.ours.is_loaded_only:
            self.ours.save()

    @property
    def id(self) -> str:
        """The name, which cinderlib uses as the id."""
        return str(self.obj.name)

    @property
    def volumes(self) -> list[Volume]:
        """The volumes on the backend."""
        volumes: list[Volume] = wrapped((self.ours or self.obj).volumes)
        return volumes

    def volumes_filtered(self, volume_id: str | None = None, volume_name: str | None = None) -> list[Volume]:
        """Return the volumes with that id or name."""
        volumes: list[Volume] = wrapped(self.obj.volumes_filtered(volume_id, volume_name))
        return volumes

    def create_volume(self, size: int, name: str = "", description: str = "", bootable: bool = False, **fields: Any) -> Volume:  # noqa: ANN401, FBT001, FBT002 - cinderlib's signature
        """Create an empty volume of *size* GiB."""
        volume = Volume(wrapped(self.obj), size=size, name=name, description=description, bootable=bootable, **fields)
        volume.create()
        return volume

    def stats(self, refresh: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - cinderlib's signature
        """Return the capacities and identity of the storage, cached; *refresh* asks the storage."""
        if refresh or "_stats" not in vars(self):
            vars(self)["_stats"] = _legacy(self.obj.stats(refresh=refresh))
        held: dict[str, Any] = vars(self)["_stats"]
        return held

    def validate_connector(self, connector_dict: Mapping[str, Any]) -> None:
        """Check that *connector_dict* has what a connection needs.

        Raises:
            InvalidInput: something is missing.

        """
        connection.checked(connector_dict)

    @staticmethod
    def list_supported_drivers(output_version: int = 1) -> dict[str, dict[str, Any]]:
        """Return Cinder's drivers with their options: as text in version 1, as they are in version 2."""
        return model.Backend.list_supported_drivers(output_version)

    @classmethod
    def load_backend(cls, backend_data: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a backend, or its name
        """Return the backend that a document names; open it if the document has its configuration.

        Raises:
            NotFound: it is not open, the document has no configuration, and ``fail_on_missing_backend`` is set.

        """
        name = str(backend_data["volume_backend_name"])
        if name in cls.backends:
            return cls.backends[name]
        if len(backend_data) > 1:
            return cls(**backend_data)
        if sessions.default_session().settings.fail_on_missing_backend:
            msg = f"No backend {name!r} is open, and the document has no configuration of it. Open it first: Backend(…)."
            raise errors.NotFound(msg)
        return name


def _store(persistence_config: object) -> str:
    try:
        return settings.store_of({} if persistence_config is None else persistence_config)
    except errors.InvalidInput as error:
        raise exception.InvalidPersistence(str(error)) from error


def _legacy(stats: Mapping[str, Any]) -> dict[str, Any]:
    # Cinder's allocated capacity is the volumes' full size; our drivers report the space that they really use.
    is_ours = stats.get("vendor_name") == "cl_notebook"
    pools = [
        {**pool, "allocated_capacity_gb": pool["provisioned_capacity_gb"]} if is_ours else dict(pool) for pool in stats["pools"]
    ]
    return {**stats, "pools": pools}


setup = Backend.global_setup
