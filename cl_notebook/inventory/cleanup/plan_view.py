"""Show a plan on one screen: by backend and action the number of steps and the first few resources, and what cannot be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook.display import cards, report, text, values
from cl_notebook.display.cards import Card, Note, Section
from cl_notebook.inventory.cleanup.steps import ACTIONS
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cl_notebook.display.cards import Cell
    from cl_notebook.inventory.cleanup.steps import Step

NAMED = 5
"""How many resources are named of those to which the same is done on one backend."""

BACKENDS = 6
"""On how many backends the steps are shown."""

_STEPS, _BLOCKED, _NAME = 20, 5, 24
_CONNECTION = "connection"


def card(steps: Sequence[Step], summary: str, notes: Sequence[Note] = ()) -> Card:
    """Return the card of *steps*: *summary* says how many there are, *notes* come after those on steps that cannot be done."""
    if not steps:
        return Card(cards.plain("plan"), [cards.plain("nothing to remove")])
    blocked = [step for step in steps if step.detail]
    faults = [Note(f"{step.action.split()[0]} {step.label}: {step.detail}") for step in blocked[:_BLOCKED]]
    if blocked[_BLOCKED:]:
        faults.append(Note(f"{report.number(len(blocked) - _BLOCKED, 'more step')} cannot be done; plan.frame says why."))
    return Card(
        cards.plain("plan"),
        [cards.plain(summary)],
        notes=[*faults, *notes],
        sections=[*_groups([step for step in steps if not step.detail]), _first(steps)],
    )


def is_folded(steps: Sequence[Step]) -> bool:
    """Return whether some of the *steps* are only counted on the screen."""
    grouped = _grouped(steps)
    return len(grouped) > BACKENDS or any(len(members) > NAMED for group in grouped.values() for members in group.values())


def _grouped(steps: Sequence[Step]) -> dict[str, dict[str, list[Step]]]:
    """Return *steps* by backend and action, the actions in the order in which they are done."""
    grouped: dict[str, dict[str, list[Step]]] = {}
    for step in steps:
        grouped.setdefault(step.backend, {}).setdefault(step.action, []).append(step)
    return {name: {action: group[action] for action in ACTIONS if action in group} for name, group in sorted(grouped.items())}


def _groups(steps: Sequence[Step]) -> Iterator[Section]:
    grouped = _grouped(steps)
    for backend in list(grouped)[:BACKENDS]:
        rows = [_group(action, members) for action, members in grouped[backend].items()]
        lines = [f"{action} {number}{f' ({size})' if size else ''}: {which}" for action, number, size, which in rows]
        name, total = text.cut(sanitize(backend), _NAME), sum(map(len, grouped[backend].values()))
        cells: list[list[Cell]] = [[cards.plain(value) for value in row] for row in rows]
        yield Section(
            name,
            f"{name}: {report.number(total, 'step')}",
            lines,
            ("Action", "Number", "Size", "Which"),
            cells,
            ("", "clc-num", "clc-num", "clc-words"),
            is_open=True,
        )
    hidden = [len(members) for backend in list(grouped)[BACKENDS:] for members in grouped[backend].values()]
    if hidden:
        sentence = f"{report.number(sum(hidden), 'step')} on {report.number(len(grouped) - BACKENDS, 'more backend')}"
        yield Section("others", sentence, [sentence])


def _group(action: str, steps: Sequence[Step]) -> tuple[str, str, str, str]:
    """Return what is done, how often, the size of what is deleted, and the first few resources by name or short id."""
    sizes = [step.size for step in steps if step.kind != _CONNECTION and step.size is not None]
    names = [text.cut(sanitize(step.name or step.volume or ""), _NAME) or values.short_id(step.id) for step in steps[:NAMED]]
    more = f" and {len(steps) - NAMED:,} more" if len(steps) > NAMED else ""
    return action, f"{len(steps):,}", values.size(sum(sizes)) if sizes else "", f"{', '.join(names)}{more}"


def _first(steps: Sequence[Step]) -> Section:
    """Return the first steps in their order, which only the HTML shows, folded."""
    rows = [
        (
            cards.plain(step.number),
            cards.plain(step.action),
            cards.plain(step.name or step.volume or ""),
            cards.short_id(step.id),
            cards.plain(step.backend),
            cards.plain(values.size(step.size)),
            cards.status(step.status),
            cards.plain(step.owner or ""),
        )
        for step in steps[:_STEPS]
    ]
    left_out = len(steps) - len(rows)
    return Section(
        "steps",
        "the steps in their order",
        (),
        ("Step", "Action", "Name", "Id", "Backend", "Size", "Status", "Created by"),
        rows,
        ("clc-num", "", "clc-wrap", "", "", "clc-num"),
        remark=f"{left_out:,} more: plan.frame has all" if left_out else "",
    )
