"""Options of Cinder drivers, their secrets, and the backends of a ``cinder.conf``."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.drivers import options as secrets
from cl_notebook.drivers import registry
from cl_notebook.drivers.cinder import catalog
from tests.drivers.cinder.conftest import FAKE, PASSWORD

if TYPE_CHECKING:
    from cl_notebook.drivers.api import Driver
    from tests.drivers.cinder.conftest import MakeBackend


@pytest.fixture(scope="module")
def described(python: str) -> type[Driver]:
    """Return the class that stands for the fake driver."""
    return registry.load_driver(FAKE, {"python": python})


def _checked(described: type[Driver], **options: Any) -> dict[str, Any]:
    return registry.check_config(FAKE, described, {"fake_path": "/data", **options})


def test_options_are_the_drivers_own_and_those_of_all(described: type[Driver]) -> None:
    """The driver's own options come first, with type, default, choices and range; those of every driver follow."""
    options = {option.name: option for option in described.options()}
    own = [name for name, option in options.items() if option.own]
    assert own[:4] == ["python", "call_timeout", "fake_path", "fake_password"]
    assert options["fake_path"].required
    assert options["fake_password"].secret
    assert options["fake_mode"].choices == ("plain", "odd")
    number = options["fake_number"]
    assert (number.kind, number.default, number.minimum, number.maximum) == (int, 3, 1, 9)
    assert (options["fake_list"].kind, options["fake_map"].kind, options["fake_many"].kind) == (list, dict, list)
    assert "target_helper" in options
    assert not options["target_helper"].own
    assert "volume_backend_name" not in options
    assert all(option.help for option in options.values())


def test_only_what_is_given_is_kept(described: type[Driver]) -> None:
    """Defaults stay Cinder's business: the configuration holds what was given, in its type."""
    assert _checked(described) == {"fake_path": "/data"}
    given = _checked(described, fake_number="4", fake_list="x, y", fake_map="a:1,b:2", fake_many=["k:v", {"k": "v", "l": "w"}])
    assert given == {
        "fake_path": "/data",
        "fake_number": 4,
        "fake_list": ["x", "y"],
        "fake_map": {"a": "1", "b": "2"},
        "fake_many": ["k:v", "k:v,l:w"],
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fake_numbr": 1}, "no option 'fake_numbr'. Did you mean 'fake_number'?"),
        ({"fake_number": 10}, "must be a whole number of at least 1 and at most 9, not 10"),
        ({"fake_number": "many"}, "must be a whole number of at least 1 and at most 9, not 'many'"),
        ({"fake_mode": "strange"}, "must be plain or odd, not 'strange'"),
        ({"fake_list": 5}, "must be a list of texts, or text with commas, not 5"),
        ({"fake_map": ["a"]}, "must be a dict of texts, or text such as key:value,key:value, not ['a']"),
        ({"fake_map": "a"}, "must be a dict of texts, or text such as key:value,key:value, not 'a'"),
        ({"fake_password": {"a": 5}}, "must be text, not ***"),
        ({"fake_path": None}, "needs the option 'fake_path': Folder of the volumes."),
    ],
)
def test_wrong_options_are_one_line(described: type[Driver], options: dict[str, Any], words: str) -> None:
    """What is wrong with an option is said in one line before any storage is reached."""
    with pytest.raises(errors.InvalidInput) as caught:
        _checked(described, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_only_oslo_can_check_is_one_line(make: MakeBackend) -> None:
    """A value that oslo.config refuses, or a reference to no option, is InvalidInput when the backend is opened."""
    with pytest.raises(errors.InvalidInput, match="Option 'fake_uri' cannot be 'ftp://x'"):
        make("wrong", fake_uri="ftp://x")
    with pytest.raises(errors.InvalidInput, match="Option 'fake_uri' cannot be"):
        make("wrong", fake_uri="$no_such_option")


def test_an_option_may_refer_to_another(make: MakeBackend, array: Path) -> None:
    """``$other_option`` stands for that option's value, as in Cinder."""
    backend = make("referring", fake_path=str(array) + "/$fake_mode", fake_mode="odd")
    volume = backend.create_volume(1, "plain")
    assert (array / "odd" / volume.name_in_storage).exists()
    assert backend.config["fake_path"].endswith("$fake_mode")
    backend.close()


def test_a_driver_that_fails_its_set_up_says_why(make: MakeBackend, lab: cl.Session) -> None:
    """A wrong password is the driver's own words, masked, and no backend is tracked."""
    with pytest.raises(errors.DriverError, match=r"wrong: setup failed: .*the array refused the password '\*\*\*'"):
        make("wrong", fake_password="wrong password")  # noqa: S106 - a secret to hide
    assert "wrong" not in cl.frames.backends(lab)["name"].tolist()


def test_a_secret_is_found_again(python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret is never stored; opened again, the backend takes it from the environment, or as the one thing that is given."""
    store = tmp_path / "store.db"
    options: dict[str, Any] = {
        "volume_driver": FAKE,
        "python": python,
        "fake_path": str(tmp_path / "array"),
        "fake_password": PASSWORD,
    }
    with cl.Session(store=store) as session:
        assert session.backend("fake", **options).secret_options == ("fake_password",)
    assert PASSWORD.encode() not in store.read_bytes()
    with cl.Session(store=store) as session:
        with pytest.raises(errors.InvalidInput, match=r"needs its secret option 'fake_password'.*CL_NOTEBOOK_FAKE_FAKE_PASSWORD"):
            session.backend("fake")
        assert session.backend("fake", fake_password=PASSWORD).is_open
    monkeypatch.setenv(secrets.secret_variable("fake", "fake_password"), PASSWORD)
    with cl.Session(store=store) as session:
        assert session.backend("fake").is_open
        assert session.backend("fake", **options).is_open


def test_a_secret_is_taken_from_the_keyring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The keyring library is asked where it is installed, for ``BACKEND.OPTION`` of the service ``cl_notebook``."""
    (tmp_path / "keyring.py").write_text(
        "def get_password(service, name):\n    return f'{service}/{name}' if name == 'fake.pin' else None\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "keyring", raising=False)
    assert secrets.require_secret("fake", "pin") == "cl_notebook/fake.pin"
    with pytest.raises(errors.InvalidInput, match="needs its secret option 'other'"):
        secrets.require_secret("fake", "other")
    sys.modules.pop("keyring")


def test_the_catalog_lists_what_cinder_ships(python: str) -> None:
    """All drivers of the release are listed by path, without importing them, with their help and whether they are supported."""
    drivers = {entry["path"]: entry for entry in catalog.drivers(python)}
    assert len(drivers) > 90
    entry = drivers["cinder.volume.drivers.rbd.RBDDriver"]
    assert (entry["name"], entry["supported"]) == ("RBDDriver", True)
    assert "RADOS" in entry["help"]
    assert any(not each["supported"] for each in drivers.values())


def test_a_secret_is_asked_for_at_a_terminal(tmp_path: Path) -> None:
    """Where there is a terminal, a secret that is nowhere is asked for by name, and what is typed is not shown."""
    code = "from cl_notebook.drivers import options as secrets; print('found', secrets.require_secret('fake', 'pin')[::-1])"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, cwd=tmp_path
    )
    os.close(theirs)
    shown = b""
    with os.fdopen(ours, "r+b", buffering=0) as terminal:
        while b"pin of backend fake: " not in shown:
            shown += terminal.read(100)
        terminal.write(b"1234\n")
        with contextlib.suppress(OSError):  # the terminal is gone with the process
            while chunk := terminal.read(100):
                shown += chunk
    assert process.wait() == 0
    assert b"found 4321" in shown
    assert b"1234" not in shown


def test_a_secret_with_a_dollar_is_not_half_shown(make: MakeBackend) -> None:
    """A secret that names an option that there is not is an error without a part of it; $$ stands for a $, masked as such."""
    with pytest.raises(errors.InvalidInput, match=r"'fake_password' cannot be \*\*\*: write \$\$ where it has a \$") as caught:
        make("dollar", fake_password="open$sesame")  # noqa: S106 - the test's
    assert "sesame" not in str(caught.value)
    backend = make("dollars", fake_password="open$$sesame")  # noqa: S106 - the test's
    with pytest.raises(errors.DriverError, match=r"login with \*\*\* failed"):
        backend.create_volume(1, "telling")
    backend.close()


def test_an_item_with_a_comma_is_refused(make: MakeBackend) -> None:
    """An item of a list that has a comma is refused: Cinder would take it for two."""
    with pytest.raises(errors.InvalidInput, match="'fake_list' has an item with a comma"):
        make("comma", fake_list=["a,b"])


def test_values_are_coerced_as_oslo_config_does(described: type[Driver]) -> None:
    """Numbers, tuples and paths are texts; text, whole floats and 0 or 1 are numbers and flags; an option of many takes one."""
    given = _checked(
        described,
        fake_new=20.0,
        fake_moved=("a", 1),
        fake_path=Path("/data"),
        fake_number=4.0,
        fake_ratio=" 2 ",
        fake_flag=1,
        fake_list=("x", 5),
        fake_many="a:1,b:2",
        fake_case="iscsi",
        fake_mode="$fake_old",
    )
    assert given == {
        "fake_new": "20.0",
        "fake_moved": "a,1",
        "fake_path": "/data",
        "fake_number": 4,
        "fake_ratio": 2.0,
        "fake_flag": True,
        "fake_list": ["x", "5"],
        "fake_many": ["a:1,b:2"],
        "fake_case": "iscsi",
        "fake_mode": "$fake_old",
    }
    assert _checked(described, fake_number="", fake_ratio="")["fake_number"] == 3
    for name, value in {"fake_number": 4.5, "fake_ratio": 0.1, "fake_flag": 2, "fake_case": "nvme", "fake_new": {}}.items():
        with pytest.raises(errors.InvalidInput, match=f"Option '{name}' .* must be"):
            _checked(described, **{name: value})


def test_an_older_name_is_the_option_of_today(described: type[Driver]) -> None:
    """An option under an older name is stored under today's, with a warning; both names at once are refused."""
    with pytest.warns(errors.ConfigurationWarning, match=r"Options of driver .* 'fake_old' is 'fake_new'"):
        assert _checked(described, fake_old="x")["fake_new"] == "x"
    with pytest.raises(errors.InvalidInput, match=r"Options 'fake_new' and 'fake_old' of driver .* are one"):
        _checked(described, fake_old="x", fake_new="y")


def test_a_list_that_cinder_wants_in_brackets_gets_them(make: MakeBackend) -> None:
    """A list with brackets is given as a Python list, as text, and as text with brackets."""
    for number, value in enumerate((["a", "b"], "a,b", "[a,b]")):
        backend = make(f"bounded{number}", fake_bounded=value, fake_new=str(number))
        volume = backend.create_volume(1, "configured", metadata={"own": "fake_bounded"})
        assert '["a", "b"]' in str(volume.provider_location)
        backend.close()


def test_a_share_with_a_slash_too_many_is_the_same(make: MakeBackend, tmp_path: Path) -> None:
    """A path or a share that is typed with another slash is the backend's own, in its first spelling; ``replace`` respells it."""
    path = str(tmp_path / "share")
    first = make("slashes", fake_path=path)
    assert make("slashes", fake_path=f"{path}//") is first
    assert first.config["fake_path"] == path
    with pytest.raises(errors.AlreadyExists, match="another configuration"):
        make("slashes", fake_path=f"{path}2")
    assert make("slashes", fake_path=f"{path}/", replace=True).config["fake_path"] == f"{path}/"
