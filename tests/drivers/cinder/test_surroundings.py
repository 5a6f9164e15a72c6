"""What a session was set up with reaches Cinder's drivers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors

if TYPE_CHECKING:
    from pathlib import Path

    from tests.drivers.cinder.conftest import MakeBackend


def test_a_driver_gets_what_the_session_was_set_up_with(make: MakeBackend, tmp_path: Path) -> None:
    """Project, user, the folder of locks and options of [DEFAULT] are there in the driver, its database and its objects."""
    with cl.Session(
        "memory",
        project_id="blue",
        user_id="ann",
        file_locks_path=tmp_path / "locks",
        suppress_requests_ssl_warnings=False,
        my_ip="192.0.2.7",
        debug=True,
        migration_create_volume_timeout_secs=7,
    ) as session:
        backend = make("fake", session)
        seen = json.loads(str(backend.create_volume(1, "around").provider_location))
        assert seen["whose"] == ["blue", "ann", "blue", "ann"]
        assert seen["locks"] == [str(tmp_path / "locks"), f"file://{tmp_path / 'locks'}"]
        assert seen["defaults"] == ["192.0.2.7", True, 7]
        assert any("no certificate was checked" in line.text for line in backend.log())


def test_a_driver_gets_nothing_that_was_not_set_up(fake: cl.Backend) -> None:
    """By default volumes belong to cl_notebook, locks lie in the data folder, and nobody is warned of certificates."""
    seen = json.loads(str(fake.create_volume(1, "around").provider_location))
    assert seen["whose"] == ["cl_notebook"] * 4
    assert seen["locks"][0].endswith("/cinder/locks")
    assert not any("certificate" in line.text for line in fake.log())


def test_a_log_that_nobody_wants_is_not_kept(make: MakeBackend) -> None:
    """With disable_logs a driver's log stays empty, and an error has no lines of it."""
    with cl.Session("memory", disable_logs=True) as session:
        backend = make("fake", session)
        with pytest.raises(errors.DriverError):
            backend.create_volume(1, "broken")
        assert backend.log() == []


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"my_ipp": "192.0.2.7"}, "has an option 'my_ipp'. Did you mean 'my_ip'?"),
        ({"database": "x"}, "has an option 'database'"),
        ({"osapi_max_limit": "many"}, "Option 'osapi_max_limit' of .DEFAULT. cannot be 'many'"),
        ({"my_ip": "a\nb"}, "Option 'my_ip' has a line break"),
    ],
)
def test_a_wrong_option_is_reported_when_a_backend_is_opened(make: MakeBackend, option: dict[str, Any], said: str) -> None:
    """An option that Cinder does not have, or does not take, is an error with the close match, and no backend is open."""
    with cl.Session("memory", **option) as session:
        with pytest.raises(errors.InvalidInput, match=said):
            make("fake", session)
        assert session.backends == {}


def test_a_driver_goes_on_when_its_session_moves(make: MakeBackend, tmp_path: Path) -> None:
    """A child stays at work when its session takes another store, and looks up its volumes there."""
    with cl.Session("memory") as session:
        backend = make("fake", session)
        pid = backend.driver._child.pid  # type: ignore[attr-defined] # a Cinder driver's
        backend.create_volume(1, "old")
        session.move_to(tmp_path / "new.db")
        other = backend.create_volume(1, "other")
        other.create_snapshot("kept")
        seen = json.loads(str(backend.create_volume(1, "looking", metadata={"other": other.id}).provider_location))
        assert (seen["other"], seen["snapshots"], seen["on_host"]) == ("other", ["kept"], 2)
        assert backend.driver._child.pid == pid  # type: ignore[attr-defined] # a Cinder driver's
