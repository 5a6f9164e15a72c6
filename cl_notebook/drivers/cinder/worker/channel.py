"""The channel to the kernel: what is sent there, and what is asked of it."""

from __future__ import annotations

import itertools
import queue
from typing import Any

_GONE = "the kernel is gone"
_PATIENCE = 60


class Wire:
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
