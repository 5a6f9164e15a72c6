"""Translates a driver's failure in the child into an error of this package; the driver's traceback becomes its cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.drivers.cinder.log import format_line
from cl_notebook.drivers.errors import FULL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cl_notebook.drivers.api import LogLine

_MISSING_KINDS = frozenset(
    {
        *("VolumeNotFound", "SnapshotNotFound", "ImageNotFound", "VolumeDeviceNotFound", "VolumeBackendAPINotFound"),
        *("ManageExistingInvalidReference", "ObjectNotFound", "NotFound"),
    }
)
_EXISTS_KINDS = frozenset({"VolumeAlreadyExists", "ImageExists", "ManageExistingAlreadyManaged", "Duplicate", "ObjectExists"})
_BUSY_KINDS = frozenset(
    {"VolumeIsBusy", "SnapshotIsBusy", "VolumeAttached", "ImageBusy", "ImageHasSnapshots", "DeviceUnavailable"}
)
_FULL_KINDS = frozenset({"NfsNoSuitableShareFound", "RemoteFSNoSuitableShareFound", "NoSpace"})
_INPUT_KINDS = frozenset({"OptionError", "InvalidConnectorException", "ConfigFileParseError"})
_OTHER_NAME = "TrackedNameError"
_CONNECTOR_KINDS = frozenset({"InvalidConnectorException"})


class RemoteError(Exception):
    """The driver's traceback, the command that failed, and the last lines of its log, for ``%tb``."""


def translate_failure(failure: Mapping[str, Any], what: str, python: str, log: Sequence[LogLine]) -> errors.Error:
    """Return the error for a *failure* that the child described, with a :class:`RemoteError` as its cause.

    *what* was being done, *python* is the child's Python, and *log* has the last lines of the call's log.
    """
    error = _error(failure, what, python)
    error.__cause__ = RemoteError(_traceback_text(failure, log))
    return error


def _error(failure: Mapping[str, Any], what: str, python: str) -> errors.Error:
    kinds, message = set(failure["kinds"]), failure["message"]
    module, is_harmless = failure["module"], failure["no_side_effects"]
    if module and not module.startswith("cinder."):
        refusal = errors.NotSupported(_missing_module(module, what, python), no_side_effects=is_harmless)
        refusal.library = module.partition(".")[0]
        return refusal
    if kinds & _INPUT_KINDS:
        lead = "The connector does not suit: " if kinds & _CONNECTOR_KINDS else ""
        return errors.InvalidInput(f"{what}: {lead}{message}")
    if "NotImplementedError" in kinds:
        return errors.NotSupported(f"{what}: The driver does not support this.", no_side_effects=is_harmless)
    name = failure["type"].rpartition(".")[2]
    text = f"{what} failed: {message if name in message or failure['command'] else f'{name}: {message}'}"
    cause = failure["cause"].partition(": ")[2]
    if cause and cause not in text and not failure["command"]:
        text += f" ({failure['cause']})"
    if kinds & _FULL_KINDS or failure["errno"] in FULL:
        return errors.StorageFull(text)
    for names, kind in (
        (_MISSING_KINDS, errors.MissingOnStorage),
        (_EXISTS_KINDS, errors.ExistsOnStorage),
        (_BUSY_KINDS, errors.BusyOnStorage),
    ):
        if kinds & names:
            return kind(text)
    is_refused = _OTHER_NAME in kinds  # the child refused before it called the driver
    return errors.DriverError(f"{what}: {message}" if is_refused else text, no_side_effects=is_refused)


def _missing_module(module: str, what: str, python: str) -> str:
    top = module.partition(".")[0]
    if top == "cinder":
        return (
            f"{what}: {python} has no Cinder. Install it there: pip install 'cinder>=27', "
            "or name another Python: python='/path/to/venv/bin/python'."
        )
    return f"{what}: The driver needs the Python library {top!r}, which {python} does not have. Install it there."


def _traceback_text(failure: Mapping[str, Any], log: Sequence[LogLine]) -> str:
    parts = ["\n", failure["traceback"].rstrip()]
    command = failure["command"]
    if command:
        parts += ["\n\nCommand: ", command["command"], f"\nExit status: {command['exit_code']}"]
        parts += [f"\n{name}:\n{command[name].rstrip()}" for name in ("stdout", "stderr") if command[name].strip()]
    if log:
        parts += ["\n\nLast lines of the driver's log:\n", "\n".join(format_line(line) for line in log)]
    return "".join(parts)
