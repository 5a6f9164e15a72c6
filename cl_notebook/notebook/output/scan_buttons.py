"""Buttons for what a scan finds: each runs the line of magic of its row; one that removes something asks first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import ipywidgets as widgets  # type: ignore[import-untyped] # it has no types

from cl_notebook.display import markup
from cl_notebook.inventory.verdicts import STUCK

if TYPE_CHECKING:
    import pandas as pd
    from IPython.core.interactiveshell import InteractiveShell

MOST = 20
"""How many rows have buttons."""

_MAGIC = "cl_scan"
_LABELS = {"repair": "Repair", "manage": "Adopt", "forget": "Forget"}


class _Act(NamedTuple):
    """What a button does: the *line* of the scan, the arguments of ``%cl_scan`` in it, and whether it asks first."""

    label: str
    line: str
    arguments: str
    asks: bool


class ScanButtons(widgets.VBox):  # type: ignore[misc] # as above
    """A row for each finding that a line of ``%cl_scan`` deals with: a button, and the line. Results appear below."""

    def __init__(self, shell: InteractiveShell, findings: pd.DataFrame) -> None:
        """Make buttons for the first :data:`MOST` of *findings*, rows of a scan, that run their lines in *shell*."""
        self._shell = shell
        self._output = widgets.Output()
        rows = findings[findings["next"].notna()].iloc[:MOST]
        acts = [
            act for line, verdict in zip(rows["next"], rows["verdict"], strict=True) if (act := _act(line, verdict)) is not None
        ]
        self.buttons = [self._button(act) for act in acts]
        lines = [widgets.HTML(markup.card(markup.command(act.line))) for act in acts]
        boxes = [widgets.HBox(pair) for pair in zip(self.buttons, lines, strict=True)]
        super().__init__([*boxes, self._output])

    def __repr__(self) -> str:
        """Return what a page without a kernel shows in place of the buttons."""
        return f"{len(self.buttons)} buttons, for a live notebook. Each runs one of the lines of the scan."

    def _button(self, act: _Act) -> widgets.Button:
        button = widgets.Button(description=act.label, tooltip=act.line)
        is_asked = not act.asks

        def click(_button: object) -> None:
            nonlocal is_asked
            if not is_asked:
                is_asked = True
                button.description, button.button_style = f"Really {act.label.lower()}?", "danger"
                return
            self._run(button, act)

        button.on_click(click)
        return button

    def _run(self, button: widgets.Button, act: _Act) -> None:
        button.disabled = True
        is_done = False
        try:
            with self._output:
                self._shell.run_line_magic(_MAGIC, act.arguments)
                is_done = True
        finally:
            button.disabled, button.button_style = is_done, ""
            button.description = f"{act.label}: done" if is_done else act.label


def _act(line: str, verdict: str) -> _Act | None:
    """Return what the button of a *line* does; None for a line of another magic."""
    magic, _, arguments = line.removeprefix("%").partition(" ")
    verb = arguments.partition(" ")[0]
    if magic != _MAGIC or verb not in _LABELS:
        return None
    return _Act(_LABELS[verb], line, arguments, asks=verb == "forget" or (verb == "repair" and verdict == STUCK))
