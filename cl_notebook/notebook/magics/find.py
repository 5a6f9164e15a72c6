"""Define ``%cl_find``, which finds a resource, and ``%cl_who``, which lists variables and the resources they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.model import Backend, Connection, Snapshot, Volume
from cl_notebook.notebook.command import resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb, count
from cl_notebook.notebook.output.messages import echo

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from cl_notebook.model.base import Tracked
    from cl_notebook.notebook.command.command import Invocation

PAGE = 1000
"""Default of ``--limit``: largest number of resources without a variable that ``%cl_who`` lists."""

_SCHEMA = dict.fromkeys(("id", "variable", "kind", "name", "status"), "string")


def _find(call: Invocation) -> Tracked | list[Tracked]:
    name = resolve.variable_name(call)
    matched: Tracked | list[Tracked] = call.session.find(" ".join(call["text"]), all=call["all"])
    if name is not None:
        resolve.bind(call, name, matched)
    return matched


def _who(call: Invocation) -> pd.DataFrame:
    from cl_notebook.tabular import typed_frame  # noqa: PLC0415 - pandas is loaded when a frame is made

    held = list(resolve.variables(call.shell))
    rows = [] if call["lost"] else [(item.id, variable, item.kind, _name(item), _status(item)) for variable, item in held]
    limit = PAGE if call["limit"] is None else call["limit"] or None
    lost = [] if call["held"] else list(_without_variable(call, {item.id for _, item in held}, limit and limit + 1))
    if limit is not None and len(lost) > limit:
        echo(f"The first {limit} resources without a variable; there are more. All: --limit 0.")
        lost = lost[:limit]
    lost_rows = [(resource_id, None, *rest) for resource_id, *rest in lost]
    return typed_frame(_SCHEMA, [*rows, *lost_rows], "id", noun="resources")


def _without_variable(call: Invocation, held: set[str], limit: int | None) -> Iterator[tuple[str, ...]]:
    remaining = limit
    with call.session.store.reading() as connection:
        for cls in (Backend, Volume, Snapshot, Connection):
            statement = _rows(cls)
            if remaining is not None:
                statement = statement.limit(remaining + len(held))
            for row in connection.execute(statement):
                if row.id not in held and (remaining is None or remaining > 0):
                    remaining = None if remaining is None else remaining - 1
                    yield (row.id, cls.kind, row.name, row.status)


def _rows(cls: Any) -> sa.Select[Any]:  # noqa: ANN401 - one of the tracked classes
    name = getattr(cls, "name", sa.literal(""))
    status = {Backend: sa.literal(""), Connection: Connection.attach_status}.get(cls, getattr(cls, "status", None))
    return sa.select(cls.id, name.label("name"), status.label("status")).order_by(cls.created_at, cls.id)  # type: ignore[union-attr] # columns, all of them


def _name(resource: Tracked) -> str:
    return str(getattr(resource, "name", ""))


def _status(resource: Tracked) -> str:
    if not resource.is_tracked:
        return "not tracked any more"
    return str(getattr(resource, "status", ""))


COMMANDS = (
    Command(
        "cl_find",
        "Find a resource again by an id, the beginning of one, a name, or a part of a name.",
        (
            Verb(
                "",
                "Find a resource.",
                _find,
                arguments=(Argument("TEXT", "What is remembered of it.", "any", repeat=True),),
                options=(
                    Option("variable", "Bind what is found to this variable.", "NAME", short="-v"),
                    Option("all", "Give everything that fits, as a list."),
                ),
            ),
        ),
        ("%cl_find 3f2a", "%cl_find db -v vol", "snaps = %cl_find before --all"),
        purpose="Look",
        sample="%cl_find db -v vol",
        brief="resources again, and who holds them",
    ),
    Command(
        "cl_who",
        "List which variables hold which resources, also inside lists and dicts, and then the resources that no variable holds. "
        "%cl_find ID -v NAME binds one.",
        (
            Verb(
                "",
                "List variables and resources.",
                _who,
                options=(
                    Option("held", "Only what a variable holds."),
                    Option("lost", "Only what no variable holds."),
                    Option("limit", f"Resources without a variable at most; 0 is all, {PAGE} if left out.", "N", convert=count),
                ),
            ),
        ),
        ("%cl_who", "%cl_who --lost", "df = %cl_who --held"),
        purpose="Look",
        brief="resources again, and who holds them",
    ),
)
"""The magics."""
