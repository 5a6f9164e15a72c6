"""The base class of cinderlib's objects: each wraps an object of cl_notebook, and answers as cinderlib's did."""

from __future__ import annotations

import contextlib
import copy
import logging
import weakref
from typing import TYPE_CHECKING, Any, ClassVar, Self

from cl_notebook import errors
from cl_notebook.cinderlib import exception
from cl_notebook.cinderlib.ovo import Ovo
from cl_notebook.model import identity_map, validation
from cl_notebook.model.context import SessionBound
from cl_notebook.model.operations import lifecycle
from cl_notebook.session import default_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cl_notebook.model.base import Tracked

DEFAULT_PROJECT_ID = "cinderlib"
DEFAULT_USER_ID = "cinderlib"

_SAVES = 5
"""Attempts to save values over a row that others change meanwhile; cinderlib's last writer wins."""

_FIXED = frozenset({"id", "created_at", "updated_at", "volume_id", "volume", "backend", "snapshots", "volume_attachment"})
"""Fields that identify a resource, or are other resources."""

_KINDS: dict[type[Tracked], type[Object]] = {}
_WRAPPERS: weakref.WeakValueDictionary[int, Object] = weakref.WeakValueDictionary()


class Object(SessionBound):
    """A resource of cinderlib's; one object wraps one of cl_notebook's, as long as a reference to it exists."""

    own: ClassVar[type[Tracked]]
    not_found: ClassVar[type[exception.NotFound]] = exception.NotFound
    readers: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}
    """By Cinder's name of a field that has another name here, or none, the function that reads it."""
    defaults: ClassVar[Mapping[str, Any]] = {}
    """The other fields of Cinder's, with their values where nothing is stored."""
    driver_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields that drivers read, and that are stored in ``driver_data``."""
    aliases: ClassVar[Mapping[str, str]] = {"display_name": "name", "display_description": "description"}
    relays_log: ClassVar[bool] = False
    """Whether the log of drivers is passed to this process's logging (``disable_logs=False``)."""

    def __init_subclass__(cls) -> None:
        """Register the class as the wrapper of the class ``own``."""
        super().__init_subclass__()
        if "own" in vars(cls):
            _KINDS[cls.own] = cls

    def __new__(cls, *_args: Any, **_fields: Any) -> Self:  # noqa: ANN401 - as the classes' own
        """Create an object that wraps nothing yet."""
        instance = super().__new__(cls)
        vars(instance).update(ours=None, edits={}, lent={}, lists={}, _ovo=Ovo(instance))
        return instance

    if TYPE_CHECKING:
        ours: Any
        """The wrapped object of cl_notebook; None before the resource is created."""
        edits: dict[str, Any]
        """The values that were set on :attr:`_ovo` and are not saved."""
        lent: dict[str, tuple[Any, Any]]
        """The dicts and lists among the fields that were read, by name: as stored, and as the script may have edited them."""
        lists: dict[str, list[Any]]
        """The lists that were read, by name: each is one object, which is changed in place."""
        _ovo: Ovo

    @property
    def deleted(self) -> bool:
        """Whether the resource was deleted, or :attr:`_ovo` was set to say so."""
        return bool(self.edits.get("deleted", self.is_gone))

    @property
    def is_gone(self) -> bool:
        """Whether the resource was deleted, whatever was set on :attr:`_ovo`."""
        return getattr(self.ours, "status", "") == lifecycle.DELETED

    def track(self) -> None:
        """Save a resource that was loaded and not saved, as cinderlib's operations did; wrap its tracked object."""
        if self.ours is None or not self.ours.is_loaded_only:
            return
        self.ours.save()
        if self.ours.is_loaded_only:
            adopt(self, self.own.get_by_id(self.ours.id))
        for name in ("_backend", "_volume"):
            vars(self).pop(name, None)

    @property
    def obj(self) -> Any:  # noqa: ANN401 - one of four classes
        """The wrapped object of cl_notebook.

        Raises:
            Refused: the resource was not created yet.

        """
        if self.ours is None:
            msg = f"The {type(self).__name__.lower()} was not created yet: create() it first."
            raise errors.Refused(msg)
        return self.ours

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a field
        if name.startswith(("__", "_repr_")):  # cinderlib's objects have one line, also where IPython looks for more
            raise AttributeError(name)
        return self.field(name)

    def field(self, name: str) -> Any:  # noqa: ANN401 - a field
        """Return the field that Cinder calls *name*.

        Raises:
            AttributeError: there is none.
            Refused: the resource was not created yet, and the field was not given.

        """
        if name in self.edits:
            return self.edits[name]
        if self.ours is None:
            return self.planned(name)
        if name in self.readers:
            return self.readers[name](self.ours)
        is_for_drivers = name in self.driver_fields
        stored = (self.ours.driver_data or {}) if is_for_drivers else stored_fields(self.ours)
        has_column = not is_for_drivers and hasattr(type(self.ours), name)
        if name in stored and (name in self.defaults or not has_column):
            return self._lent(name, stored[name])
        if name in self.defaults and not has_column:
            return self._lent(name, self.defaults[name])
        return getattr(self.ours, name)  # says so if there is no such field

    def _lent(self, name: str, stored: Any) -> Any:  # noqa: ANN401 - a field
        """Return a copy of the *stored* value that a script may edit in place: the next save compares it."""
        if not isinstance(stored, (dict, list)):
            return stored
        before, lent = self.lent.get(name, (None, None))
        if before != stored:
            before, lent = self.lent[name] = (copy.deepcopy(stored), copy.deepcopy(stored))
        return lent

    def planned(self, name: str) -> Any:  # noqa: ANN401 - a field
        """Return a field of a resource that is not created yet."""
        fields = vars(self).get("_fields", {})
        if name in fields:
            return fields[name]
        for alias, plain in self.aliases.items():
            if name in {alias, plain}:
                return fields.get(plain, fields.get(alias, ""))
        if name in self.defaults:
            return copy.deepcopy(self.defaults[name])
        return getattr(self.obj, name)

    def ovo_field(self, name: str) -> Any:  # noqa: ANN401 - a field
        """Return a field as ``_ovo`` has it: its ``name`` is the one on the storage."""
        return getattr(self, {"name": "name_in_storage"}.get(name, name))

    def put(self, name: str, value: object) -> None:
        """Set the field that Cinder calls *name*; :meth:`save` stores it.

        Raises:
            InvalidInput: the field cannot be changed.

        """
        if name in _FIXED:
            msg = f"{name} of a {type(self).__name__.lower()} cannot be changed."
            raise errors.InvalidInput(msg)
        if self.ours is None:
            vars(self).setdefault("_fields", {})[name] = value
        else:
            self.edits[name] = value

    def __setattr__(self, name: str, value: object) -> None:
        if name != "ours" and self.ours is not None and name in {*self.ours.editable, "metadata"}:
            setattr(self.ours, name, value)
        else:
            super().__setattr__(name, value)

    def _instead_of_copy(self) -> tuple[str, str]:
        """Return what to pass to another process instead: the document."""
        return repr(self), f"Pass {type(self).__name__.lower()}.dumps, its document, and load it there: cinderlib.load(text)."

    def __repr__(self) -> str:
        return repr(self.ours) if self.ours is not None else f"<{type(self).__name__}, not created>"

    @classmethod
    def get_by_id(cls, resource_id: str) -> Self:
        """Return the resource with that id.

        Raises:
            VolumeNotFound, SnapshotNotFound, ConnectionNotFound: no resource has it.

        """
        try:
            resource: Self = wrapped(cls.own.get_by_id(resource_id))
        except (errors.NotFound, errors.InvalidInput) as error:
            raise cls.not_found(str(error)) from error
        return resource

    @classmethod
    def load(cls, json_src: Any, save: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - cinderlib's signature
        """Return the resource of a document, or a list of them; see :func:`cl_notebook.load`."""
        return wrapped(cls.own.load(json_src, save))

    def refresh(self) -> None:
        """Update the resource and its loaded lists from the store.

        Raises:
            VolumeNotFound, SnapshotNotFound, ConnectionNotFound: it was deleted.

        """
        self.edits.clear()
        self.lent.clear()
        self.obj.refresh()
        if self.is_gone:
            msg = f"{self.ours.label()} was deleted."
            raise self.not_found(msg)

    def held(self, name: str, present: list[Any]) -> list[Any]:
        """Return the list called *name*, one object for all reads, with the *present* resources."""
        source, elements = vars(self).setdefault("sources", {}), self.lists.setdefault(name, [])
        if source.get(name) is not present:
            source[name] = present
            elements[:] = wrapped(present)
        return elements

    def relist(self) -> None:
        """Remove what is gone from the lists that were read, and add what is new."""
        if self.ours is None or not self.ours.is_tracked:
            return
        for name in self.lists:
            self.held(name, getattr(self.ours, name))

    def save(self) -> None:
        """Store what was set on the resource and on its ``_ovo``, and track it if it was loaded from a document.

        Raises:
            InvalidInput: a value cannot be stored.

        """
        self.track()
        self.has_edits()
        attempts = 1 if identity_map.is_dirty(self.obj) else _SAVES
        for attempt in range(attempts):
            try:
                self.obj.write(self.edited_columns())
            except errors.ChangedElsewhere:
                if attempt == attempts - 1:
                    raise
            else:
                break
        self.edits.clear()
        self.lent.clear()

    def has_edits(self) -> bool:
        """Return whether something was set that is not saved; collect what was edited in place."""
        self.edits.update({name: lent for name, (before, lent) in self.lent.items() if lent != before and name not in self.edits})
        return bool(self.edits)

    def edited_columns(self) -> dict[str, Any]:
        """Return the columns for the values that were set on :attr:`_ovo`; set those that users may set.

        Raises:
            InvalidInput: a value cannot be stored.

        """
        ours, columns = self.obj, dict[str, Any]()
        others, for_drivers = stored_fields(ours), dict(getattr(ours, "driver_data", None) or {})
        kind = type(self).__name__
        for given, value in self.edits.items():
            name = self.aliases.get(given, given)
            if name in {*ours.editable, "metadata"}:
                setattr(ours, name, coerced(name, value))
            elif name in self.driver_fields:
                for_drivers[name] = validation.json_safe(value, f"{name} of a {kind.lower()}")
            elif name == "status" and _is_ours(ours.kind, value):
                columns[lifecycle.status_column(ours.kind)] = str(value)
                others.pop(name, None)
            elif name in _COLUMNS.get(kind, ()):
                columns[name] = coerced(name, value)
            else:
                others[name] = validation.json_safe(value, f"{name} of a {kind.lower()}")
        if for_drivers != (getattr(ours, "driver_data", None) or {}):
            columns["driver_data"] = for_drivers or None
        if others != stored_fields(ours):
            columns["extra"] = {**(ours.extra or {}), "data": others}
        return columns

    @contextlib.contextmanager
    def acting(self) -> Iterator[None]:
        """Run an operation on the resource in the block; errors get it as their ``resource``."""
        try:
            self.track()
            if self.is_gone:
                self.edits.clear()
            elif self.ours is not None and self.has_edits():
                self.save()
            yield
            self._end_status()
        except errors.Error as error:
            described(error, self)
            raise
        finally:
            forward_log()

    def _end_status(self) -> None:
        """Remove a status that a script had set: the operation that followed has set its own."""
        if self.ours is not None and not self.is_gone and "status" in stored_fields(self.ours):
            others = {name: value for name, value in stored_fields(self.ours).items() if name != "status"}
            self.ours.write({"extra": {**self.ours.extra, "data": others}})


class OnBackend(Object):
    """A resource on a backend."""

    @property
    def backend(self) -> Any:  # noqa: ANN401 - a backend, or its name
        """The backend of the resource; its name, if it is not open and ``fail_on_missing_backend`` is False."""
        if "_backend" not in vars(self):
            backend = wrapped(self.obj.backend)
            name = backend.ours.name
            settings = default_session().settings
            if not settings.fail_on_missing_backend and name not in default_session().backends:
                return name
            vars(self)["_backend"] = backend
        return vars(self)["_backend"]

    @property
    def project_id(self) -> str:
        """The project, as Cinder's drivers get it."""
        return default_session().settings.project_id or DEFAULT_PROJECT_ID

    @property
    def user_id(self) -> str:
        """The user, as Cinder's drivers get it."""
        return default_session().settings.user_id or DEFAULT_USER_ID

    @classmethod
    def new_fields(cls, given: Mapping[str, Any], like: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the fields of a new resource under their names here, coerced as Cinder does; *like* has defaults for them.

        Raises:
            InvalidInput: a value cannot be stored.

        """
        fields, others, for_drivers = dict(like or {}), dict[str, Any](), dict[str, Any]()
        for name, value in given.items():
            plain = cls.aliases.get(name, name)
            if plain in _PLAIN:
                fields[plain] = value if plain in {"id", "pool_name"} else coerced(plain, value)
            elif name in {"extra_specs", "qos_specs"}:
                fields[name] = coerced(name, value)
            elif name in cls.driver_fields:
                for_drivers[name] = validation.json_safe(value, name)
            elif name == "host":
                fields["host"] = validation.name(value, "host")
                fields["pool_name"] = str(value).partition("#")[2] or None
            elif value is not None and name not in {"status", "attach_status"}:
                others[name] = validation.json_safe(value, name)
        if for_drivers:
            fields["driver_data"] = for_drivers
        if others:
            fields["extra"] = {"data": others}
        return fields


class OfVolume(OnBackend):
    """A resource of a volume."""

    @property
    def volume(self) -> Any:  # noqa: ANN401 - a volume
        """The volume of the resource."""
        if "_volume" not in vars(self):
            vars(self)["_volume"] = wrapped(self.obj.volume)
        return vars(self)["_volume"]

    def ovo_field(self, name: str) -> Any:  # noqa: ANN401 - a field
        """Return a field as ``_ovo`` has it; the volume is Cinder's object, too."""
        value = super().ovo_field(name)
        return value._ovo if name == "volume" else value  # noqa: SLF001 - cinderlib's name


_PLAIN = frozenset({"id", "name", "description", "size", "pool_name", "availability_zone", "bootable", "metadata"})
"""Fields of a new volume or snapshot that are fields here, too."""

_COLUMNS: Mapping[str, frozenset[str]] = {
    "Volume": frozenset({"size", "host", "attach_status", "provider_location", "provider_id"}),
    "Snapshot": frozenset({"progress", "volume_size", "provider_location", "provider_id"}),
    "Connection": frozenset({"attach_mode", "multipath"}),
}
"""Columns that scripts set through ``_ovo``, and users only by operations."""


def stored_fields(ours: Tracked) -> dict[str, Any]:
    """Return a copy of the fields of *ours* that have no column."""
    return dict((getattr(ours, "extra", None) or {}).get("data") or {})


def coerced(name: str, value: Any) -> Any:  # noqa: ANN401 - a field
    """Return *value* as Cinder's field *name* takes it: ``1.0`` and ``"1"`` are sizes, numbers are texts."""
    if name in {"size", "volume_size"}:
        return validation.size(int(value))
    if name in {"bootable", "multipath"}:
        return bool(value)
    if name in {"metadata", "extra_specs", "qos_specs"}:
        return {str(key): "" if item is None else str(item) for key, item in dict(value or {}).items()}
    if value is None:
        return "" if name in {"name", "description"} else None
    return str(value)


def _is_ours(kind: str, status: object) -> bool:
    """Return whether the store may hold *status*: no operation runs in it, and operations lead out of it."""
    text = str(status)
    return not lifecycle.is_foreign(kind, text) and not lifecycle.is_busy(kind, text)


def described(error: errors.Error, resource: Object | None = None) -> errors.Error:
    """Return *error* with what cinderlib's errors had: its ``resource``, ``msg`` and ``code``."""
    for name, value in (("resource", resource), ("msg", str(error)), ("code", exception.code_of(error))):
        if not hasattr(error, name) and value is not None:
            setattr(error, name, value)
    return error


def forward_log() -> None:
    """Pass the new lines of the open drivers' logs to this process's logging, if the script set it up so."""
    if not Object.relays_log:
        return
    session = default_session()
    for backend in list(session.backends.values()):
        take = getattr(session.get_open(backend), "take_log_lines", None)
        for line in take() if take is not None else ():
            logger, level = logging.getLogger(line.logger), getattr(logging, line.level, logging.WARNING)
            if logger.isEnabledFor(level):
                record = {"name": line.logger, "levelno": level, "levelname": line.level, "msg": line.text, "created": line.at}
                logger.handle(logging.makeLogRecord(record))


def wrapped(ours: Any) -> Any:  # noqa: ANN401 - an object, a list, or None
    """Return the wrapper of an object of cl_notebook, or a list of wrappers for a list."""
    if isinstance(ours, list):
        return [wrapped(item) for item in ours]
    if ours is None or type(ours) not in _KINDS:
        return ours
    wrapper = _WRAPPERS.get(id(ours))
    return (
        wrapper if wrapper is not None and wrapper.ours is ours else adopt(_KINDS[type(ours)].__new__(_KINDS[type(ours)]), ours)
    )


def adopt(wrapper: Object, ours: Tracked) -> Object:
    """Let *wrapper* wrap *ours* from now on, and return it."""
    wrapper.ours = ours
    _WRAPPERS[id(ours)] = wrapper
    return wrapper
