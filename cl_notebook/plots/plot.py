"""What a picture is before it is drawn: a frame, its text form, and the function that draws it when a front end asks."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.display import markup
from cl_notebook.display.text import terminal_width
from cl_notebook.tabular import raw_text

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    import pandas as pd
    from matplotlib.figure import Figure

MERMAID = "text/vnd.mermaid"
"""The MIME type of a diagram in Mermaid's language; JupyterLab 4.1 and newer draw it."""

_MOST_MERMAID = 40_000
"""Characters of a diagram up to which it is offered: Mermaid refuses those of more than 50,000."""

NEEDS_MATPLOTLIB = "The picture needs matplotlib. Type: %pip install matplotlib"


class Plot:
    """A picture of a frame. A notebook shows it as SVG, a terminal as text.

    ``frame`` has what is shown; ``figure`` is matplotlib's, to be changed or saved: ``plot.figure.savefig("latency.png")``.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        *,
        title: str,
        text: Callable[[int], Sequence[str]],
        draw: Callable[[], Figure],
        nothing: str = "",
        mermaid: str = "",
    ) -> None:
        """Make the picture of *frame*; nothing is drawn yet.

        Args:
            frame: what is shown.
            title: what it shows, in a few words; the title of the SVG for screen readers.
            text: returns the lines of the text form for a number of columns.
            draw: returns the figure; called once at most.
            nothing: the line that is shown instead if there is nothing to show.
            mermaid: the same as a diagram in Mermaid's language, if it is one.

        """
        self.frame = frame
        self.title = title
        self.mermaid = mermaid
        self._text = text
        self._draw = draw
        self._nothing = nothing
        self._figure: Figure | None = None

    @property
    def figure(self) -> Figure:
        """Matplotlib's figure, drawn when it is first asked for.

        Raises:
            Refused: matplotlib is not installed, or there is nothing to show.

        """
        if self._nothing:
            raise errors.Refused(self._nothing)
        if not _has_matplotlib():
            raise errors.Refused(NEEDS_MATPLOTLIB)
        if self._figure is None:
            self._figure = self._draw()
        return self._figure

    def text(self, columns: int | None = None) -> str:
        """Return the text form for so many *columns*, by default those of the terminal."""
        return self._nothing or "\n".join(self._text(columns or terminal_width()))

    def __repr__(self) -> str:
        """Return the text form, and what to install for the picture if that is missing."""
        shown = markup.or_else(self.text, lambda: raw_text(self.frame))
        return shown if self._nothing or _has_matplotlib() else f"{shown}\n{NEEDS_MATPLOTLIB}"

    def _repr_svg_(self) -> str | None:
        """Return the picture as SVG; None if it cannot be drawn: then the text is shown.

        IPython asks for it in a notebook alone, so that a terminal does not load matplotlib.
        """
        if self._nothing or not _has_matplotlib():
            return None
        from cl_notebook.plots import canvas  # noqa: PLC0415 - it loads matplotlib

        return markup.or_else(lambda: canvas.svg(self.figure, self.title), str) or None

    def _repr_mimebundle_(self, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
        """Return the text form, and the diagram in Mermaid's language if there is one."""
        formats = {"text/plain": repr(self)}
        if 0 < len(self.mermaid) <= _MOST_MERMAID and not self._nothing:
            formats[MERMAID] = self.mermaid
        return markup.requested(formats, include, exclude)


def rows_of(frame: pd.DataFrame) -> list[Any]:
    """Return the rows of *frame* as named tuples, whose fields have the types of the columns."""
    return list(frame.itertuples())


def _has_matplotlib() -> bool:
    try:
        return importlib.util.find_spec("matplotlib") is not None
    except ValueError:  # sys.modules has None for it: it was switched off
        return False
