"""The channel to the kernel: what is sent there, and what is asked of it."""

from __future__ import annotations

import itertools
import math
import queue
import threading
import traceback
from typing import Any

from . import log_relay

_GONE = "the kernel is gone"
_PATIENCE = 60


class Channel:
    """The channel to the kernel, for every thread of the child."""

    def __init__(self, channel: Any) -> None:
        """Speak over *channel*."""
        self._channel = channel
        self._numbers = itertools.count(1)
        self._waiting: dict[int, queue.Queue[Any]] = {}
        self._is_over = False

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; one that nobody can receive any more is dropped."""
        try:
            self._channel.send(message)
        except OSError:  # the kernel is gone: the call that is under way is still to be finished
            return

    def ask(self, what: str, **words: Any) -> Any:
        """Ask the kernel for what the store holds, and wait for the answer.

        Raises:
            UnansweredError: the kernel is gone, or the store failed it.

        """
        number = next(self._numbers)
        box: queue.Queue[Any] = queue.Queue()
        self._waiting[number] = box
        try:
            if self._is_over:
                raise UnansweredError(what, _GONE)
            self.send({"ask": number, "what": what, **words})
            told = box.get(timeout=_PATIENCE)
        except queue.Empty:
            raise UnansweredError(what, f"the kernel gave no answer within {_PATIENCE} s") from None
        finally:
            self._waiting.pop(number, None)
        if "rows" not in told:
            raise UnansweredError(what, told["error"])
        return told["rows"]

    def answered(self, message: dict[str, Any]) -> None:
        """Hand an answer to the thread that asked."""
        box = self._waiting.get(message["answer"])
        if box is not None:
            box.put(message)

    def release(self) -> None:
        """Let no thread wait for an answer any more."""
        self._is_over = True
        for box in list(self._waiting.values()):
            box.put({"error": _GONE})

    def messages(self) -> Any:
        """Yield what comes in until the kernel closes the channel or is gone."""
        while True:
            try:
                yield self._channel.receive()
            except (EOFError, OSError):
                return


class UnansweredError(RuntimeError):
    """What the store holds is not known. A driver that took that for nothing would remove what others still use."""

    def __init__(self, what: str, why: str) -> None:
        """Say what was asked for."""
        super().__init__(f"the store could not be asked for {what}: {why}")


def plain(value: Any) -> Any:
    """Return *value* as the channel takes it, and as JSON keeps it."""
    if hasattr(value, "items"):
        return {text(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    return _number(value) if isinstance(value, (int, float)) else text(value)


def _number(value: float) -> Any:
    # an IntEnum is none that the channel knows
    if isinstance(value, int):
        return int(value)
    return float(value) if math.isfinite(value) else str(float(value))


def text(value: object) -> str:
    """Return *value* as text; what cannot be encoded, as in the names of some files, is written out."""
    words = bytes(value).decode(errors="replace") if isinstance(value, (bytes, bytearray)) else str(value)
    return words.encode(errors="backslashreplace").decode()


class Lists:
    """Lists that are being received, or sent, each under a number that the kernel chose."""

    def __init__(self) -> None:
        """Hold none."""
        self._held: dict[int, list[Any]] = {}
        self._lock = threading.Lock()

    def put(self, number: int, items: list[Any]) -> None:
        """Add *items* at the end of a list; the first of them begin it."""
        with self._lock:
            self._held.setdefault(number, []).extend(items)

    def held(self, number: int) -> list[Any]:
        """Return a whole list, which stays."""
        with self._lock:
            return list(self._held.get(number, ()))

    def take(self, number: int, limit: int) -> list[Any]:
        """Return the next *limit* items of a list, and hold them no longer."""
        with self._lock:
            items = self._held.get(number, [])
            self._held[number] = items[limit:]
            return items[:limit]

    def drop(self, number: int) -> None:
        """Forget a list; one that is not there is a success."""
        with self._lock:
            self._held.pop(number, None)


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
    return {name: plain(value) for name, value in told.items()}


def _described(error: BaseException, method: str | None) -> dict[str, Any]:
    command = _command(error)
    number = getattr(error, "errno", None)
    return {
        "no_side_effects": _is_untouched(error, method),
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
