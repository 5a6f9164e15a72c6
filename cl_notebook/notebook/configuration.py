"""What users choose for their shell: ``%config ClNotebook.display = "pandas"``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traitlets import Enum, observe
from traitlets.config import Configurable

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell
    from IPython.lib.pretty import RepresentationPrinter

    from cl_notebook.tabular import Frame

_FRAME = ("cl_notebook.tabular", "Frame")


class ClNotebook(Configurable):
    """Choices for one shell; a profile's ``ipython_config.py`` may have them, too: ``c.ClNotebook.display``."""

    display = Enum(
        ("list", "pandas"), "list", help="How cells show lists: with short ids, units and local times, or as pandas does."
    ).tag(config=True)

    @observe("display")
    def apply(self, _change: object = None) -> None:
        """Show frames in the shell as chosen: its formatters take precedence over the methods of frames."""
        formatter: Any = self.parent.display_formatter  # type: ignore[union-attr] # the shell
        for mime_type, write in _RAW.items():
            if self.display == "pandas":
                formatter.formatters[mime_type].for_type_by_name(*_FRAME, write)
            else:
                formatter.formatters[mime_type].pop(".".join(_FRAME), None)


def install(shell: InteractiveShell) -> None:
    """Add the choices to ``%config``, and apply those of the profile."""
    choices = ClNotebook(parent=shell)
    choices.apply()
    shell.configurables.append(choices)  # type: ignore[arg-type] # of any Configurable


def remove(shell: InteractiveShell) -> None:
    """Remove the choices from ``%config``, and show frames as lists again."""
    for choices in [item for item in shell.configurables if isinstance(item, ClNotebook)]:
        choices.display = "list"
        shell.configurables.remove(choices)


def _raw_text(frame: Frame, printer: RepresentationPrinter, _is_cycle: bool) -> None:  # noqa: FBT001 - IPython's signature
    from cl_notebook.tabular import raw_text  # noqa: PLC0415 - there is a frame, so pandas is loaded

    printer.text(raw_text(frame))  # type: ignore[no-untyped-call] # IPython's


def _raw_html(frame: Frame) -> str | None:
    import pandas as pd  # noqa: PLC0415 - as above

    html: str | None = pd.DataFrame._repr_html_(frame)  # type: ignore[attr-defined] # not in the stubs
    return html


_RAW: dict[str, Callable[..., Any]] = {"text/plain": _raw_text, "text/html": _raw_html}
"""How pandas shows a frame, by MIME type."""
