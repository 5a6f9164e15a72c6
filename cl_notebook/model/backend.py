"""The tracked backend: a driver with a configuration and a name, and the volumes on its storage."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cl_notebook import errors, masking
from cl_notebook.drivers.api import HasLog, capabilities
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.drivers.filebased.manage import SOURCE_NAME
from cl_notebook.model import capacity_history, context, creation, driver_context, facts, identity_map, trash, validation
from cl_notebook.model.base import Children, Tracked
from cl_notebook.model.operations import background, guards
from cl_notebook.model.operations.changes import Delete
from cl_notebook.model.volume import Volume
from cl_notebook.store.types import Json, reg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cl_notebook.drivers.api import Driver, LogLine, ManageableSnapshot, ManageableVolume, Stats

SECRETS = "secret_options"
"""Key of a stored configuration that holds the names of the secret options that were given; their values are never stored."""

E = TypeVar("E")


def given_options(stored_config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options in a stored configuration, without the names of the secret ones."""
    return {name: value for name, value in stored_config.items() if name != SECRETS}


def page(entries: Iterable[E], limit: int | None, marker: str | None) -> list[E]:
    """Return one page of the *entries* that a driver lists.

    Args:
        entries: all of them, in the driver's order; each has a ``reference``.
        limit: the largest number of entries to return; None returns all.
        marker: the text of the reference after which the page begins; None begins with the first entry.

    Raises:
        InvalidInput: *limit* is not a whole number above 0, or no entry has the reference *marker*.

    """
    size = None if limit is None else validation.count(limit, "limit")
    rest = iter(entries) if marker is None else _after_marker(entries, validation.text(marker, "marker"))
    return list(rest if size is None else itertools.islice(rest, size))


def _after_marker(entries: Iterable[E], marker: str) -> Iterator[E]:
    rest = iter(entries)
    for entry in rest:
        if reference_text(cast("Any", entry)["reference"]) == marker:
            return rest
    msg = f"Nothing on the storage is called {marker!r}: the marker is the reference of the last entry of the page before."
    raise errors.InvalidInput(msg)


def reference_text(reference: Mapping[str, Any]) -> str:
    """Return *reference* as the text that ``manage`` accepts: a source name, or ``key=value,…``."""
    if SOURCE_NAME in reference:
        return str(reference[SOURCE_NAME])
    return ",".join(f"{key}={value}" for key, value in reference.items())


class _OpenBackends:
    """The descriptor of ``Backend.backends``, the backends that are open in the default session."""

    def __get__(self, instance: object, owner: type) -> dict[str, Backend]:
        """Return the open backends by name."""
        return cast("dict[str, Backend]", context.current().backends)


@reg.mapped
class Backend(Tracked):
    """A driver with a configuration, under a name: one storage, with its volumes.

    ``Backend("lvm", volume_driver="local", path="~/volumes")`` opens it in the default session and tracks it in the store. The
    same name with the same configuration returns the same object; the name alone opens the backend with its stored configuration.

    What can be done with it::

        create  lvm.create_volume(1, "db")
        read    lvm.volumes, lvm.volumes_filtered(volume_name="db"); lvm.refresh()
        ask     lvm.stats(refresh=True), lvm.pool_names, lvm.capabilities, lvm.log()
        adopt   lvm.manageable_volumes(); lvm.manage("disk-7", "adopted")
        compare cl.inventory.scan(lvm) finds what is missing, stuck or untracked
        close   lvm.close(); cl.Backend("lvm") opens it again; lvm.forget()
    """

    __tablename__ = "backend"
    kind: ClassVar[str] = "backend"
    relations: ClassVar[tuple[str, ...]] = ("volumes",)

    internal: ClassVar[frozenset[str]] = Tracked.internal | {"stored_config"}

    name: Mapped[str] = mapped_column(sa.String(255), unique=True)
    volume_driver: Mapped[str] = mapped_column(sa.String(255))
    stored_config: Mapped[dict[str, Any]] = mapped_column("config", Json)

    volumes: ClassVar[Children[Volume]] = Children("Volume", "backend_id", "backend")
    backends: ClassVar[_OpenBackends] = _OpenBackends()

    def __new__(
        cls,
        volume_backend_name: str | None = None,
        *,
        replace: bool = False,
        trust: bool = False,
        **config: Any,  # noqa: ANN401 - driver options
    ) -> Self:
        """Open the backend in the default session; see :meth:`__init__`."""
        if volume_backend_name is None and not config:
            return super().__new__(cls)  # SQLAlchemy creates the object of a row by this call
        return context.current().open_backend(volume_backend_name, config, replace=replace, trust=trust)  # type: ignore[return-value] # there are no subclasses

    def __init__(
        self,
        volume_backend_name: str | None = None,
        *,
        replace: bool = False,
        trust: bool = False,
        **config: Any,  # noqa: ANN401 - driver options
    ) -> None:
        """Open the backend under its name.

        Args:
            volume_backend_name: the name.
            replace: replace the stored configuration if it differs.
            trust: confirm the configuration that a document, or the store of another user, has for the name; the error
                ``Unconfirmed`` shows it. Its option ``python`` is never confirmed in this way: it has to be typed.
            config: ``volume_driver`` (``local``, ``sim``…) and the options of that driver.

        Raises:
            InvalidInput: an option is unknown, missing or of the wrong type.
            NotFound: there is no such driver, or only a name was given and no backend of that name is stored.
            Unconfirmed: the configuration comes from a document or from the store of another user, and was not confirmed.
            AlreadyExists: the backend of that name is stored with another configuration.
            DriverError: the driver cannot use the storage.

        """
        del replace, trust
        if volume_backend_name is None and not config:
            msg = "A backend needs a name and a driver: cl.Backend('lab', volume_driver='local')."
            raise errors.InvalidInput(msg)

    @staticmethod
    def list_supported_drivers(output_version: int = 1, python: str | None = None) -> dict[str, dict[str, Any]]:
        """Return Cinder's drivers with their options, by class name, as cinderlib does.

        Each driver is a dict with ``class_name``, ``class_fqn``, ``desc``, ``version``, ``supported``, ``ci_wiki_name`` and
        ``driver_options``. ``%cl_drivers`` and ``cl.frames.drivers`` search the drivers faster.

        Args:
            output_version: 1 returns all values of options as text; 2 returns them unchanged, and the options' types as dicts.
            python: path of a Python interpreter that has Cinder; by default the one that runs this process.

        Raises:
            InvalidInput: *output_version* is neither 1 nor 2, or the interpreter cannot be started.
            NotSupported: the interpreter has no Cinder.

        """
        from cl_notebook.drivers.cinder import catalog  # noqa: PLC0415 - loaded only for Cinder's drivers

        with context.current().progress("import Cinder's drivers"):
            return catalog.supported(output_version, python)

    @classmethod
    def set_persistence(cls, persistence_config: object) -> None:
        """Switch the default session to another store, and keep the open backends open, as cinderlib does.

        The rows of the previous store stay there. ``session.move_to(store)`` does the same in any session.

        Args:
            persistence_config: cinderlib's dict, ``{"storage": "db", "connection": URL}``; None is a new store in memory.

        Raises:
            InvalidInput: *persistence_config* is not such a dict, or names a persistence plugin.
            AlreadyExists: the new store has a backend with the name of an open one and another configuration.
            StoreError: the new store cannot be used.

        """
        context.current().move_to(persistence_config={} if persistence_config is None else persistence_config)

    @property
    def volume_backend_name(self) -> str:
        """The name, under Cinder's name for the field."""
        return self.name

    @property
    def is_open(self) -> bool:
        """Whether the driver is open in this session."""
        return self.is_tracked and self.context.backends.get(self.name) is self

    @property
    def driver(self) -> Driver:
        """The driver; it is opened from the stored configuration if it is not open."""
        return self.context.driver(self)

    @property
    def config(self) -> dict[str, Any]:
        """The configuration; values of secret options are masked."""
        options = given_options(self.stored_config)
        secrets = dict.fromkeys(self.secret_options, masking.MASK)
        return {"volume_driver": self.volume_driver, "volume_backend_name": self.name, **masking.mapping(options), **secrets}

    @property
    def is_confirmed(self) -> bool:
        """Whether this user typed the configuration, or confirmed that of a document or foreign store."""
        return self.is_tracked and self.context.is_confirmed(self)

    @property
    def secret_options(self) -> tuple[str, ...]:
        """Names of the secret options that were given; they have to be given again to reopen it."""
        return tuple(self.stored_config.get(SECRETS, ()))

    @property
    def capabilities(self) -> dict[str, bool]:
        """Whether the driver supports each optional capability (``revert``, ``manage``…)."""
        return capabilities(self.driver)

    @property
    def pool_names(self) -> tuple[str, ...]:
        """Names of the storage's pools, as its statistics report them."""
        return tuple(str(pool.get("pool_name", self.name)) for pool in facts.reported_pools(self.stats()))

    @errors.arguments_checked
    def stats(self, *, refresh: bool = False) -> Stats:
        """Return the capacities of the storage in GiB (or ``unknown`` or ``infinite``), and its identity.

        *refresh* asks the storage; otherwise the driver may return the values that it cached. The capacities are kept, at most
        once in five minutes, for ``cl.plot.capacity(over="7d")``.

        Raises:
            DriverError: the storage refused or does not answer.

        """
        driver = self.driver
        doing, hint = (
            f"Asking {self.label()} for its statistics",
            f"nothing changed. cl.Backend({self.name!r}).stats() asks again.",
        )
        with background.interruptible(doing, hint), translate_errors(self.name, "get_volume_stats", self._secrets):
            stats = driver.get_volume_stats(refresh=refresh)
        vars(self)[facts.LAST_STATS] = (driver, stats)
        capacity_history.record(self, stats)
        return stats

    @errors.arguments_checked
    def volumes_filtered(self, volume_id: str | None = None, volume_name: str | None = None) -> list[Volume]:
        """Return the backend's volumes, the oldest first; only those with the given id and name."""
        statement = sa.select(Volume).where(Volume.backend_id == self.id).order_by(Volume.created_at, Volume.id)
        if volume_id is not None:
            statement = statement.where(Volume.id.in_(validation.spellings(volume_id)))
        if volume_name is not None:
            statement = statement.where(Volume.name == validation.name(volume_name, "volume_name"))
        return identity_map.select(self.context, statement)

    @errors.arguments_checked
    def create_volume(
        self,
        size: int | str,
        name: str = "",
        *,
        description: str = "",
        bootable: bool = False,
        metadata: Mapping[str, str] | None = None,
        extra_specs: Mapping[str, str] | None = None,
        qos_specs: Mapping[str, str] | None = None,
        pool_name: str | None = None,
        availability_zone: str | None = None,
        id: str | None = None,  # noqa: A002 - Cinder's name for it
    ) -> Volume:
        """Create an empty volume of *size* GiB, a number or a text such as ``"1.5T"``.

        If *id* is that of a tracked volume with the same backend, size and name, that volume is returned and nothing is created.

        Raises:
            InvalidInput: a value is invalid.
            AlreadyExists: the id is taken by a different volume.
            InvalidStatus: the id is taken by an equal volume whose status is not a stable one.
            ExistsOnStorage: the storage has an untracked volume of that id.
            DriverError: the storage refused; the volume stays tracked with the status ``error``, unless the driver reports that
                it changed nothing.

        """
        return cast(
            "Volume",
            creation.make_volume(
                self,
                {
                    "id": id,
                    "size": validation.size(size),
                    "name": name,
                    "description": description,
                    "bootable": bootable,
                    "metadata": metadata,
                    "extra_specs": extra_specs,
                    "qos_specs": qos_specs,
                    "pool_name": pool_name,
                    "availability_zone": availability_zone,
                },
            ),
        )

    @errors.arguments_checked
    def manageable_volumes(self, *, limit: int | None = None, marker: str | None = None) -> list[ManageableVolume]:
        """Return the volumes on the storage, tracked or not (Cinder's list-manageable).

        Volumes that another backend on the same storage tracks are marked as tracked, too.

        Args:
            limit: the largest number of entries to return; None returns all.
            marker: the reference of the last entry of the previous page, as the text that ``manage`` accepts.

        Raises:
            InvalidInput: *limit* is not a whole number above 0, or no volume on the storage has the reference *marker*.
            NotSupported: the driver cannot list volumes.
            DriverError: the storage refused.

        """
        driver = self._require_driver("list_manageable")
        with translate_errors(self.name, "get_manageable_volumes", self._secrets):
            return page(driver.get_manageable_volumes(driver_context.volumes_on_storage(self)), limit, marker)

    @errors.arguments_checked
    def manageable_snapshots(self, *, limit: int | None = None, marker: str | None = None) -> list[ManageableSnapshot]:
        """Return the snapshots on the storage, tracked or not (Cinder's list-manageable).

        *limit*, *marker* and the errors are those of :meth:`manageable_volumes`.
        """
        driver = self._require_driver("list_manageable_snapshots")
        with translate_errors(self.name, "get_manageable_snapshots", self._secrets):
            return page(driver.get_manageable_snapshots(driver_context.snapshots_on_storage(self)), limit, marker)

    @errors.arguments_checked
    def manage(
        self,
        reference: str | Mapping[str, str],
        name: str = "",
        *,
        id: str | None = None,  # noqa: A002 - as create_volume's
    ) -> Volume:
        """Adopt a volume that is on the storage already, and return it.

        Args:
            reference: its name on the storage, or Cinder's reference dict.
            name: its display name; by default its name on the storage.
            id: its id, for instance that of a volume that was lost; by default a new one.

        Raises:
            AlreadyExists: the volume is tracked already, or the id is taken.
            NotSupported: the driver cannot adopt volumes.
            DriverError: the storage has no such volume.

        """
        self._require_driver("manage")
        source = creation.reference_dict(reference)
        return cast("Volume", creation.adopt_volume(self, source, name or creation.referenced_name(source), id))

    def log(self, operation: int | None = None) -> list[LogLine]:
        """Return the last lines of the driver's log, or only those of one *operation*, the oldest first.

        The lines are lost when the driver is closed. Drivers that write no log return no lines.
        """
        driver = self.driver
        lines = driver.log_lines() if isinstance(driver, HasLog) else []
        return [line for line in lines if operation is None or line.operation == operation]

    @errors.arguments_checked
    def close(self, *, kill: bool = False) -> None:
        """Close the driver. The backend and its volumes stay tracked; ``cl.Backend(name)`` opens it again.

        ``kill`` ends a driver that runs in a child process at once, even during a call; use it for a driver that hangs.
        """
        self.context.close_backend(self, kill=kill)

    @errors.arguments_checked
    def forget(self) -> None:
        """Remove the backend from the store, and close its driver; the storage is not touched.

        Raises:
            ResourceBusy: volumes are tracked on the backend.
            ReadOnly: the session is read-only.

        """
        session = self.context
        session.journal.refuse_if_read_only("forget")
        self._refuse_if_volumes()
        # Guards run in the transaction that removes the row.
        removals = [partial(module.remove, backend_id=self.id) for module in (driver_context, capacity_history)]
        session.journal.record_without_driver("forget", [Delete.of(self)], self, tuple(removals))
        session.close_backend(self)

    def _refuse_if_volumes(self) -> None:
        statement = sa.select(sa.func.count()).select_from(Volume).where(Volume.backend_id == self.id)
        with self.context.store.reading() as connection:
            count = connection.execute(statement).scalar_one()
            deleted, _ = trash.totals(connection, self.id)
        if deleted:
            msg = f"{self.label()} has {deleted} volumes in the trash. Bring them back, or delete them for good: cl.empty_trash()"
            raise errors.ResourceBusy(msg)
        if count:
            msg = (
                f"{self.label()} has {count} volume{'s' if count > 1 else ''}. Delete or release (unmanage) what is on it first."
            )
            raise errors.ResourceBusy(msg)

    def _secrets(self) -> Mapping[str, object]:
        return self.context.secrets(self)

    def _require_driver(self, capability: str) -> Any:  # noqa: ANN401 - the Protocol depends on the capability
        return guards.require_capability(self.driver, capability, self)

    def summary(self) -> tuple[str, ...]:
        """Return name, driver, and ``open`` or ``closed``."""
        return (self.name, self.volume_driver, "open" if self.is_open else "closed")
