"""The lists of statuses that derive from the table of transitions are those on which guards, scans, offers and icons rely."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook.model.operations import lifecycle
from cl_notebook.notebook.command import completers

if TYPE_CHECKING:
    from collections.abc import Mapping

STABLE = {"available", "in-use"}

LEFT_BY: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "volume": {
        "creating": ("create",),
        "deleting": ("delete",),
        "error_deleting": ("delete",),
        "extending": ("extend",),
        "error_extending": ("extend",),
        "reverting": ("revert",),
        "managing": ("manage",),
        "unmanaging": ("unmanage",),
        "retyping": ("retype",),
        "error": ("create", "revert", "retype"),
    },
    "snapshot": {
        "creating": ("create",),
        "deleting": ("delete",),
        "error_deleting": ("delete",),
        "managing": ("manage",),
        "unmanaging": ("unmanage",),
        "error": ("create",),
    },
    "connection": {
        "attaching": ("connect", "attach"),
        "error_attaching": ("connect", "attach"),
        "detaching": ("detach", "disconnect"),
        "error_detaching": ("detach", "disconnect"),
    },
}


def test_statuses_name_the_actions_that_leave_them() -> None:
    """Each status that a cut-short or failed action leaves names these actions, in an order on which the icons' schema relies."""
    assert lifecycle.LEFT_BY == LEFT_BY
    assert [list(statuses) for statuses in lifecycle.LEFT_BY.values()] == [list(statuses) for statuses in LEFT_BY.values()]


def test_busy_statuses() -> None:
    """A resource is busy in every status of an action that runs, and in no other."""
    assert {
        kind: {status for status in statuses if not status.startswith("error")} for kind, statuses in LEFT_BY.items()
    } == lifecycle.BUSY_BY_KIND
    assert {status for statuses in LEFT_BY.values() for status in statuses if not status.startswith("error")} == lifecycle.BUSY


@pytest.mark.parametrize(
    ("kind", "action", "allowed", "resumable"),
    [
        ("volume", "create", set(), set()),
        ("volume", "manage", set(), set()),
        ("volume", "extend", {*STABLE, "error_extending"}, {"extending"}),
        ("volume", "revert", {*STABLE, "error"}, {"reverting"}),
        ("volume", "retype", {*STABLE, "error"}, {"retyping"}),
        (
            *("volume", "delete", {*STABLE, "error", "error_deleting", "error_extending"}),
            {"creating", "deleting", "extending", "reverting", "retyping"},
        ),
        ("volume", "unmanage", {"available", "error"}, {"managing", "unmanaging"}),
        ("snapshot", "create", set(), set()),
        ("snapshot", "manage", set(), set()),
        ("snapshot", "delete", {"available", "error", "error_deleting"}, {"creating", "deleting"}),
        ("snapshot", "unmanage", {"available", "error"}, {"managing", "unmanaging"}),
        ("connection", "connect", set(), set()),
        *(
            ("connection", action, {"attached", "error_attaching", "error_detaching"}, {"attaching", "detaching"})
            for action in ("attach", "detach", "disconnect")
        ),
    ],
)
def test_statuses_that_allow_an_action(kind: str, action: str, allowed: set[str], resumable: set[str]) -> None:
    """An action is allowed from these statuses, and from the resumable ones once the kernel that set them is dead."""
    transition = lifecycle.TRANSITIONS[kind][action]
    assert transition.allowed == allowed
    assert transition.resumable == resumable
    assert transition.makes_row is not bool(allowed)


def test_the_history_shows_the_calls_of_the_table(sim: cl.Backend, session: cl.Session) -> None:
    """Each way to create a volume records its own method of the table, and every other action the only one that it has there.

    Adoption, release and retype are left out: not every driver supports them.
    """
    vol = sim.create_volume(1)
    snap = vol.create_snapshot()
    volumes = [vol, vol.clone(), snap.create_volume()]
    volumes[1].extend(2)
    snap.revert()
    vol.attach()
    vol.detach()
    snap.delete()
    for resource in volumes:
        resource.delete()
    with session.store.reading() as connection:
        columns = sa.select(cl.Operation.resource_type, cl.Operation.action, cl.Operation.call).where(
            cl.Operation.call.is_not(None)
        )
        recorded = {tuple(row) for row in connection.execute(columns)}
    expected = {
        (kind, transition.action, call)
        for kind, transitions in lifecycle.TRANSITIONS.items()
        for transition in transitions.values()
        if transition.action not in {"manage", "unmanage", "retype"}
        for call in transition.calls
    }
    assert recorded == expected


def test_every_busy_status_can_be_left() -> None:
    """Delete or unmanage finishes every operation on a volume or snapshot that was cut short."""
    for kind in ("volume", "snapshot"):
        transitions = lifecycle.TRANSITIONS[kind]
        assert transitions["delete"].resumable | transitions["unmanage"].resumable == lifecycle.BUSY_BY_KIND[kind]


def test_statuses_are_those_of_the_kind() -> None:
    """Every status that a transition begins from or leads to is whole, left by an action, or says that the row is gone."""
    for kind, transitions in lifecycle.TRANSITIONS.items():
        for transition in transitions.values():
            statuses = {*transition.allowed, *transition.resumable, transition.during, transition.success, transition.failure}
            assert statuses - {None, lifecycle.DELETED} <= set(lifecycle.statuses(kind))


@pytest.mark.parametrize(
    ("means", "statuses"),
    [
        ("volumes", {*STABLE, *LEFT_BY["volume"]}),
        ("snapshots", {"available", *LEFT_BY["snapshot"]}),
        ("connections", {"attached", *LEFT_BY["connection"]}),
    ],
)
def test_completion_knows_every_status(means: str, statuses: set[str]) -> None:
    """Completion offers each status of a kind once, ``managing`` and ``unmanaging`` of snapshots among them."""
    offered = completers.WORDS[means, "status"]
    assert set(offered) == statuses
    assert len(offered) == len(statuses)
