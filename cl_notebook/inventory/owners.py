"""Who made what: told from the operations, by an index, whatever their number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import orm as sa_orm

from cl_notebook import errors
from cl_notebook.model import Kernel, Operation, checks
from cl_notebook.model.operation import DONE
from cl_notebook.model.reading import pages

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    Kernels = Collection[str] | sa.Select[Any]

SHOWN = 10
"""Owners that an error lists."""

SHORTEST = 4
"""Characters of a kernel's id that stand for it."""

_CAME = ("create", "connect", "manage")
_MADE = ("create", "connect")
_WENT = ("delete", "disconnect", "unmanage")


def made_by(kernels: Kernels, since: int = 0) -> sa.Select[Any]:
    """Return the SELECT of the ids of what *kernels* made after the operation *since*.

    What came back under the same id, after it was deleted or released, is not theirs any more: it was loaded, or somebody else's.
    """
    made, later = sa_orm.aliased(Operation), sa_orm.aliased(Operation)
    ended = sa.or_(later.action.in_(_CAME), sa.and_(later.action.in_(_WENT), later.status == DONE))
    return _of(made, kernels, since, made.action.in_(_MADE), _later(later, made, ended))


def attached_by(kernels: Kernels, since: int = 0) -> sa.Select[Any]:
    """Return the SELECT of the ids of connections that *kernels* attached after *since* and that were not attached before."""
    made, later = sa_orm.aliased(Operation), sa_orm.aliased(Operation)
    by_others = sa.and_(later.action == "attach", later.kernel_id.not_in(kernels))
    ended = sa.or_(by_others, sa.and_(later.action == "detach", later.status == DONE))
    first = sa.and_(made.action == "attach", made.arguments["path"].as_string().is_(None))
    return _of(made, kernels, since, first, _later(later, made, ended))


def _of(
    made: Any,  # noqa: ANN401 - an alias of the operations
    kernels: Kernels,
    since: int,
    what: sa.ColumnElement[bool],
    ended: sa.Exists,
) -> sa.Select[Any]:
    return sa.select(made.resource_id).where(made.kernel_id.in_(kernels), made.id > since, what, ~ended)


def _later(later: Any, made: Any, ended: sa.ColumnElement[bool]) -> sa.Exists:  # noqa: ANN401 - aliases of the operations
    return sa.exists().where(later.resource_id == made.resource_id, later.id > made.id, ended)


def kernels_of(connection: sa.Connection, owner: str) -> sa.Select[Any]:
    """Return the SELECT of the kernels that *owner* means: a kernel's id, ``user@host``, a user, a notebook, or part of an id.

    The first of these senses that fits anything counts. A notebook is its path, or its file's name alone.

    Raises:
        InvalidInput: it is no text.
        NotFound: nobody who worked on the store is called so; the message lists those who did.

    """
    if not isinstance(owner, str) or not checks.text(owner, "owner").strip():
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
    if len(owner) >= SHORTEST:
        senses.append(Kernel.id.startswith(owner.lower(), autoescape=True))
    for sense in senses:
        found = sa.select(Kernel.id).where(sense)
        if connection.execute(found.limit(1)).first() is not None:
            return found
    raise errors.NotFound(_nobody(connection, owner))


def known(connection: sa.Connection, limit: int) -> list[str]:
    """Return the owners that there are, as they may be typed: ``user@host``, then notebooks; at most *limit* of each."""
    people = sa.select(Kernel.user, Kernel.host).distinct().order_by(Kernel.user, Kernel.host).limit(limit)
    notebooks = sa.select(Kernel.notebook).where(Kernel.notebook.is_not(None)).distinct().order_by(Kernel.notebook).limit(limit)
    return [*(f"{row.user}@{row.host}" for row in connection.execute(people)), *connection.execute(notebooks).scalars()]


def _nobody(connection: sa.Connection, owner: str) -> str:
    listed = known(connection, SHOWN + 1)
    if not listed:
        return f"Nobody has made anything in this store yet, {owner!r} neither."
    more = " and more" if len(listed) > SHOWN else ""
    return (
        f"No owner is called {owner!r}.{errors.did_you_mean(owner, listed)} Owners: {', '.join(listed[:SHOWN])}{more}; "
        "or the id of a kernel, from %cl_history -c kernel_id."
    )


def makers(connection: sa.Connection, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """Return, by the id of a resource, who made or adopted it as ``user@host``, and in which notebook; not of what was loaded."""
    statement = (
        sa.select(Operation.resource_id, Kernel.user, Kernel.host, Kernel.notebook)
        .join_from(Operation, Kernel, Operation.kernel_id == Kernel.id)
        .order_by(Operation.id)
    )
    return {
        row.resource_id: (f"{row.user}@{row.host}", row.notebook)
        for page in pages(ids)
        for row in connection.execute(statement.where(Operation.resource_id.in_(page), Operation.action.in_(_CAME)))
    }
