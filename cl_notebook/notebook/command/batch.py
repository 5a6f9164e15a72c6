"""Run a verb on the resources that a line names: one directly, several side by side, with a question and a report."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

from cl_notebook import errors
from cl_notebook.display import values
from cl_notebook.many import names, runner
from cl_notebook.many.report import DONE, Act, Item, Outcome, Report, checked, counted
from cl_notebook.model.base import Tracked
from cl_notebook.notebook.command.command import Option, whole
from cl_notebook.notebook.output.details import Details, SeveralDetails
from cl_notebook.notebook.output.messages import answer, echo
from cl_notebook.notebook.output.progress import silenced
from cl_notebook.text import enumerated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cl_notebook.notebook.command import resolve
    from cl_notebook.notebook.command.command import Invocation

T = TypeVar("T", bound=Tracked)
V = TypeVar("V")

SEVERAL_WORDS = "Also several of them, globs (db-*), terms of the tree's filter (status:error), a frame or list ($df), db-{1..3}."
"""The sentence that the help of an argument ends with if it takes several resources."""

ONE_WORD = "One word may name several: a glob (db-*), a term of the tree's filter, a frame or list ($df), db-{1..3}."
"""The same for an argument of a single word."""


def _from_one_to(most: int, text: str) -> int:
    return whole(text, f"a whole number from 1 to {most}", least=1, most=most)


OPTIONS = (
    Option(
        "jobs",
        f"With several: how many run side by side; {runner.JOBS} by default.",
        "N",
        convert=functools.partial(_from_one_to, runner.MOST_JOBS),
    ),
    Option("background", "Return at once, with a handle: .status, .report, .result(), .cancel(); %cl_wait waits."),
    Option("dry-run", "Show what would be done, and do nothing."),
)
"""The options of a verb that acts on several resources."""

DESTRUCTIVE = (*OPTIONS, Option("yes", "Do not ask, whatever is selected.", short="-y"))
"""The options of one that destroys."""

FORCED_DETACHMENT = "Devices that are in use are taken away, with what was not written yet."
"""What is lost, for the question before several devices are detached by force."""

COUNT = Option(
    "count",
    "How many; with --name NAME they are NAME-1, NAME-2… A range, 'db-{1..10}', counts itself.",
    "N",
    convert=functools.partial(_from_one_to, names.MOST),
)
"""The option of a verb that creates."""


def each(
    call: Invocation,
    act: Act,
    named: resolve.Several[T],
    perform: Callable[[T], Any],
    *,
    destroys: str = "",
    asks_of_one: Callable[[T], bool] = lambda _resource: False,
) -> Any:  # noqa: ANN401 - what perform returns, the resource, or a Report
    """Call *perform* with each resource that a line names.

    Args:
        call: the invocation; its options are those of :data:`OPTIONS`, or :data:`DESTRUCTIVE`.
        act: the verb for messages.
        named: the resources, as :func:`.resolve.several` returns them.
        perform: acts on one, and returns what to report; None reports the resource itself.
        destroys: what is lost, for the question that is asked unless a single plain name was typed; empty asks nothing.
        asks_of_one: whether it is asked of a single resource, too, as more than that is destroyed.

    Returns:
        what is reported for a single plain name, else the report, a list; None if the user answered no.

    Raises:
        Refused: *destroys*, more than a single plain name was typed, and questions cannot be asked.
        PartialFailure: *perform* failed for some.

    """
    items = [Item.of(resource) for resource in named.resources]
    if call["dry_run"]:
        return Report.planned(act, items)
    act_and_return = runner.returning_resource(perform)
    call.session.journal.refuse_if_read_only(act.verb)
    asks = bool(destroys) and (not named.is_one or asks_of_one(named.resources[0]))
    if asks and not agreed(call, act, items, named.resources, destroys):
        return None
    if named.is_one and not call["background"]:
        return act_and_return(named.resources[0])
    return _run(call, act, runner.tasks_on(call.session, act, named.resources, act_and_return))


def in_turn(
    call: Invocation, act: Act, targets: Sequence[tuple[Item, V]], perform: Callable[[V], Any], *, writes: bool = True
) -> Report:
    """Call *perform* with each of the *targets*, in order and in this thread, where it may ask or print; return the report.

    Without *writes* a read-only session allows it.

    Raises:
        PartialFailure: *perform* failed for some.

    """
    if len(targets) == 1:  # it may show its own progress
        ((item, target),) = targets
        return Report(act, [Outcome(item, DONE, result=perform(target))])
    tasks = [runner.Task(item, functools.partial(perform, target)) for item, target in targets]
    return checked(runner.run(call.session, act, tasks, jobs=1, writes=writes))


def in_turn_on(call: Invocation, act: Act, named: resolve.Several[T], perform: Callable[[T], Any]) -> Any:  # noqa: ANN401 - as each
    """Call *perform*, which writes nothing, with each resource that a line names, in order; return what :func:`each` does."""
    act_and_return = runner.returning_resource(perform)
    if named.is_one:
        return act_and_return(named.resources[0])
    return in_turn(call, act, [(Item.of(resource), resource) for resource in named.resources], act_and_return, writes=False)


def details(named: resolve.Several[T]) -> Details | SeveralDetails:
    """Return the fields of the resource with a single plain name, else those of each resource."""
    return Details(named.resources[0]) if named.is_one else SeveralDetails(map(Details, named.resources))


def create(call: Invocation, act: Act, kind: str, typed_names: Sequence[str], perform: Callable[[str], Any]) -> Any:  # noqa: ANN401 - a Report or a Background
    """Call *perform* with each of *typed_names*, which creates a resource of *kind*, and return the report.

    Raises:
        PartialFailure: *perform* failed for some.

    """
    items = [
        Item(kind, name, "", f"{kind} {name!r}" if name else f"{kind} {number}") for number, name in enumerate(typed_names, 1)
    ]
    if call["dry_run"]:
        return Report.planned(act, items)
    tasks = [runner.Task(item, functools.partial(perform, name)) for item, name in zip(items, typed_names, strict=True)]
    return _run(call, act, tasks)


def _run(call: Invocation, act: Act, tasks: Sequence[runner.Task]) -> Report | runner.Background:
    jobs = call["jobs"] or runner.JOBS
    if call["background"]:
        with silenced():  # the cell ends before the act does
            return runner.start(call.session, act, tasks, jobs=jobs)
    return checked(runner.run(call.session, act, tasks, jobs=jobs))


def names_of(named: resolve.Several[T], name: str | None, several: Callable[[str | None, int], list[str]]) -> dict[str, str]:
    """Return a name for what is made of each of the resources, by their ids; *several* makes names of one for several."""
    typed = names.shared(name, 1) if named.is_one else several(name, len(named.resources))
    return {resource.id: new_name for resource, new_name in zip(named.resources, typed, strict=True)}


def agreed(call: Invocation, act: Act, items: Sequence[Item], targets: Sequence[object], destroys: str) -> bool:
    """Return whether the user agrees, or typed ``--yes``; the question names *items*, the sizes of *targets* and what is lost.

    The attribute ``size`` of a target is in GiB; those without it, such as connections, have none.

    Raises:
        Refused: questions cannot be asked.

    """
    if call["yes"]:
        return True
    labels = [item.name or values.short_id(item.id) for item in items]
    sizes = [size for size in (getattr(target, "size", None) for target in targets) if size is not None]
    total = f", {values.size(sum(sizes))}" if sizes else ""
    what = f"{counted(len(items), items)}{total}: {enumerated(labels)}"
    dry_run = ", or --dry-run to see all of them" if "dry_run" in call.values else ""
    agrees = answer(f"{act.verb.capitalize()} {what}? {destroys}")
    if agrees is None:
        msg = f"This would {act.verb} {what}. Questions cannot be asked here: add --yes{dry_run}."
        raise errors.Refused(msg)
    if not agrees:
        echo(f"Nothing was {act.participle}.")
    return agrees
