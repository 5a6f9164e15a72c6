"""Install the magics, their completion and the progress display in a shell, and remove them."""

from __future__ import annotations

import ast
import atexit
import contextlib
import os
import re
import threading
import time
import warnings
import weakref
from typing import TYPE_CHECKING, Any

from cl_notebook import session
from cl_notebook.masking import SHORTEST, is_secret
from cl_notebook.notebook.command import completion
from cl_notebook.notebook.command.magic import function
from cl_notebook.notebook.display.output import echo_err
from cl_notebook.notebook.display.progress import Display
from cl_notebook.notebook.magics import (
    backend,
    cleanup,
    connection,
    documents,
    drivers,
    find,
    lists,
    log,
    scan,
    setup,
    snapshot,
    tree,
    volume,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from IPython.core.interactiveshell import InteractiveShell

GRACE = 2.0
"""Seconds that threads may take to end after the kernel was asked to shut down."""

CLOSING = 0.7
"""Seconds for the :mod:`atexit` functions after that, so that shutdown takes less than three seconds."""

_MAGIC = re.compile(r"%?%?\bcl_backend\s+(?:add|open)\b(?P<words>.*)")
_OPTION = re.compile(r"--(?P<name>[A-Za-z][\w-]*)(?:=|\s+)(?P<quote>['\"]?)(?P<value>[^\s'\"]+)")
_OPENS = frozenset({"Backend", "Backends", "backend", "open_backend"})

_watching: weakref.WeakKeyDictionary[InteractiveShell, Callable[[Any], None]] = weakref.WeakKeyDictionary()


def install_secret_warning(shell: InteractiveShell) -> None:
    """Warn about secrets in each cell of *shell* after it ran; a second call changes nothing."""
    remove_secret_warning(shell)
    warned: set[str] = set()

    def after(result: Any) -> None:  # noqa: ANN401 - IPython's
        cell = getattr(getattr(result, "info", None), "raw_cell", None)
        names = sorted(set(exposed(str(cell), shell)) - warned) if cell else []
        if names:
            warned.update(names)
            echo_err(
                f"{', '.join(names)}: a secret stands in this cell, so in the notebook and in IPython's history. Take it out: "
                "%cl_backend add asks for what is left out, and getpass.getpass() keeps a value out of the cell."
            )

    _watching[shell] = after
    shell.events.register("post_run_cell", after)


def remove_secret_warning(shell: InteractiveShell) -> None:
    """Stop warning about secrets in the cells of *shell*."""
    after = _watching.pop(shell, None)
    if after is not None:
        with contextlib.suppress(ValueError):
            shell.events.unregister("post_run_cell", after)


def exposed(cell: str, shell: InteractiveShell) -> Iterator[str]:
    """Yield the names of the secrets in *cell*: of options that it types, and those of the backends that are open."""
    for line in cell.splitlines():
        magic = _MAGIC.search(line)
        for option in _OPTION.finditer(magic["words"]) if magic else ():
            is_typed = option["value"][:1] not in {"$", "{"} and not option["value"].startswith("--")
            if is_typed and is_secret(option["name"]):
                yield option["name"].replace("-", "_")
    yield from _in_calls(cell, shell)
    opened = session.opened_session()
    for opened_backend in list(opened.backends.values()) if opened is not None else ():
        for name, value in opened.secrets(opened_backend).items():  # type: ignore[union-attr] # it is there
            if isinstance(value, str) and len(value) >= SHORTEST and value in cell:
                yield name


def _in_calls(cell: str, shell: InteractiveShell) -> Iterator[str]:
    """Yield the secret options that are typed as text where a backend is opened."""
    if not any(word in cell for word in _OPENS):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is to be said of the cell was said when it ran
            tree = ast.parse(shell.transform_cell(cell))  # type: ignore[no-untyped-call] # IPython's
    except (SyntaxError, ValueError):
        return
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) in _OPENS:
            yield from (word.arg for word in call.keywords if word.arg and is_secret(word.arg) and _is_text(word.value))
            for argument in (word.value for word in call.keywords if word.arg is None):
                yield from _in_dict(argument)


def _in_dict(argument: ast.expr) -> Iterator[str]:
    for key, value in zip(argument.keys, argument.values, strict=True) if isinstance(argument, ast.Dict) else ():
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and is_secret(key.value) and _is_text(value):
            yield key.value


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str) and bool(value.value)


_is_exiting = threading.Event()


def install_bounded_shutdown(shell: InteractiveShell) -> None:
    """Bound the end of the kernel of *shell*; a shell without a kernel ends as Python does. Twice is the same as once.

    Python waits for every executor and every thread that is no daemon, and a storage may answer in minutes. Jupyter kills such a
    kernel after five seconds, in the middle of anything. The next kernel finds what still ran, and finishes it.
    """
    if getattr(shell, "kernel", None) is not None:
        atexit.register(_is_exiting.set)
        shell.observe(_asked_to_end, "exit_now")


def remove_bounded_shutdown(shell: InteractiveShell) -> None:
    """Remove the bound on the shutdown of the kernel of *shell*."""
    with contextlib.suppress(ValueError, KeyError):
        shell.unobserve(_asked_to_end, "exit_now")
    atexit.unregister(_is_exiting.set)


def _asked_to_end(change: dict[str, Any]) -> None:
    if change["new"]:
        threading.Thread(target=_end, name="cl_notebook-end", daemon=True).start()


def _end() -> None:
    if _is_exiting.wait(GRACE):
        time.sleep(CLOSING)
    else:  # the main thread still waits for another one, and would only then run what is registered
        closing = threading.Thread(target=atexit._run_exitfuncs, daemon=True)  # noqa: SLF001 - there is no other way
        closing.start()
        closing.join(CLOSING)
    os._exit(0)


COMMANDS = (
    setup.COMMAND,
    *lists.COMMANDS,
    drivers.COMMAND,
    log.COMMAND,
    backend.COMMAND,
    volume.COMMAND,
    snapshot.COMMAND,
    connection.COMMAND,
    *tree.COMMANDS,
    *find.COMMANDS,
    scan.COMMAND,
    *documents.COMMANDS,
    *cleanup.COMMANDS,
)
"""Every magic."""


def load(shell: InteractiveShell) -> None:
    """Give *shell* the magics; no store is opened for that. Loading twice is the same as once."""
    unload(shell)
    for command in COMMANDS:
        shell.magics_manager.register_function(function(shell, command), command.kind, command.name)
    completion.install(shell, COMMANDS)
    install_bounded_shutdown(shell)
    install_secret_warning(shell)
    session.show_progress(Display(shell))


def unload(shell: InteractiveShell) -> None:
    """Take everything that :func:`load` gave from *shell*; sessions and resources stay."""
    for command in COMMANDS:
        shell.magics_manager.magics[command.kind].pop(command.name, None)
    completion.remove(shell)
    remove_bounded_shutdown(shell)
    remove_secret_warning(shell)
    session.show_progress(None)
