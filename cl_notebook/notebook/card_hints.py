"""Write the hints of cards in the language of the cell that shows them: lines of magic below a magic, else Python."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from cl_notebook.model.base import Tracked
from cl_notebook.notebook.command.cursor import logical_line
from cl_notebook.session import Session

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_CLASSES = (Tracked, Session)


def install(shell: InteractiveShell) -> None:
    """Write the cards that *shell* shows with hints in the language of the cell; a second call changes nothing."""
    remove(shell)
    writer = _Writer()
    shell.events.register("pre_run_cell", writer.note_language)
    for cls in _CLASSES:
        _bundles(shell).for_type(cls, writer)


def remove(shell: InteractiveShell) -> None:
    """Write the cards in *shell* as objects do by themselves, in Python."""
    bundles = _bundles(shell)
    for cls in _CLASSES:
        writer = bundles.type_printers.get(cls)
        if isinstance(writer, _Writer):
            bundles.pop(cls)
            with contextlib.suppress(ValueError):
                shell.events.unregister("pre_run_cell", writer.note_language)


class _Writer:
    """Writes the card of a session or a tracked object; the value of a cell is that of its last line."""

    def __init__(self) -> None:
        self._is_magic = False

    def note_language(self, info: Any) -> None:  # noqa: ANN401 - IPython's
        cell = str(getattr(info, "raw_cell", "")).strip()
        self._is_magic = logical_line(cell, cell.count("\n")).lstrip().startswith("%")

    def __call__(self, resource: Any) -> dict[str, str]:  # noqa: ANN401 - a session or a tracked object
        from cl_notebook.model import cards  # noqa: PLC0415 - loaded when one is shown

        return cards.bundle(resource, magic=self._is_magic)


def _bundles(shell: InteractiveShell) -> Any:  # noqa: ANN401 - IPython's formatter
    return shell.display_formatter.mimebundle_formatter  # type: ignore[union-attr] # a shell has it
