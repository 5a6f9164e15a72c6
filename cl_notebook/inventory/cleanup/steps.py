"""Define the steps of a clean-up, and sort them by their dependencies."""

from __future__ import annotations

import graphlib
import heapq
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping, Sequence

DETACH, DISCONNECT, DELETE_SNAPSHOT, DELETE_VOLUME = "detach", "disconnect", "delete snapshot", "delete volume"
ACTIONS = (DETACH, DISCONNECT, DELETE_SNAPSHOT, DELETE_VOLUME)
"""The actions of steps, by priority: of several steps that are ready, the first in this order is next."""

DONE, FAILED, NOT_DONE = "done", "failed", "not done"
OUTCOMES = (DONE, FAILED, NOT_DONE)
"""The outcomes of steps."""

_SCHEMA = {
    "action": "category",
    "kind": "category",
    "name": "string",
    "volume": "string",
    "backend": "category",
    "size": "Int64",
    "status": "category",
    "owner": "category",
    "notebook": "string",
    "created_at": "datetime64[ns, UTC]",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One action on one resource. ``needs`` are the numbers of the steps that must be done before; ``size`` is in GiB."""

    action: str
    kind: str
    id: str
    backend: str
    status: str
    created_at: dt.datetime
    name: str | None = None
    volume: str | None = None
    """Name of the volume that the resource belongs to."""
    size: int | None = None
    number: int = 0
    needs: tuple[int, ...] = ()
    owner: str | None = None
    notebook: str | None = None
    detail: str = ""
    """Why the step cannot be done, if known when the plan is made."""

    @property
    def label(self) -> str:
        """The resource in a message: kind, name and short id."""
        of = f" of {self.volume!r}" if self.kind == "connection" and self.volume else ""
        return f"{self.kind}{f' {self.name!r}' if self.name else ''} {self.id[:8]}{of}"


Key = tuple[str, str]
"""The key of a step: its action and the id of its resource."""

Needs = tuple[Key, Key]
"""The keys of a step and of one that must precede it."""


def ordered(steps: Iterable[Step], needs: Iterable[Needs], soft: Iterable[Needs] = ()) -> list[Step]:
    """Return *steps* numbered in dependency order; steps that are ready go by action, then newest resource first.

    Args:
        steps: in any order.
        needs: pairs of a step and one that must precede it; pairs with unknown steps are ignored.
        soft: further pairs, all ignored if they cause a cycle, as loaded rows may contain anything.

    """
    steps_by_key = {(step.action, step.id): step for step in steps}
    hard = _among(steps_by_key, needs)
    graph = {key: hard[key] | more for key, more in _among(steps_by_key, soft).items()}
    try:
        keys = list(_sorted(steps_by_key, graph))
    except graphlib.CycleError:
        graph, keys = hard, list(_sorted(steps_by_key, hard))
    numbers = {key: number for number, key in enumerate(keys, start=1)}
    return [
        replace(steps_by_key[key], number=numbers[key], needs=tuple(sorted(numbers[before] for before in graph[key])))
        for key in keys
    ]


def _among(steps_by_key: Mapping[Key, Step], needs: Iterable[Needs]) -> dict[Key, set[Key]]:
    graph: dict[Key, set[Key]] = {key: set() for key in steps_by_key}
    for key, before in needs:
        if key in graph and before in graph:
            graph[key].add(before)
    return graph


def _sorted(steps_by_key: Mapping[Key, Step], graph: Mapping[Key, set[Key]]) -> Iterator[Key]:
    sorter = graphlib.TopologicalSorter(graph)
    sorter.prepare()
    ready: list[tuple[int, float, Key]] = []
    while sorter.is_active():
        for key in sorter.get_ready():
            heapq.heappush(ready, (*_rank(steps_by_key[key]), key))
        *_, key = heapq.heappop(ready)
        sorter.done(key)
        yield key


def _rank(step: Step) -> tuple[int, float]:
    return ACTIONS.index(step.action), -step.created_at.timestamp()


def frame(steps: Sequence[Step], outcomes: Sequence[tuple[str, str]] | None = None) -> Any:  # noqa: ANN401 - a DataFrame, loaded late
    """Return *steps* as a DataFrame indexed by resource id, with *outcomes* (pairs of outcome and detail) if given."""
    from cl_notebook.tabular import typed_frame  # noqa: PLC0415 - pandas is loaded when a frame is made

    outcome_schema = {} if outcomes is None else {"outcome": OUTCOMES}
    schema = {"id": "string", "step": "Int64", **outcome_schema, **_SCHEMA, "detail": "string"}
    ends = [(step.detail,) for step in steps] if outcomes is None else outcomes
    rows = (
        (step.id, step.number, *end[:-1], *(getattr(step, name) for name in _SCHEMA), end[-1])
        for step, end in zip(steps, ends, strict=True)
    )
    return typed_frame(schema, rows, "id", noun="steps")
