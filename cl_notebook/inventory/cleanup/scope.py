"""Determine the resources of a clean-up, the steps for each, and the reasons against them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook.inventory.cleanup import ownership, steps
from cl_notebook.inventory.cleanup.steps import DELETE_SNAPSHOT, DELETE_VOLUME, DETACH, DISCONNECT, Step
from cl_notebook.model import Backend, Connection, Snapshot, Volume, designation, identity_map, trust
from cl_notebook.model.identity_map import CLASSES, pages
from cl_notebook.model.operations import guards, lifecycle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cl_notebook.inventory.cleanup.ownership import Kernels
    from cl_notebook.inventory.cleanup.steps import Needs
    from cl_notebook.session import Session


_HOST = Connection.connector_info["host"].as_string()
_COLUMNS: dict[Any, Any] = {
    Volume: sa.select(
        *(Volume.id, Volume.name, Volume.size, Volume.status, Volume.created_at, Volume.snapshot_id, Volume.source_volid),
        Backend.name.label("backend"),
    ).join(Backend, Volume.backend_id == Backend.id),
    Snapshot: sa.select(
        *(Snapshot.id, Snapshot.name, Snapshot.volume_size.label("size"), Snapshot.status, Snapshot.created_at),
        *(Snapshot.volume_id, Volume.name.label("volume"), Backend.name.label("backend")),
    )
    .join(Volume, Snapshot.volume_id == Volume.id)
    .join(Backend, Snapshot.backend_id == Backend.id),
    Connection: sa.select(
        *(Connection.id, Connection.attach_status.label("status"), Connection.created_at, Connection.volume_id, Connection.path),
        *(
            Connection.gateway,
            Connection.extra,
            Connection.attached_host,
            sa.func.coalesce(Connection.attached_host, _HOST).label("host"),
        ),
        Connection.conn_info.is_not(None).label("connected"),
        *(Volume.name.label("volume"), Backend.name.label("backend")),
    )
    .join(Volume, Connection.volume_id == Volume.id)
    .join(Backend, Connection.backend_id == Backend.id),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The selected resources: those that *kernels* created after the operation *since*, those on one backend, both, or all."""

    kernels: Kernels | None = None
    since: int = 0
    backend_id: str | None = None

    def rows(self, cls: Any) -> sa.Select[Any]:  # noqa: ANN401 - a tracked class
        """Return the SELECT of the selected rows of *cls*."""
        statement = self._on_backend(cls)
        if self.kernels is None:
            return statement
        return statement.where(ownership.created_by(cls, self.kernels, self.since))

    def attached(self) -> sa.Select[Any] | None:
        """Return the SELECT of connections that others created and these kernels attached; None if there are no *kernels*."""
        if self.kernels is None:
            return None
        created = ownership.created_by(Connection, self.kernels, self.since)
        attached = ownership.attached_by(Connection, self.kernels, self.since)
        return self._on_backend(Connection).where(attached, ~created, Connection.path.is_not(None))

    def _on_backend(self, cls: Any) -> sa.Select[Any]:  # noqa: ANN401 - a tracked class
        statement: sa.Select[Any] = _COLUMNS[cls]
        return statement if self.backend_id is None else statement.where(cls.backend_id == self.backend_id)


@dataclass(slots=True)
class _StepCollector:
    """Collects the rows that were read as steps and dependencies between them."""

    session: Session
    steps: list[Step] = field(default_factory=list)
    needs: list[Needs] = field(default_factory=list)
    soft: list[Needs] = field(default_factory=list)
    attached_elsewhere: dict[str, str] = field(default_factory=dict)
    """Reasons why connections cannot be detached from this host, by id."""

    def volume(self, row: sa.Row[Any]) -> None:
        self._step(DELETE_VOLUME, row, "volume", name=row.name or None, size=row.size)
        step_key = (DELETE_VOLUME, row.id)
        if row.snapshot_id:
            self.soft.append(((DELETE_SNAPSHOT, row.snapshot_id), step_key))
        if row.source_volid:
            self.soft.append(((DELETE_VOLUME, row.source_volid), step_key))

    def snapshot(self, row: sa.Row[Any]) -> None:
        self._step(DELETE_SNAPSHOT, row, "snapshot", name=row.name or None, volume=row.volume or None, size=row.size)
        self.needs.append(((DELETE_VOLUME, row.volume_id), (DELETE_SNAPSHOT, row.id)))

    def connection(self, row: sa.Row[Any], *, is_created_here: bool = True) -> None:
        """Add the steps for a connection; only the detach if *is_created_here* is false."""
        local_host = self.session.settings.host
        is_reachable = (
            row.host == local_host if row.gateway is None else trust.may_reach(self.session, row.id, row.gateway, row.extra)
        )
        is_clean = row.status == "attached" and row.path is None
        if row.path is not None and row.gateway is None and row.attached_host not in {None, local_host}:
            self.attached_elsewhere[row.id] = attached_elsewhere(row)
        elif row.path is not None and row.gateway is not None and not is_reachable:
            self.attached_elsewhere[row.id] = loaded_gateway(row)
        if (row.connected and is_reachable and not is_clean) or not is_created_here:
            self._step(DETACH, row, "connection", volume=row.volume or None)
            self.needs.append(((DISCONNECT, row.id), (DETACH, row.id)))
        if is_created_here:
            self._step(DISCONNECT, row, "connection", volume=row.volume or None)
            self.needs.append(((DELETE_VOLUME, row.volume_id), (DISCONNECT, row.id)))

    def _step(self, action: str, row: sa.Row[Any], kind: str, **fields: Any) -> None:  # noqa: ANN401 - a step's fields
        self.steps.append(Step(action, kind, row.id, row.backend, row.status, row.created_at, **fields))


def read(session: Session, scope: Scope) -> list[Step]:
    """Return the steps that remove the resources of *scope*, numbered in order, each with the reason against it, if any."""
    collector = _StepCollector(session)
    with session.store.reading() as connection:
        for cls, add in ((Volume, collector.volume), (Snapshot, collector.snapshot), (Connection, collector.connection)):
            for row in connection.execute(scope.rows(cls)):
                add(row)
        attached = scope.attached()
        for row in connection.execute(attached) if attached is not None else ():
            collector.connection(row, is_created_here=False)
        ids = list(dict.fromkeys(step.id for step in collector.steps))
        created_by = ownership.creators(connection, ids)
    reasons = blockers(session, collector.steps, removed_ids(collector.steps)) | collector.attached_elsewhere
    ordered_steps = steps.ordered(collector.steps, collector.needs, collector.soft)
    return [_with_details(step, created_by.get(step.id), reasons.get(step.id, "")) for step in ordered_steps]


def _with_details(step: Step, maker: tuple[str, str | None] | None, detail: str) -> Step:
    owner, notebook = maker or (None, None)
    return replace(step, owner=owner, notebook=notebook, detail=detail)


def removed_ids(ordered_steps: Iterable[Step]) -> set[str]:
    """Return the ids of the resources that these steps remove; those that are only detached are left out."""
    return {step.id for step in ordered_steps if step.action != DETACH}


def loaded_gateway(connection: Any) -> str:  # noqa: ANN401 - a connection, or its row
    """Return the reason why a connection through a gateway that came from a document is kept."""
    return f"It was loaded with the gateway {connection.gateway!r}: type it, in volume.detach(host=…)."


def attached_elsewhere(connection: Any) -> str:  # noqa: ANN401 - a connection, or its row
    """Return the reason why a connection that is attached on another host is kept."""
    return f"It is attached on {connection.attached_host} as {connection.path}: it must be detached there."


def blockers(session: Session, planned: Sequence[Step], inside: set[str]) -> dict[str, str]:
    """Return the reasons against removing resources, by id: a running operation, or a dependent that is not *inside*."""
    busy = [step for step in planned if step.status in lifecycle.BUSY]
    resources = [identity_map.get(session, CLASSES[step.kind.capitalize()], step.id) for step in busy]
    reasons: dict[str, str] = {}
    with session.store.reading() as connection:
        reasons |= _depended_on(connection, planned, inside)
        for resource in resources:
            work = guards.running_operation(session, connection, resource) if resource is not None else None
            if resource is not None and work is not None:
                reasons[resource.id] = f"{work['action']!r} is being done with it, by process {work['pid']} on {work['host']}."
    return reasons


def _depended_on(connection: sa.Connection, planned: Iterable[Step], inside: set[str]) -> dict[str, str]:
    volumes = [step.id for step in planned if step.action == DELETE_VOLUME]
    snapshots = [step.id for step in planned if step.action == DELETE_SNAPSHOT]
    reasons: dict[str, str] = {**_protected(connection, volumes, Volume), **_protected(connection, snapshots, Snapshot)}
    for ids, cls, column, relation in (
        (snapshots, Volume, Volume.snapshot_id, "was made from it"),
        (volumes, Volume, Volume.source_volid, "was made from it"),
        (volumes, Snapshot, Snapshot.volume_id, "is of it"),
        (volumes, Connection, Connection.volume_id, "is of it"),
    ):
        for row in _outside(connection, ids, cls, column, inside):
            name = f" {row.name!r}" if row.name else ""
            reasons.setdefault(row.owner, f"{cls.kind.capitalize()}{name} {row.id[:8]} {relation}, and is not part of this.")
    return reasons


def _protected(connection: sa.Connection, ids: Sequence[str], cls: Any) -> dict[str, str]:  # noqa: ANN401 - a tracked class
    statement = sa.select(cls.id).where(cls.protected)
    reasons: dict[str, str] = {}
    for page in pages(ids):
        protected = connection.execute(statement.where(cls.id.in_(page))).scalars().all()
        for resource_id, word in designation.words(connection, protected).items():
            line = designation.unprotecting(cls.kind, word)
            reasons[resource_id] = f"It is protected. To allow its deletion: {line}"
    return reasons


def _outside(
    connection: sa.Connection,
    ids: Sequence[str],
    cls: Any,  # noqa: ANN401 - a tracked class
    column: Any,  # noqa: ANN401 - its column
    inside: set[str],
) -> Iterator[sa.Row[Any]]:
    name = getattr(cls, "name", sa.literal(""))
    statement = sa.select(cls.id, name.label("name"), column.label("owner"))
    for page in pages(ids):
        for row in connection.execute(statement.where(column.in_(page))):
            if row.id not in inside:
                yield row
