"""What a driver raised, as plain data: its words, what kind of thing it is, the command that it ran, where it was raised."""

from __future__ import annotations

import traceback
from typing import Any

from . import log_relay, plain

_COMMAND = "ProcessExecutionError"


def described(error: BaseException, method: str | None = None) -> dict[str, Any]:
    """Return what the kernel needs to know of *error*, raised in a *method* of the driver or elsewhere; secrets are masked.

    It always returns something: whoever waits for an answer would wait for ever.
    """
    try:
        told = _described(error, method)
    except Exception:  # noqa: BLE001 - an error of a driver's may be of any kind, also one that has no words
        told = None
    told = told or _described(RuntimeError(f"{type(error).__qualname__}, which does not say what it is about"), method)
    return {name: plain.plain(value) for name, value in told.items()}


def _described(error: BaseException, method: str | None) -> dict[str, Any]:
    command = _command(error)
    number = getattr(error, "errno", None)
    return {
        "untouched": _is_untouched(error, method),
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "kinds": [cls.__name__ for cls in type(error).__mro__],
        "message": log_relay.masked(_words(error, command)),
        "cause": log_relay.masked(_cause(error)),
        "module": getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None,
        "errno": number if isinstance(number, int) else None,
        "command": {name: log_relay.masked(str(value)) for name, value in command.items()},
        "traceback": log_relay.masked("".join(traceback.format_exception(type(error), error, error.__traceback__))),
    }


def _words(error: BaseException, command: dict[str, Any]) -> str:
    own = getattr(error, "msg", None)
    text = own if isinstance(own, str) and own else str(error)
    if type(error).__name__ == _COMMAND and command:
        lines = str(command["stderr"] or command["stdout"]).strip().splitlines()
        text = f"{command['command']}: {lines[-1].strip() if lines else 'exit status ' + str(command['exit_code'])}"
    return " ".join(text.split()) or type(error).__name__


def _cause(error: BaseException) -> str:
    """Return the words of what *error* was raised for in the end, if there is anything: a driver's own often say less.

    What ``raise … from None`` hides stays hidden, for it may hold a secret.
    """
    first, seen = error, {id(error)}
    while (behind := first.__cause__ or (None if first.__suppress_context__ else first.__context__)) is not None:
        if id(behind) in seen:
            break
        first = behind
        seen.add(id(first))
    return f"{type(first).__name__}: {' '.join(str(first).split())}" if first is not error and str(first) else ""


def _is_untouched(error: BaseException, method: str | None) -> bool:
    """Return whether the driver was not at work yet, or the *method* itself refuses: what it calls may do so half way through."""
    if method is None:
        return True
    names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    return isinstance(error, NotImplementedError) and names[-1:] in ([method], [f"_{method}"])


def _command(error: BaseException | None) -> dict[str, Any]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if type(error).__name__ == _COMMAND:
            names = {"cmd": "command", "exit_code": "exit_code", "stdout": "stdout", "stderr": "stderr"}
            return {ours: getattr(error, theirs, None) or "" for theirs, ours in names.items()}
        error = error.__cause__ or error.__context__
    return {}
