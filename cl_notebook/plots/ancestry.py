"""What came from what: volumes, their snapshots, and the volumes that were created from snapshots or volumes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.display import values
from cl_notebook.display.text import cut
from cl_notebook.model import Backend, Operation, Snapshot, Volume
from cl_notebook.plots.plot import Plot
from cl_notebook.tabular import typed_frame
from cl_notebook.text import sanitize
from cl_notebook.treemodel.render import text_tree
from cl_notebook.treemodel.static_tree import Node

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from matplotlib.figure import Figure

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context

_SCHEMA = {
    "id": "string",
    "kind": "category",
    "name": "string",
    "status": "category",
    "size": "Int64",
    "backend": "category",
    "relation": "category",
    "parent_id": "string",
    "level": "Int64",
}

_NOTHING = "Nothing has a lineage yet: no snapshots, and no volumes from snapshots or volumes."
_ORIGIN, _SNAPSHOT_OF, _CREATED_FROM, _CLONE_OF = "origin", "snapshot of", "created from", "clone of"
_GONE = "deleted"
_LONGEST = 26
"""Columns of a name in a picture."""


@dataclass(slots=True)
class _Member:
    """One volume or snapshot of a lineage; one that is deleted has the status ``deleted``, and a name if the history has it."""

    id: str
    kind: str
    name: str
    status: str
    size: int | None
    backend: str | None
    parent_id: str | None = None
    relation: str = _ORIGIN
    children: list[_Member] = field(default_factory=list)

    def walk(self, level: int = 0) -> Iterator[tuple[int, _Member]]:
        """Yield it and everything that came from it, depth first, each with its level."""
        yield level, self
        for child in self.children:
            yield from child.walk(level + 1)


def plot(session: Context, resource: Tracked | None, backend: Backend | None, limit: int) -> Plot:
    """Return the picture of the lineage of *resource*, or of everything that has one, on a *backend* or on all."""
    with session.store.reading() as connection:
        reader = _Reader(connection, limit)
        roots = reader.of_everything(backend) if resource is None else reader.of_one(resource)
    frame = typed_frame(_SCHEMA, (_row(level, member) for root in roots for level, member in root.walk()), "id")
    left_out = (
        [f"{reader.left_out:,} more are left out, and what came from them. limit={limit * 4} shows more."]
        if reader.left_out
        else []
    )
    return Plot(
        frame,
        title="Lineage of volumes and snapshots",
        text=lambda columns: [*(cut(line, columns) for line in text_tree([*map(_node, roots)]).split("\n")), *left_out],
        draw=lambda: _draw(roots, left_out),
        nothing="" if roots else _NOTHING,
        mermaid=mermaid(roots, left_out),
    )


class _Reader:
    """Reads a lineage level by level, up to *limit* members; ``left_out`` counts those that it knows and does not read."""

    def __init__(self, connection: sa.Connection, limit: int) -> None:
        self._connection = connection
        self._room = limit
        self._members: dict[str, _Member] = {}
        self.left_out = 0

    def of_one(self, resource: Tracked) -> list[_Member]:
        """Return the oldest ancestor of *resource*, with the line down to it, and everything that came from it."""
        kind = Volume if isinstance(resource, Volume) else Snapshot
        row = self._connection.execute(_select(kind).where(kind.id == resource.id)).one_or_none()
        if row is None:
            msg = f"{resource.label()} is not tracked any more."
            raise errors.NotFound(msg)
        member = root = self._add(row)
        while root.parent_id is not None and root.parent_id not in self._members and self._room > 0:
            parent = self._parent(root)
            parent.children.append(root)
            root = parent
        self._below([member])
        return [root]

    def of_everything(self, backend: Backend | None) -> list[_Member]:
        """Return the members that came from nothing that is tracked, the oldest first, with everything that came from them."""
        roots = []
        statement = _roots() if backend is None else _roots().where(Volume.backend_id == backend.id)
        rows = self._connection.execute(statement.limit(self._room + 1)).all()
        if len(rows) > self._room:
            self.left_out += self._count(statement) - self._room
        gone: dict[str, _Member] = {}
        for row in rows[: self._room]:
            member = self._add(row)
            if member.parent_id is None:
                roots.append(member)
                continue
            if member.parent_id not in gone:
                gone[member.parent_id] = self._parent(member)
                roots.append(gone[member.parent_id])
            gone[member.parent_id].children.append(member)
        self._below([*self._members.values()])
        return roots

    def _add(self, row: sa.Row[Any]) -> _Member:
        relation, parent_id = _ORIGIN, None
        for name, column in ((_SNAPSHOT_OF, "volume_id"), (_CREATED_FROM, "snapshot_id"), (_CLONE_OF, "source_volid")):
            if parent_id is None and getattr(row, column) is not None:
                relation, parent_id = name, getattr(row, column)
        member = _Member(row.id, row.kind, row.name or "", row.status, row.size, row.backend, parent_id, relation)
        self._members[member.id] = member
        self._room -= 1
        return member

    def _parent(self, member: _Member) -> _Member:
        kind = Snapshot if member.relation == _CREATED_FROM else Volume
        row = self._connection.execute(_select(kind).where(kind.id == member.parent_id)).one_or_none()
        if row is not None:
            return self._add(row)
        recorded = sa.select(Operation.resource_name).where(Operation.resource_id == member.parent_id)
        name = self._connection.execute(recorded.order_by(Operation.id.desc()).limit(1)).scalar()
        return _Member(str(member.parent_id), kind.kind, name or "", _GONE, None, member.backend)

    def _below(self, members: Sequence[_Member]) -> None:
        """Read what came from *members*, and what came from that, while there is room."""
        while members:
            rows: list[sa.Row[Any]] = []
            statements = _children(members)
            for statement in statements:
                rows += self._connection.execute(statement.limit(max(0, self._room - len(rows)) + 1)).all()
                if len(rows) > self._room:
                    break
            if len(rows) > self._room:
                self.left_out += sum(map(self._count, statements)) - self._room
            members = [self._attach(row) for row in rows[: max(0, self._room)] if row.id not in self._members]

    def _count(self, statement: sa.Select[Any]) -> int:
        rows = statement.order_by(None).subquery()
        return self._connection.execute(sa.select(sa.func.count()).select_from(rows)).scalar_one()

    def _attach(self, row: sa.Row[Any]) -> _Member:
        child = self._add(row)
        self._members[str(child.parent_id)].children.append(child)
        return child


def _select(kind: type[Volume | Snapshot]) -> sa.Select[Any]:
    none = sa.null()
    columns: list[Any] = [kind.id, sa.literal(kind.kind).label("kind"), kind.name, kind.status, Backend.name.label("backend")]
    if kind is Snapshot:
        columns += (Snapshot.volume_size.label("size"), Snapshot.volume_id, none.label("snapshot_id"), none.label("source_volid"))
    else:
        columns += (Volume.size, none.label("volume_id"), Volume.snapshot_id, Volume.source_volid)
    return (
        sa.select(*columns).select_from(kind).outerjoin(Backend, kind.backend_id == Backend.id).order_by(kind.created_at, kind.id)
    )


def _children(members: Iterable[_Member]) -> list[sa.Select[Any]]:
    """Return the statements that read what came from *members*."""
    volumes, snapshots = ([member.id for member in members if member.kind == kind.kind] for kind in (Volume, Snapshot))
    clones = sa.and_(Volume.source_volid.in_(volumes), Volume.snapshot_id.is_(None))
    return [
        *([_select(Snapshot).where(Snapshot.volume_id.in_(volumes)), _select(Volume).where(clones)] if volumes else []),
        *([_select(Volume).where(Volume.snapshot_id.in_(snapshots))] if snapshots else []),
    ]


def _roots() -> sa.Select[Any]:
    """Return the statement for the oldest volumes: those with a source that is not tracked, or without one and with offspring."""
    snapshot, source, clone = sa.orm.aliased(Snapshot), sa.orm.aliased(Volume), sa.orm.aliased(Volume)
    alive = sa.or_(
        sa.exists().where(snapshot.id == Volume.snapshot_id),
        sa.and_(Volume.snapshot_id.is_(None), sa.exists().where(source.id == Volume.source_volid)),
    )
    child = sa.orm.aliased(Snapshot)
    related = sa.or_(
        Volume.snapshot_id.is_not(None),
        Volume.source_volid.is_not(None),
        sa.exists().where(child.volume_id == Volume.id),
        sa.exists().where(clone.source_volid == Volume.id),
    )
    return _select(Volume).where(related, sa.not_(alive))


def _row(level: int, member: _Member) -> tuple[object, ...]:
    return (
        *(member.id, member.kind, member.name, member.status, member.size, member.backend),
        *(member.relation, member.parent_id, level),
    )


def _node(member: _Member) -> Node:
    where = "" if member.relation in {_ORIGIN, _SNAPSHOT_OF} else member.relation.removesuffix(" of")
    children = [_node(child) for child in member.children]
    return Node(
        member.kind,
        member.id,
        cut(sanitize(member.name), _LONGEST),
        values.status(member.status),
        member.size,
        where,
        children=children,
    )


def _title(member: _Member) -> str:
    return cut(sanitize(member.name), _LONGEST) or values.short_id(member.id)


def _subtitle(member: _Member) -> str:
    return "  ".join(filter(None, (values.size(member.size), values.status(member.status))))


def mermaid(roots: Sequence[_Member], notes: Collection[str] = ()) -> str:
    """Return the lineage as a flow chart in Mermaid's language: snapshots are rounded, clones have dotted arrows.

    Every character of a name that could mean anything to Mermaid, Markdown or HTML is written as its number.
    """
    lines = ["flowchart LR"]
    numbers: Mapping[str, str] = {
        member.id: f"n{number}" for number, (_, member) in enumerate(pair for root in roots for pair in root.walk())
    }
    for root in roots:
        for _, member in root.walk():
            label = f'"{_quoted(_title(member))}<br/>{_quoted(_subtitle(member))}"'
            shape = f"([{label}])" if member.kind == Snapshot.kind else f"[{label}]"
            lines.append(f"    {numbers[member.id]}{shape}")
            for child in member.children:
                arrow = "-.->|clone|" if child.relation == _CLONE_OF else "-->"
                lines.append(f"    {numbers[member.id]} {arrow} {numbers[child.id]}")
    lines += [f'    more["{_quoted(note)}"]' for note in notes]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return "".join(
        character if character.isalnum() or character in " _" or (character == "-" and place) else f"#{ord(character)};"
        for place, character in enumerate(text)
    )


_COLUMN, _ROW = 2.1, 0.48
"""Inches from level to level, and from row to row: three levels fit a notebook."""


def _draw(roots: Sequence[_Member], notes: Sequence[str]) -> Figure:
    from cl_notebook.plots import canvas  # noqa: PLC0415 - it loads matplotlib

    places = _places(roots)
    levels = 1 + max(level for level, _ in places.values())
    bottom = 1 + max(row for _, row in places.values())
    figure, axes = canvas.blank(levels * _COLUMN, (bottom + len(notes)) * _ROW)
    axes.set_xlim(0, levels)
    axes.set_ylim(bottom + len(notes) - 0.5, -0.5)
    axes.set_axis_off()
    for root in roots:
        for _, member in root.walk():
            level, row = places[member.id]
            _box(canvas, axes, level, row, member)
            for child in member.children:
                to_level, to_row = places[child.id]
                line = ":" if child.relation == _CLONE_OF else "-"
                middle = level + _BOX + (1 - _BOX) / 2
                axes.plot(
                    [level + _BOX, middle, middle, to_level], [row, row, to_row, to_row], line, color=canvas.INK, linewidth=1
                )
    for place, note in enumerate(notes):
        canvas.write(axes, 0, bottom + place, note, ha="left")
    return figure


_IN_A_BOX = 21
"""Columns of a name in a box, which has less room than a line of text."""

_BOX = 0.84
"""Width of a box, as a share of the distance between levels."""


def _box(canvas: Any, axes: Any, level: int, row: float, member: _Member) -> None:  # noqa: ANN401 - a module, and matplotlib's Axes
    from matplotlib.patches import FancyBboxPatch  # noqa: PLC0415 - drawn only in a notebook

    tone = values.MARKS[values.meaning(member.status)].tone
    colour = {"bad": canvas.RED, "busy": canvas.ORANGE}.get(tone, canvas.GREEN if member.kind == Snapshot.kind else canvas.BLUE)
    style = "round,pad=0,rounding_size=0.15" if member.kind == Snapshot.kind else "square,pad=0"
    line = ":" if member.status == _GONE else "-"
    edge = canvas.INK if member.status == _GONE else colour
    axes.add_patch(
        FancyBboxPatch((level, row - 0.4), _BOX, 0.8, boxstyle=style, facecolor="none", edgecolor=edge, linestyle=line)
    )
    canvas.write(axes, level + 0.03, row - 0.17, cut(_title(member), _IN_A_BOX), ha="left", weight="bold")
    canvas.write(axes, level + 0.03, row + 0.19, _subtitle(member), edge, ha="left")


def _places(roots: Iterable[_Member]) -> dict[str, tuple[int, float]]:
    """Return level and row of each member: children stand below each other, and their parent beside the first of them."""
    places: dict[str, tuple[int, float]] = {}
    row = 0
    for root in roots:
        for level, member in root.walk():
            places[member.id] = (level, row)
            row += not member.children
    return places
