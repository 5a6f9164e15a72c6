"""What the tracked objects share: identity, refresh, and relations that are loaded once, when first asked for."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - SQLAlchemy reads the annotations of the mixin, too
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeVar, cast, overload

import sqlalchemy as sa
from sqlalchemy import orm as sa_orm
from sqlalchemy.orm import Mapped, mapped_column

from cl_notebook import errors
from cl_notebook.errors import Error
from cl_notebook.model import identity_map, validation
from cl_notebook.model.context import SessionBound, current
from cl_notebook.model.identity_map import CLASSES
from cl_notebook.store.types import Json, UtcDateTime, utcnow

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Mapping

    from cl_notebook.model.context import Context

Document = dict[str, Any]
"""JSON's object in Python: what stands for one resource."""


class Documents(Protocol):
    """Writes and reads the documents of resources; :mod:`cl_notebook.serialization` implements it."""

    def to_document(self, resource: Serializable, *, simplified: bool) -> Document:
        """Return the document of *resource*, with the related resources that were loaded unless it is *simplified*."""

    def to_full_document(self, resource: Serializable) -> Document:
        """Load the resources that are related to *resource*, and return its document with them."""

    def to_dict(self, resource: Serializable) -> dict[str, Any]:
        """Return the fields of *resource* by name, with the lists that were loaded."""

    def to_text(self, document: Any) -> str:  # noqa: ANN401 - JSON
        """Return *document* as one line of JSON."""

    def load(self, source: Any, cls: type[Serializable], *, save: bool) -> Any:  # noqa: ANN401 - text or data; an object or several
        """Return the object of a document, or a list of them for a list, each of the class *cls*."""

    def save(self, resource: Tracked) -> None:
        """Insert the rows of *resource*, which was loaded and not saved, and of what was loaded with it."""


class DocumentService:
    """The registry of the one implementation of :class:`Documents`, so that this module does not import it."""

    def __init__(self) -> None:
        """Begin without an implementation."""
        self._implementation: Documents | None = None
        self._load: Callable[[], object] | None = None

    def register(self, implementation: Documents) -> None:
        """Use *implementation* from now on."""
        self._implementation = implementation

    def register_loader(self, load: Callable[[], object]) -> None:
        """Call *load* when the implementation is first needed; it registers one."""
        self._load = load

    def get(self) -> Documents:
        """Return the implementation.

        Raises:
            Error: none is registered.

        """
        if self._implementation is None and self._load is not None:
            self._load()
        if self._implementation is None:
            msg = "Documents cannot be written or read yet: import cl_notebook."
            raise Error(msg)
        return self._implementation


document_service = DocumentService()


class Serializable:
    """``json`` holds what was loaded of the object already; ``dump`` loads what lies below it first. A trailing ``s`` is text."""

    @property
    def json(self) -> Document:
        """The document of the object, with the lists that were loaded."""
        return self.to_json(simplified=False)

    @property
    def jsons(self) -> str:
        """``json`` as text."""
        return document_service.get().to_text(self.json)

    @property
    def dump(self) -> Document:
        """The document of the object, with its lists, or its volume, loaded first."""
        return document_service.get().to_full_document(self)

    @property
    def dumps(self) -> str:
        """``dump`` as text."""
        return document_service.get().to_text(self.dump)

    def to_json(self, simplified: bool = True) -> Document:  # noqa: FBT001, FBT002 - cinderlib's signature
        """Return the document of the object; *simplified* leaves out what lies below and above it."""
        return document_service.get().to_document(self, simplified=simplified)

    def to_jsons(self, simplified: bool = True) -> str:  # noqa: FBT001, FBT002 - as above
        """Return :meth:`to_json` as text."""
        return document_service.get().to_text(self.to_json(simplified))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by their names, times as ``datetime``, with the lists that were loaded; no document around them."""
        return document_service.get().to_dict(self)

    @classmethod
    def load(cls, json_src: Any, save: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - cinderlib's signature
        """Return what a document of such an object, text or data, stands for; see :func:`cl_notebook.load`."""
        return document_service.get().load(json_src, cls, save=save)


T = TypeVar("T", bound="Tracked")

LOADED = "_loaded_only"
"""The mark of an object that was loaded from a document and not saved."""


class Tracked(SessionBound, Serializable):
    """A live object over one row. Within a session there is one object a row: who finds it holds the object that was lost."""

    # Beside the dict: with many entries more than columns it would leave the keys that CPython lets all objects of a class share,
    # and be copied to six times its size.
    __slots__ = ("_read",)

    __tablename__: ClassVar[str]
    kind: ClassVar[str]
    """The resource's word: ``backend``, ``volume``, ``snapshot`` or ``connection``."""
    relations: ClassVar[tuple[str, ...]] = ()
    """Names of the lists that :meth:`refresh` brings up to date if they were loaded."""
    editable: ClassVar[tuple[str, ...]] = ()
    """Columns that :meth:`save` writes."""
    set_by: ClassVar[Mapping[str, str]] = {}
    """What changes a column that cannot be set, for the error that says so."""
    _settable: ClassVar[frozenset[str]] = frozenset()

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True, sort_order=-10)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=utcnow, sort_order=10)
    updated_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime, sort_order=10)
    version: Mapped[int] = mapped_column(sa.Integer, default=1, sort_order=10)
    """Counts the changes of the row, so that a write never hides somebody else's."""
    extra: Mapped[dict[str, Any] | None] = mapped_column(Json(none_as_null=True), sort_order=10)
    """What the document that it was loaded from said and no field stands for; written back into its documents."""

    def __init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401 - handed through
        """Make the class known to the others by its name."""
        super().__init_subclass__(**kwargs)
        CLASSES[cls.__name__] = cls
        cls._settable = frozenset({*cls.editable, *(column.rstrip("_") for column in cls.editable)})

    if not TYPE_CHECKING:  # a type checker would let any attribute be set

        def __setattr__(self, name: str, value: object) -> None:
            """Set what :meth:`save` writes, and refuse the rest at once: it would be lost without a word.

            Raises:
                InvalidInput: the attribute does not exist, or only an act changes it.

            """
            if name[:1] != "_" and name not in self._settable and sa.inspect(self).key is not None:
                raise errors.InvalidInput(self._not_settable(name))
            super().__setattr__(name, value)

        def __delattr__(self, name: str) -> None:
            """Refuse: a resource has all of its attributes.

            Raises:
                InvalidInput: the attribute is not private.

            """
            if name[:1] != "_":
                msg = f"{name} of {self.label()} cannot be deleted."
                raise errors.InvalidInput(msg)
            super().__delattr__(name)

    def _not_settable(self, name: str) -> str:
        allowed = [column.rstrip("_") for column in self.editable]
        if not hasattr(type(self), name):
            return f"A {self.kind} has no attribute {name!r}.{errors.did_you_mean(name, [*allowed, *self.set_by])}"
        if name in self.set_by:
            return f"{name} of {self.label()} cannot be set. {self.set_by[name]}"
        only = f", only: {', '.join(allowed)}" if allowed else ""
        return f"{name} of {self.label()} cannot be set{only}."

    @property
    def context(self) -> Context:
        """The session that the object lives in.

        Raises:
            Refused: the object is not tracked: it was deleted, its session was closed, or it was loaded and not saved.

        """
        orm = sa_orm.object_session(self)
        if orm is None and self.is_loaded_only:
            msg = f"{self.label()} was loaded, and is not tracked yet: save() it first."
            raise errors.Refused(msg)
        if orm is None:
            msg = f"{self} is not tracked any more: it was deleted, or its session was closed."
            raise errors.Refused(msg)
        return cast("Context", orm.info["context"])

    @property
    def is_tracked(self) -> bool:
        """Whether the object still stands for a row of an open session."""
        return sa_orm.object_session(self) is not None

    @property
    def is_loaded_only(self) -> bool:
        """Whether the object comes from a document and was not saved: it can be looked at, and saved."""
        return LOADED in self.__dict__

    @classmethod
    def get_by_id(cls, resource_id: str | uuid.UUID) -> Self:
        """Return the resource with this id: the object that you already hold, if there is one.

        Raises:
            InvalidInput: it is no id.
            NotFound: the store has no such row.

        """
        spellings = validation.spellings(resource_id)
        found = identity_map.by_spelling(current(), cls, spellings)
        if found is None:
            wanted = spellings[0]
            msg = f"No {cls.kind} has the id {wanted!r}. cl.find({wanted[:8]!r}) looks for parts of ids and names."
            raise errors.NotFound(msg)
        return found

    def refresh(self, *, keep_edits: bool = False) -> None:
        """Bring the object, and every relation that was already loaded, up to date with the store.

        A row that somebody else deleted leaves the object with the status ``deleted``.

        Args:
            keep_edits: keep the values that were set on the object and not saved; they are discarded otherwise.

        Raises:
            Refused: *keep_edits* is set, as it is before an operation, and the object is not tracked.

        """
        if keep_edits or self.is_tracked:
            identity_map.refresh(self.context, self, keep_edits=keep_edits)

    def save(self) -> None:
        """Write what was set on the object; one that was loaded from a document is tracked, with what was loaded below it.

        Raises:
            AlreadyExists: it was loaded, and its id is tracked and differs.
            ChangedElsewhere: somebody else changed the row since it was read; the object is refreshed.
            InvalidInput: a value does not fit.

        """
        if self.is_loaded_only:
            document_service.get().save(self)
            return
        self.context.journal.refuse_if_read_only("save")
        self.validate()
        changed = identity_map.values(self)
        if changed:
            self.context.journal.save(self, changed, identity_map.base_values(self)["version"])
            identity_map.forget(self)
            identity_map.reload(self.context, self)

    def validate(self) -> None:
        """Check what :meth:`save` is about to write."""

    def after_creation(self, context: Context) -> None:
        """Take the place of a new row in the lists that were loaded."""

    def after_deletion(self, context: Context) -> None:
        """Leave the lists that were loaded, and say on the object that its row is gone."""

    def label(self) -> str:
        """Return what to call the resource in a message: its kind, name and short id."""
        name = getattr(self, "name", None)
        return f"{self.kind} {name!r} ({self.id[:8]})" if name else f"{self.kind} {self.id[:8]}"

    def _instead_of_copy(self) -> tuple[str, str]:
        """Name the document of the resource, and the way to find it in another process."""
        instead = (
            f"Pass {self.kind}.dumps, its document, or its id, for cl.find({self.id!r}) finds it in any process on the store."
        )
        return self.label(), instead

    def __repr__(self) -> str:
        """Return one line: kind, name, id, and what matters most."""
        line = f"<{type(self).__name__} {' '.join(part for part in self.summary() if part)}>"
        # names and paths come from elsewhere: what would move the cursor or turn the reading direction is written out
        return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in line)

    def summary(self) -> tuple[str, ...]:
        """Return the parts of the one-line repr."""
        return (self.id,)


class HasMetadata:
    """``metadata`` on objects: Cinder's word, mapped as ``metadata_`` because declarative mappings reserve the other."""

    metadata_: Mapped[dict[str, str]]

    @property
    def metadata(self) -> dict[str, str]:
        """Key-value pairs of text that belong to the resource; written by ``save()``."""
        return identity_map.hand_out_metadata(cast("Tracked", self))

    @metadata.setter
    def metadata(self, value: dict[str, str]) -> None:
        self.metadata_ = value


class Children(Generic[T]):
    """The rows that name their owner in *column*: loaded when first asked for, cached after that."""

    def __init__(self, class_name: str, column: str, owner: str) -> None:
        """Know the children's class by name, their column, and their attribute that leads back to the owner."""
        self.class_name = class_name
        self.column = column
        self.owner = owner
        self.slot = ""

    def __set_name__(self, owner: type, name: str) -> None:
        """Keep the loaded list under a name of its own in the owner."""
        self.slot = f"_loaded_{name}"

    @property
    def target(self) -> type[T]:
        """The children's class."""
        return cast("type[T]", CLASSES[self.class_name])

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Tracked, owner: type) -> list[T]: ...
    def __get__(self, instance: Tracked | None, owner: type) -> Self | list[T]:
        """Return the list, from memory if it was loaded before."""
        if instance is None:
            return self
        loaded = instance.__dict__.get(self.slot)
        return loaded if loaded is not None else identity_map.load_children(instance, self)


class Parent(Generic[T]):
    """The one resource whose id stands in *column*."""

    def __init__(self, class_name: str, column: str) -> None:
        """Know the parent's class by name."""
        self.class_name = class_name
        self.column = column
        self.slot = ""

    def __set_name__(self, owner: type, name: str) -> None:
        """Keep the parent under a name of its own in the child."""
        self.slot = f"_loaded_{name}"

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Tracked, owner: type) -> T: ...
    def __get__(self, instance: Tracked | None, owner: type) -> Self | T:
        """Return the parent object."""
        if instance is None:
            return self
        held = instance.__dict__.get(self.slot)
        if held is None:
            target = cast("type[T]", CLASSES[self.class_name])
            held = identity_map.get(instance.context, target, getattr(instance, self.column))
            if held is None:
                msg = f"The {self.class_name.lower()} of {instance.label()} is not in the store any more."
                raise errors.NotFound(msg)
            instance.__dict__[self.slot] = held
        return cast("T", held)
