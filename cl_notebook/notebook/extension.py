"""``%load_ext cl_notebook``: the magics, their completion, and the display of progress, put into a shell and taken out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import session
from cl_notebook.notebook import (
    backend,
    cleanup,
    completion,
    connection,
    documents,
    drivers,
    ending,
    exposed,
    lists,
    log,
    looks,
    lost,
    scan,
    settings,
    snapshot,
    volume,
)
from cl_notebook.notebook.magic import function
from cl_notebook.notebook.progress import Display

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

COMMANDS = (
    settings.COMMAND,
    *lists.COMMANDS,
    drivers.COMMAND,
    log.COMMAND,
    backend.COMMAND,
    volume.COMMAND,
    snapshot.COMMAND,
    connection.COMMAND,
    *looks.COMMANDS,
    *lost.COMMANDS,
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
    ending.install(shell)
    exposed.install(shell)
    session.show_progress(Display(shell))


def unload(shell: InteractiveShell) -> None:
    """Take everything that :func:`load` gave from *shell*; sessions and resources stay."""
    for command in COMMANDS:
        shell.magics_manager.magics[command.kind].pop(command.name, None)
    completion.remove(shell)
    ending.remove(shell)
    exposed.remove(shell)
    session.show_progress(None)
