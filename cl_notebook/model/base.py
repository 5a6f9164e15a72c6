"""Base classes of the tracked objects: identity, refresh, documents, lazily loaded relations."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - SQLAlchemy reads the annotations of the mixin, too
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeVar, cast, overload

import sqlalchemy as sa
from sqlalchemy import orm as sa_orm
from sqlalchemy.orm import Mapped, mapped_column

from cl_notebook import errors
from cl_notebook.errors import Error
from cl_notebook.model import designation, identity_map, validation
from cl_notebook.model.context import SessionBound, current
from cl_notebook.model.identity_map import CLASSES
from cl_notebook.store.types import Json, UtcDateTime, utcnow
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Container, Iterable, Mapping

    from cl_notebook.model.context import Context

Document = dict[str, Any]
"""A resource as a JSON object."""

LOADED = "_loaded_only"
"""Attribute that marks an object which was loaded from a document and is not saved."""

T = TypeVar("T", bound="Tracked")


class Documents(Protocol):
    """Writes and reads the documents of resources; :mod:`cl_notebook.serialization` implements it."""

    def to_document(self, resource: Serializable, *, simplified: bool) -> Document:
        """Return the document of *resource*, with its loaded relations unless *simplified* is true."""

    def to_full_document(self, resource: Serializable) -> Document:
        """Load the resources that are related to *resource*, and return its document with them."""

    def to_dict(self, resource: Serializable) -> dict[str, Any]:
        """Return the fields of *resource* by name, with the lists that were loaded."""

    def to_text(self, document: Any) -> str:  # noqa: ANN401 - JSON
        """Return *document* as one line of JSON."""

    def load(self, source: Any, cls: type[Serializable], *, save: bool) -> Any:  # noqa: ANN401 - text or data; an object or several
        """Return the object of class *cls* that *source* describes; a list for a list of documents."""

    def save(self, resource: Tracked) -> None:
        """Insert the rows of *resource* and of the resources that were loaded with it from a document."""


class DocumentService:
    """Registry of the implementation of :class:`Documents`, which this module must not import."""

    def __init__(self) -> None:
        """Create it without an implementation."""
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
    """An object that can be written as a document.

    ``json`` contains the relations that are loaded already, ``dump`` loads them first; ``jsons`` and ``dumps`` are text.
    """

    @property
    def json(self) -> Document:
        """The document of the object, with its loaded lists."""
        return self.to_json(simplified=False)

    @property
    def jsons(self) -> str:
        """``json`` as text."""
        return document_service.get().to_text(self.json)

    @property
    def dump(self) -> Document:
        """The document of the object; its lists, or its volume, are loaded first."""
        return document_service.get().to_full_document(self)

    @property
    def dumps(self) -> str:
        """``dump`` as text."""
        return document_service.get().to_text(self.dump)

    def to_json(self, simplified: bool = True) -> Document:  # noqa: FBT001, FBT002 - cinderlib's signature
        """Return the document of the object; *simplified* leaves out the related resources."""
        return document_service.get().to_document(self, simplified=simplified)

    def to_jsons(self, simplified: bool = True) -> str:  # noqa: FBT001, FBT002 - as above
        """Return :meth:`to_json` as text."""
        return document_service.get().to_text(self.to_json(simplified))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, times as ``datetime``, and the loaded lists; no document around them."""
        return document_service.get().to_dict(self)

    @classmethod
    def load(cls, json_src: Any, save: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - cinderlib's signature
        """Return the object that a document, text or data, describes; see :func:`cl_notebook.load`."""
        return document_service.get().load(json_src, cls, save=save)


class _PublicNames(type):
    """The class of the tracked classes: ``dir()`` and completion offer the names on a class that they offer on its objects."""

    def __dir__(cls) -> list[str]:
        return _public(super().__dir__(), getattr(cls, "internal", ()))


def _public(names: Iterable[str], internal: Container[str]) -> list[str]:
    """Return the *names* that are of use to a user: none that is private, or *internal* to SQLAlchemy or other modules."""
    return sorted(name for name in names if name[:1] != "_" and name not in internal)


class Tracked(SessionBound, Serializable, metaclass=_PublicNames):
    """A live object for one row; a session has one object per row, which every look-up returns."""

    # A slot, because objects of a class share the keys of their dicts in CPython: one with many more entries than there are
    # columns loses that, and takes six times the memory.
    __slots__ = ("_read",)

    __tablename__: ClassVar[str]
    kind: ClassVar[str]
    """The kind of resource: ``backend``, ``volume``, ``snapshot`` or ``connection``."""
    created_by: ClassVar[str] = ""
    """The call that creates such a resource; the error of a call of the class names it."""
    relations: ClassVar[tuple[str, ...]] = ()
    """Names of the lists that :meth:`refresh` reloads if they are loaded."""
    editable: ClassVar[tuple[str, ...]] = ()
    """Columns that :meth:`save` writes."""
    set_by: ClassVar[Mapping[str, str]] = {}
    """By name of a field that cannot be set, the sentence of the error that says how to change it; it may hold ``{value}``."""
    _settable: ClassVar[frozenset[str]] = frozenset()
    internal: ClassVar[frozenset[str]] = frozenset(
        {
            *(
                "adopt",
                "after_creation",
                "after_deletion",
                "as_data",
                "created_by",
                "editable",
                "extra",
                "internal",
                "is_loaded_only",
                "label",
            ),
            *("make", "metadata_", "relations", "set_by", "summary", "validate", "version", "write"),
        }
    )
    """Names for other modules, which ``dir()`` and completion leave out."""

    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True, sort_order=-10)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=utcnow, sort_order=10)
    updated_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime, sort_order=10)
    version: Mapped[int] = mapped_column(sa.Integer, default=1, sort_order=10)
    """The number of changes of the row, checked by every write, so that none overwrites a change made elsewhere."""
    extra: Mapped[dict[str, Any] | None] = mapped_column(Json(none_as_null=True), sort_order=10)
    """The fields of the document it was loaded from that have no column; written back into its documents."""

    def __init__(self, **_values: Any) -> None:  # noqa: ANN401, D107 - SQLAlchemy loads objects without it; help would show its text
        msg = f"A {self.kind} is created by {self.created_by}, not by its class. cl.find(…) returns one that is tracked."
        raise errors.InvalidInput(msg)

    def __init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401 - passed through
        """Register the class by its name, for the relations that refer to it."""
        super().__init_subclass__(**kwargs)
        CLASSES[cls.__name__] = cls
        cls._settable = frozenset({*cls.editable, *(column.rstrip("_") for column in cls.editable)})

    if not TYPE_CHECKING:  # a type checker would let any attribute be set

        def __setattr__(self, name: str, value: object) -> None:
            """Set a field that :meth:`save` writes; refuse any other, which would be lost silently.

            Raises:
                InvalidInput: the attribute does not exist, or only an operation changes it.

            """
            if name[:1] != "_" and name not in self._settable and sa.inspect(self).key is not None:
                raise errors.InvalidInput(self._not_settable(name, value))
            super().__setattr__(name, value)

        def __delattr__(self, name: str) -> None:
            """Refuse to delete a field of the resource.

            Raises:
                InvalidInput: the attribute is not private.

            """
            if name[:1] != "_":
                msg = f"{name} of {self.label()} cannot be deleted."
                raise errors.InvalidInput(msg)
            super().__delattr__(name)

    def _not_settable(self, name: str, value: object) -> str:
        allowed = [column.rstrip("_") for column in self.editable]
        if not hasattr(type(self), name):
            return f"A {self.kind} has no attribute {name!r}.{errors.did_you_mean(name, [*allowed, *self.set_by])}"
        if name in self.set_by:
            return f"{name} of {self.label()} cannot be set. {self.set_by[name].format(value=value)}"
        only = f", only: {', '.join(allowed)}" if allowed else ""
        return f"{name} of {self.label()} cannot be set{only}."

    @property
    def context(self) -> Context:
        """The session that the object lives in.

        Raises:
            Refused: the object is not tracked: it was deleted, its session was closed, or it was loaded from a document and not
                saved.

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
        """Whether the object belongs to an open session, and its row was not deleted."""
        return sa_orm.object_session(self) is not None

    @property
    def is_loaded_only(self) -> bool:
        """Whether the object was loaded from a document and is not saved; it can be read, and saved."""
        return LOADED in self.__dict__

    @classmethod
    def get_by_id(cls, resource_id: str | uuid.UUID) -> Self:
        """Return the resource with this id; the object that is in use already, if there is one.

        Raises:
            InvalidInput: *resource_id* is not an id.
            NotFound: the store has no such row.

        """
        spellings = validation.spellings(resource_id)
        resource = identity_map.by_spelling(current(), cls, spellings)
        if resource is None:
            requested = spellings[0]
            msg = f"No {cls.kind} has the id {requested!r}. cl.find({requested[:8]!r}) looks for parts of ids and names."
            raise errors.NotFound(msg)
        return resource

    def refresh(self, *, keep_edits: bool = False) -> None:
        """Reload the object and its loaded relations if the store changed.

        If the row was deleted elsewhere, the object's status becomes ``deleted``. An object that is not tracked stays as it is.

        Args:
            keep_edits: keep the values that were set on the object and are not saved; they are discarded otherwise.

        Raises:
            Refused: *keep_edits* is true, and the object is not tracked.

        """
        if keep_edits or self.is_tracked:
            identity_map.refresh(self.context, self, keep_edits=keep_edits)

    def save(self) -> None:
        """Write the values that were set on the object to the store.

        An object that was loaded from a document is inserted, with the resources that were loaded with it, and tracked from then
        on.

        Raises:
            AlreadyExists: the object was loaded from a document, and a different resource with its id is tracked.
            ChangedElsewhere: the row was changed elsewhere since it was read; the object is refreshed.
            InvalidInput: a value is invalid.
            ReadOnly: the session is read-only.

        """
        if self.is_loaded_only:
            document_service.get().save(self)
            return
        self.write({})

    def write(self, columns: Mapping[str, Any]) -> None:
        """Write the values that were set on the object, and *columns* that users cannot set, to the store; see :meth:`save`."""
        self.context.journal.refuse_if_read_only("save")
        self.validate()
        changed = {**identity_map.values(self), **columns}
        if changed:
            self.context.journal.save(self, changed, identity_map.base_values(self)["version"])
            identity_map.forget(self)
            identity_map.reload(self.context, self)

    def validate(self) -> None:
        """Validate and normalise the fields that :meth:`save` writes."""

    def after_creation(self, context: Context) -> None:
        """Add the object, whose row was inserted, to the loaded list of its owner."""

    def after_deletion(self, context: Context) -> None:
        """Remove the object from the loaded list of its owner, and mark it as deleted."""

    def label(self) -> str:
        """Return kind, name and short id of the resource, for messages."""
        return designation.label(self.kind, getattr(self, "name", None), self.id)

    def _instead_of_copy(self) -> tuple[str, str]:
        """Return the label, and how to pass the resource to another process: by document or by id."""
        instead = (
            f"Pass {self.kind}.dumps, its document, or its id, for cl.find({self.id!r}) finds it in any process on the store."
        )
        return self.label(), instead

    def __repr__(self) -> str:
        """Return one line of printable characters: class and :meth:`summary`."""
        line = f"<{type(self).__name__} {' '.join(part for part in self.summary() if part)}>"
        # Names and paths are others' input: escape characters that would move the cursor or reverse the reading direction.
        return sanitize(line)

    def _repr_mimebundle_(self, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
        """Return the card of the resource, as HTML and as a few lines of text."""
        from cl_notebook.model import cards  # noqa: PLC0415 - loaded when one is shown

        return cards.bundle(self, include, exclude)

    def __dir__(self) -> list[str]:
        """Return the names that are of use to a user."""
        return _public(super().__dir__(), self.internal)

    def summary(self) -> tuple[str, ...]:
        """Return the parts of the one-line repr."""
        return (self.id,)


class HasMetadata:
    """The field ``metadata``, mapped as ``metadata_``: SQLAlchemy reserves the name ``metadata``."""

    metadata_: Mapped[dict[str, str]]

    @property
    def metadata(self) -> dict[str, str]:
        """The resource's key-value pairs of text; ``save()`` writes them."""
        return identity_map.hand_out_metadata(cast("Tracked", self))

    @metadata.setter
    def metadata(self, value: dict[str, str]) -> None:
        self.metadata_ = value


class Protectable:
    """The flag ``protected`` of a volume or snapshot, which refuses its deletion."""

    protected: Mapped[bool]

    @errors.arguments_checked
    def protect(self) -> None:
        """Refuse the deletion of the resource from now on, in every session on the store, also in a cascade or a clean-up.

        Raises:
            ReadOnly: the session is read-only.

        """
        self._set_protected(value=True)

    @errors.arguments_checked
    def unprotect(self) -> None:
        """Allow the deletion of the resource again.

        Raises:
            ReadOnly: the session is read-only.

        """
        self._set_protected(value=False)

    def _set_protected(self, *, value: bool) -> None:
        resource = cast("Tracked", self)
        resource.context.journal.refuse_if_read_only("protect" if value else "unprotect")
        resource.refresh(keep_edits=True)
        self.protected = value
        unsaved = identity_map.values(resource)
        if "protected" in unsaved:  # other values that were set stay unsaved
            resource.context.journal.save(resource, {"protected": value}, identity_map.base_values(resource)["version"])


class _Relation(Generic[T]):
    """A relation to rows of another class, by the *column* with an id; the loaded object or list is cached under :attr:`slot`."""

    def __init__(self, class_name: str, column: str) -> None:
        self.class_name = class_name
        self.column = column
        self.slot = ""

    def __set_name__(self, owner: type, name: str) -> None:
        """Derive the key under which the ``__dict__`` of an object caches the relation."""
        self.slot = f"_loaded_{name}"

    @property
    def target(self) -> type[T]:
        """The related class."""
        return cast("type[T]", CLASSES[self.class_name])


class Children(_Relation[T]):
    """The list of resources whose *column* is the id of their owner; loaded once, on first access."""

    def __init__(self, class_name: str, column: str, owner: str) -> None:
        """Describe the relation.

        Args:
            class_name: the children's class.
            column: their column with the owner's id.
            owner: their attribute that returns the owner.

        """
        super().__init__(class_name, column)
        self.owner = owner

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Tracked, owner: type) -> list[T]: ...
    def __get__(self, instance: Tracked | None, owner: type) -> Self | list[T]:
        """Return the list, from the cache if it is loaded; the descriptor itself on the class."""
        if instance is None:
            return self
        loaded = instance.__dict__.get(self.slot)
        return loaded if loaded is not None else identity_map.load_children(instance, self)


class Parent(_Relation[T]):
    """The resource whose id is in *column*; loaded on first access, then cached."""

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Tracked, owner: type) -> T: ...
    def __get__(self, instance: Tracked | None, owner: type) -> Self | T:
        """Return the parent; the descriptor itself on the class.

        Raises:
            NotFound: the parent was deleted.

        """
        if instance is None:
            return self
        parent = instance.__dict__.get(self.slot)
        if parent is None:
            parent = identity_map.get(instance.context, self.target, getattr(instance, self.column))
            if parent is None:
                msg = f"The {self.class_name.lower()} of {instance.label()} is not in the store any more."
                raise errors.NotFound(msg)
            instance.__dict__[self.slot] = parent
        return cast("T", parent)
