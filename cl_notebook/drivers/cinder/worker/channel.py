"""The child's end of the channel to the kernel: messages out, questions and their answers, and errors as plain data."""

from __future__ import annotations

import itertools
import math
import queue
import threading
import traceback
from typing import Any

from . import log_relay

ANSWER_TIMEOUT = 60
"""Seconds that a driver's thread waits for the kernel to answer a question."""

_GONE = "the kernel is gone"
_COMMAND = "ProcessExecutionError"
"""The exception of oslo.concurrency's processutils: a command that failed."""


class Channel:
    """The channel to the kernel, used by every thread of the child."""

    def __init__(self, channel: Any) -> None:
        """Wrap execnet's *channel*."""
        self._channel = channel
        self._numbers = itertools.count(1)
        self._waiting: dict[int, queue.Queue[Any]] = {}
        self._is_over = False

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; drop it if the kernel is gone."""
        try:
            self._channel.send(message)
        except OSError:  # the call that is running must be finished all the same
            return

    def send_or_raise(self, message: dict[str, Any]) -> None:
        """Send a message as :meth:`send` does.

        Raises:
            execnet.DumpError: the message has a value that the channel does not carry.

        """
        try:
            self._channel.send(message)
        except OSError:
            return

    def ask(self, what: str, **params: Any) -> Any:
        """Ask the kernel for rows of the store, such as ``volumes``, and wait for them.

        Raises:
            UnansweredError: the kernel is gone or silent, or the store could not be read.

        """
        number = next(self._numbers)
        box: queue.Queue[Any] = queue.Queue()
        self._waiting[number] = box
        try:
            if self._is_over:
                raise UnansweredError(what, _GONE)
            self.send({"ask": number, "what": what, **params})
            reply = box.get(timeout=ANSWER_TIMEOUT)
        except queue.Empty:
            raise UnansweredError(what, f"the kernel gave no answer within {ANSWER_TIMEOUT} s") from None
        finally:
            self._waiting.pop(number, None)
        if "rows" not in reply:
            raise UnansweredError(what, reply["error"])
        return reply["rows"]

    def deliver(self, reply: dict[str, Any]) -> None:
        """Give the kernel's *reply* to the thread that waits for it."""
        box = self._waiting.get(reply["answer"])
        if box is not None:
            box.put(reply)

    def release(self) -> None:
        """Make every thread that waits for an answer fail with UnansweredError, now and from now on."""
        self._is_over = True
        for box in list(self._waiting.values()):
            box.put({"error": _GONE})

    def messages(self) -> Any:
        """Yield incoming messages until the kernel closes the channel or is gone."""
        while True:
            try:
                yield self._channel.receive()
            except (EOFError, OSError):
                return


class UnansweredError(RuntimeError):
    """The store's rows could not be read. A driver that mistook that for "no rows" could remove data in use."""

    def __init__(self, what: str, reason: str) -> None:
        """Describe the requested rows by *what*; *reason* is the kernel's message."""
        super().__init__(f"The store could not be asked for {what}: {reason}.")


class Lists:
    """Lists too long for one message, received or sent in parts, each under a number that the kernel chose."""

    def __init__(self) -> None:
        """Start with no list."""
        self._items: dict[int, list[Any]] = {}
        self._lock = threading.Lock()

    def put(self, number: int, items: list[Any]) -> None:
        """Append *items* to a list, which is created with its first items."""
        with self._lock:
            self._items.setdefault(number, []).extend(items)

    def get(self, number: int) -> list[Any]:
        """Return a copy of a whole list."""
        with self._lock:
            return list(self._items.get(number, ()))

    def take(self, number: int, limit: int) -> list[Any]:
        """Remove the first *limit* items from a list, and return them."""
        with self._lock:
            items = self._items.get(number, [])
            self._items[number] = items[limit:]
            return items[:limit]

    def drop(self, number: int) -> None:
        """Remove a list; a list that does not exist is a success."""
        with self._lock:
            self._items.pop(number, None)


def plain(value: Any) -> Any:
    """Return *value* as the channel and JSON can carry it: None, bool, int, float, str, list or dict."""
    if hasattr(value, "items"):
        return {text(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    return _number(value) if isinstance(value, (int, float)) else text(value)


def _number(value: float) -> Any:
    # the channel does not carry subclasses such as IntEnum
    if isinstance(value, int):
        return int(value)
    return float(value) if math.isfinite(value) else str(float(value))


def text(value: object) -> str:
    """Return *value* as text; characters that UTF-8 cannot encode, as in some file names, are escaped."""
    decoded = bytes(value).decode(errors="replace") if isinstance(value, (bytes, bytearray)) else str(value)
    return decoded.encode(errors="backslashreplace").decode()


def describe_error(error: BaseException, method: str | None = None) -> dict[str, Any]:
    """Return *error* as plain data with its secrets masked; *method* is the driver's method that raised it, if one did.

    Never raises, since the kernel would wait for the answer for ever.
    """
    try:
        description = _describe_error(error, method)
    except Exception:  # noqa: BLE001 - a driver's error may be of any class, and fail to turn itself into text
        description = None
    description = description or _describe_error(RuntimeError(f"{type(error).__qualname__} without a readable message"), method)
    return {name: plain(value) for name, value in description.items()}


def _describe_error(error: BaseException, method: str | None) -> dict[str, Any]:
    command = _command(error)
    number = getattr(error, "errno", None)
    return {
        "no_side_effects": _had_no_side_effects(error, method),
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "kinds": [cls.__name__ for cls in type(error).__mro__],
        "message": log_relay.masked(_message(error, command)),
        "cause": log_relay.masked(_cause(error)),
        "module": getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None,
        "errno": number if isinstance(number, int) else None,
        "command": {name: log_relay.masked(str(value)) for name, value in command.items()},
        "traceback": log_relay.masked("".join(traceback.format_exception(type(error), error, error.__traceback__))),
    }


def _message(error: BaseException, command: dict[str, Any]) -> str:
    message = getattr(error, "msg", None)
    message = message if isinstance(message, str) and message else str(error)
    if type(error).__name__ == _COMMAND and command:
        lines = str(command["stderr"] or command["stdout"]).strip().splitlines()
        message = f"{command['command']}: {lines[-1].strip() if lines else 'exit status ' + str(command['exit_code'])}"
    return " ".join(message.split()) or type(error).__name__


def _cause(error: BaseException) -> str:
    """Return class and message of the first error in the chain of *error*, which often says more; empty if there is no other.

    What ``raise … from None`` hides stays hidden, since it may hold a secret.
    """
    first, seen = error, {id(error)}
    while (behind := first.__cause__ or (None if first.__suppress_context__ else first.__context__)) is not None:
        if id(behind) in seen:
            break
        first = behind
        seen.add(id(first))
    return f"{type(first).__name__}: {' '.join(str(first).split())}" if first is not error and str(first) else ""


def _had_no_side_effects(error: BaseException, method: str | None) -> bool:
    """Return whether the storage is unchanged: no driver was called, or its *method* itself raised NotImplementedError.

    A method that *method* calls may raise it half-way through, after changes.
    """
    if method is None:
        return True
    names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    return isinstance(error, NotImplementedError) and names[-1:] in ([method], [f"_{method}"])


def _command(error: BaseException | None) -> dict[str, Any]:
    """Return the failed command in the chain of *error*, with its output and exit code; empty if there is none."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if type(error).__name__ == _COMMAND:
            names = {"cmd": "command", "exit_code": "exit_code", "stdout": "stdout", "stderr": "stderr"}
            return {key: getattr(error, name, None) or "" for name, key in names.items()}
        error = error.__cause__ or error.__context__
    return {}
