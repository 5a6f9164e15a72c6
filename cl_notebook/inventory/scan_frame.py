"""The result of a scan as a DataFrame, which is shown as a report: counts first, then what differs, each with what to type."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cl_notebook.display import markup, report, text, values
from cl_notebook.display.report import Entry, Section
from cl_notebook.inventory.verdicts import KINDS, OK, URGENCY, VERDICTS, Finding, is_repairable
from cl_notebook.tabular import Frame, typed_frame
from cl_notebook.text import quote_word, sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd

    from cl_notebook.display.listing import Look

SHOWN = 4
"""How many findings of each verdict are shown."""

_BRIEF = 8
"""Characters of an id that a line of magic has: with the whole of it, a list in a terminal would have room for little else."""

_LABEL = 48

_SCHEMA = dict.fromkeys(Finding._fields, "string") | {
    "verdict": VERDICTS,
    "kind": KINDS,
    "backend": "category",
    "size": "Int64",
    "size_on_storage": "Int64",
    "status": "category",
}


class ScanFrame(Frame):
    """The result of a scan: a DataFrame like any other, shown as a report. What is made of it is shown as a list."""

    @property
    def _constructor(self) -> Callable[..., Frame]:
        return Frame

    def _written(self, look: Look, *, html: bool) -> str:
        del look  # an empty report says so itself
        return _html(Frame(self)) if html else _text(Frame(self))


def frame(findings: Sequence[Finding]) -> ScanFrame:
    """Return *findings* as a frame, those that are not ok first, with unprintable characters of names escaped."""
    beginnings = Counter(name[:_BRIEF] for name in {name for finding in findings for name in (finding.id, finding.name) if name})
    ordered = sorted(findings, key=lambda finding: finding.verdict == OK)
    return reported(typed_frame(_SCHEMA, (_row(_briefly(finding, beginnings)) for finding in ordered)))


def reported(findings: pd.DataFrame) -> ScanFrame:
    """Return *findings*, rows of a scan, as a frame that is shown as a report."""
    return ScanFrame(findings).listed("findings", "There is nothing to compare: nothing is tracked.")


def listed(findings: pd.DataFrame) -> Frame:
    """Return *findings*, rows of a scan, as a frame that is shown as a list with all its rows."""
    return Frame(findings).listed("findings", "There is nothing that a scan compares.")


def _row(finding: Finding) -> tuple[object, ...]:
    return tuple(
        sanitize(value) if _SCHEMA[name] == "string" and value is not None else value for name, value in finding._asdict().items()
    )


def _briefly(finding: Finding, beginnings: Counter[str]) -> Finding:
    """Return the finding with the beginning of its id in the line to type, where nothing else is called so."""
    if finding.next is None or finding.id is None or not values.is_uuid(finding.id) or beginnings[finding.id[:_BRIEF]] > 1:
        return finding
    return finding._replace(next=finding.next.replace(f" {finding.id}", f" {finding.id[:_BRIEF]}"))


def _text(findings: Frame) -> str:
    width = report.columns()
    notes = [line for note in _notes(findings) for line in report.wrapped(note, width)]
    return "\n".join([*report.wrapped(_headline(findings), width), *report.as_text(_sections(findings), width), "", *notes])


def _html(findings: Frame) -> str:
    counts = _counts(findings)
    head = ", ".join(f"{count:,} {markup.status(verdict)}" for verdict, count in counts) or "nothing is tracked"
    notes = "".join(f"<div>{markup.escaped(note)}</div>" for note in _notes(findings))
    title = f"<div>Compared with the storages: {head}.</div>"
    return markup.card(title, report.as_html(_sections(findings)), f"<div>{notes}</div>")


def _counts(findings: pd.DataFrame) -> list[tuple[str, int]]:
    counted = findings["verdict"].value_counts()
    return [(verdict, int(counted[verdict])) for verdict in (*URGENCY, OK) if counted.get(verdict, 0)]


def _headline(findings: pd.DataFrame) -> str:
    counted = ", ".join(f"{count:,} {values.status(verdict)}" for verdict, count in _counts(findings))
    return f"Compared with the storages: {counted or 'nothing is tracked'}."


def _sections(findings: pd.DataFrame) -> Iterator[Section]:
    for verdict, count in _counts(findings):
        if verdict == OK:
            continue
        rows = findings[findings["verdict"] == verdict].iloc[:SHOWN]
        plain = rows.astype(object).where(rows.notna(), None).to_dict("records")
        entries = [_entry(Finding(**{name: row[name] for name in Finding._fields})) for row in plain]
        more = f"And {count - len(rows):,} more: %cl_scan --verdict {quote_word(verdict)} --all" if count > len(rows) else ""
        yield Section(f"{report.capital(verdict)} ({count:,})", entries, more)


def _entry(finding: Finding) -> Entry:
    sentence = (finding.detail or "").rstrip(".")
    return Entry(finding.verdict, f"{_label(finding)}: {sentence or finding.verdict}.", finding.next or "")


def _label(finding: Finding) -> str:
    name = text.cut(finding.name or finding.name_in_storage or "", _LABEL)
    kind = report.capital(finding.kind)
    if finding.kind == "device":
        return f"{kind} {finding.device or ''} of {finding.backend}".strip()
    if finding.kind == "backend":
        return f"{kind} {finding.backend}"
    if finding.kind == "connection":
        return f"{kind} of volume '{name or '?'}' on {finding.backend}"
    identity = f"'{name}'" if name else (finding.id or "")[:_BRIEF]
    return f"{kind} {identity} on {finding.backend}" if identity else f"{kind}s on {finding.backend}"


def _notes(findings: pd.DataFrame) -> Iterator[str]:
    """Yield what can be done about several findings at once, and what the report leaves out."""
    pairs = findings.groupby(["verdict", "kind"], observed=True).size().reset_index(name="count").to_dict("records")
    repairable = sum(pair["count"] for pair in pairs if is_repairable(pair["verdict"], pair["kind"]))
    ok = sum(count for verdict, count in _counts(findings) if verdict == OK)
    if repairable > 1:
        yield f"{repairable:,} of these can be repaired at once: %cl_scan repair --all"
    if ok and ok == len(findings):
        yield "All of it is as it is tracked. %cl_scan --all lists it."
    elif ok:
        yield f"Not shown: {ok:,} ok. %cl_scan --all lists them."
