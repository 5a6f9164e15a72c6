"""An outcome is written once, also when nobody knows whether its commit was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook import settings
from cl_notebook.model.operations.changes import MapPatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fake_drivers import MeddlingDriver


def _lose_the_answer(connection: sa.Connection) -> None:
    connection.connection.commit()
    statement = "COMMIT"
    raise sa.exc.OperationalError(statement, None, ConnectionError("the server closed the connection"))


@pytest.mark.parametrize("act", ["create", "extend", "delete"])
def test_an_outcome_whose_commit_is_unknown_is_not_written_twice(
    any_store_url: str, tmp_path: Path, meddling: type[MeddlingDriver], act: str
) -> None:
    """When the connection is lost in the commit of the outcome it is looked for, found, and nothing is done a second time.

    The change feed gets an entry of each of the two attempts.
    """
    with cl.Session(any_store_url) as session:
        lab = session.backend("lab", volume_driver="meddling", path=str(tmp_path / "lab"))
        vol = lab.create_volume(1, "db")

        def once(_call: str) -> None:
            meddling.meanwhile = None
            sa.event.listen(session.store.engine, "commit", _lose_the_answer, once=True)

        meddling.meanwhile = once
        acts: dict[str, Callable[[], object]] = {"create": lambda: lab.create_volume(1, "new"), "extend": lambda: vol.extend(2)}
        made = acts.get(act, vol.delete)()
        operations, changes = cl.frames.operations(session), cl.frames.changes(session)
        assert set(operations["status"]) == {"done"}
        outcomes = changes[(changes["event"] == "outcome") & (changes["operation"] == operations.index.max())]
        assert len(outcomes) == 2
        assert not list((settings.data_dir() / "outcomes").rglob("*.json"))
        assert session.journal.outbox.operations == set()
        if act == "create":
            assert isinstance(made, cl.Volume)
            assert made.status == "available"
        assert (vol.status, vol.size) == {"extend": ("available", 2), "delete": ("deleted", 1)}.get(act, ("available", 1))
        assert len(cl.frames.volumes(session)) == {"create": 2, "extend": 1, "delete": 0}[act]
        assert len(lab.volumes) == len(cl.frames.volumes(session))


@pytest.mark.parametrize(
    ("before", "given", "present", "merged"),
    [
        ({"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": 3}, {"a": 2, "b": 1}, {"a": 3, "b": 1}),
        ({"a": 1, "b": 1}, {"a": 1}, {"a": 2, "b": 2, "c": 1}, {"a": 2, "c": 1}),
        (None, {"a": {"b": None}}, None, {"a": {"b": None}}),
        ({"a": 1}, None, {"a": 1, "b": 1}, {"b": 1}),
    ],
)
def test_of_a_map_only_what_was_changed_is_written(
    before: dict[str, object] | None,
    given: dict[str, object] | None,
    present: dict[str, object] | None,
    merged: dict[str, object],
) -> None:
    """What a driver left alone stays as it is now, what it set is set, and what it removed is removed."""
    assert MapPatch.between(before, given).into(present) == merged
