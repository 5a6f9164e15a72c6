"""What a driver raised in the child, as one of our errors; the rest of the story is its cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.drivers.cinder.log import format_line
from cl_notebook.drivers.errors import FULL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cl_notebook.drivers.api import LogLine

_MISSING = frozenset(
    {
        *("VolumeNotFound", "SnapshotNotFound", "ImageNotFound", "VolumeDeviceNotFound", "VolumeBackendAPINotFound"),
        *("ManageExistingInvalidReference", "ObjectNotFound", "NotFound"),
    }
)
_EXISTS = frozenset({"VolumeAlreadyExists", "ImageExists", "ManageExistingAlreadyManaged", "Duplicate", "ObjectExists"})
_BUSY = frozenset({"VolumeIsBusy", "SnapshotIsBusy", "VolumeAttached", "ImageBusy", "ImageHasSnapshots", "DeviceUnavailable"})
_FULL = frozenset({"NfsNoSuitableShareFound", "RemoteFSNoSuitableShareFound", "NoSpace"})
_WRONG = frozenset({"OptionError", "InvalidConnectorException", "ConfigFileParseError"})
_OTHER_NAME = "TrackedNameError"
_REFUSED = frozenset({"InvalidConnectorException"})


class RemoteError(Exception):
    """The driver's own traceback, the command that it ran, and the last lines of its log: what ``%tb`` shows."""


def raised(told: Mapping[str, Any], what: str, python: str, log: Sequence[LogLine]) -> errors.Error:
    """Return our error for what the child *told*; *what* was being done there. It is chained to a :class:`RemoteError`."""
    error = _error(told, what, python)
    error.__cause__ = RemoteError(_story(told, log))
    return error


def _error(told: Mapping[str, Any], what: str, python: str) -> errors.Error:
    kinds, words = set(told["kinds"]), told["message"]
    if told["module"] and not told["module"].startswith("cinder."):
        return errors.NotSupported(_lacking(told["module"], what, python), no_side_effects=told["no_side_effects"])
    if kinds & _WRONG:
        lead = "the connector does not suit: " if kinds & _REFUSED else ""
        return errors.InvalidInput(f"{what}: {lead}{words}")
    if "NotImplementedError" in kinds:
        return errors.NotSupported(f"{what}: the driver cannot do that", no_side_effects=told["no_side_effects"])
    name = told["type"].rpartition(".")[2]
    message = f"{what} failed: {words if name in words or told['command'] else f'{name}: {words}'}"
    cause = told["cause"].partition(": ")[2]
    if cause and cause not in message and not told["command"]:
        message += f" ({told['cause']})"
    if kinds & _FULL or told["errno"] in FULL:
        return errors.StorageFull(message)
    for names, kind in ((_MISSING, errors.MissingOnStorage), (_EXISTS, errors.ExistsOnStorage), (_BUSY, errors.BusyOnStorage)):
        if kinds & names:
            return kind(message)
    is_refused = _OTHER_NAME in kinds  # by the child, before the driver was called
    return errors.DriverError(f"{what}: {words}" if is_refused else message, no_side_effects=is_refused)


def _lacking(module: str, what: str, python: str) -> str:
    top = module.partition(".")[0]
    if top == "cinder":
        return (
            f"{what}: {python} has no Cinder. Install it there: pip install 'cinder>=27', "
            "or name another Python: python='/path/to/venv/bin/python'."
        )
    return f"{what}: the driver needs the Python library {top!r}, which {python} does not have."


def _story(told: Mapping[str, Any], log: Sequence[LogLine]) -> str:
    parts = ["\n", told["traceback"].rstrip()]
    command = told["command"]
    if command:
        parts += ["\n\nCommand: ", command["command"], f"\nExit status: {command['exit_code']}"]
        parts += [f"\n{name}:\n{command[name].rstrip()}" for name in ("stdout", "stderr") if command[name].strip()]
    if log:
        parts += ["\n\nLast lines of the driver's log:\n", "\n".join(format_line(line) for line in log)]
    return "".join(parts)
