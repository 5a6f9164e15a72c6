"""Find the owner of resources from the history of operations, by an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import orm as sa_orm

from cl_notebook import errors
from cl_notebook.model import Kernel, Operation, validation
from cl_notebook.model.identity_map import pages
from cl_notebook.model.operations.tables import DONE

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    Kernels = Collection[str] | sa.Select[Any]

MAX_LISTED = 10
"""Largest number of owners in an error message."""

MIN_ID_PREFIX = 4
"""Smallest number of characters that are taken as a prefix of a kernel's id."""

_ACQUIRING = ("create", "connect", "manage")
_CREATING = ("create", "connect")
_RELEASING = ("delete", "disconnect", "unmanage", "forget")


def created_by(cls: Any, kernels: Kernels, since: int = 0) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a tracked class
    """Return the condition that one of *kernels* created a row of *cls* after the operation with the number *since*.

    A row that was deleted, released or forgotten and then tracked again under the same id does not count: it was loaded, or
    another kernel adopted it. One that was restored from the trash does: that deletion called no driver.
    """
    creation, last = sa_orm.aliased(Operation), sa_orm.aliased(Operation)
    decided = sa.or_(last.action.in_(_ACQUIRING), sa.and_(last.action.in_(_RELEASING), last.status == DONE, ~_into_trash(last)))
    return _decided(cls, sa.and_(creation.action.in_(_CREATING), *_is_by(creation, kernels, since)), creation, last, decided)


def _into_trash(operation: Any) -> sa.ColumnElement[bool]:  # noqa: ANN401 - an alias of the operations
    return sa.and_(operation.action == "delete", operation.call.is_(None))


def attached_by(cls: Any, kernels: Kernels, since: int = 0) -> sa.ColumnElement[bool]:  # noqa: ANN401 - the connections
    """Return the condition that one of *kernels* attached a connection, which was not attached, after the operation *since*."""
    creation, last = sa_orm.aliased(Operation), sa_orm.aliased(Operation)
    attached = sa.and_(
        last.action == "attach", sa.or_(last.arguments["path"].as_string().is_(None), last.kernel_id.not_in(kernels))
    )
    decided = sa.or_(attached, sa.and_(last.action == "detach", last.status == DONE))
    first = sa.and_(creation.action == "attach", creation.arguments["path"].as_string().is_(None))
    return _decided(cls, sa.and_(first, *_is_by(creation, kernels, since)), creation, last, decided)


def _is_by(creation: Any, kernels: Kernels, since: int) -> tuple[sa.ColumnElement[bool], ...]:  # noqa: ANN401 - an alias
    return creation.kernel_id.in_(kernels), creation.id > since


def _decided(
    cls: Any,  # noqa: ANN401 - a tracked class
    creations: sa.ColumnElement[bool],
    creation: Any,  # noqa: ANN401 - an alias of the operations
    last: Any,  # noqa: ANN401 - another one
    decided: sa.ColumnElement[bool],
) -> sa.ColumnElement[bool]:
    """Return the condition that the last operation that decides the owner of a row is one of *creations*."""
    candidates = sa.select(creation.resource_id).where(creations, creation.resource_type == cls.kind)
    newest = sa.select(sa.func.max(last.id)).where(last.resource_id == cls.id, decided).correlate(cls).scalar_subquery()
    return sa.and_(cls.id.in_(candidates), sa.select(creation.id).where(creations, creation.id == newest).correlate(cls).exists())


def kernels_of(connection: sa.Connection, owner: str) -> sa.Select[Any]:
    """Return the SELECT of the kernel ids of *owner*: a kernel's id, ``user@host``, a user, a notebook, or a prefix of an id.

    The first of these senses with a match is used. A notebook is given by its path, or by its file name alone.

    Raises:
        InvalidInput: *owner* is not a text.
        NotFound: there is no such owner; the message lists the owners in the store.

    """
    if not isinstance(owner, str) or not validation.text(owner, "owner").strip():
        msg = f"owner takes a user, user@host, a notebook or a kernel's id, not {owner!r}."
        raise errors.InvalidInput(msg)
    owner = owner.strip()
    user, _, host = owner.rpartition("@")
    senses: list[sa.ColumnElement[bool]] = [
        Kernel.id == owner.lower(),
        sa.and_(Kernel.user == user, Kernel.host == host),
        Kernel.user == owner,
        sa.or_(Kernel.notebook == owner, Kernel.notebook.endswith(f"/{owner}", autoescape=True)),
    ]
    if len(owner) >= MIN_ID_PREFIX:
        senses.append(Kernel.id.startswith(owner.lower(), autoescape=True))
    for sense in senses:
        kernels = sa.select(Kernel.id).where(sense)
        if connection.execute(kernels.limit(1)).first() is not None:
            return kernels
    raise errors.NotFound(_not_found_message(connection, owner))


def known_owners(connection: sa.Connection, limit: int) -> list[str]:
    """Return the known owners, ``user@host`` first, then notebooks; at most *limit* of each."""
    people = sa.select(Kernel.user, Kernel.host).distinct().order_by(Kernel.user, Kernel.host).limit(limit)
    notebooks = sa.select(Kernel.notebook).where(Kernel.notebook.is_not(None)).distinct().order_by(Kernel.notebook).limit(limit)
    return [*(f"{row.user}@{row.host}" for row in connection.execute(people)), *connection.execute(notebooks).scalars()]


def _not_found_message(connection: sa.Connection, owner: str) -> str:
    listed = known_owners(connection, MAX_LISTED + 1)
    if not listed:
        return f"Nothing was created in this store yet, so it has no owner {owner!r}."
    more = " and more" if len(listed) > MAX_LISTED else ""
    return (
        f"No owner is called {owner!r}.{errors.did_you_mean(owner, listed)} Owners: {', '.join(listed[:MAX_LISTED])}{more}; "
        "or the id of a kernel, from %cl_history -c kernel_id."
    )


def creators(connection: sa.Connection, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """Return who created or adopted each resource, by id, as ``user@host`` and notebook; loaded resources are left out."""
    statement = (
        sa.select(Operation.resource_id, Kernel.user, Kernel.host, Kernel.notebook)
        .join_from(Operation, Kernel, Operation.kernel_id == Kernel.id)
        .order_by(Operation.id)
    )
    return {
        row.resource_id: (f"{row.user}@{row.host}", row.notebook)
        for page in pages(ids)
        for row in connection.execute(statement.where(Operation.resource_id.in_(page), Operation.action.in_(_ACQUIRING)))
    }
