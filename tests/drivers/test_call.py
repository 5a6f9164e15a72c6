"""The boundary of the drivers: whatever one raises is one of our errors, in one line."""

from __future__ import annotations

import errno
import subprocess

import pytest

from cl_notebook import errors
from cl_notebook.drivers.errors import translate_errors


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_file_system_is_storage_full(code: int) -> None:
    """No space and no quota left, as the system says it, are StorageFull with the backend, the call and the file."""
    with pytest.raises(errors.StorageFull) as caught, translate_errors("lvm", "create_volume"):
        raise OSError(code, "No space left", "/data/x")
    assert str(caught.value) == "lvm: create_volume failed: No space left: /data/x"
    assert (caught.value.driver, caught.value.call) == ("lvm", "create_volume")
    assert isinstance(caught.value.__cause__, OSError)


def test_a_permission_error_names_the_file() -> None:
    """What the system refuses is a DriverError with the system's words and the file."""
    with pytest.raises(errors.DriverError, match="Permission denied: /data/x"), translate_errors("lvm", "setup"):
        raise PermissionError(errno.EACCES, "Permission denied", "/data/x")


def test_a_failed_command_shows_its_last_line() -> None:
    """A command that failed is a DriverError with the command and the last line of its standard error."""
    with pytest.raises(errors.DriverError) as caught, translate_errors("lvm", "setup"):
        subprocess.run(["sh", "-c", "echo one >&2; echo two >&2; exit 3"], check=True, capture_output=True)
    assert str(caught.value).endswith(": two")
    assert "sh -c" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_silent_command_shows_its_exit_status() -> None:
    """A command that failed without a word is a DriverError with its exit status."""
    with pytest.raises(errors.DriverError, match="false: exit status 1"), translate_errors("lvm", "setup"):
        subprocess.run("false", check=True, capture_output=True)


def test_any_other_exception_is_chained() -> None:
    """An exception of a driver's own is a DriverError of one line with its type, chained."""
    with pytest.raises(errors.DriverError) as caught, translate_errors("lvm", "extend_volume"):
        raise ValueError("two\n lines")  # noqa: TRY003, EM101 - the text is the point
    assert str(caught.value) == "lvm: extend_volume failed: ValueError: two lines"
    assert isinstance(caught.value.__cause__, ValueError)


def test_our_errors_pass() -> None:
    """An error of ours passes as it is; a driver error learns whose it is, unless it knows."""
    with pytest.raises(errors.InvalidInput) as passed, translate_errors("lvm", "setup"):
        raise errors.InvalidInput("as it is")  # noqa: TRY003, EM101 - the text is the point
    assert str(passed.value) == "as it is"
    with pytest.raises(errors.MissingOnStorage) as caught, translate_errors("lvm", "setup"):
        raise errors.MissingOnStorage("gone", driver="other")  # noqa: EM101 - the text is the point
    assert (caught.value.driver, caught.value.call) == ("other", "setup")


def test_an_interrupt_passes() -> None:
    """Ctrl-C is no error of the driver."""
    with pytest.raises(KeyboardInterrupt), translate_errors("lvm", "setup"):
        raise KeyboardInterrupt
