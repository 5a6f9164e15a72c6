"""The report of an act on many resources: a list of what came of it, shown as a table with an outcome for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from cl_notebook import errors
from cl_notebook.display import markup, text, values
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    import pandas as pd

    from cl_notebook.model.base import Tracked

SHOWN = 20
"""The most outcomes that a report shows; its frame has all."""

LISTED = 3
"""The most failures, outcomes or resources that a message lists."""

DONE, FAILED, RUNNING, NOT_BEGUN, PLANNED = "done", "failed", "running", "not begun", "planned"

_MARKS = {
    DONE: values.MARKS["ok"],
    FAILED: values.MARKS["fault"],
    RUNNING: values.MARKS["busy"],
    NOT_BEGUN: values.MARKS["idle"],
    PLANNED: values.MARKS["idle"],
}
_ORDER = (FAILED, RUNNING, NOT_BEGUN, PLANNED, DONE)
_LONGEST = 200


class Act(NamedTuple):
    """An act for messages: its verb (``delete``) and the past participle (``deleted``)."""

    verb: str
    participle: str


@dataclass(frozen=True, slots=True)
class Item:
    """One resource of an act, as it was before: a deleted resource has no label. ``id`` is empty before it is created."""

    kind: str
    name: str
    id: str
    label: str

    @classmethod
    def of(cls, resource: Tracked) -> Item:
        """Describe *resource* as it is now."""
        return cls(resource.kind, str(getattr(resource, "name", "") or ""), resource.id, resource.label())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one item: :data:`DONE`, :data:`FAILED`…, after how many seconds, with its result or its error."""

    item: Item
    outcome: str
    seconds: float | None = None
    result: Any = None
    error: BaseException | None = None

    @property
    def id(self) -> str:
        """The id of the resource, also of one that was created."""
        return self.item.id or str(getattr(self.result, "id", ""))

    @property
    def reason(self) -> str:
        """The error as one line, empty without one."""
        return "" if self.error is None else errors.one_line(self.error)


class Report(list[Any]):
    """The resources that an act came to its end on, as a list; ``frame`` and ``outcomes`` have the others, too."""

    def __init__(self, act: Act, outcomes: Sequence[Outcome], seconds: float = 0.0) -> None:
        """Report *outcomes*, in the order in which the resources were named; *seconds* is how long all of them took."""
        super().__init__(outcome.result for outcome in outcomes if outcome.outcome == DONE and outcome.result is not None)
        self.act = act
        self.outcomes = tuple(outcomes)
        self.seconds = seconds

    @classmethod
    def planned(cls, act: Act, items: Iterable[Item]) -> Report:
        """Return the report of an act that is only planned: nothing was done."""
        return cls(act, [Outcome(item, PLANNED) for item in items])

    def having(self, outcome: str) -> list[Outcome]:
        """Return the outcomes of that kind."""
        return [candidate for candidate in self.outcomes if candidate.outcome == outcome]

    @property
    def frame(self) -> pd.DataFrame:
        """The outcomes as a DataFrame: ``kind``, ``name``, ``id``, ``outcome``, ``seconds`` and ``error``, a row each."""
        import pandas as pd  # noqa: PLC0415 - pandas is loaded when a frame is made

        from cl_notebook.tabular import typed_frame  # noqa: PLC0415 - as above

        schema = {
            "kind": "string",
            "name": "string",
            "id": "string",
            "outcome": (DONE, FAILED, RUNNING, NOT_BEGUN, PLANNED),
            "seconds": pd.Float64Dtype(),
            "error": "string",
        }
        rows = [
            (outcome.item.kind, outcome.item.name, outcome.id, outcome.outcome, outcome.seconds, outcome.reason or None)
            for outcome in self.outcomes
        ]
        return typed_frame(schema, rows)

    @property
    def summary(self) -> str:
        """One sentence that counts the outcomes."""
        count = counted(len(self.outcomes), [outcome.item for outcome in self.outcomes])
        if self.having(PLANNED):
            return f"This would {self.act.verb} {count}; nothing was done."
        failed = len(self.having(FAILED))
        tail = f", {failed} failed" if failed else ""
        return f"{len(self.having(DONE))} of {count} {self.act.participle}{tail}, in {values.duration(self.seconds)}."

    def __repr__(self) -> str:
        """Return the summary, and a table of the first outcomes: those that failed before the others."""
        shown = self._shown()
        columns = self._columns(shown)
        rows = [[_MARKS[outcome.outcome].sign, *(sanitize(column(outcome)) for column in columns.values())] for outcome in shown]
        lines = text.table(["", *columns], rows, [False, *(name == "time" for name in columns)])
        width = text.terminal_width()
        return "\n".join([self.summary, *(text.cut(line, width) for line in lines), *self._more()])

    def _repr_mimebundle_(self, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
        shown = self._shown()
        columns = self._columns(shown)
        rows = [
            [
                markup.status(outcome.outcome, _MARKS[outcome.outcome]),
                *(_cell(name, outcome, column) for name, column in columns.items()),
            ]
            for outcome in shown
        ]
        table = markup.table(["outcome", *columns], rows, ["", *(_CLASSES.get(name, "") for name in columns)])
        more = "".join(f"<small>{markup.escaped(line)}</small>" for line in self._more())
        page = markup.card(f"<div>{markup.escaped(self.summary)}</div>", table, more)
        return markup.bundle(repr(self), page, include, exclude)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ANN401, FBT001 - as IPython calls it
        del cycle
        printer.text(repr(self))

    def _shown(self) -> list[Outcome]:
        return sorted(self.outcomes, key=lambda outcome: _ORDER.index(outcome.outcome))[:SHOWN]

    @staticmethod
    def _columns(shown: Sequence[Outcome]) -> dict[str, Callable[[Outcome], str]]:
        """Return the columns that say something, with what gives their text."""
        return {name: column for name, column in _COLUMNS.items() if name == "name" or any(map(column, shown))}

    def _more(self) -> list[str]:
        hidden = len(self.outcomes) - SHOWN
        return [f"{hidden:,} more: .frame has all."] if hidden > 0 else []

    def failure(self) -> errors.Error | None:
        """Return the error to raise for the items that failed: the only item's own, else a PartialFailure; None without any."""
        failures = [
            (outcome.item.label, outcome.error) for outcome in self.having(FAILED) if isinstance(outcome.error, errors.Error)
        ]
        if not failures:
            return None
        if len(self.outcomes) == 1:
            return failures[0][1]
        return partial_failure(self.act.participle, len(self.outcomes), failures, self)


def checked(report: Report) -> Report:
    """Return *report*, or raise the error for the items that failed; see :meth:`Report.failure`."""
    failure = report.failure()
    if failure is not None:
        raise failure
    return report


def partial_failure(
    participle: str, total: int, failures: Sequence[tuple[str, errors.Error]], report: Report | None = None
) -> errors.PartialFailure:
    """Return the error for an act on *total* resources with these failures, as pairs of label and error."""
    reasons = listed([_labelled(label, errors.one_line(error)) for label, error in failures])
    return errors.PartialFailure(f"{len(failures)} of {total} were not {participle}. {reasons}", failures, total, report)


def listed(texts: Sequence[str]) -> str:
    """Join *texts* for a message; list at most :data:`LISTED`, and count the others."""
    more = f"; and {len(texts) - LISTED} more" if len(texts) > LISTED else ""
    return "; ".join(texts[:LISTED]) + more


def counted(number: int, items: Iterable[Item]) -> str:
    """Return *number* with the noun of the *items*: ``3 volumes``."""
    kinds = {item.kind for item in items}
    noun = kinds.pop() if len(kinds) == 1 else "resource"
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _labelled(label: str, reason: str) -> str:
    return reason if label in reason else f"{label}: {reason}"


def _cell(name: str, outcome: Outcome, column: Callable[[Outcome], str]) -> str:
    return markup.short_id(outcome.id) if name == "id" and outcome.id else markup.escaped(column(outcome))


def _cut(reason: str) -> str:
    return reason if len(reason) <= _LONGEST else f"{reason[: _LONGEST - 1]}{text.CUT}"


_COLUMNS: Mapping[str, Callable[[Outcome], str]] = {
    "name": lambda outcome: outcome.item.name,
    "id": lambda outcome: values.short_id(outcome.id),
    "time": lambda outcome: "" if outcome.seconds is None else values.duration(outcome.seconds),
    "error": lambda outcome: _cut(outcome.reason),
}
_CLASSES = {"time": "clc-num", "error": "clc-wrap"}
