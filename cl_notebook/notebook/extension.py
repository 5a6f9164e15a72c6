"""List the magics; load them, with completion, progress and warnings, into a shell, and unload them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import session
from cl_notebook.notebook import card_hints, configuration, secret_warning, shutdown
from cl_notebook.notebook.command import completion, inspection
from cl_notebook.notebook.command.magic import function
from cl_notebook.notebook.magics import (
    backend,
    cleanup,
    connection,
    demo,
    doctor,
    documents,
    drivers,
    find,
    lists,
    log,
    plot,
    scan,
    setup,
    snapshot,
    status,
    topics,
    trash,
    tree,
    volume,
    wait,
)
from cl_notebook.notebook.output.progress import Display

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_COMMANDS = (
    setup.COMMAND,
    demo.COMMAND,
    *lists.COMMANDS,
    drivers.COMMAND,
    log.COMMAND,
    doctor.COMMAND,
    backend.COMMAND,
    volume.COMMAND,
    snapshot.COMMAND,
    connection.COMMAND,
    wait.COMMAND,
    tree.COMMAND,
    status.COMMAND,
    *find.COMMANDS,
    plot.COMMAND,
    scan.COMMAND,
    *documents.COMMANDS,
    *cleanup.COMMANDS,
    *trash.COMMANDS,
)

COMMANDS = (topics.command(_COMMANDS), *_COMMANDS)
"""Every magic."""


def load(shell: InteractiveShell) -> None:
    """Give *shell* the magics; no store is opened for that. Loading twice is the same as once."""
    unload(shell)
    for command in COMMANDS:
        shell.magics_manager.register_function(function(shell, command), command.kind, command.name)
    completion.install(shell, COMMANDS)
    inspection.install(shell, COMMANDS)
    configuration.install(shell)
    card_hints.install(shell)
    shutdown.install(shell)
    secret_warning.install(shell)
    session.show_progress(Display(shell))


def unload(shell: InteractiveShell) -> None:
    """Take everything that :func:`load` gave from *shell*; sessions and resources stay."""
    for command in COMMANDS:
        shell.magics_manager.magics[command.kind].pop(command.name, None)
    completion.remove(shell)
    inspection.remove(shell)
    configuration.remove(shell)
    card_hints.remove(shell)
    shutdown.remove(shell)
    secret_warning.remove(shell)
    session.show_progress(None)
