"""cinderlib's class of backends and its set-up."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from cl_notebook import errors, model, settings
from cl_notebook import session as sessions
from cl_notebook.cinderlib import exception
from cl_notebook.cinderlib.base import DEFAULT_PROJECT_ID, DEFAULT_USER_ID, Object, forward_log, wrapped
from cl_notebook.cinderlib.objects import Volume
from cl_notebook.cinderlib.persistence import Persistence
from cl_notebook.drivers.api import HasKnownStats
from cl_notebook.drivers.cinder.process import release_waiting
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
    im_root: ClassVar[bool] = False
    fail_on_missing_backend: ClassVar[bool] = True
    non_uuid_ids: ClassVar[bool] = False
    output_all_backend_info: ClassVar[bool] = False
    project_id: ClassVar[str | None] = None
    user_id: ClassVar[str | None] = None

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
        try:
            return wrapped(session.open_backend(volume_backend_name, driver_cfg, replace=is_new, accept_unknown=True))
        finally:
            forward_log()
            release_waiting()  # a child that was started beforehand, for a driver that turned out to need none

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
        Object.relays_log = not disable_logs
        sessions.setup(
            accept_unknown=True,
            store=_store(persistence_config),
            host=host,
            root_helper=root_helper,
            file_locks_path=file_locks_path,
            suppress_requests_ssl_warnings=suppress_requests_ssl_warnings,
            disable_logs=disable_logs,
            non_uuid_ids=non_uuid_ids,
            output_all_backend_info=output_all_backend_info,
            include_secrets=include_secrets,
            project_id=project_id or DEFAULT_PROJECT_ID,
            user_id=user_id or DEFAULT_USER_ID,
            fail_on_missing_backend=fail_on_missing_backend,
            **cinder_config_params,
        )
        cls.im_root = os.getuid() == 0
        cls.fail_on_missing_backend = fail_on_missing_backend
        cls.project_id, cls.user_id, cls.non_uuid_ids = project_id, user_id, non_uuid_ids
        cls.output_all_backend_info = output_all_backend_info
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
        """The volumes on the backend: the same list each time, from which those that are deleted are removed."""
        return self.held("volumes", (self.ours or self.obj).volumes)

    def volumes_filtered(self, volume_id: str | None = None, volume_name: str | None = None) -> list[Volume]:
        """Return the volumes with that id or name."""
        volumes: list[Volume] = wrapped(self.obj.volumes_filtered(volume_id or None, volume_name or None))
        return volumes

    def create_volume(self, size: float, name: str = "", description: str = "", bootable: bool = False, **fields: Any) -> Volume:  # noqa: ANN401, FBT001, FBT002 - cinderlib's signature
        """Create an empty volume of *size* GiB."""
        volume = Volume(wrapped(self.obj), size=size, name=name, description=description, bootable=bootable, **fields)
        volume.create()
        return volume

    @property
    def pool_names(self) -> tuple[str, ...]:
        """Names of the storage's pools, as they were reported when the backend was opened."""
        return tuple(str(pool["pool_name"]) for pool in self.stats()["pools"])

    def stats(self, refresh: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - cinderlib's signature
        """Return the capacities and identity of the storage, cached; *refresh* asks the storage."""
        if refresh or "_stats" not in vars(self):
            driver = self.obj.driver
            is_known = not refresh and isinstance(driver, HasKnownStats)  # since the setup
            try:
                vars(self)["_stats"] = _legacy(driver.known_stats() if is_known else self.obj.stats(refresh=True))
            finally:
                forward_log()
        held: dict[str, Any] = vars(self)["_stats"]
        return held

    def field(self, name: str) -> Any:  # noqa: ANN401 - of the driver
        """Return the attribute *name*: the backend's here, else that of Cinder's driver.

        Raises:
            AttributeError: neither has it.

        """
        if name not in _OF_DRIVER and hasattr(type(self.obj), name):
            return getattr(self.obj, name)
        driver = self.obj.driver
        if hasattr(driver, name):
            return getattr(driver, name)
        if name[:1] != "_" and hasattr(driver, "attribute"):
            return driver.attribute(name)
        if name in _OF_DRIVER:
            return _OF_DRIVER[name]
        msg = f"A backend has no attribute {name!r}, nor has its driver."
        raise AttributeError(msg)

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
        store = settings.store_of({} if persistence_config is None else persistence_config)
    except errors.InvalidInput as error:
        raise exception.InvalidPersistence(str(error)) from error
    scheme, mark, rest = store.partition("://")
    if scheme == "postgresql+psycopg2" and find_spec("psycopg2") is None:  # oVirt names it; its successor reads the same URLs
        scheme = "postgresql"
    return f"{scheme}{mark}{rest}"


def _legacy(stats: Mapping[str, Any]) -> dict[str, Any]:
    # Cinder's allocated capacity is the volumes' full size; our drivers report the space that they really use.
    is_ours = stats.get("vendor_name") == "cl_notebook"
    pools = [
        {**pool, "allocated_capacity_gb": pool["provisioned_capacity_gb"]} if is_ours else dict(pool) for pool in stats["pools"]
    ]
    return {**stats, "pools": pools}


_OF_DRIVER: dict[str, Any] = {"get_version": lambda: "1.0.0", "supported": True, "initialized": True, "VERSION": "1.0.0"}
"""Attributes of Cinder's drivers that scripts ask for, with the values of drivers that are not Cinder's."""

setup = Backend.global_setup
