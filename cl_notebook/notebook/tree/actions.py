"""Acts of the tree: which make sense for a resource now, the line of magic of each, and how a line is run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cl_notebook import demo_store, errors
from cl_notebook.display import first_steps
from cl_notebook.display.values import is_empty, shown
from cl_notebook.drivers import options
from cl_notebook.many import report
from cl_notebook.notebook.command.command import Invocation
from cl_notebook.notebook.command.magic import one_line
from cl_notebook.notebook.command.parser import parse
from cl_notebook.notebook.magics import backend
from cl_notebook.notebook.output.details import Details
from cl_notebook.notebook.output.progress import silenced
from cl_notebook.notebook.tree import command_lines, selection
from cl_notebook.notebook.tree.available_actions import offers, offers_of_several
from cl_notebook.notebook.tree.selection import refuse_if_closed
from cl_notebook.text import enumerated, sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.session import Session

__all__ = ["Outcome", "for_a_cell", "line", "lines", "offers", "offers_of_several", "run", "wrong_value"]

_DONE = "done"
_A_MAGIC = "cl_volume"
_DEMO, _FOLDER = 0, 1  # the first steps that need nothing to be filled in
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an act on ``count`` resources: a line about it, the ids of what was made, and the variable that was bound.

    ``output`` is what the line shows in a cell, as text of several lines, if that is what it is for.
    """

    text: str
    ids: tuple[str, ...] = ()
    variable: str | None = None
    count: int = 1
    output: str = ""


def line(session: Session, act: str, ids: Sequence[str], values: Mapping[str, object]) -> str:
    """Return the line of magic that does *act* to the resources with these *ids*; lines, where one is not enough.

    Raises:
        InvalidInput: it is no act, not one for these resources, or a value is wrong.
        NotFound: a resource is gone.
        Refused: the session is closed.

    """
    return "\n".join(line.text for line in lines(session, act, ids, values))


def lines(session: Session, act: str, ids: Sequence[str], values: Mapping[str, object]) -> list[command_lines.Line]:
    """Return the parsed lines of :func:`line`, for :func:`run`.

    Raises:
        InvalidInput, NotFound, Refused: as for :func:`line`.

    """
    refuse_if_closed(session)
    return command_lines.lines(session, act, ids, values)


def for_a_cell(shell: InteractiveShell | None, line: str) -> str:
    """Return *line* as a cell of *shell* takes it: where the magics are not loaded, with the line before it that loads them."""
    if shell is None or not line.startswith("%") or _A_MAGIC in shell.magics_manager.magics["line"]:
        return line
    return f"%load_ext cl_notebook\n{line}"


def wrong_value(error: errors.Error, names: Collection[str]) -> str:
    """Return which of these *names* of values *error* is about; an empty text if that is not known.

    It is the option that the error names itself, or the only one that a driver's text has.
    """
    if getattr(error, "option", "") in names:
        return str(getattr(error, "option", ""))
    words = set(_WORD.findall(str(error).replace("--", "").replace("-", "_")))
    named = [name for name in names if "_" in name and name in words]
    return named[0] if len(named) == 1 else ""


def run(session: Session, shell: InteractiveShell | None, lines: Sequence[command_lines.Line]) -> Outcome:
    """Run the *lines* of one act, as the magics do, in *session*; nothing is printed, and no progress shown.

    It may be called in any thread. All lines are run, also after one that fails. Where a line in a cell would ask for a secret,
    its ``secrets`` are the answers.

    Raises:
        Error: what the magic raises; its text is one line.
        PartialFailure: some of several lines failed; the others are done.

    """
    try:
        refuse_if_closed(session)
        with silenced():
            return _together(_outcomes(session, shell, lines))
    except errors.Error as error:
        error.args = (one_line(error),)
        raise


def begin(
    session: Session,
    shell: InteractiveShell | None,
    number: int,
    show: Callable[[Session], list[Callable[[], object]]],
) -> Outcome:
    """Run the line of one of the first steps, by its *number*: the demo, which *show* shows, or a backend of files.

    Raises:
        Error: what the magic raises; its text is one line.
        InvalidInput: the line of this number is an example, to be edited first.

    """
    try:
        refuse_if_closed(session)
        with silenced():
            if number == _DEMO:
                demo_store.start(show)
                return Outcome(f"This is a demo, in a throw-away store. {demo_store.END} removes it.")
            if number != _FOLDER:
                msg = f"There is no first step {number} that can be run as it is."
                raise errors.InvalidInput(msg)
            words = first_steps.FIRST_STEPS[number].magic.partition(" ")[2]
            parsed = parse(backend.COMMAND, words, {})
            added = parsed.verb.run(Invocation(shell, {}, parsed.values, session))  # type: ignore[union-attr,arg-type] # our own line
            return Outcome(_sentence("added", added), (added.id,))
    except errors.Error as error:
        error.args = (one_line(error),)
        raise


def _outcomes(session: Session, shell: InteractiveShell | None, lines: Sequence[command_lines.Line]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    failures: list[tuple[str, errors.Error]] = []
    total = 0
    for line in lines:
        try:
            outcome = _run(session, shell, line)
        except errors.Error as error:
            if len(lines) == 1:
                raise
            parts = (error.total, error.failures) if isinstance(error, errors.PartialFailure) else (1, [(line.text, error)])
            total += parts[0]
            failures += parts[1]
        else:
            outcomes.append(outcome)
            total += outcome.count
    if failures:
        raise report.partial_failure(_DONE, total, failures)
    return outcomes


def _run(session: Session, shell: InteractiveShell | None, line: command_lines.Line) -> Outcome:
    parsed = line.parsed
    if parsed is None:
        return _refresh(session, line.refreshed)
    verb = parsed.verb
    outcome_of = _OUTCOME_BY_VERB.get((line.command, verb.name)) if verb is not None else None
    if verb is None or outcome_of is None:
        msg = f"{line.text!r} is no act of the tree."
        raise errors.InvalidInput(msg)
    variable = parsed.values.get("variable")
    if shell is None and variable is not None:
        msg = "There is no IPython shell here that a variable could be bound in."
        raise errors.Refused(msg)
    namespace = dict(shell.user_ns) if shell is not None else {}
    values = parsed.values | {name: secret for name, secret in line.secrets.items() if name in parsed.values}
    call = Invocation(shell, namespace, values, session)  # type: ignore[arg-type] # only binding asks for the shell
    with options.answered(line.secrets):
        return outcome_of(verb.run(call), variable)


def _refresh(session: Session, ids: Sequence[str]) -> Outcome:
    known = {resource.id: resource for resource in selection.objects(session, ids)}
    resources = [known.get(resource_id) or session.find(resource_id) for resource_id in ids]
    for resource in resources:
        resource.refresh()
    return Outcome(_sentence("up to date", resources))


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    if len(outcomes) == 1:
        return outcomes[0]
    ids = tuple(resource_id for outcome in outcomes for resource_id in outcome.ids)
    return Outcome(report.listed([outcome.text for outcome in outcomes]), ids)


def _sentence(what: str, value: Any) -> str:  # noqa: ANN401 - one resource or several
    resources = value if isinstance(value, list) else [value]
    return sanitize(f"{enumerated([resource.label() for resource in resources])}: {what}")


def _created(value: Any, _variable: str | None) -> Outcome:  # noqa: ANN401 - what the verb gives
    created = value if isinstance(value, list) else [value]
    what = f"{created[0].size} GiB, {created[0].status}" if len({(each.size, each.status) for each in created}) == 1 else "made"
    return Outcome(_sentence(f"made, {what}", value), tuple(each.id for each in created), count=len(created))


def _attached(value: Any, _variable: str | None) -> Outcome:  # noqa: ANN401 - as above
    if isinstance(value, list):
        return Outcome(_sentence("attached", value), tuple(each.id for each in value), count=len(value))
    return Outcome(_sentence(f"attached as {value.path}", value), (value.id,))


def _extended(value: Any, _variable: str | None) -> Outcome:  # noqa: ANN401 - as above
    sizes = sorted({each.size for each in value}) if isinstance(value, list) else [value.size]
    return Outcome(_sentence(f"{enumerated([f'{size} GiB' for size in sizes])} now", value), count=_count(value))


def _count(value: Any) -> int:  # noqa: ANN401 - as above
    return len(value) if isinstance(value, list) else 1


def _changed(what: str) -> Callable[[Any, str | None], Outcome]:
    return lambda value, _variable: Outcome(_sentence(what, value), count=_count(value))


def _added(value: Any, _variable: str | None) -> Outcome:  # noqa: ANN401 - as above
    if isinstance(value, Details):
        return Outcome(sanitize(f"Backend {value['name']!r} opens with these options. It was not added."))
    return Outcome(_sentence("added, and open", value), (value.id,))


def _pools(value: Any, _variable: str | None) -> Outcome:  # noqa: ANN401 - as above
    width = max(map(len, value.columns))
    titles = [" ".join(dict.fromkeys(key)) if isinstance(key, tuple) else key for key in value.index]
    blocks = [[title, *_stated(row[1:], value.columns, width)] for title, row in zip(titles, value.itertuples(), strict=True)]
    output = "\n\n".join("\n".join(map(sanitize, block)) for block in blocks)
    return Outcome(f"{len(value)} pool{'' if len(value) == 1 else 's'}", output=output)


def _stated(cells: Sequence[Any], names: Sequence[str], width: int) -> list[str]:
    return [f"  {name:<{width}}  {shown(cell)}" for name, cell in zip(names, cells, strict=True) if not is_empty(cell)]


def _scanned(value: Any, _variable: str | None) -> Outcome:  # noqa: ANN401 - as above
    headline, _, rest = repr(value).partition("\n")
    return Outcome(sanitize(headline), output=rest.strip("\n"))


def _logged(value: Any, _variable: str | None) -> Outcome:  # noqa: ANN401 - as above
    rows = value.reset_index().to_dict("records")
    lines = [sanitize(f"{row['at']:%H:%M:%S} {row['level']} {row['text']}") for row in rows]
    return Outcome(f"The last {len(lines)} lines, in UTC" if lines else "No lines were logged", output="\n".join(lines))


def _deleted(value: Any, _variable: str | None) -> Outcome:  # noqa: ANN401 - a volume, or a report of several
    volumes = value if isinstance(value, list) else [value]
    in_trash = all(volume.in_trash_until is not None for volume in volumes)
    return _changed("in the trash, %cl_undo NAME brings it back" if in_trash else "deleted")(value, None)


_OUTCOME_BY_VERB: Mapping[tuple[str, str], Callable[[Any, str | None], Outcome]] = {
    ("cl_find", ""): lambda value, variable: Outcome(sanitize(f"{variable} = {value!r}"), (), variable),
    ("cl_backend", "add"): _added,
    ("cl_backend", "open"): _changed("open"),
    ("cl_backend", "close"): _changed("closed; everything stays tracked"),
    ("cl_backend", "stats"): _pools,
    ("cl_backend", "forget"): _changed("not tracked any more"),
    ("cl_scan", "show"): _scanned,
    ("cl_log", ""): _logged,
    ("cl_volume", "create"): _created,
    ("cl_volume", "snapshot"): _created,
    ("cl_volume", "clone"): _created,
    ("cl_snapshot", "create-volume"): _created,
    ("cl_volume", "extend"): _extended,
    ("cl_volume", "attach"): _attached,
    ("cl_volume", "detach"): _changed("detached from this host"),
    ("cl_volume", "rename"): _changed("renamed"),
    ("cl_volume", "set"): _changed("set"),
    ("cl_volume", "unset"): _changed("unset"),
    ("cl_volume", "retype"): _changed("retyped"),
    ("cl_volume", "delete"): _deleted,
    ("cl_snapshot", "revert"): _changed("holds the bytes of the snapshot again"),
    ("cl_snapshot", "rename"): _changed("renamed"),
    ("cl_snapshot", "set"): _changed("set"),
    ("cl_snapshot", "unset"): _changed("unset"),
    ("cl_snapshot", "delete"): _changed("deleted"),
    ("cl_connection", "attach"): _attached,
    ("cl_connection", "detach"): _changed("detached from this host"),
    ("cl_connection", "disconnect"): _changed("disconnected, and forgotten"),
}
"""(magic, verb) -> the outcome, made from the value that the verb returns. No other line is run."""
