"""How tracked objects are read: one identity a row, relations in pages, and nothing read twice that nobody changed."""

from __future__ import annotations

import functools
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import orm as sa_orm

from cl_notebook.store import damage
from cl_notebook.store.errors import store_errors

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Sequence

    from cl_notebook.model.context import Context


class Row(Protocol):
    """A mapped object of one row, as far as the identity map needs it."""

    @property
    def id(self) -> str:
        """The primary key."""

    @property
    def version(self) -> int:
        """The number of times that the row was changed."""

    @property
    def created_at(self) -> dt.datetime:
        """The time at which the row was inserted."""

    @property
    def relations(self) -> tuple[str, ...]:
        """Names of the lists that :func:`refresh` brings up to date if they were loaded."""

    @property
    def context(self) -> Context:
        """The session that the object belongs to."""

    def after_deletion(self, context: Context) -> None:
        """Remove the object from the loaded lists, and mark it as deleted."""


T = TypeVar("T", bound=Row)
T_co = TypeVar("T_co", bound=Row, covariant=True)


class Relation(Protocol[T_co]):
    """A list of the rows that name their owner in a column."""

    @property
    def slot(self) -> str:
        """The key of the loaded list in the owner's ``__dict__``."""

    @property
    def column(self) -> str:
        """The column of the children that holds the owner's id."""

    @property
    def owner(self) -> str:
        """The attribute of the children that leads back to the owner."""

    @property
    def target(self) -> type[T_co]:
        """The class of the children."""


_METADATA_AS_READ = "_metadata_as_read"
_BASE = "_edited_on"


def values(resource: Row) -> dict[str, Any]:
    """Return what was set on *resource*, or changed inside its metadata, and not saved."""
    inner = resource.__dict__
    changed = {}
    if _is_set(resource):
        state: sa_orm.InstanceState[Any] = sa.inspect(resource)
        changed = {name: attribute.value for name, attribute in state.attrs.items() if attribute.history.has_changes()}
    if _is_edited_inside(inner):
        changed["metadata_"] = inner["metadata_"]
    return changed


def committed_values(resource: Row) -> dict[str, Any]:
    """Return the columns of *resource* as they were read, without what was set on it since."""
    inner = resource.__dict__
    stored = {name: value for name, value in inner.items() if name[:1] != "_"}
    for name in values(resource):
        before = sa.inspect(resource).attrs[name].history.deleted
        stored[name] = (
            inner[_METADATA_AS_READ] if name == "metadata_" and _METADATA_AS_READ in inner else before[0] if before else None
        )
    return stored


def is_dirty(resource: Row) -> bool:
    """Return whether something may be unsaved on *resource*."""
    return _is_set(resource) or _is_edited_inside(resource.__dict__)


def base_values(resource: Row) -> dict[str, Any]:
    """Return the columns that the unsaved values were set on, ``version`` among them: those of an earlier read, perhaps."""
    found: dict[str, Any] = resource.__dict__.get(_BASE) or committed_values(resource)
    return found


def discard_edits(resource: Row) -> None:
    """Put back what was read."""
    before = committed_values(resource)
    for name in values(resource):
        sa_orm.attributes.set_committed_value(resource, name, before[name])
    forget(resource)


def forget(resource: Row) -> None:
    """Take the present values for the stored ones: they were just saved."""
    for name in (_METADATA_AS_READ, _BASE):
        resource.__dict__.pop(name, None)


def hand_out_metadata(resource: Row) -> dict[str, str]:
    """Return the metadata itself, for the user to look at or to change in place; :func:`values` finds what he changed."""
    inner = resource.__dict__
    held: dict[str, str] = inner["metadata_"]
    orm = sa_orm.object_session(resource)
    if _METADATA_AS_READ not in inner and orm is not None:
        inner[_METADATA_AS_READ] = dict(held)
        _handed_out(orm).add(resource)
    return held


@dataclass(frozen=True, slots=True)
class PendingEdits:
    """The unsaved values of one object, while its row is read again."""

    resource: Row
    values: dict[str, Any]
    metadata: object
    base: dict[str, Any]

    def reapply(self) -> None:
        """Set the values again on what was read; what they were set on is remembered for the next save."""
        inner = self.resource.__dict__
        is_reread = inner.get("metadata_") is not self.metadata
        if is_reread and _METADATA_AS_READ in inner:
            inner[_METADATA_AS_READ] = dict(inner["metadata_"])
        for name, value in self.values.items():
            if inner.get(name) is not value:
                setattr(self.resource, name, value)
        if self.values and self.resource.version != self.base["version"]:
            inner.setdefault(_BASE, self.base)


def pending_edits(orm: sa_orm.Session) -> list[PendingEdits]:
    """Return the unsaved values of every object of *orm*, to be put back after a read."""
    touched = {id(each): each for each in (*orm.dirty, *_handed_out(orm))}
    return [
        PendingEdits(each, values(each), each.__dict__.get("metadata_"), committed_values(each))
        for each in touched.values()
        if sa_orm.object_session(each) is orm
    ]


def _handed_out(orm: sa_orm.Session) -> weakref.WeakSet[Row]:
    return cast("weakref.WeakSet[Row]", orm.info.setdefault("handed_out", weakref.WeakSet()))


def _is_set(resource: Row) -> bool:
    return bool(sa_orm.attributes.instance_state(resource).modified)


def _is_edited_inside(inner: dict[str, Any]) -> bool:
    return _METADATA_AS_READ in inner and bool(inner[_METADATA_AS_READ] != inner["metadata_"])


def may_be_edited_inside(resource: Row) -> bool:
    """Return whether the metadata was handed out: then it may have been changed in place."""
    return _METADATA_AS_READ in resource.__dict__


CLASSES: dict[str, type[Any]] = {}
"""The tracked classes by name: how they know each other without importing each other."""

PAGE = 500
"""Objects that were read together and lie this close have their relations read together, too."""

_READ = "_read"


class _Read(NamedTuple):
    """The follower's tick when an object was read, and the ids of what was read together with it."""

    tick: int
    peers: tuple[str, ...] = ()


_UNREAD = _Read(0)


def pages(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    """Return *ids* in parts, each as many as one query asks for."""
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))


def get(context: Context, cls: type[T], resource_id: str) -> T | None:
    """Return the object of one row, from memory if it is held there and nobody changed the row since."""
    with context.lock:
        context.change_tracker.sync()
        known = cached(context, cls, resource_id)
        if known is not None and (_is_current(context, known) or is_dirty(known)):
            return known
        columns: Any = cls
        found = select(context, sa.select(cls).where(columns.id == resource_id))
        if not found and known is not None:
            evict(context, known)
        return found[0] if found else None


def by_spelling(context: Context, cls: type[T], spellings: Iterable[str]) -> T | None:
    """Return the object of the first of the ids *spellings* that has a row (:func:`.validation.spellings`)."""
    found = (get(context, cls, each) for each in spellings)
    return next((each for each in found if each is not None), None)


def select(context: Context, statement: sa.Select[T]) -> list[T]:
    """Return the objects of *statement*'s rows, with the values that the rows have now.

    What was set on an object and not saved is kept.
    """
    with context.lock:
        context.change_tracker.sync()
        tick = context.change_tracker.tick
        orm = context.orm
        pending = pending_edits(orm)
        with damage.named(context.store), store_errors(context.store.url), context.store.memory_lock:
            try:
                found = list(orm.scalars(statement, execution_options={"populate_existing": True}))
            finally:
                _end_transaction(orm)
            _refuse_unsound(context, found)
        for edits in pending:
            edits.reapply()
        _stamp(found, tick)
        return found


def _refuse_unsound(context: Context, found: Iterable[Row | None]) -> None:
    """Refuse a row whose values are not of their columns' types: SQLite keeps anything anywhere.

    Raises:
        StoreDamaged: there is one; its object is let go of, so that it is read again.

    """
    for resource in found:
        if resource is None:  # a row without a key
            msg = "a row has no key"
            raise ValueError(msg)
        inner = resource.__dict__
        cls: Any = type(resource)
        if _is_sound(cls, tuple(map(type, map(inner.get, _names(cls))))):
            continue
        context.orm.expunge(resource)
        mapper = sa_orm.class_mapper(cls)
        table: Any = mapper.local_table
        values = [(attribute.columns[0], inner.get(attribute.key)) for attribute in mapper.column_attrs]
        damage.refuse_unsound(context.store, table, str(inner.get("id")), values)


@functools.cache
def _names(cls: Any) -> tuple[str, ...]:  # noqa: ANN401 - a tracked class
    return tuple(attribute.key for attribute in sa_orm.class_mapper(cls).column_attrs)


@functools.cache
def _is_sound(cls: Any, types: tuple[type, ...]) -> bool:  # noqa: ANN401 - a tracked class
    """Return whether values of these *types* fit the columns of *cls*: there are few combinations, so each is looked at once."""
    columns = (attribute.columns[0] for attribute in sa_orm.class_mapper(cls).column_attrs)
    return all(damage.fits(column, kind) for column, kind in zip(columns, types, strict=True))


def _end_transaction(orm: sa_orm.Session) -> None:
    # Neither commit(), which would write what the user set and did not save, nor rollback(), which would forget it.
    transaction = orm.get_transaction()
    if transaction is not None:
        transaction.close()


def load_children(owner: Row, relation: Relation[T]) -> list[T]:
    """Load the list of *owner*, and have those of the objects that were read together with it ready."""
    context = owner.context
    with context.lock:
        context.change_tracker.sync()
        ready = owner.__dict__.pop(_prefetched(relation), None)
        if ready is not None and context.change_tracker.children_changed(owner.id, ready[0]) == set():
            tick, children = ready
            _cache_children(owner, relation, children, tick)
            return owner.__dict__[relation.slot]  # type: ignore[no-any-return] # the slot holds what was just put there
        _load_page(context, owner, relation)
        return owner.__dict__[relation.slot]  # type: ignore[no-any-return] # as above


def _load_page(context: Context, owner: Row, relation: Relation[T]) -> None:
    owners = {peer.id: peer for peer in _peers(context, owner) if relation.slot not in peer.__dict__}
    owners[owner.id] = owner
    tick = context.change_tracker.tick
    groups: dict[str, list[T]] = {resource_id: [] for resource_id in owners}
    for child in _select_children(context, relation, list(owners)):
        groups[child.__dict__[relation.column]].append(child)
    _cache_children(owner, relation, groups.pop(owner.id), tick)
    for resource_id, children in groups.items():
        owners[resource_id].__dict__[_prefetched(relation)] = (tick, children)


def _select_children(
    context: Context, relation: Relation[T], owner_ids: Sequence[str], only: Iterable[str] | None = None
) -> list[T]:
    target: Any = relation.target
    column = getattr(target, relation.column)
    chosen = column == owner_ids[0] if len(owner_ids) == 1 else column.in_(owner_ids)
    statement = sa.select(target).where(chosen).order_by(target.created_at, target.id)
    return select(context, statement if only is None else statement.where(target.id.in_(list(only))))


def _cache_children(owner: Row, relation: Relation[T], children: list[T], tick: int) -> None:
    slot = f"_loaded_{relation.owner}"
    for child in children:
        child.__dict__[slot] = owner
    owner.__dict__[relation.slot] = children
    owner.__dict__[f"{relation.slot}_tick"] = tick


def refresh(context: Context, resource: Row, *, keep_edits: bool = False) -> None:
    """Bring *resource* and its loaded relations in line with the store; free of queries while nobody wrote anything.

    What was set and not saved is given up, unless it is to be kept.
    """
    with context.lock:
        context.change_tracker.sync()
        if _nothing_happened(context, resource):
            return
        if (is_dirty(resource) and not keep_edits) or not _is_current(context, resource):
            reload(context, resource, keep_edits=keep_edits)
        for name in resource.relations:
            relation: Relation[Any] = getattr(type(resource), name)
            if relation.slot in resource.__dict__:
                _refresh_children(context, resource, relation, keep_edits=keep_edits)


def _nothing_happened(context: Context, resource: Row) -> bool:
    """Return whether no row at all was changed, and nothing set and not saved, since *resource* and its lists were read."""
    if context.orm.identity_map.check_modified() or may_be_edited_inside(resource):
        return False
    inner, tick = resource.__dict__, context.change_tracker.tick
    return _read(resource).tick == tick and all(
        inner[f"_loaded_{name}_tick"] == tick for name in resource.relations if f"_loaded_{name}" in inner
    )


def reload(context: Context, resource: Row, *, keep_edits: bool = False) -> None:
    """Read the row of *resource* again, whether or not it is known to have changed."""
    cls = type(resource)
    if not keep_edits:
        discard_edits(resource)
    if not select(context, sa.select(cls).where(cls.id == committed_values(resource)["id"])):
        evict(context, resource)


def _refresh_children(context: Context, owner: Row, relation: Relation[T], *, keep_edits: bool) -> None:
    listed: list[T] = owner.__dict__[relation.slot]
    tick: int = owner.__dict__[f"{relation.slot}_tick"]
    now = context.change_tracker.tick
    for child in [] if keep_edits else listed:
        if is_dirty(child):
            reload(context, child)
    changed = context.change_tracker.children_changed(owner.id, tick)
    if changed is not None and not changed:
        return
    if changed is None or len(changed) > PAGE:
        _cache_children(owner, relation, _select_children(context, relation, [owner.id]), now)
        return
    found = {child.id: child for child in _select_children(context, relation, [owner.id], changed)}
    kept = [child for child in listed if child.id not in changed or child.id in found]
    listed_ids = {child.id for child in kept}
    kept.extend(child for child in found.values() if child.id not in listed_ids)
    kept.sort(key=lambda child: (child.created_at, child.id))
    _cache_children(owner, relation, kept, now)


def attach_new(context: Context, cls: type[T], values: dict[str, Any]) -> T:
    """Return the object for a row that was just inserted with *values*, without reading it back."""
    manager = sa_orm.class_mapper(cls).class_manager
    instance: T = manager.new_instance()
    instance.__dict__.update(values)
    sa_orm.make_transient_to_detached(instance)
    context.orm.add(instance)
    setattr(instance, _READ, _Read(context.change_tracker.tick))
    return instance


def reattach(context: Context, resource: T, newcomer: T) -> None:
    """Re-attach *resource* (detached when its session closed) in place of *newcomer*, which was loaded for the same row."""
    values = {key: value for key, value in newcomer.__dict__.items() if key[:1] != "_"}
    context.orm.expunge(newcomer)
    sa_orm.make_transient(resource)
    kept = resource.__dict__["_sa_instance_state"]
    resource.__dict__.clear()
    resource.__dict__.update(values, _sa_instance_state=kept)
    sa_orm.make_transient_to_detached(resource)
    context.orm.add(resource)
    setattr(resource, _READ, _Read(context.change_tracker.tick))


def apply_committed(context: Context, resource: Row, values: dict[str, Any]) -> None:
    """Give *resource* the *values* that were just committed for its row."""
    for name, value in values.items():
        sa_orm.attributes.set_committed_value(resource, name, value)
    if _read(resource) is _UNREAD:
        setattr(resource, _READ, _Read(context.change_tracker.tick))


def add_to_collection(context: Context, child: Row, owner_class: str, relation_name: str, owner_id: str) -> None:
    """Add *child* to the list of its owner, if the owner is held and the list was loaded."""
    _relist(context, owner_class, relation_name, owner_id, lambda listed: [*listed, child])


def remove_from_collection(context: Context, child: Row, owner_class: str, relation_name: str, owner_id: str) -> None:
    """Take *child* out of the list of its owner, if the owner is held and the list was loaded."""
    _relist(context, owner_class, relation_name, owner_id, lambda listed: [other for other in listed if other is not child])


def _relist(
    context: Context, owner_class: str, relation_name: str, owner_id: str, change: Callable[[list[Any]], list[Any]]
) -> None:
    # A new list each time: a loop over the old one that creates or deletes resources meets each of them once.
    cls = CLASSES[owner_class]
    owner = cached(context, cls, owner_id)
    if owner is None:
        return
    relation: Relation[Any] = getattr(cls, relation_name)
    owner.__dict__.pop(_prefetched(relation), None)
    listed = owner.__dict__.get(relation.slot)
    if listed is not None:
        owner.__dict__[relation.slot] = change(listed)


def evict(context: Context, resource: Row) -> None:
    """Stop tracking *resource*: its row is gone."""
    if resource in context.orm:
        context.orm.expunge(resource)
    resource.after_deletion(context)


def cached(context: Context, cls: type[T], resource_id: str) -> T | None:
    """Return the object of one row if the session holds it; the store is not asked."""
    return context.orm.identity_map.get(sa_orm.class_mapper(cls).identity_key_from_primary_key((resource_id,)))


def _peers(context: Context, owner: Row) -> list[Row]:
    peers = (cached(context, type(owner), peer) for peer in _read(owner).peers)
    return [peer for peer in peers if peer is not None]


def _stamp(found: list[T], tick: int) -> None:
    for start in range(0, len(found), PAGE):
        page = found[start : start + PAGE]
        alone = len(page) == 1  # read again by itself, it keeps its peers
        read = _read(page[0])._replace(tick=tick) if alone else _Read(tick, tuple([each.__dict__["id"] for each in page]))
        for resource in page:
            setattr(resource, _READ, read)


def _read(resource: Row) -> _Read:
    return getattr(resource, _READ, _UNREAD)


def _is_current(context: Context, resource: Row) -> bool:
    return context.change_tracker.changed_at(resource.id) <= _read(resource).tick


def _prefetched(relation: Relation[Any]) -> str:
    return f"{relation.slot}_ahead"
