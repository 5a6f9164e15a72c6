"""What goes over a kernel's websocket: the messages of widgets, counted and weighed."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page, WebSocket


@dataclass(frozen=True)
class Message:
    """One message: which way it went, its channel, its type, the bytes of the whole frame, and its content."""

    sent: bool
    channel: str
    type: str
    size: int
    content: Any

    @property
    def is_comm(self) -> bool:
        """Whether it belongs to a widget."""
        return self.type.startswith("comm_")

    @property
    def data(self) -> Any:
        """The data of a widget's message: ``method`` and ``state`` or ``content``."""
        return self.content.get("data", {})


class Traffic:
    """Listens to the kernels' websockets of a page, from now on."""

    def __init__(self, page: Page) -> None:
        """Listen."""
        self.messages: list[Message] = []
        page.on("websocket", self._listen)

    def comms(self) -> list[Message]:
        """Return the messages of widgets."""
        return [message for message in self.messages if message.is_comm]

    def clear(self) -> None:
        """Forget what was heard."""
        self.messages.clear()

    def _listen(self, socket: WebSocket) -> None:
        if "/api/kernels/" in socket.url:
            socket.on("framereceived", lambda frame: self._take(frame, sent=False))
            socket.on("framesent", lambda frame: self._take(frame, sent=True))

    def _take(self, frame: str | bytes, *, sent: bool) -> None:
        self.messages.append(parsed(frame, sent=sent))


def parsed(frame: str | bytes, *, sent: bool) -> Message:
    """Read a frame: JSON, or the binary protocol ``v1.kernel.websocket.jupyter.org``.

    A binary frame begins with the number of offsets, then the offsets, little-endian numbers of eight bytes each; between two
    offsets lies a part: channel, header, parent header, metadata, content, and the buffers.
    """
    if isinstance(frame, str):
        whole = json.loads(frame)
        return Message(sent, whole.get("channel", ""), whole["header"]["msg_type"], len(frame.encode()), whole["content"])
    count = int.from_bytes(frame[:8], "little")
    offsets = [int.from_bytes(frame[at : at + 8], "little") for at in range(8, 8 * (count + 1), 8)]
    channel, header, _, _, content = [frame[begin:end] for begin, end in itertools.pairwise(offsets)][:5]
    return Message(sent, channel.decode(), json.loads(header)["msg_type"], len(frame), json.loads(content))
