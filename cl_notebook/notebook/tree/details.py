"""Collect the contents of the tree's details pane: those of one resource, and the form of a new backend."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.display.values import shown
from cl_notebook.drivers import registry
from cl_notebook.drivers.options import secret_variable
from cl_notebook.model import Backend, facts
from cl_notebook.notebook.magics.drivers import OURS
from cl_notebook.notebook.output.details import Details
from cl_notebook.notebook.tree import command_lines, selection
from cl_notebook.notebook.tree.actions import for_a_cell, offers
from cl_notebook.notebook.tree.available_actions import Action, Field
from cl_notebook.text import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.drivers.api import Option
    from cl_notebook.model.base import Tracked
    from cl_notebook.session import Session

LISTED = 50
"""Largest number of snapshots, and of connections, that are listed."""

HISTORY = 20
"""Largest number of operations that are listed, newest first."""

_OFFERED = 50
"""The most drivers that are listed."""

_DRIVER = "Options of the driver"
_SHARED = "Options that all such drivers take"
_LISTS = frozenset({"list", "dict", "Sections"})


def details(session: Session, shell: InteractiveShell | None, resource: Tracked) -> dict[str, Any]:
    """Return the payload of the details pane: fields, snapshots, connections, history and available actions of *resource*.

    Raises:
        NotFound: the resource is no longer tracked.

    """
    if resource.is_tracked:
        resource.refresh(keep_edits=True)
    if not resource.is_tracked:
        msg = f"This {resource.kind} is not tracked any more: it was deleted, or its session was closed."
        raise errors.NotFound(msg)

    names = selection.unique_names(session, shell, [resource.id])
    with session.store.reading() as reading:  # closed before the rest reads: a store in memory has only one connection
        stored = {**_belonging(reading, resource), "history": _history(reading, resource)}
    return {
        "id": resource.id,
        "kind": resource.kind,
        "title": f"{resource.kind} {getattr(resource, 'name', '') or resource.id[:8]}",
        "status": _status(resource),
        "fields": [[name, shown(value)] for name, value in Details(resource).items()],
        **stored,
        "variable": selection.free_name(shell, resource),
        "held": selection.holding(shell, resource),
        "acts": [
            act | {"line": for_a_cell(shell, selection.with_names(act["line"], names))}
            for act in offers(session, shell, resource)
        ],
    }


def _status(resource: Any) -> str:  # noqa: ANN401 - a resource of any kind
    if resource.kind == "backend":
        return "open" if resource.is_open else "closed"
    return str(resource.status)


def _belonging(reading: sa.Connection, resource: Tracked) -> dict[str, Any]:
    readers = {"snapshots": facts.snapshots, "connections": facts.connections}
    has_any = resource.kind == "volume"
    listings = {name: read(reading, resource.id, LISTED) if has_any else facts.Listing([], 0) for name, read in readers.items()}
    listed = {
        name: [{"id": row.id, "name": row.name or "", "status": row.status} for row in listing.rows]
        for name, listing in listings.items()
    }
    return listed | {f"more_{name}": listing.total - len(listing.rows) for name, listing in listings.items()}


def _history(reading: sa.Connection, resource: Tracked) -> list[dict[str, Any]]:
    return [
        {
            "at": event.started_at.timestamp(),
            "action": event.action,
            "status": event.status,
            "duration": event.duration,
            "error": event.error,
            "who": event.who,
        }
        for event in facts.history(reading, resource.id, HISTORY)
    ]


def drivers(text: str, python: str = "") -> dict[str, Any]:
    """Return the drivers that have *text* in their names, help or options, and a note about those that are not listed.

    Asking a Cinder for its drivers takes about two seconds, once.

    Raises:
        InvalidInput: *python* cannot be started.

    """
    from cl_notebook.frames import driver_listing  # noqa: PLC0415 - pandas is loaded when drivers are searched

    try:
        frame, lacking = driver_listing.search(text.strip(), python or None)
    except errors.NotSupported as error:
        return {"drivers": [], "note": sanitize(str(error))}
    installed = set(registry.driver_names())
    found = [
        {"name": row["name"] if row["name"] in installed else row["path"], "help": sanitize(row["help"] or "")}
        for row in frame.reset_index().head(_OFFERED).to_dict("records")
    ]
    more = len(frame) - len(found)
    note = f"{more:,} more: type more of the name." if more > 0 else "No driver fits." if not found else ""
    if lacking is not None:
        note = (
            sanitize(str(lacking)) if python else "Cinder's drivers are not listed: this Python has no Cinder. Name one that has."
        )
    return {"drivers": found, "note": note}


def addition(session: Session, driver: str, python: str = "") -> dict[str, Any]:
    """Return the action that adds a backend with this *driver*, as the front end receives it.

    Raises:
        NotFound, NotSupported, InvalidInput: the driver cannot be loaded.

    """
    cls = registry.load_driver(driver, {"python": python} if python else {})
    name = _free_name(session, driver)
    fields = [
        Field("name", "Name", "text", name, required=True, help="What to call the backend."),
        *_fields(name, sorted(cls.options(), key=lambda option: not (option.required or option.checked))),
    ]
    action = Action(command_lines.ADD, "Add", tuple(fields))
    return action.payload("") | {"given": {"driver": driver, "python": python or None}, "trial": "dry_run"}


def _fields(backend: str, options: Sequence[Option]) -> Iterator[Field]:
    from cl_notebook.frames import driver_listing  # noqa: PLC0415 - as above

    for option in options:
        if option.name in OURS:
            continue
        is_required = option.required or option.checked
        group = "" if is_required else _DRIVER if option.own else _SHARED
        limits = driver_listing.allowed(option)
        limits = f" Allowed: {limits}." if limits and not _is_choice(option) else ""
        default = "" if option.default in (None, "") else str(option.default)
        yield Field(
            option.name.replace("-", "_"),
            option.name,
            _type_of(option),
            help=sanitize(f"{option.help.rstrip('.')}.{limits}{_more_help(backend, option)}"),
            # a driver may get a secret from elsewhere, and says itself what it lacks
            required=option.required and not option.secret and option.default_for is None,
            default=sanitize(default),
            group=group,
            choices=(("", f"default ({default})" if default else "default"), *_choices(option)) if _is_choice(option) else (),
        )


def _more_help(backend: str, option: Option) -> str:
    if option.secret:
        return f" Never stored. Left empty, it is taken from ${secret_variable(backend, option.name)} or the keyring."
    return " One on each line." if _type_of(option) == "lines" else ""


def _is_choice(option: Option) -> bool:
    return option.kind is bool or (bool(option.choices) and option.kind is str)


def _choices(option: Option) -> Iterator[tuple[str, str]]:
    for value in ("true", "false") if option.kind is bool else option.choices:
        yield value, value


def _type_of(option: Option) -> str:
    if option.secret:
        return "secret"
    if _is_choice(option):
        return "choice"
    return "lines" if option.kind.__name__ in _LISTS else "text"


def _free_name(session: Session, driver: str) -> str:
    """Return a name for a backend with this *driver* that none has yet."""
    stem = re.sub(r"\W", "", driver.rpartition(".")[2]).lower().removesuffix("driver") or "backend"
    with session.store.reading() as reading:
        taken = set(reading.execute(sa.select(Backend.name).where(Backend.name.startswith(stem, autoescape=True))).scalars())
    return next(name for number in count(1) if (name := stem if number == 1 else f"{stem}{number}") not in taken)
