"""The line of magic that does what is chosen in the tree: what the tree runs, and what can be copied into a cell."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.many.names import escaped
from cl_notebook.model import Connection
from cl_notebook.model.identity_map import pages
from cl_notebook.notebook.command.lexer import quote_word
from cl_notebook.notebook.command.parser import Parsed, parse
from cl_notebook.notebook.magics import connection, find, snapshot, volume
from cl_notebook.notebook.tree import selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context
    from cl_notebook.notebook.command.command import Command

COMMANDS: Mapping[str, Command] = {
    command.name: command for command in (volume.COMMAND, snapshot.COMMAND, connection.COMMAND, find.COMMANDS[0])
}
"""The magics that acts are lines of, by name."""

MOST = 10_000
"""Resources that one act takes at most."""

_ORDER = ("connection", "snapshot", "volume", "backend")  # what hangs on something else goes first


@dataclass(frozen=True, slots=True)
class _Form:
    """How the line of an act on one kind looks.

    The ids come first, then the values in their *places*, then the *options*. ``by`` is the option that names the resource
    instead, *flags* are options that a true value sets, and ``together`` says that one line takes several resources.
    """

    magic: str
    places: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    flags: tuple[tuple[str, str], ...] = ()
    by: str = ""
    together: bool = False

    @property
    def values(self) -> tuple[str, ...]:
        return (*self.places, *(name for name, _ in (*self.options, *self.flags)))

    def line(self, ids: Sequence[str], values: Mapping[str, object]) -> str:
        named = [quote_word(resource_id) for resource_id in ids]
        words = [self.magic, *([] if self.by else named)]
        words += [quote_word(text) for text in (_text(name, values.get(name)) for name in self.places) if text]
        for name, option in self.options:
            text = _text(name, values.get(name))
            text = escaped(text) if name == "name" else text  # a name that looks like a range is not one
            words += [option, quote_word(text)] if text else []
        words += [option for name, option in self.flags if _is_true(name, values.get(name))]
        is_cascade = any(option == "--cascade" and _is_true(name, values.get(name)) for name, option in self.flags)
        words += ["--yes"] if len(ids) > 1 or is_cascade else []  # the tree has asked already
        return " ".join([*words, *([self.by, *named] if self.by else [])])


_NAME = ("name", "--name")
_SIZE = ("size", "--size")
_BIND = _Form("%cl_find", options=(("variable", "-v"),))
FORMS: Mapping[tuple[str, str], _Form] = {
    **{("bind", kind): _BIND for kind in _ORDER},
    ("create", "backend"): _Form("%cl_volume create", options=(_SIZE, _NAME), by="--backend"),
    ("snapshot", "volume"): _Form("%cl_volume snapshot", options=(_NAME,)),
    ("clone", "volume"): _Form("%cl_volume clone", options=(_NAME, _SIZE)),
    ("extend", "volume"): _Form("%cl_volume extend", places=("size",)),
    ("attach", "volume"): _Form("%cl_volume attach"),
    ("detach", "volume"): _Form("%cl_volume detach"),
    ("delete", "volume"): _Form("%cl_volume delete", flags=(("cascade", "--cascade"),), together=True),
    ("volume", "snapshot"): _Form("%cl_snapshot create-volume", options=(_NAME, _SIZE)),
    ("revert", "snapshot"): _Form("%cl_snapshot revert"),
    ("delete", "snapshot"): _Form("%cl_snapshot delete", together=True),
    ("attach", "connection"): _Form("%cl_connection attach"),
    ("detach", "connection"): _Form("%cl_connection detach"),
    ("disconnect", "connection"): _Form("%cl_connection disconnect"),
}
"""(act, kind of resource) -> how its line looks; ``refresh``, which every kind has, is a line of Python."""

ALONE = frozenset({"bind", "create", "snapshot", "clone", "extend", "volume", "revert"})
"""Acts on one resource only."""

_NAMES = {act for act, _ in FORMS} | {"refresh"}

_REFRESH = re.compile(r"(?:for each in (?P<many>\(.*\)): cl\.find\(each\)|cl\.find\((?P<one>'.*')\))\.refresh\(\)")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an act and the result of its parsing: a magic with its arguments, or the ids to refresh.

    The ``resources`` keep what was read for the line in memory until it has run, so that nothing is read twice.
    """

    text: str
    command: str = ""
    parsed: Parsed | None = None
    refreshed: tuple[str, ...] = ()
    resources: tuple[Tracked, ...] = ()


def lines(session: Context, act: str, ids: Sequence[str], values: Mapping[str, object]) -> list[Line]:
    """Return the lines that do *act* to the resources with these *ids*, most often one.

    A line names resources by their whole ids, and means the *values* exactly as they are: nothing in them is expanded.

    Raises:
        InvalidInput: it is no act, not one for these resources, or a value is wrong.
        NotFound: a resource is gone.

    """
    resources = _resources(session, _checked_ids(ids))
    kinds = {resource_id: resource.kind for resource_id, resource in resources.items()}
    if not isinstance(act, str) or act not in _NAMES:
        msg = f"There is no act {act!r}.{errors.did_you_mean(str(act), _NAMES)}"
        raise errors.InvalidInput(msg)
    for kind in dict.fromkeys(kinds.values()):
        if act != "refresh" and (act, kind) not in FORMS:
            msg = f"{act!r} is not available for a {kind}."
            raise errors.InvalidInput(msg)
    if act in ALONE and len(kinds) > 1:
        msg = f"{act} is done to one resource at a time, not to {len(kinds)}."
        raise errors.InvalidInput(msg)
    forms = [FORMS[act, kind] for kind in dict.fromkeys(kinds.values())] if act != "refresh" else []
    _refuse_values(act, values, [name for form in forms for name in form.values])  # each kind takes those that it knows
    if act == "refresh":
        return [read(refresh_line(list(kinds)), tuple(resources.values()))]
    if len(kinds) > 1 and act in {"attach", "detach"}:
        kinds = _that_can(session, act, kinds)
    return list(_lines(act, kinds, values, resources))


def of_one(act: str, kind: str, resource_id: str, values: Mapping[str, object]) -> str:
    """Return the line that does *act* to one resource of that *kind*; the values are not checked."""
    return refresh_line([resource_id]) if act == "refresh" else FORMS[act, kind].line([resource_id], values)


def refresh_line(ids: Sequence[str]) -> str:
    """Return the Python that refreshes what has these ids: there is no magic for it."""
    if len(ids) == 1:
        return f"cl.find({ids[0]!r}).refresh()"
    return f"for each in {tuple(ids)!r}: cl.find(each).refresh()"


def read(text: str, resources: tuple[Tracked, ...] = ()) -> Line:
    """Return the parsed line *text*, which holds the *resources* that it names.

    Raises:
        InvalidInput: it is neither a line of the magics of acts nor one that refreshes.

    """
    refresh = _REFRESH.fullmatch(text)
    if refresh is not None:
        return Line(text, refreshed=_ids(refresh["many"] or f"({refresh['one']},)"), resources=resources)
    command, parsed = checked(text, {})  # the line holds values as they are: no variable is looked up
    return Line(text, command.name, parsed, resources=resources)


def _ids(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(resource_id) for resource_id in ast.literal_eval(text))
    except (ValueError, SyntaxError):
        msg = f"{text} names nothing that could be refreshed."
        raise errors.InvalidInput(msg) from None


def checked(text: str, namespace: Mapping[str, Any]) -> tuple[Command, Parsed]:
    """Return the magic that *text* is a line of, and what it says.

    Raises:
        InvalidInput: it is no line of the magics that acts are made of.

    """
    name, _, rest = text.removeprefix("%").partition(" ")
    command = COMMANDS.get(name)
    if command is None or not text.startswith("%"):
        msg = f"{text!r} is no line of {', '.join(f'%{known}' for known in COMMANDS)}."
        raise errors.InvalidInput(msg)
    parsed = parse(command, rest, namespace)
    if parsed.help or parsed.verb is None:
        msg = f"%{name} was asked for its help, not for an act."
        raise errors.InvalidInput(msg)
    return command, parsed


def _lines(act: str, kinds: Mapping[str, str], values: Mapping[str, object], resources: Mapping[str, Tracked]) -> Iterable[Line]:
    for kind in [kind for kind in _ORDER if kind in kinds.values()]:
        form = FORMS[act, kind]
        ids = [resource_id for resource_id, kind_of_id in kinds.items() if kind_of_id == kind]
        for group in [ids] if form.together else [[resource_id] for resource_id in ids]:
            # Read at once: what the magic refuses is reported before anything is done.
            yield read(form.line(group, values), tuple(resources[resource_id] for resource_id in group))


def _refuse_values(act: str, values: Mapping[str, object], known: Sequence[str]) -> None:
    if not isinstance(values, Mapping):
        msg = f"The values of {act} are names with what they are to be, not {values!r}."
        raise errors.InvalidInput(msg)
    for name in values:
        if name not in known:
            msg = f"{act} takes no {name!r}. It takes: {', '.join(known) or 'nothing'}."
            raise errors.InvalidInput(msg)


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    msg = f"{name} is text or a number, not {value!r}."
    raise errors.InvalidInput(msg)


def _is_true(name: str, value: object) -> bool:
    if value in (None, "", False, "false"):
        return False
    if value in (True, "true"):
        return True
    msg = f"{name} is true or false, not {value!r}."
    raise errors.InvalidInput(msg)


def _checked_ids(ids: Sequence[str]) -> list[str]:
    if isinstance(ids, str) or not all(isinstance(resource_id, str) for resource_id in ids):
        msg = f"The resources are named by a list of ids, not by {ids!r}."
        raise errors.InvalidInput(msg)
    if not ids:
        msg = "Nothing is selected."
        raise errors.InvalidInput(msg)
    if len(ids) > MOST:
        msg = f"At most {MOST:,} resources at once, not {len(ids):,}."
        raise errors.InvalidInput(msg)
    return list(dict.fromkeys(ids))


def _resources(session: Context, ids: Sequence[str]) -> dict[str, Tracked]:
    """Return the resource of each of the *ids*, in their order."""
    resources = {resource.id: resource for resource in selection.objects(session, ids)}
    for resource_id in ids:
        if resource_id not in resources:
            msg = f"Nothing is tracked under the id {resource_id!r} any more."
            raise errors.NotFound(msg)
    return resources


def _that_can(session: Context, act: str, kinds: Mapping[str, str]) -> dict[str, str]:
    """Leave out what is attached on this host already, or is not."""
    here = attached_here(session, list(kinds))
    chosen = {resource_id: kind for resource_id, kind in kinds.items() if (resource_id in here) == (act == "detach")}
    if not chosen:
        msg = f"{'All' if act == 'attach' else 'None'} of them are attached on this host."
        raise errors.InvalidInput(msg)
    return chosen


def attached_here(session: Context, ids: Sequence[str]) -> set[str]:
    """Return those of the *ids* that are connections attached on this host, or volumes with one."""
    here = (Connection.attached_host == session.settings.host, Connection.gateway.is_(None))
    mine = sa.and_(Connection.path.is_not(None), *here)
    attached: set[str] = set()
    with session.store.reading() as reading:
        for page in pages(ids):
            either = sa.or_(Connection.id.in_(page), Connection.volume_id.in_(page))
            for row in reading.execute(sa.select(Connection.id, Connection.volume_id).where(mine, either)):
                attached |= {row.id, row.volume_id}
    return attached
