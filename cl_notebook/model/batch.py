"""One act on several resources in turn: what ends it early says how many were done, and which are left."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

from cl_notebook import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")

LISTED = 5
"""Labels of what is left that a message lists at most."""


def in_turn(verb: str, things: Sequence[T], act: Callable[[T], object], label: Callable[[T], str]) -> None:
    """Do *act* to each of *things*, and stop at the first error or interrupt, which then says how far it came.

    Args:
        verb: what is done, as in ``deleted``.
        things: in the order in which they are taken.
        act: the act on one of them.
        label: what a thing is called in the message; asked for before the act, for after it the thing may be gone.

    """
    labels = [label(thing) for thing in things]
    with count_done(verb, labels) as done:
        for thing in things:
            act(thing)
            done()


@contextlib.contextmanager
def count_done(verb: str, labels: Sequence[str]) -> Iterator[Callable[[], None]]:
    """Give what is called after each of several things; an error or interrupt in the block says how many were done.

    The words are added to the message of an error of ours, and of an interrupt; other errors get them as a note.
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
    """Return how many of the things with these *labels* were done, the first *count*, and which are left."""
    left = labels[count:]
    more = f" and {len(left) - LISTED} more" if len(left) > LISTED else ""
    return f"{count} of {len(labels)} were {verb}; left: {', '.join(left[:LISTED])}{more}."


def append_message(error: BaseException, words: str) -> None:
    """Add *words* to what *error* says."""
    if isinstance(error, (errors.Error, KeyboardInterrupt)):
        said = str(error)
        error.args = (f"{said} {words}" if said else words, *error.args[1:])
    else:
        error.add_note(words)
