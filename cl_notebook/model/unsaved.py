"""What the user set on an object and did not save yet: found, kept across reads, given up, or told from what is stored."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from sqlalchemy import orm as sa_orm

if TYPE_CHECKING:
    from cl_notebook.model.base import Tracked

_READ = "_metadata_as_read"
_BASE = "_edited_on"


def values(resource: Tracked) -> dict[str, Any]:
    """Return what was set on *resource*, or changed inside its metadata, and not saved."""
    inner = resource.__dict__
    changed = {}
    if _is_set(resource):
        state: sa_orm.InstanceState[Any] = sa.inspect(resource)
        changed = {name: attribute.value for name, attribute in state.attrs.items() if attribute.history.has_changes()}
    if _is_edited_inside(inner):
        changed["metadata_"] = inner["metadata_"]
    return changed


def stored_values(resource: Tracked) -> dict[str, Any]:
    """Return the columns of *resource* as they were read, without what was set on it since."""
    inner = resource.__dict__
    stored = {name: value for name, value in inner.items() if name[:1] != "_"}
    for name in values(resource):
        before = sa.inspect(resource).attrs[name].history.deleted
        stored[name] = inner[_READ] if name == "metadata_" and _READ in inner else before[0] if before else None
    return stored


def is_there(resource: Tracked) -> bool:
    """Return whether something may be unsaved on *resource*."""
    return _is_set(resource) or _is_edited_inside(resource.__dict__)


def base(resource: Tracked) -> dict[str, Any]:
    """Return the columns that the unsaved values were set on, ``version`` among them: those of an earlier read, perhaps."""
    found: dict[str, Any] = resource.__dict__.get(_BASE) or stored_values(resource)
    return found


def give_up(resource: Tracked) -> None:
    """Put back what was read."""
    before = stored_values(resource)
    for name in values(resource):
        sa_orm.attributes.set_committed_value(resource, name, before[name])
    forget(resource)


def forget(resource: Tracked) -> None:
    """Take the present values for the stored ones: they were just saved."""
    for name in (_READ, _BASE):
        resource.__dict__.pop(name, None)


def hand_out_metadata(resource: Tracked) -> dict[str, str]:
    """Return the metadata itself, for the user to look at or to change in place; :func:`values` finds what he changed."""
    inner = resource.__dict__
    held: dict[str, str] = inner["metadata_"]
    orm = sa_orm.object_session(resource)
    if _READ not in inner and orm is not None:
        inner[_READ] = dict(held)
        _handed_out(orm).add(resource)
    return held


@dataclass(frozen=True, slots=True)
class Kept:
    """The unsaved values of one object, while its row is read again."""

    resource: Tracked
    values: dict[str, Any]
    metadata: object
    base: dict[str, Any]

    def put_back(self) -> None:
        """Set the values again on what was read; what they were set on is remembered for the next save."""
        inner = self.resource.__dict__
        is_reread = inner.get("metadata_") is not self.metadata
        if is_reread and _READ in inner:
            inner[_READ] = dict(inner["metadata_"])
        for name, value in self.values.items():
            if inner.get(name) is not value:
                setattr(self.resource, name, value)
        if self.values and self.resource.version != self.base["version"]:
            inner.setdefault(_BASE, self.base)


def keep_all(orm: sa_orm.Session) -> list[Kept]:
    """Return the unsaved values of every object of *orm*, to be put back after a read."""
    touched = {id(each): each for each in (*orm.dirty, *_handed_out(orm))}
    return [
        Kept(each, values(each), each.__dict__.get("metadata_"), stored_values(each))
        for each in touched.values()
        if sa_orm.object_session(each) is orm
    ]


def _handed_out(orm: sa_orm.Session) -> weakref.WeakSet[Tracked]:
    return cast("weakref.WeakSet[Tracked]", orm.info.setdefault("handed_out", weakref.WeakSet()))


def _is_set(resource: Tracked) -> bool:
    return bool(sa_orm.attributes.instance_state(resource).modified)


def _is_edited_inside(inner: dict[str, Any]) -> bool:
    return _READ in inner and bool(inner[_READ] != inner["metadata_"])


def may_be_edited_inside(resource: Tracked) -> bool:
    """Return whether the metadata was handed out: then it may have been changed in place."""
    return _READ in resource.__dict__
