"""Show how things are on one screen, as ``%cl_status`` and ``cl.status()`` return it: as text and as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from cl_notebook.display import first_steps, markup, report, text, values
from cl_notebook.display.report import Entry, Section, capital, number, wrapped
from cl_notebook.model import lookup
from cl_notebook.notebook.output import overview
from cl_notebook.store.errors import shown_url
from cl_notebook.text import quote_word, sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping
    from types import ModuleType

    import pandas as pd

    from cl_notebook.model import Backend
    from cl_notebook.notebook.output.overview import BackendState, Capacity
    from cl_notebook.session import Session

SHOWN = 8
"""How many backends are shown; those that need attention come first."""

_FAILURES = 3
_NAME = 32
_NO_CAPACITY = "the storage reports no limit"
_NOT_KNOWN = "its statistics are not known: stats() of the backend asks for them"
_KINDS = ("volume", "snapshot", "connection")
_BAR = 16
_SCHEMA = {
    "backend": "string",
    "volume_driver": "string",
    "open": "boolean",
    "total": "float64",
    "free": "float64",
    "volumes": "Int64",
    "size": "Int64",
    "snapshots": "Int64",
    "connections": "Int64",
    "stuck": "Int64",
    "failed": "string",
    "failed_at": "datetime64[ns, UTC]",
}


class Status:
    """How things are: displayed as one screen. ``overview`` has what was read, ``frame`` a row for each backend."""

    def __init__(self, session: Session, backend: Backend | None = None, *, magics: bool = True) -> None:
        """Read how things are on all backends of *session*, or on one *backend*, without opening any.

        Without *magics* an empty store names the ways to begin in Python.

        Raises:
            StoreError: the store cannot be read.

        """
        self.overview = overview.read(session, backend)
        self._magics = magics
        self._store = shown_url(session.store.url)

    @classmethod
    def of(cls, session: Session, backend: Backend | str | None) -> Self:
        """Return how things are on a backend, by name or as the object, or on all.

        Raises:
            InvalidInput: *backend* is neither a name nor a backend.
            NotFound: there is no such backend.
            StoreError: the store cannot be read.

        """
        chosen = None if backend is None else lookup.select_backend(session, backend)
        return cls(session, chosen, magics=first_steps.magics_are_loaded())

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each backend, indexed by its name.

        Columns: ``volume_driver``, ``open``, ``total`` and ``free`` (GiB, if known), ``volumes``, their ``size`` (GiB),
        ``snapshots``, ``connections``, ``stuck`` (how many of these three), ``failed`` (the last error) and ``failed_at`` (UTC).
        """
        from cl_notebook.tabular import typed_frame  # noqa: PLC0415 - pandas is loaded when a frame is made

        failures = {failure.backend: failure for failure in self.overview.failures}
        rows = []
        for state in self.overview.backends:
            failure = failures.get(state.name)
            rows.append(
                (
                    *(state.name, state.volume_driver, state.is_open, *(state.capacity or (None, None))),
                    *(sum(state.counts["volume"].values()), state.size),
                    *(sum(state.counts[kind].values()) for kind in ("snapshot", "connection")),
                    *(state.stuck, failure and failure.error, failure and failure.at),
                )
            )
        return typed_frame(_SCHEMA, rows, "backend")

    def __repr__(self) -> str:
        """Return the screen as text, as wide as the terminal; the frame where that fails."""
        return markup.or_else(self._text, lambda: _tabular().raw_text(self.frame))

    def _text(self) -> str:
        if not self.overview.backends:
            return first_steps.as_text(self._empty(), magics=self._magics)
        width = report.columns()
        lines = [f"Store: {self._store}", *wrapped(self._headline(), width)]
        for state in self._shown():
            lines += ["", *_backend_lines(state, width)]
        if self._hidden():
            lines += ["", self._hidden()]
        lines += report.as_text(self._sections(), width)
        return "\n".join([*lines, *(["", self._all_well()] if self._all_well() else [])])

    def _repr_mimebundle_(self, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
        html = markup.or_else(self._html, lambda: _tabular().raw_html(self.frame))
        return markup.bundle(repr(self), html, include, exclude)

    def _html(self) -> str:
        if not self.overview.backends:
            return markup.card(first_steps.as_html(self._empty(), magics=self._magics))
        names = ("Backend", "State", "Capacity", "Tracked")
        rows = [_backend_cells(state) for state in self._shown()]
        parts = [
            f"<div>Store: {markup.escaped(self._store)}<br>{markup.escaped(self._headline())}</div>",
            markup.table(names, rows, ("", "", "", "clc-words")),
        ]
        if self._hidden():
            parts.append(f"<div>{markup.escaped(self._hidden())}</div>")
        parts.append(report.as_html(self._sections()))
        if self._all_well():
            parts.append(f"<div>{markup.status('ok')}: {markup.escaped(self._all_well())}</div>")
        return markup.card(*parts)

    def _empty(self) -> str:
        return f"No backends yet in {self._store}."

    def _headline(self) -> str:
        states = self.overview.backends
        totals = {kind: sum(sum(state.counts[kind].values()) for state in states) for kind in _KINDS}
        counted = [number(len(states), "backend"), *(number(total, kind) for kind, total in totals.items())]
        size = sum(state.size for state in states)
        counted[1] += f" ({values.size(size)})" if size else ""
        deleted, size = self.overview.trash_count, self.overview.trash_size
        trash = f" In the trash: {number(deleted, 'volume')} ({values.size(size)}), see %cl_trash." if deleted else ""
        return f"{', '.join(counted)}.{trash}"

    def _shown(self) -> list[BackendState]:
        failing = {failure.backend for failure in self.overview.failures}
        running = {entry.backend for entry in self.overview.running}
        states = self.overview.backends
        if len(states) > SHOWN:
            states = tuple(
                sorted(
                    states,
                    key=lambda state: (
                        not state.stuck,
                        state.name not in running,
                        state.name not in failing,
                        not state.is_open,
                    ),
                )
            )
        return sorted(states[:SHOWN], key=lambda state: state.name)

    def _hidden(self) -> str:
        more = len(self.overview.backends) - SHOWN
        return f"And {more:,} more: %cl_backends lists them, %cl_status --backend NAME shows one." if more > 0 else ""

    def _sections(self) -> Iterator[Section]:
        view = self.overview
        if view.running:
            more = view.running_count - len(view.running)
            entries = [
                Entry(
                    "running",
                    f"{entry.action} {entry.label}{_on(entry.backend)}, for {values.ago(entry.started_at).removesuffix(' ago')}"
                    f"{'' if entry.done is None else f', {entry.done:.0%} done'}: {entry.process}.",
                )
                for entry in view.running
            ]
            yield Section(f"Running ({view.running_count:,})", entries, _more(more, "%cl_history --status running"))
        if view.waiting:
            more = view.waiting_count - len(view.waiting)
            entries = [
                Entry(
                    "stuck",
                    f"{entry.action} {entry.label}{_on(entry.backend)} is {entry.status} on the storage; the store could not be "
                    "written, and does not say so yet.",
                    entry.magic,
                )
                for entry in view.waiting
            ]
            yield Section(f"Waiting for the store ({view.waiting_count:,})", entries, f"And {more:,} more." if more > 0 else "")
        stuck = sum(state.stuck for state in view.backends)
        if view.stuck:
            entries = [
                Entry("stuck", f"{capital(entry.label)}{_on(entry.backend)} is {entry.reason}.", entry.magic)
                for entry in view.stuck
            ]
            yield Section(f"Stuck ({stuck:,})", entries, "All at once: %cl_scan repair --all" if stuck > 1 else "")
        if view.failures:
            entries = [
                Entry(
                    failure.status,
                    f"{failure.action} {failure.label}{_on(failure.backend)}, {values.ago(failure.at)}: "
                    f"{failure.error.rstrip('.') or failure.status}.",
                    failure.magic,
                )
                for failure in view.failures[:_FAILURES]
            ]
            more = len(view.failures) - _FAILURES
            yield Section("Failed last", entries, _more(more, "%cl_history --status failed,interrupted"))

    def _all_well(self) -> str:
        view = self.overview
        if view.stuck or view.running or view.waiting:
            return ""
        return "Nothing runs, and nothing is stuck. %cl_scan compares all of it with the storages."


def _tabular() -> ModuleType:
    from cl_notebook import tabular  # noqa: PLC0415 - pandas is loaded when a frame is made

    return tabular


def _more(count: int, magic: str) -> str:
    return f"And {count:,} more: {magic}" if count > 0 else ""


def _on(backend: str) -> str:
    return f" on {text.cut(sanitize(backend), _NAME)}" if backend else ""


def _tracked(state: BackendState, mark: Callable[[str], str]) -> Iterator[str]:
    """Yield for each kind that is tracked how many resources have which status: ``3 volumes: 2 available, 1 in-use``.

    *mark* writes a status, as text or as HTML.
    """
    for kind in _KINDS:
        counts = state.counts[kind]
        if counts:
            parts = ", ".join(f"{count:,} {mark(status)}" for status, count in _common_first(counts))
            yield f"{number(sum(counts.values()), kind)}: {parts}"


def _common_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (values.meaning(item[0]) == "fault", -item[1], item[0]))


def _used(capacity: Capacity) -> str:
    return f"{values.size(capacity.total - capacity.free)} of {values.size(capacity.total)} used"


def _share(capacity: Capacity) -> float:
    return 1 - capacity.free / capacity.total


def _backend_lines(state: BackendState, width: int) -> Iterator[str]:
    name, driver = text.cut(sanitize(state.name), _NAME), _driver(state)
    yield text.cut(f"{values.status('open' if state.is_open else 'closed')}  {name} ({driver})", width)
    if state.capacity is not None:
        yield text.cut(f"    {text.bar(_share(state.capacity), _BAR)} {_used(state.capacity)}", width)
    elif state.is_open:
        yield f"    {_NO_CAPACITY if state.is_known else _NOT_KNOWN}"
    else:
        yield f"    its capacity is known once it is open: %cl_backend open {quote_word(state.name)}"
    for part in list(_tracked(state, values.status)) or ["nothing on it is tracked"]:
        yield from wrapped(part, width, "    ")


def _driver(state: BackendState) -> str:
    return sanitize(state.volume_driver.rpartition(".")[2])


def _backend_cells(state: BackendState) -> tuple[str, ...]:
    if state.capacity is not None:
        share = _share(state.capacity)
        capacity = f"{markup.bar(share, f'{share:.0%} used')}<br>{markup.escaped(_used(state.capacity))}"
    elif state.is_open:
        capacity = markup.escaped(_NO_CAPACITY if state.is_known else _NOT_KNOWN)
    else:
        capacity = markup.command(f"%cl_backend open {quote_word(state.name)}")
    name = text.cut(sanitize(state.name), _NAME)
    driver = f"<small title='{markup.escaped(state.volume_driver)}'>{markup.escaped(_driver(state))}</small>"
    return (
        f"<b title='{markup.escaped(state.name)}'>{markup.escaped(name)}</b><br>{driver}",
        markup.status("open" if state.is_open else "closed"),
        capacity,
        "<br>".join(_tracked(state, markup.status)) or "nothing",
    )
