"""The steps of a clean-up: what is done with each resource, and in which order."""

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
"""What a step may do; of two that could be done now, the one that stands first here is."""


@dataclass(frozen=True, slots=True)
class Step:
    """One act on one resource. ``needs`` are the numbers of the steps that it can only be done after; ``size`` is in GiB."""

    action: str
    kind: str
    id: str
    backend: str
    status: str
    created_at: dt.datetime
    name: str | None = None
    volume: str | None = None
    """The name of the volume that it belongs to."""
    size: int | None = None
    number: int = 0
    needs: tuple[int, ...] = ()
    owner: str | None = None
    notebook: str | None = None
    detail: str = ""
    """Why it cannot be done, as far as that is known before."""

    @property
    def label(self) -> str:
        """What to call the resource in a message."""
        of = f" of {self.volume!r}" if self.kind == "connection" and self.volume else ""
        return f"{self.kind}{f' {self.name!r}' if self.name else ''} {self.id[:8]}{of}"


Key = tuple[str, str]
"""A step before it has a number: its action and the id of its resource."""

Needs = tuple[Key, Key]
"""A step, and one that comes before it."""


def ordered(steps: Iterable[Step], needs: Iterable[Needs], soft: Iterable[Needs] = ()) -> list[Step]:
    """Return *steps* numbered in an order in which each comes after what it needs; of the rest, the newest resource first.

    Args:
        steps: in any order.
        needs: pairs of a step and one that must come before it; pairs of steps that are not there do not count.
        soft: more of them, which are left out if they go round in a circle: rows that were loaded may say anything.

    """
    found = {(step.action, step.id): step for step in steps}
    hard = _among(found, needs)
    both = {key: hard[key] | more for key, more in _among(found, soft).items()}
    try:
        keys = list(_sorted(found, both))
    except graphlib.CycleError:
        both, keys = hard, list(_sorted(found, hard))
    numbers = {key: number for number, key in enumerate(keys, start=1)}
    return [
        replace(found[key], number=numbers[key], needs=tuple(sorted(numbers[before] for before in both[key]))) for key in keys
    ]


def _among(found: Mapping[Key, Step], needs: Iterable[Needs]) -> dict[Key, set[Key]]:
    graph: dict[Key, set[Key]] = {key: set() for key in found}
    for key, before in needs:
        if key in graph and before in graph:
            graph[key].add(before)
    return graph


def _sorted(found: Mapping[Key, Step], graph: Mapping[Key, set[Key]]) -> Iterator[Key]:
    sorter = graphlib.TopologicalSorter(graph)
    sorter.prepare()
    ready: list[tuple[int, float, Key]] = []
    while sorter.is_active():
        for key in sorter.get_ready():
            heapq.heappush(ready, (*_rank(found[key]), key))
        *_, key = heapq.heappop(ready)
        sorter.done(key)
        yield key


def _rank(step: Step) -> tuple[int, float]:
    return ACTIONS.index(step.action), -step.created_at.timestamp()


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

DONE, FAILED, NOT_DONE = "done", "failed", "not done"
OUTCOMES = (DONE, FAILED, NOT_DONE)
"""How a step may end."""


def frame(steps: Sequence[Step], outcomes: Sequence[tuple[str, str]] | None = None) -> Any:  # noqa: ANN401 - a DataFrame, loaded late
    """Return *steps* as a DataFrame, with the *outcomes* and their details if there are any."""
    from cl_notebook.tabular import typed_frame  # noqa: PLC0415 - pandas is loaded when a frame is made

    outcome_schema = {} if outcomes is None else {"outcome": OUTCOMES}
    schema = {"id": "string", "step": "Int64", **outcome_schema, **_SCHEMA, "detail": "string"}
    ends = [(step.detail,) for step in steps] if outcomes is None else outcomes
    rows = (
        (step.id, step.number, *end[:-1], *(getattr(step, name) for name in _SCHEMA), end[-1])
        for step, end in zip(steps, ends, strict=True)
    )
    return typed_frame(schema, rows, "id")
