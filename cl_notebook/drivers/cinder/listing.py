"""What a Cinder driver lists, of any length, in parts: of its own lists, and of the messages between the processes."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Any

from cl_notebook import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cl_notebook.drivers.cinder.process import Child

MESSAGE = 1000
"""Entries that a message holds."""

PAGE = 100_000
"""Entries that a driver is asked for at once. Most make the whole list for each page of it, so that small pages cost most."""

_PATIENCE = 1.0
"""Seconds that an end waits for the child, which may be in a call that does not end."""

_NUMBERS = itertools.count(1)


def listed(child: Child, name: str, method: str, known: Iterable[dict[str, Any]], timeout: float | None) -> Iterator[Any]:
    """Yield what the driver in *child* lists by *method*, given the *known* resources; *name* is the backend's.

    Raises:
        errors.DriverError: as :meth:`Child.ask`.

    """
    what, before, page = f"{name}: {method}", next(_NUMBERS), next(_NUMBERS)
    try:
        child.ask("put", what, list=before, items=[])
        for part in _parts(known):
            child.ask("put", what, list=before, items=part)
        offset, first = 0, None
        while True:
            words = {"known": before, "list": page, "limit": PAGE, "offset": offset}
            count = int(child.ask("call", what, timeout, method=method, words=words)["value"])
            for number, entry in enumerate(_taken(child, what, page, count)):
                if not number and offset and entry == first:
                    return  # the driver gives all of it at once, however much it is asked for
                first = entry if not number and not offset else first
                yield entry
            if count != PAGE:
                return
            offset += count
    finally:
        for number in (before, page):
            with contextlib.suppress(errors.Error):
                child.ask("drop", what, _PATIENCE, list=number)


def _taken(child: Child, what: str, number: int, count: int) -> Iterator[Any]:
    for _ in range(0, count, MESSAGE):
        yield from child.ask("take", what, list=number, limit=MESSAGE)


def _parts(items: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rest = iter(items)
    while part := list(itertools.islice(rest, MESSAGE)):
        yield part
