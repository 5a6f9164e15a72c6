"""Apply a function to several resources; an error or interrupt reports how many were done."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

from cl_notebook import errors
from cl_notebook.text import enumerated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")

LISTED = 5
"""The most labels of remaining resources that a message lists."""


def in_turn(verb: str, things: Sequence[T], act: Callable[[T], object], label: Callable[[T], str]) -> None:
    """Call *act* with each of *things*; stop at the first error or interrupt, and add the progress to it.

    Args:
        verb: the participle for the message, such as ``deleted``.
        things: the arguments, in order.
        act: the function.
        label: returns the label of a thing for the message; called before *act*, which may delete the thing.

    """
    labels = [label(thing) for thing in things]
    with count_done(verb, labels) as done:
        for thing in things:
            act(thing)
            done()


@contextlib.contextmanager
def count_done(verb: str, labels: Sequence[str]) -> Iterator[Callable[[], None]]:
    """Count finished things; an error or interrupt that leaves the block reports the count.

    Yields a function to call after each thing. The report is added by :func:`append_message`.
    """
    count = 0

    def done() -> None:
        nonlocal count
        count += 1

    try:
        yield done
    except BaseException as error:
        if len(labels) > 1:
            append_message(error, progress(verb, count, labels))
        raise


def progress(verb: str, count: int, labels: Sequence[str]) -> str:
    """Return a sentence for messages: *count* of *labels* are done, the first ones; list the others."""
    remaining = labels[count:]
    return f"{count} of {len(labels)} were {verb}; left: {enumerated(remaining, LISTED)}."


def append_message(error: BaseException, text: str) -> None:
    """Add *text* to the message of *error* if it is this package's or an interrupt; to others as a note."""
    if isinstance(error, (errors.Error, KeyboardInterrupt)):
        message = str(error)
        error.args = (f"{message} {text}" if message else text, *error.args[1:])
    else:
        error.add_note(text)
