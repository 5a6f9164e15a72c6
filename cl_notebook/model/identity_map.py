"""Load tracked objects: one for each row of a session, lists in pages, no query for unchanged rows.

Edits that were not saved survive a read of their row: they are collected before it (:class:`PendingEdits`) and set again after.
"""

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


CLASSES: dict[str, type[Any]] = {}
"""The tracked classes by name; modules look them up here where an import would be circular."""

PAGE = 500
"""Number of ids in one query, and of objects whose relations are loaded together."""

_READ = "_read"
"""Attribute of an object: the :class:`_Read` that says when its row was read."""

_METADATA_AS_READ = "_metadata_as_read"
"""Key in an object's ``__dict__``: a copy of the metadata before the user received it and could edit it in place."""

_BASE = "_edited_on"
"""Key in an object's ``__dict__``: the columns that its unsaved values were set on."""


class Row(Protocol):
    """The part of a mapped object that the identity map needs."""

    @property
    def id(self) -> str:
        """The primary key."""

    @property
    def version(self) -> int:
        """The number of changes to the row."""

    @property
    def created_at(self) -> dt.datetime:
        """The time at which the row was inserted."""

    @property
    def relations(self) -> tuple[str, ...]:
        """Names of the relations that :func:`refresh` updates if they were loaded."""

    @property
    def context(self) -> Context:
        """The session that the object belongs to."""

    def after_deletion(self, context: Context) -> None:
        """Remove the object from the loaded lists, and mark it as deleted."""


T = TypeVar("T", bound=Row)
T_co = TypeVar("T_co", bound=Row, covariant=True)


class Relation(Protocol[T_co]):
    """The list of the rows whose column holds their owner's id."""

    @property
    def slot(self) -> str:
        """The key of the loaded list in the owner's ``__dict__``."""

    @property
    def column(self) -> str:
        """The column of the children that holds the owner's id."""

    @property
    def owner(self) -> str:
        """The attribute of the children that returns the owner."""

    @property
    def target(self) -> type[T_co]:
        """The class of the children."""


class _Read(NamedTuple):
    """The change tracker's tick when a row was read, and the ids of the rows on the same page."""

    tick: int
    peers: tuple[str, ...] = ()


_UNREAD = _Read(0)


def values(resource: Row) -> dict[str, Any]:
    """Return the unsaved values of *resource* by column: what was set, or changed inside its metadata."""
    inner = resource.__dict__
    changed = {}
    if _has_set_columns(resource):
        state: sa_orm.InstanceState[Any] = sa.inspect(resource)
        changed = {name: attribute.value for name, attribute in state.attrs.items() if attribute.history.has_changes()}
    if _is_metadata_edited(inner):
        changed["metadata_"] = inner["metadata_"]
    return changed


def committed_values(resource: Row) -> dict[str, Any]:
    """Return the columns of *resource* as they were read, without unsaved values."""
    inner = resource.__dict__
    stored = {name: value for name, value in inner.items() if name[:1] != "_"}
    for name in values(resource):
        before = sa.inspect(resource).attrs[name].history.deleted
        stored[name] = (
            inner[_METADATA_AS_READ] if name == "metadata_" and _METADATA_AS_READ in inner else before[0] if before else None
        )
    return stored


def is_dirty(resource: Row) -> bool:
    """Return whether *resource* may have unsaved values."""
    return _has_set_columns(resource) or _is_metadata_edited(resource.__dict__)


def base_values(resource: Row) -> dict[str, Any]:
    """Return the columns that the unsaved values were set on, ``version`` included.

    They differ from :func:`committed_values` if the row was read again since the edit.
    """
    base: dict[str, Any] = resource.__dict__.get(_BASE) or committed_values(resource)
    return base


def discard_edits(resource: Row) -> None:
    """Set the columns of *resource* back to the values that were read."""
    before = committed_values(resource)
    for name in values(resource):
        sa_orm.attributes.set_committed_value(resource, name, before[name])
    forget(resource)


def forget(resource: Row) -> None:
    """Mark the present values of *resource* as saved."""
    for name in (_METADATA_AS_READ, _BASE):
        resource.__dict__.pop(name, None)


def hand_out_metadata(resource: Row) -> dict[str, str]:
    """Return the metadata of *resource*, not a copy: the user may edit it in place.

    A copy is kept, with which :func:`values` detects the edits.
    """
    inner = resource.__dict__
    metadata: dict[str, str] = inner["metadata_"]
    orm = sa_orm.object_session(resource)
    if _METADATA_AS_READ not in inner and orm is not None:
        inner[_METADATA_AS_READ] = dict(metadata)
        _handed_out(orm).add(resource)
    return metadata


@dataclass(frozen=True, slots=True)
class PendingEdits:
    """The unsaved values of one object, kept while its row is read again."""

    resource: Row
    values: dict[str, Any]
    metadata: object
    base: dict[str, Any]

    def reapply(self) -> None:
        """Set the values again after the read; remember their base if the row changed, for the next save."""
        inner = self.resource.__dict__
        is_replaced = inner.get("metadata_") is not self.metadata
        if is_replaced and _METADATA_AS_READ in inner:
            inner[_METADATA_AS_READ] = dict(inner["metadata_"])
        for name, value in self.values.items():
            if inner.get(name) is not value:
                setattr(self.resource, name, value)
        if self.values and self.resource.version != self.base["version"]:
            inner.setdefault(_BASE, self.base)


def pending_edits(orm: sa_orm.Session) -> list[PendingEdits]:
    """Return the unsaved values of all objects of *orm*, to reapply them after a read."""
    edited = {id(resource): resource for resource in (*orm.dirty, *_handed_out(orm))}
    return [
        PendingEdits(resource, values(resource), resource.__dict__.get("metadata_"), committed_values(resource))
        for resource in edited.values()
        if sa_orm.object_session(resource) is orm
    ]


def _handed_out(orm: sa_orm.Session) -> weakref.WeakSet[Row]:
    return cast("weakref.WeakSet[Row]", orm.info.setdefault("handed_out", weakref.WeakSet()))


def _has_set_columns(resource: Row) -> bool:
    return bool(sa_orm.attributes.instance_state(resource).modified)


def _is_metadata_edited(inner: dict[str, Any]) -> bool:
    return _METADATA_AS_READ in inner and bool(inner[_METADATA_AS_READ] != inner["metadata_"])


def _is_handed_out(resource: Row) -> bool:
    """Return whether the user received the metadata, and so may have edited it in place."""
    return _METADATA_AS_READ in resource.__dict__


def pages(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    """Split *ids* into slices of at most PAGE ids, the number in one query."""
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))


def get(context: Context, cls: type[T], resource_id: str) -> T | None:
    """Return the object of the row *resource_id*, or None; query only if it is not cached or was changed."""
    with context.lock:
        context.change_tracker.sync()
        known = cached(context, cls, resource_id)
        if known is not None and (_is_current(context, known) or is_dirty(known)):
            return known
        columns: Any = cls
        rows = select(context, sa.select(cls).where(columns.id == resource_id))
        if not rows and known is not None:
            evict(context, known)
        return rows[0] if rows else None


def by_spelling(context: Context, cls: type[T], spellings: Iterable[str]) -> T | None:
    """Return the object of the first id in *spellings* (:func:`.validation.spellings`) that has a row."""
    resources = (get(context, cls, spelling) for spelling in spellings)
    return next((resource for resource in resources if resource is not None), None)


def select(context: Context, statement: sa.Select[T]) -> list[T]:
    """Return the objects of *statement*'s rows, with the rows' present values; unsaved edits survive.

    Raises:
        StoreDamaged: a row holds values of the wrong type.
        StoreError: the store cannot be read.

    """
    with context.lock:
        context.change_tracker.sync()
        tick = context.change_tracker.tick
        orm = context.orm
        pending = pending_edits(orm)
        with damage.named(context.store), store_errors(context.store.url), context.store.memory_lock:
            try:
                resources = list(orm.scalars(statement, execution_options={"populate_existing": True}))
            finally:
                _end_transaction(orm)
            _refuse_unsound(context, resources)
        for edits in pending:
            edits.reapply()
        _stamp(resources, tick)
        return resources


def _refuse_unsound(context: Context, resources: Iterable[Row | None]) -> None:
    """Check that the values of each row have their columns' types: SQLite stores any type in any column.

    Raises:
        StoreDamaged: a value has another type; its object is removed from the session, so that the next use reads it again.

    """
    for resource in resources:
        if resource is None:  # SQLAlchemy's object for a row whose primary key is NULL
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
    """Return whether values of these *types* fit the columns of *cls*; cached, as few combinations occur."""
    columns = (attribute.columns[0] for attribute in sa_orm.class_mapper(cls).column_attrs)
    return all(damage.fits(column, value_type) for column, value_type in zip(columns, types, strict=True))


def _end_transaction(orm: sa_orm.Session) -> None:
    # not commit(), which would write the user's unsaved edits, and not rollback(), which would discard them
    transaction = orm.get_transaction()
    if transaction is not None:
        transaction.close()


def load_children(owner: Row, relation: Relation[T]) -> list[T]:
    """Return the children of *owner*; load those of the objects on the same page with the same query."""
    context = owner.context
    with context.lock:
        context.change_tracker.sync()
        prefetched = owner.__dict__.pop(_prefetched(relation), None)
        if prefetched is not None and context.change_tracker.children_changed(owner.id, prefetched[0]) == set():
            tick, children = prefetched
            _cache_children(owner, relation, children, tick)
            return owner.__dict__[relation.slot]  # type: ignore[no-any-return] # the slot holds the children that were just cached
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
    condition = column == owner_ids[0] if len(owner_ids) == 1 else column.in_(owner_ids)
    statement = sa.select(target).where(condition).order_by(target.created_at, target.id)
    return select(context, statement if only is None else statement.where(target.id.in_(list(only))))


def _cache_children(owner: Row, relation: Relation[T], children: list[T], tick: int) -> None:
    slot = f"_loaded_{relation.owner}"
    for child in children:
        child.__dict__[slot] = owner
    owner.__dict__[relation.slot] = children
    owner.__dict__[f"{relation.slot}_tick"] = tick


def refresh(context: Context, resource: Row, *, keep_edits: bool = False) -> None:
    """Update *resource* and its loaded relations from the store; no query if nothing was written.

    Unsaved edits are discarded, unless *keep_edits* is set.
    """
    with context.lock:
        context.change_tracker.sync()
        if _is_unchanged(context, resource):
            return
        if (is_dirty(resource) and not keep_edits) or not _is_current(context, resource):
            reload(context, resource, keep_edits=keep_edits)
        for name in resource.relations:
            relation: Relation[Any] = getattr(type(resource), name)
            if relation.slot in resource.__dict__:
                _refresh_children(context, resource, relation, keep_edits=keep_edits)


def _is_unchanged(context: Context, resource: Row) -> bool:
    """Return whether no row was changed and no object edited since *resource* and its lists were read."""
    if context.orm.identity_map.check_modified() or _is_handed_out(resource):
        return False
    inner, tick = resource.__dict__, context.change_tracker.tick
    return _read(resource).tick == tick and all(
        inner[f"_loaded_{name}_tick"] == tick for name in resource.relations if f"_loaded_{name}" in inner
    )


def reload(context: Context, resource: Row, *, keep_edits: bool = False) -> None:
    """Read the row of *resource* again, whether or not it changed; evict *resource* if the row is gone."""
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
    reloaded = {child.id: child for child in _select_children(context, relation, [owner.id], changed)}
    children = [child for child in listed if child.id not in changed or child.id in reloaded]
    listed_ids = {child.id for child in children}
    children.extend(child for child in reloaded.values() if child.id not in listed_ids)
    children.sort(key=lambda child: (child.created_at, child.id))
    _cache_children(owner, relation, children, now)


def attach_new(context: Context, cls: type[T], values: dict[str, Any]) -> T:
    """Return a new object for the row that was just inserted with *values*, without a query."""
    manager = sa_orm.class_mapper(cls).class_manager
    instance: T = manager.new_instance()
    instance.__dict__.update(values)
    sa_orm.make_transient_to_detached(instance)
    context.orm.add(instance)
    setattr(instance, _READ, _Read(context.change_tracker.tick))
    return instance


def reattach(context: Context, resource: T, newcomer: T) -> None:
    """Re-attach *resource* in place of *newcomer*, which was loaded for the same row.

    *resource* was detached when its session closed; it takes the values of *newcomer*.
    """
    values = {key: value for key, value in newcomer.__dict__.items() if key[:1] != "_"}
    context.orm.expunge(newcomer)
    sa_orm.make_transient(resource)
    state = resource.__dict__["_sa_instance_state"]
    resource.__dict__.clear()
    resource.__dict__.update(values, _sa_instance_state=state)
    sa_orm.make_transient_to_detached(resource)
    context.orm.add(resource)
    setattr(resource, _READ, _Read(context.change_tracker.tick))


def apply_committed(context: Context, resource: Row, values: dict[str, Any]) -> None:
    """Set the *values* that were just committed for the row of *resource*; they do not count as edits."""
    for name, value in values.items():
        sa_orm.attributes.set_committed_value(resource, name, value)
    if _read(resource) is _UNREAD:
        setattr(resource, _READ, _Read(context.change_tracker.tick))


def add_to_collection(context: Context, child: Row, owner_class: str, relation_name: str, owner_id: str) -> None:
    """Add *child* to the list of its owner, if the owner is cached and the list was loaded."""
    _relist(context, owner_class, relation_name, owner_id, lambda listed: [*listed, child])


def remove_from_collection(context: Context, child: Row, owner_class: str, relation_name: str, owner_id: str) -> None:
    """Remove *child* from the list of its owner, if the owner is cached and the list was loaded."""
    _relist(context, owner_class, relation_name, owner_id, lambda listed: [other for other in listed if other is not child])


def _relist(
    context: Context, owner_class: str, relation_name: str, owner_id: str, change: Callable[[list[Any]], list[Any]]
) -> None:
    # a new list, so that a loop over the old one may create or delete resources and still visits each of them once
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
    """Remove *resource*, whose row is gone, from the session and from loaded lists."""
    if resource in context.orm:
        context.orm.expunge(resource)
    resource.after_deletion(context)


def cached(context: Context, cls: type[T], resource_id: str) -> T | None:
    """Return the object of the row *resource_id* if the session has it, without a query; else None."""
    return context.orm.identity_map.get(sa_orm.class_mapper(cls).identity_key_from_primary_key((resource_id,)))


def _peers(context: Context, owner: Row) -> list[Row]:
    peers = (cached(context, type(owner), peer) for peer in _read(owner).peers)
    return [peer for peer in peers if peer is not None]


def _stamp(resources: list[T], tick: int) -> None:
    for start in range(0, len(resources), PAGE):
        page = resources[start : start + PAGE]
        is_alone = len(page) == 1  # an object that is read again by itself keeps its peers
        ids = tuple([resource.__dict__["id"] for resource in page])
        read = _read(page[0])._replace(tick=tick) if is_alone else _Read(tick, ids)
        for resource in page:
            setattr(resource, _READ, read)


def _read(resource: Row) -> _Read:
    return getattr(resource, _READ, _UNREAD)


def _is_current(context: Context, resource: Row) -> bool:
    return context.change_tracker.changed_at(resource.id) <= _read(resource).tick


def _prefetched(relation: Relation[Any]) -> str:
    return f"{relation.slot}_ahead"
