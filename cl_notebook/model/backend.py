"""Backends: a driver with a configuration and a name, and the volumes on it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cl_notebook import errors, masking
from cl_notebook.drivers.api import HasLog, capabilities
from cl_notebook.drivers.errors import translate_errors
from cl_notebook.drivers.filebased.manage import SOURCE_NAME
from cl_notebook.model import context, creation, driver_context, identity_map, validation
from cl_notebook.model.base import Children, Tracked
from cl_notebook.model.operations import guards
from cl_notebook.model.operations.changes import Delete
from cl_notebook.model.volume import Volume
from cl_notebook.store.types import Json, reg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cl_notebook.drivers.api import Driver, LogLine, ManageableSnapshot, ManageableVolume, Stats

E = TypeVar("E")


def page(listed: Iterable[E], limit: int | None, marker: str | None) -> list[E]:
    """Return the *limit* entries of what was *listed* that follow the one called *marker*; None is all, and from the first.

    Raises:
        InvalidInput: *limit* is no whole number above 0, or no entry is called so.

    """
    number = None if limit is None else validation.count(limit, "limit")
    rest = iter(listed) if marker is None else _behind(listed, validation.text(marker, "marker"))
    return list(rest if number is None else itertools.islice(rest, number))


def _behind(listed: Iterable[E], marker: str) -> Iterator[E]:
    rest = iter(listed)
    for entry in rest:
        if word(cast("Any", entry)["reference"]) == marker:
            return rest
    msg = f"Nothing on the storage is called {marker!r}: the marker is the reference of the last entry of the page before."
    raise errors.InvalidInput(msg)


def word(reference: Mapping[str, Any]) -> str:
    """Return *reference* as ``manage`` takes it."""
    if SOURCE_NAME in reference:
        return str(reference[SOURCE_NAME])
    return ",".join(f"{key}={value}" for key, value in reference.items())


SECRETS = "secret_options"
"""Key of a stored configuration under which the names of the secrets stand that were given: never the secrets themselves."""


class _OpenBackends:
    """``Backend.backends``: what the default session has open."""

    def __get__(self, instance: object, owner: type) -> dict[str, Backend]:
        """Return the open backends by name."""
        return cast("dict[str, Backend]", context.current().backends)


@reg.mapped
class Backend(Tracked):
    """A driver with a configuration, under a name.

    ``Backend("lvm", volume_driver="local", path="~/volumes")`` opens it in the default session and tracks it in the store. The
    same name with the same configuration gives the same object; the name alone opens it as it is stored.
    """

    __tablename__ = "backend"
    kind: ClassVar[str] = "backend"
    relations: ClassVar[tuple[str, ...]] = ("volumes",)

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
            return super().__new__(cls)  # how SQLAlchemy makes the object for a row
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
            replace: take the new configuration if the name stands for another one.
            trust: take the configuration that a document, or a store of another user, has under the name, as if it was typed.
                Its error says what that is. A ``python`` in it is never taken: it has to be typed.
            config: ``volume_driver`` (``local``, ``sim``…) and that driver's options.

        Raises:
            InvalidInput: an option is unknown, missing or of the wrong type.
            NotFound: there is no such driver, or a name alone was given and no backend of that name is stored.
            Unconfirmed: a document described it, or it stands in a store of another user, and nobody confirmed it.
            AlreadyExists: the name stands for a backend with another configuration.
            DriverError: the driver cannot use the storage.

        """
        del replace, trust
        if volume_backend_name is None and not config:
            msg = "A backend needs a name and a driver: cl.Backend('lvm', volume_driver='local', path='~/volumes')."
            raise errors.InvalidInput(msg)

    @staticmethod
    def list_supported_drivers(output_version: int = 1, python: str | None = None) -> dict[str, dict[str, Any]]:
        """Return Cinder's drivers with their options, by their classes, as cinderlib does.

        Each has ``class_name``, ``class_fqn``, ``desc``, ``version``, ``supported``, ``ci_wiki_name`` and ``driver_options``. To
        search in them, ``%cl_drivers`` and ``cl.frames.drivers`` are faster.

        Args:
            output_version: 1 gives all values of options as text, 2 gives them as they are, and their types as dicts.
            python: the Python that has Cinder, this one by default.

        Raises:
            InvalidInput: *output_version* is neither 1 nor 2, or that Python cannot be started.
            NotSupported: it has no Cinder.

        """
        from cl_notebook.drivers.cinder import catalog  # noqa: PLC0415 - only who asks for Cinder loads what asks it

        with context.current().progress("import Cinder's drivers"):
            return catalog.supported(output_version, python)

    @classmethod
    def set_persistence(cls, persistence_config: object) -> None:
        """Go on with another store in the default session, with the backends that are open, as cinderlib does.

        What is tracked in the store before stays there. ``session.move_to(store)`` does the same in any session.

        Args:
            persistence_config: cinderlib's dict, ``{"storage": "db", "connection": URL}``; None is a new store in memory.

        Raises:
            InvalidInput: it is none, or names a persistence plugin.
            AlreadyExists: the new store has a backend of the name of an open one, with another configuration.
            StoreError: the new store cannot be used.

        """
        context.current().move_to(persistence_config={} if persistence_config is None else persistence_config)

    @property
    def volume_backend_name(self) -> str:
        """The name, in Cinder's word for it."""
        return self.name

    @property
    def is_open(self) -> bool:
        """Whether the driver is at work in this session."""
        return self.is_tracked and self.context.backends.get(self.name) is self

    @property
    def driver(self) -> Driver:
        """The driver itself; opened again from the stored configuration if need be."""
        return self.context.driver(self)

    @property
    def config(self) -> dict[str, Any]:
        """The configuration, with secrets masked."""
        plain = {name: value for name, value in self.stored_config.items() if name != SECRETS}
        secret = dict.fromkeys(self.secret_options, masking.MASK)
        return {"volume_driver": self.volume_driver, "volume_backend_name": self.name, **masking.mapping(plain), **secret}

    @property
    def is_confirmed(self) -> bool:
        """Whether its configuration was typed or confirmed, and not only described by a document or a store of another user."""
        return self.is_tracked and self.context.is_confirmed(self)

    @property
    def secret_options(self) -> tuple[str, ...]:
        """Names of the secret options that the backend was opened with: they are asked for when it is opened again."""
        return tuple(self.stored_config.get(SECRETS, ()))

    @property
    def capabilities(self) -> dict[str, bool]:
        """What the driver can do beyond the basics (``revert``, ``manage``…)."""
        return capabilities(self.driver)

    @property
    def pool_names(self) -> tuple[str, ...]:
        """Names of the pools that the storage has."""
        return tuple(str(pool.get("pool_name", self.name)) for pool in self.stats().get("pools", ()))

    def stats(self, *, refresh: bool = False) -> Stats:
        """Return the storage's capacities, in GiB (``unknown`` and ``infinite`` are possible), and its identity."""
        driver = self.driver
        with translate_errors(self.name, "get_volume_stats", self._secrets):
            return driver.get_volume_stats(refresh=refresh)

    def volumes_filtered(self, volume_id: str | None = None, volume_name: str | None = None) -> list[Volume]:
        """Return the volumes with this id, or with this name; all of them if neither is given."""
        statement = sa.select(Volume).where(Volume.backend_id == self.id).order_by(Volume.created_at, Volume.id)
        if volume_id is not None:
            statement = statement.where(Volume.id.in_(validation.spellings(volume_id)))
        if volume_name is not None:
            statement = statement.where(Volume.name == validation.name(volume_name, "volume_name"))
        return identity_map.select(self.context, statement)

    def create_volume(
        self,
        size: int,
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
        """Make an empty volume of *size* GiB.

        With an *id* that is tracked already and stands for the same, that volume is returned and nothing is made.

        Raises:
            InvalidInput: a value cannot be right.
            AlreadyExists: the id stands for something else.
            DriverError: the storage refused; the volume stays tracked with the status ``error`` unless nothing was touched.

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

    def manageable_volumes(self, *, limit: int | None = None, marker: str | None = None) -> list[ManageableVolume]:
        """List what is on the storage, tracked or not, as the driver sees it (Cinder's list-manageable).

        What another backend on the same storage tracks is marked as tracked, too.

        Args:
            limit: entries at most; None is all of them.
            marker: the reference of the last entry of the page before, as ``manage`` takes it.

        Raises:
            InvalidInput: *limit* is no number above 0, or nothing on the storage is called as *marker* says.
            NotSupported: the driver cannot list.

        """
        driver = self._able("list_manageable")
        with translate_errors(self.name, "get_manageable_volumes", self._secrets):
            return page(driver.get_manageable_volumes(driver_context.volumes_on_storage(self)), limit, marker)

    def manageable_snapshots(self, *, limit: int | None = None, marker: str | None = None) -> list[ManageableSnapshot]:
        """List the snapshots that are on the storage, tracked or not, as the driver sees them (Cinder's list-manageable).

        *limit* and *marker*, and what is raised, are those of :meth:`manageable_volumes`.
        """
        driver = self._able("list_manageable_snapshots")
        with translate_errors(self.name, "get_manageable_snapshots", self._secrets):
            return page(driver.get_manageable_snapshots(driver_context.snapshots_on_storage(self)), limit, marker)

    def manage(
        self,
        reference: str | Mapping[str, str],
        name: str = "",
        *,
        id: str | None = None,  # noqa: A002 - as create_volume's
    ) -> Volume:
        """Adopt a volume that is on the storage already; *reference* is its name there, or Cinder's reference dict.

        It gets a new id, or the one that is given: that of a volume which was lost.

        Raises:
            AlreadyExists: the id is taken.
            NotSupported: the driver cannot adopt.
            DriverError: the storage has no such volume, or it is tracked already.

        """
        self._able("manage")
        source = {"source-name": reference} if isinstance(reference, str) else validation.text_map(reference, "reference")
        return cast("Volume", creation.adopt_volume(self, source, name or next(iter(source.values()), ""), id))

    def log(self, operation: int | None = None) -> list[LogLine]:
        """Return the last lines of the driver's log, the oldest first; those of one operation of the history if it is given.

        They are kept for as long as the driver is open. A driver without a log has none.
        """
        driver = self.driver
        lines = driver.log_lines() if isinstance(driver, HasLog) else []
        return [line for line in lines if operation is None or line.operation == operation]

    def close(self, *, kill: bool = False) -> None:
        """Let go of the driver. What is tracked stays tracked; ``cl.Backend(name)`` opens it again.

        ``kill`` ends a driver that runs in a process of its own at once, also while it works: the way out of one that hangs.
        """
        self.context.close_backend(self, kill=kill)

    def forget(self) -> None:
        """Remove the backend from the store; the storage is not touched.

        Raises:
            ResourceBusy: volumes are tracked on it.

        """
        session = self.context
        session.journal.refuse_if_read_only("forget")
        self._refuse_if_volumes()
        session.journal.record_without_driver("forget", [Delete.of(self)], self)
        session.close_backend(self)

    def _refuse_if_volumes(self) -> None:
        statement = sa.select(sa.func.count()).select_from(Volume).where(Volume.backend_id == self.id)
        with self.context.store.reading() as connection:
            count = connection.execute(statement).scalar_one()
        if count:
            msg = f"{self.label()} has {count} volumes. Delete them, or release them with unmanage(), first."
            raise errors.ResourceBusy(msg)

    def _secrets(self) -> Mapping[str, object]:
        return self.context.secrets(self)

    def _able(self, capability: str) -> Any:  # noqa: ANN401 - the Protocol depends on the word
        return guards.require_capability(self.driver, capability, self)

    def summary(self) -> tuple[str, ...]:
        """Name, driver, and whether it is open."""
        return (self.name, self.volume_driver, "open" if self.is_open else "closed")
