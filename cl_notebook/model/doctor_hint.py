"""The hint at the end of errors that something missing on a host may have caused: the line that examines the host."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.text import quote_word

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = "%cl_doctor"


def extend(error: errors.Error, name: str, *, host: str | None = None, python: str | None = None) -> None:
    """Append to the message of *error* how to examine this host, or the other *host*, for the backend or driver *name*.

    *python* is the Python that has Cinder, if the user named one and no backend has it in its options. An error that has the
    hint already stays as it is.
    """
    text = str(error)
    if _MAGIC in text:
        return
    chosen = {option: value for option, value in (("host", host), ("python", python)) if value is not None}
    option = "".join(f" --{option} {quote_word(value)}" for option, value in chosen.items())
    argument = "".join(f", {option}={value!r}" for option, value in chosen.items())
    end = "" if text.endswith((".", "?", "!")) else "."
    error.args = (
        f"{text}{end} To see what the host lacks: {_MAGIC} {quote_word(name)}{option}, or cl.doctor({name!r}{argument}).",
    )


@contextmanager
def attaching(name: str, host: str | None) -> Iterator[None]:
    """Append the hint to an AttachError of the block, which attaches a volume of the backend *name* on *host*, or here for None.

    HostUnreachable gets none: the host cannot be examined. Neither does WrongDevice: the host lacks nothing.
    """
    try:
        yield
    except (errors.HostUnreachable, errors.WrongDevice):
        raise
    except errors.AttachError as error:
        extend(error, name, host=host)
        raise
