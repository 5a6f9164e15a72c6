"""Print plain text from magics; control characters are shown, never sent to the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable

    from IPython.core.interactiveshell import InteractiveShell

_AT_ONCE = 500


def echo(text: str) -> None:
    """Print *text* to standard output, with control characters escaped."""
    sys.stdout.write("".join(f"{sanitize(line)}\n" for line in text.split("\n")))


def show(shell: InteractiveShell, value: object, text: str) -> None:
    """Display *value* like the result of a cell, with *text* as its plain-text form."""
    data, metadata = shell.display_formatter.format(value)  # type: ignore[union-attr] # every shell has one
    data["text/plain"] = "\n".join(sanitize(line) for line in text.split("\n"))
    shell.display_pub.publish(data, metadata=metadata)


def echo_err(text: str) -> None:
    """Print *text* to standard error, as another program may read standard output."""
    sys.stderr.write(f"{sanitize(text)}\n")


def echo_lines(lines: Iterable[str]) -> None:
    """Print *lines* in large chunks, because each write costs a message to the front end."""
    buffered: list[str] = []
    for line in lines:
        buffered.append(f"{sanitize(line)}\n")
        if len(buffered) >= _AT_ONCE:
            sys.stdout.write("".join(buffered))
            buffered.clear()
    sys.stdout.write("".join(buffered))


def confirm(question: str) -> bool:
    """Ask *question* and return whether the answer is yes; the default, an interrupt and no input mean no."""
    return bool(answer(question))


def answer(question: str) -> bool | None:
    """Ask *question* and return whether the answer is yes; None if it cannot be asked. The default and an interrupt mean no."""
    sys.stdout.flush()
    try:
        return input(f"{sanitize(question)} [y/N] ").strip().lower() in {"y", "yes"}
    except KeyboardInterrupt:
        return False
    except EOFError:  # the prompt was shown, and standard input has ended
        sys.stdout.write("\n")
        return None
    except (RuntimeError, OSError, ValueError):  # a front end without input, as with nbconvert, or a closed standard input
        return None
