"""Buttons that run lines of magic: those of a scan, and those that an ambiguous name may mean; what removes asks first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import ipywidgets as widgets  # type: ignore[import-untyped] # it has no types
from IPython.display import display

from cl_notebook.display import markup
from cl_notebook.inventory.verdicts import STUCK

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from IPython.core.interactiveshell import InteractiveShell

MOST = 20
"""How many lines have buttons."""

_MAGIC = "%cl_scan "
_LABELS = {"repair": "Repair", "manage": "Adopt", "forget": "Forget"}


class Act(NamedTuple):
    """What a button does: its label, the *line* of magic that it runs, and whether it asks first."""

    label: str
    line: str
    asks: bool


class LineButtons(widgets.VBox):  # type: ignore[misc] # as above
    """A row for each act: a button, and the line that it runs. Results appear below."""

    def __init__(self, shell: InteractiveShell, acts: Sequence[Act]) -> None:
        """Make buttons for the first :data:`MOST` of *acts*, which run their lines in *shell*."""
        self._shell = shell
        self._output = widgets.Output()
        self._lines = [act.line for act in acts[:MOST]]
        self.buttons = [self._button(act) for act in acts[:MOST]]
        lines = [widgets.HTML(markup.card(markup.command(line))) for line in self._lines]
        boxes = [widgets.HBox(pair) for pair in zip(self.buttons, lines, strict=True)]
        super().__init__([*boxes, self._output])

    def __repr__(self) -> str:
        """Return what a page without a kernel shows in place of the buttons: the lines, with numbers."""
        return "\n".join(f"{number}. {line}" for number, line in enumerate(self._lines, 1)) or "No buttons."

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - as ipywidgets has it
        """Return what ipywidgets does, with the whole text: it cuts that after 110 characters."""
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options)
        return {**bundle, "text/plain": repr(self)}

    def _button(self, act: Act) -> widgets.Button:
        button = widgets.Button(description=act.label, tooltip=act.line, layout={"width": "auto", "min_width": "9em"})
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

    def _run(self, button: widgets.Button, act: Act) -> None:
        button.disabled = True
        is_done = False
        try:
            with self._output:
                magic, _, arguments = act.line.removeprefix("%").partition(" ")
                result = self._shell.run_line_magic(magic, arguments)
                is_done = True
                if result is not None:
                    display(result)  # type: ignore[no-untyped-call] # IPython's
        finally:
            button.disabled, button.button_style = is_done, ""
            button.description = f"{act.label}: done" if is_done else act.label


def of_scan(shell: InteractiveShell, findings: pd.DataFrame) -> LineButtons:
    """Return buttons for those of *findings*, rows of a scan, that a line of ``%cl_scan`` deals with."""
    rows = findings[findings["next"].notna()]
    verbs = [line.removeprefix(_MAGIC).partition(" ")[0] if line.startswith(_MAGIC) else "" for line in rows["next"]]
    acts = [
        Act(_LABELS[verb], line, asks=verb == "forget" or (verb == "repair" and verdict == STUCK))
        for line, verb, verdict in zip(rows["next"], verbs, rows["verdict"], strict=True)
        if verb in _LABELS
    ]
    return LineButtons(shell, acts)
