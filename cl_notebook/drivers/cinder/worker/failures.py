"""What a driver raised, as plain data: its words, what kind of thing it is, the command that it ran, where it was raised."""

from __future__ import annotations

import traceback
from typing import Any

from . import logs

_COMMAND = "ProcessExecutionError"


def described(error: BaseException) -> dict[str, Any]:
    """Return what the kernel needs to know of *error*; secrets are masked."""
    command = _command(error)
    return {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "kinds": [cls.__name__ for cls in type(error).__mro__],
        "message": logs.masked(_words(error, command)),
        "cause": logs.masked(_cause(error)),
        "module": getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None,
        "errno": error.errno if isinstance(error, OSError) else None,
        "command": {name: logs.masked(str(value)) for name, value in command.items()},
        "traceback": logs.masked("".join(traceback.format_exception(type(error), error, error.__traceback__))),
    }


def _words(error: BaseException, command: dict[str, Any]) -> str:
    own = getattr(error, "msg", None)
    text = own if isinstance(own, str) and own else str(error)
    if type(error).__name__ == _COMMAND and command:
        lines = str(command["stderr"] or command["stdout"]).strip().splitlines()
        text = f"{command['command']}: {lines[-1].strip() if lines else 'exit status ' + str(command['exit_code'])}"
    return " ".join(text.split()) or type(error).__name__


def _cause(error: BaseException) -> str:
    """Return the words of what *error* was raised for in the end, if there is anything: a driver's own often say less."""
    first, behind = error, error.__cause__ or error.__context__
    while behind is not None:
        first, behind = behind, behind.__cause__ or behind.__context__
    return f"{type(first).__name__}: {' '.join(str(first).split())}" if first is not error and str(first) else ""


def _command(error: BaseException | None) -> dict[str, Any]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if type(error).__name__ == _COMMAND:
            names = {"cmd": "command", "exit_code": "exit_code", "stdout": "stdout", "stderr": "stderr"}
            return {ours: getattr(error, theirs, None) or "" for theirs, ours in names.items()}
        error = error.__cause__ or error.__context__
    return {}
