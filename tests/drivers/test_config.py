"""The configuration of a driver is checked before the driver sees it, and its secrets are never shown or kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from cl_notebook import errors
from cl_notebook.drivers.api import Driver, Option
from cl_notebook.drivers.local.driver import LocalDriver
from cl_notebook.drivers.options import check_config, masked, storable
from cl_notebook.masking import MASK


class Described:
    """A driver as far as its options go."""

    @classmethod
    def options(cls) -> tuple[Option, ...]:
        """One option of each kind."""
        return (
            Option("path", Path, "A folder.", required=True),
            Option("count", int, "How many.", default=3, minimum=1),
            Option("rate", float, "How fast.", default=1.5, choices=("infinite",)),
            Option("thin", bool, "Whether.", default=False),
            Option("mode", str, "Which.", default="auto", choices=("auto", "never")),
            Option("password", str, "Sesame.", secret=True),
            Option("pin", int, "A secret number.", secret=True),
            Option("undeclared", dict, "Further options.", implicit=True),
        )


DRIVER = cast("type[Driver]", Described)


def check(**options: Any) -> dict[str, Any]:
    """Check the options with a path that is all right."""
    return check_config("described", DRIVER, {"path": "/data", **options})


def test_defaults_fill_what_is_left_open() -> None:
    """What is not given, or None, has its default."""
    expected = {"path": "/data", "count": 3, "rate": 1.5, "thin": False, "mode": "auto", "password": None, "pin": None}
    assert check() == check(count=None) == expected


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("count", "10", 10),
        ("count", 7, 7),
        ("rate", "2.5", 2.5),
        ("rate", 2, 2.0),
        ("rate", "infinite", "infinite"),
        ("thin", "true", True),
        ("thin", "Off", False),
        ("thin", True, True),
        ("mode", "never", "never"),
    ],
)
def test_text_is_converted(name: str, given: object, expected: object) -> None:
    """Text that says the value cleanly is converted to the option's type."""
    value = check(**{name: given})[name]
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("count", True, "a whole number"),
        ("count", 1.0, "a whole number"),
        ("count", "1.5", "a whole number"),
        ("count", "ten", "a whole number"),
        ("count", 0, "of at least 1"),
        ("rate", True, "a number"),
        ("rate", "nan", "a number or infinite"),
        ("rate", [], "a number or infinite"),
        ("thin", 1, "true or false"),
        ("thin", "maybe", "true or false"),
        ("mode", 5, "auto or never"),
        ("mode", "nevr", r"auto or never, not 'nevr'\. Did you mean 'never'\?"),
        ("path", 5, "the path of a file or folder"),
        ("path", "", "the path of a file or folder"),
        ("path", "a\0b", "the path of a file or folder"),
        ("path", "~no-such-user-here/x", "the path of a file or folder"),
        ("path", b"/data", "the path of a file or folder"),
    ],
)
def test_what_is_wrong_names_option_value_and_type(name: str, given: object, words: str) -> None:
    """A wrong value is InvalidInput with the option, the expected type and the value."""
    with pytest.raises(errors.InvalidInput, match=rf"Option '{name}' of driver 'described' must be .*{words}") as caught:
        check(**{name: given})
    assert repr(given) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_paths_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A path is kept as text, absolute and with the home folder expanded."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert check(path="~/x")["path"] == check(path="x")["path"] == check(path=Path("x"))["path"] == str(tmp_path / "x")


def test_an_unknown_option_has_a_close_match() -> None:
    """An option that the driver does not have is InvalidInput, with the close match and the list."""
    with pytest.raises(errors.InvalidInput, match=r"no option 'qouta'\. Did you mean 'quota'\? Options: path, quota"):
        check_config("local", LocalDriver, {"path": "/data", "qouta": 3})


def test_a_required_option_is_missed() -> None:
    """A required option that is not given is InvalidInput, with its help."""
    with pytest.raises(errors.InvalidInput, match="'local' needs the option 'path': Folder"):
        check_config("local", LocalDriver, {})


def test_secrets_are_masked_and_not_kept() -> None:
    """A secret is shown as stars and left out of what is stored; one that was not given shows nothing."""
    config = check(password="open sesame")  # noqa: S106 - a secret to hide
    assert masked(DRIVER, config)["password"] == MASK
    assert masked(DRIVER, config)["pin"] is None
    assert masked(DRIVER, config)["path"] == "/data"
    assert not {"password", "pin"} & set(storable(DRIVER, config))
    assert "open sesame" not in repr(masked(DRIVER, config)) + repr(storable(DRIVER, config))


def test_a_secret_that_the_driver_does_not_declare_is_neither_stored_nor_shown() -> None:
    """Among the options that a driver does not declare, a secret is recognised by its name."""
    config = check(undeclared={"array_password": "sesame", "ports": "7"})
    assert config["undeclared"] == {"array_password": "sesame", "ports": "7"}
    assert storable(DRIVER, config)["undeclared"] == {"ports": "7"}
    assert masked(DRIVER, config)["undeclared"] == {"array_password": MASK, "ports": "7"}


def test_a_wrong_secret_is_not_shown() -> None:
    """The message about a secret of the wrong type does not show it, nor does what it is chained to."""
    with pytest.raises(errors.InvalidInput, match=r"not \*\*\*") as caught:
        check(pin="open sesame")
    assert "sesame" not in str(caught.value)
    assert caught.value.__cause__ is None
