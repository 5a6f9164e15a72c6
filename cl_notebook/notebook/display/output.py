"""What magics print: plain text, whose escapes are shown and never obeyed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from IPython.utils.io import ask_yes_no

from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable

    from IPython.core.interactiveshell import InteractiveShell

_AT_ONCE = 500


def echo(text: str) -> None:
    """Print *text*, line by line made safe."""
    sys.stdout.write("".join(f"{sanitize(line)}\n" for line in text.split("\n")))


def show(shell: InteractiveShell, value: object, text: str) -> None:
    """Show *value* as a cell's result is shown, and as *text*, line by line made safe, where that is all that can be shown."""
    data, metadata = shell.display_formatter.format(value)  # type: ignore[union-attr] # every shell has one
    data["text/plain"] = "\n".join(sanitize(line) for line in text.split("\n"))
    shell.display_pub.publish(data, metadata=metadata)


def echo_err(text: str) -> None:
    """Print *text* where it does not mix with what another program is to read."""
    sys.stderr.write(f"{sanitize(text)}\n")


def echo_lines(lines: Iterable[str]) -> None:
    """Print any number of lines, many at once: a front end takes a message for each write."""
    held: list[str] = []
    for line in lines:
        held.append(f"{sanitize(line)}\n")
        if len(held) >= _AT_ONCE:
            sys.stdout.write("".join(held))
            held.clear()
    sys.stdout.write("".join(held))


def confirm(question: str) -> bool:
    """Ask *question*, and return whether the answer is yes: no by default, on an interrupt, and where nobody can be asked."""
    sys.stdout.flush()
    try:
        return bool(ask_yes_no(f"{question} [y/N]", default="n", interrupt="n"))  # type: ignore[no-untyped-call] # IPython's
    except (RuntimeError, OSError, ValueError):  # a front end without input, as with nbconvert, or a stdin that is closed
        return False
