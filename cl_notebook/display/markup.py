"""Parts of static HTML: escaped text, marks of statuses, tables, bars, foldable parts. None needs a script.

Colours come from the theme of JupyterLab or VS Code, with fallbacks that are readable on both white and black.
"""

from __future__ import annotations

import datetime as dt
import html
from typing import TYPE_CHECKING

from cl_notebook.display import values
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from cl_notebook.display.values import Mark

# JupyterLab's rules for tables and lists in outputs are more specific than a class, hence the !important. The style sheet of the
# live tree applies to the whole page, with classes that begin with cl-; those inside a card begin with clc-.
STYLE = """
.cl-card{font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:var(--jp-ui-font-size1,13px);line-height:1.5;
color:var(--jp-content-font-color1,var(--vscode-foreground,inherit));max-width:100%;overflow-x:auto}
.cl-card code{font-family:var(--jp-code-font-family,ui-monospace,monospace);font-size:inherit;
background:none!important;color:inherit;padding:0!important}
.cl-card table{border-collapse:collapse!important;margin:.2em 0!important;font-size:inherit!important;table-layout:auto!important}
.cl-card th,.cl-card td{text-align:left!important;vertical-align:top!important;padding:.15em 1em .15em 0!important;
border:0!important;background:none!important;white-space:nowrap;max-width:none!important}
.cl-card thead th{font-weight:600;border-bottom:1px solid var(--jp-border-color1,var(--vscode-panel-border,#8888))!important}
.cl-card .clc-num{text-align:right!important}.cl-card .clc-wrap{white-space:normal!important;overflow-wrap:anywhere}
.cl-card .clc-facts tr{background:none!important}
.cl-card .clc-text{white-space:normal!important;overflow-wrap:anywhere;min-width:16em}
.cl-card small,.cl-card .clc-dim{font-size:inherit;
color:var(--jp-content-font-color2,var(--vscode-descriptionForeground,#6b6b6b))}
.cl-card .clc-rest{font-size:0}
.cl-card summary{cursor:pointer}.cl-card summary:focus-visible{outline:2px solid var(--jp-brand-color1,#1976d2)}
.cl-card .clc-good{color:var(--jp-success-color0,#1b5e20)}.cl-card .clc-bad{color:var(--jp-error-color0,#b71c1c);font-weight:600}
.cl-card .clc-busy{color:var(--jp-warn-color0,#b35900)}.cl-card .clc-use{color:var(--jp-info-color0,#0d5b94)}
[data-jp-theme-light=false] .cl-card .clc-good{color:#81c784}[data-jp-theme-light=false] .cl-card .clc-bad{color:#ef9a9a}
[data-jp-theme-light=false] .cl-card .clc-busy{color:#ffb74d}[data-jp-theme-light=false] .cl-card .clc-use{color:#64b5f6}
.cl-card .clc-words{white-space:normal!important}.cl-card .clc-words>span{white-space:nowrap}
.cl-card .clc-title{font-weight:600;margin-top:.6em}.cl-card .clc-entries{padding-left:1.4em;overflow-wrap:anywhere}
.cl-card .clc-entries>div{text-indent:-1.4em;padding-left:1.4em}
.cl-card .clc-line{user-select:all;white-space:pre-wrap!important;overflow-wrap:anywhere}
.cl-card .clc-bar{display:inline-block;width:8em;height:.7em;vertical-align:baseline;border-radius:2px;overflow:hidden;
border:1px solid var(--jp-border-color1,#8888)}
.cl-card .clc-bar>i{display:block;height:100%;background:var(--jp-brand-color1,#1976d2)}
"""


def escaped(text: object) -> str:
    """Return *text* escaped for HTML and without control characters, as it may come from a hostile array."""
    return html.escape(sanitize(text), quote=True)


def card(*parts: str) -> str:
    """Return *parts*, which are HTML, as one element in the style of this module."""
    return f"<div class='cl-card'><style>{STYLE}</style>{''.join(parts)}</div>"


def fold(summary: str, *parts: str, is_open: bool = False) -> str:
    """Return *parts* below a *summary* that opens and closes them, without a script; all are HTML."""
    return f"<details{' open' if is_open else ''}><summary>{summary}</summary>{''.join(parts)}</details>"


def short_id(resource_id: str, length: int = values.SHORT_ID) -> str:
    """Return the first *length* characters of an id; the whole one is shown on hover, and is what a selection copies."""
    rest = f"<span class='clc-rest'>{escaped(resource_id[length:])}</span>" if resource_id[length:] else ""
    return f"<code title='{escaped(resource_id)}'>{escaped(values.short_id(resource_id, length))}{rest}</code>"


def moment(value: dt.datetime, now: dt.datetime | None = None) -> str:
    """Return an aware time in the time zone of this machine, with how long ago it was; in UTC on hover."""
    utc = f"{value.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
    passed = f"<small>{escaped(values.ago(value, now))}</small>"
    return f"<time datetime='{value.isoformat()}' title='{utc}'>{values.local_time(value)}</time> {passed}"


def status(value: str, mark: Mark | None = None) -> str:
    """Return a status in its colour, with its sign, so that it can be told apart without colours."""
    sign, tone = mark or values.mark(value)
    return f"<span class='clc-{tone}'><span aria-hidden='true'>{sign}</span> {escaped(value)}</span>"


def command(line: str) -> str:
    """Return a line of magic or Python, plain text, as one that is selected as a whole by a click, ready to be copied."""
    return f"<code class='clc-line'>{escaped(line)}</code>"


def sign(value: str) -> str:
    """Return the sign of a status in its colour; the status itself is its tooltip, and read out."""
    mark = values.mark(value)
    return f"<span class='clc-{mark.tone}' role='img' aria-label='{escaped(value)}' title='{escaped(value)}'>{mark.sign}</span>"


def bar(share: float, label: str) -> str:
    """Return a bar that is filled to *share*, a number from 0 to 1, with *label*, plain text, for readers who cannot see it."""
    percent = min(100.0, max(0.0, share * 100))
    return f"<span class='clc-bar' role='img' aria-label='{escaped(label)}'><i style='width:{percent:.0f}%'></i></span>"


def table(names: Sequence[str], rows: Iterable[Sequence[str]], classes: Sequence[str] = ()) -> str:
    """Return a table: headings *names* are plain text, cells are HTML; classes are those of the columns.

    Without *names* there are no headings; then *classes* has one, perhaps empty, for each column.
    """
    of_column = [*classes, *[""] * (len(names) - len(classes))]
    head = "".join(
        f"<th scope='col'{_class(name)}>{escaped(title)}</th>" for title, name in zip(names, of_column, strict=bool(names))
    )
    body = "".join(
        "<tr>" + "".join(f"<td{_class(name)}>{cell}</td>" for cell, name in zip(row, of_column, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if names else ''}<tbody>{body}</tbody></table>"


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a table of names, plain text, and their values, which are HTML."""
    rows = "".join(f"<tr><th scope='row'>{escaped(name)}</th><td class='clc-wrap'>{value}</td></tr>" for name, value in pairs)
    return f"<table class='clc-facts'><tbody>{rows}</tbody></table>"


def bundle(
    text: str, markup: str, include: Container[str] | None = None, exclude: Container[str] | None = None
) -> dict[str, str]:
    """Return the MIME bundle of *text* and HTML for ``_repr_mimebundle_``, with what *include* and *exclude* ask for."""
    return requested({"text/plain": text, "text/html": markup}, include, exclude)


def or_else(write: Callable[[], str], otherwise: Callable[[], str]) -> str:
    """Return what *write* returns, or, where that fails, *otherwise*: a display never ends in a traceback."""
    try:
        return write()
    except Exception:  # noqa: BLE001 - whatever a storage or a store holds
        return otherwise()


def requested(
    formats: Mapping[str, str], include: Container[str] | None = None, exclude: Container[str] | None = None
) -> dict[str, str]:
    """Return those of *formats*, by MIME type, that *include* and *exclude* of ``_repr_mimebundle_`` ask for."""
    return {
        kind: data
        for kind, data in formats.items()
        if (include is None or kind in include) and (exclude is None or kind not in exclude)
    }


def _class(name: str) -> str:
    return f" class='{name}'" if name else ""
