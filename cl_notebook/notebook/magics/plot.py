"""Define ``%cl_plot``, which shows pictures: capacity, latency, timeline, lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook import quantities
from cl_notebook.model import Backend, Connection, Snapshot, Volume
from cl_notebook.notebook.command import resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Part, Verb, count
from cl_notebook.notebook.magics import lists
from cl_notebook.notebook.output.messages import echo

if TYPE_CHECKING:
    import pandas as pd

    from cl_notebook.model.base import Tracked
    from cl_notebook.notebook.command.command import Invocation
    from cl_notebook.plots.plot import Plot

    Shown = Plot | pd.DataFrame | None

_ANY = Argument(
    "RESOURCE", "Only of this: an id, the beginning of one, a name, or the variable that holds it.", "any", optional=True
)
_BACKEND = Option("backend", "Only of this backend.", "BACKEND", completes="backend")


def _format(*more: str) -> Option:
    help_text = "What to give instead of the picture: text, or its frame in a format of the lists."
    return Option("format", help_text, "FORMAT", short="-f", choices=("text", *more, *lists.FORMATS))


def _span(text: str) -> str:
    if not quantities.seconds(text):
        msg = "a span of time such as 7d or 12h"
        raise ValueError(msg)
    return text


def _capacity(call: Invocation) -> Shown:
    from cl_notebook.plots import api  # noqa: PLC0415 - pandas is loaded when a frame is made

    name = call["resource"] if call["backend"] is None else call["backend"]
    backend = None if name is None else resolve.backend(call, name)
    return _shown(call, api.capacity(backend, call.session, over=call["since"], history=call["history"]))


def _latency(call: Invocation) -> Shown:
    from cl_notebook.plots import api  # noqa: PLC0415 - as above

    return _shown(call, api.latency(_resource(call), call.session, **_filters(call)))


def _timeline(call: Invocation) -> Shown:
    from cl_notebook.plots import api  # noqa: PLC0415 - as above

    return _shown(call, api.timeline(_resource(call), call.session, **_filters(call)))


def _lineage(call: Invocation) -> Shown:
    from cl_notebook.plots import api  # noqa: PLC0415 - as above

    volume: Any = _resource(call, (Backend, Volume, Snapshot, Connection))
    backend = None if call["backend"] is None else resolve.backend(call, call["backend"])
    limit = api.LIMIT if call["limit"] is None else call["limit"]
    return _shown(call, api.lineage(volume, call.session, backend=backend, limit=limit))


def _resource(call: Invocation, kinds: tuple[type[Tracked], ...] = resolve.ALL) -> Tracked | None:
    return None if call["resource"] is None else resolve.resolve(call, call["resource"], kinds)


def _filters(call: Invocation) -> dict[str, Any]:
    return call.given(*(option.key for option in lists.filter_options("operations")))


def _shown(call: Invocation, plot: Plot) -> Shown:
    form = call["format"]
    if form is None:
        return plot
    if form == "text":
        echo(plot.text())
        return None
    if form == "mermaid":
        echo(plot.mermaid)
        return None
    return lists.formed(call, plot.frame)


COMMAND = Command(
    "cl_plot",
    "Show a picture: how full the storage is, how long calls take, who did what when, or what came from what. "
    "A terminal shows it as text. The plot has the DataFrame behind it: plot = %cl_plot latency, then plot.frame.",
    (
        Verb(
            "capacity",
            "Show how full the pools of the open backends are. No backend is opened for it.",
            _capacity,
            arguments=(Argument("RESOURCE", "Only this backend.", "backend", optional=True),),
            options=(
                _BACKEND,
                Option("since", "How full they were in this span of time, which ends now: 7d, 12h.", "SPAN", convert=_span),
                Option("history", "How full they were, as far back as is kept: ninety days at most."),
                _format(),
            ),
        ),
        Verb(
            "latency",
            "Show how long the calls of the drivers took, by call, backend and Cinder's release.",
            _latency,
            arguments=(_ANY,),
            options=(_format(),),
            dynamic_options=lambda _words: lists.filter_options("operations"),
        ),
        Verb(
            "timeline",
            "Show what the kernels did when, with failures marked.",
            _timeline,
            arguments=(_ANY,),
            options=(_format(),),
            dynamic_options=lambda _words: lists.filter_options("operations"),
        ),
        Verb(
            "lineage",
            "Show which volumes and snapshots came from which.",
            _lineage,
            arguments=(_ANY,),
            options=(
                _BACKEND,
                Option("limit", "The most volumes and snapshots; 60 if it is left out.", "N", convert=count),
                _format("mermaid"),
            ),
        ),
    ),
    (
        "%cl_plot capacity",
        "%cl_plot capacity --since 7d",
        "%cl_plot latency --backend lvm --started-at '>2026-01-31'",
        "%cl_plot timeline --status failed",
        "%cl_plot lineage db",
        "%cl_plot lineage -f mermaid",
        "frame = %cl_plot latency -f frame",
    ),
    notes=lambda _words: [Part("", notes=("The filters of latency and timeline are those of %cl_history.",))],
    purpose="Look",
    sample="%cl_plot capacity",
    brief="capacity, latency, timeline, lineage",
)
"""The magic."""
