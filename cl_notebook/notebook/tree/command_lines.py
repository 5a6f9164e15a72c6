"""The line of magic that does what is chosen in the tree: what the tree runs, and what can be copied into a cell."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cl_notebook import errors, masking
from cl_notebook.many.names import escaped
from cl_notebook.model import Connection
from cl_notebook.model.identity_map import pages
from cl_notebook.notebook.command.command import pair
from cl_notebook.notebook.command.lexer import quote_word
from cl_notebook.notebook.command.parser import Parsed, parse
from cl_notebook.notebook.magics import backend, connection, find, log, scan, snapshot, volume
from cl_notebook.notebook.tree import selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context
    from cl_notebook.notebook.command.command import Argument, Command, Option, Verb

COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        *(volume.COMMAND, snapshot.COMMAND, connection.COMMAND, backend.COMMAND),
        *(scan.COMMAND, log.COMMAND, find.COMMANDS[0]),
    )
}
"""The magics that acts are lines of, by name."""

MOST = 10_000
"""Resources that one act takes at most."""

_ORDER = ("connection", "snapshot", "volume", "backend")  # what hangs on something else goes first


@dataclass(frozen=True, slots=True)
class _Form:
    """How the line of an act on one kind looks.

    The ids come first, then the values in their *places*, then the *options*, then the *flags*, which a true value sets. All are
    named with underscores. ``by`` is the option that names the resource instead, ``end`` ends the line.
    ``together`` says that one line takes several resources, ``asks`` that the magic asks before it acts on several. An empty text
    for one of ``clears`` is a value, too.
    """

    magic: str
    places: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    by: str = ""
    end: str = ""
    together: bool = False
    asks: bool = False
    clears: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        return (*self.places, *self.options, *self.flags)

    @property
    def verb(self) -> Verb:
        """The verb of the magic, whose options the values are."""
        name, _, verb = self.magic.removeprefix("%").partition(" ")
        command = COMMANDS[name]
        return command.verb(verb or command.default) or command.verbs[0]

    def line(self, ids: Sequence[str], values: Mapping[str, object]) -> str:
        named = [quote_word(resource_id) for resource_id in ids]
        words = [self.magic, *([] if self.by else named)]
        words += [quote_word(text) for text in (_text(name, values.get(name)) for name in self.places) if text]
        for name in self.options:
            option = next(option for option in self.verb.options if option.key == name)
            words += _option_words(option, values.get(name), is_cleared=name in self.clears and values.get(name) == "")
        words += [_spelled(name) for name in self.flags if _is_true(name, values.get(name))]
        is_cascade = "cascade" in self.flags and _is_true("cascade", values.get("cascade"))
        words += ["--yes"] if self.asks and (len(ids) > 1 or is_cascade) else []  # the tree has asked already
        return " ".join([*words, *([self.end] if self.end else []), *([self.by, *named] if self.by else [])])


def _option_words(option: Option, value: object, *, is_cleared: bool = False) -> list[str]:
    """Return the words that give *option* this value; a repeated option has one for each line of it."""
    text, spelled = _text(option.key, value), option.short or option.spelled
    if option.repeat:
        return [word for item in text.splitlines() if item.strip() for word in (spelled, quote_word(item.strip()))]
    text = escaped(text) if option.key == "name" else text  # a name that looks like a range is not one
    return [spelled, quote_word(text)] if text or is_cleared else []


def _spelled(name: str) -> str:
    return f"--{name.replace('_', '-')}"


_FIELDS = ("name", "description", "metadata")
_CREATED = ("size", "name", "count", "description", "metadata", "pool_name")
_BIND = _Form("%cl_find", options=("variable",))
FORMS: Mapping[tuple[str, str], _Form] = {
    **{("bind", kind): _BIND for kind in _ORDER},
    ("create", "backend"): _Form("%cl_volume create", options=_CREATED, flags=("bootable",), by="--backend"),
    ("open", "backend"): _Form("%cl_backend open", flags=("trust",), together=True),
    ("close", "backend"): _Form("%cl_backend close", flags=("kill",), together=True),
    ("stats", "backend"): _Form("%cl_backend stats", end="--refresh", together=True),
    ("scan", "backend"): _Form("%cl_scan", together=True),
    ("log", "backend"): _Form("%cl_log", end="--lines 50 -f frame"),
    ("forget", "backend"): _Form("%cl_backend forget", together=True, asks=True),
    ("snapshot", "volume"): _Form("%cl_volume snapshot", options=_FIELDS[:2], together=True),
    ("clone", "volume"): _Form("%cl_volume clone", options=("name", "size", "description")),
    ("extend", "volume"): _Form("%cl_volume extend", places=("size",), together=True),
    ("attach", "volume"): _Form("%cl_volume attach", together=True),
    ("detach", "volume"): _Form("%cl_volume detach", together=True),
    ("rename", "volume"): _Form("%cl_volume rename", places=("name",)),
    ("set", "volume"): _Form(
        "%cl_volume set",
        options=_FIELDS,
        flags=("no_metadata", "protected", "bootable", "non_bootable"),
        together=True,
        clears=("description",),
    ),
    ("unset", "volume"): _Form("%cl_volume unset", options=("metadata",), flags=("protected",), together=True),
    ("retype", "volume"): _Form("%cl_volume retype", options=("extra_specs", "qos_specs"), flags=("clear",), together=True),
    ("delete", "volume"): _Form("%cl_volume delete", flags=("cascade",), together=True, asks=True),
    ("volume", "snapshot"): _Form("%cl_snapshot create-volume", options=("name", "size", "description")),
    ("revert", "snapshot"): _Form("%cl_snapshot revert", together=True, asks=True),
    ("rename", "snapshot"): _Form("%cl_snapshot rename", places=("name",)),
    ("set", "snapshot"): _Form(
        "%cl_snapshot set", options=_FIELDS, flags=("no_metadata",), together=True, clears=("description",)
    ),
    ("unset", "snapshot"): _Form("%cl_snapshot unset", options=("metadata",), flags=("protected",), together=True),
    ("delete", "snapshot"): _Form("%cl_snapshot delete", together=True, asks=True),
    ("attach", "connection"): _Form("%cl_connection attach", together=True),
    ("detach", "connection"): _Form("%cl_connection detach", together=True),
    ("disconnect", "connection"): _Form("%cl_connection disconnect", together=True, asks=True),
}
"""(act, kind of resource) -> how its line looks; ``refresh``, which every kind has, is a line of Python."""

ALONE = frozenset({"bind", "create", "clone", "volume", "rename", "log"})
"""Acts on one resource only."""

ADD = "add"
"""The act that adds a backend: it is done to no resource, and its values are the options of the driver."""

_ADD = _Form("%cl_backend add")

_NAMES = {act for act, _ in FORMS} | {"refresh", ADD}

_REFRESH = re.compile(r"(?:for each in (?P<many>\(.*\)): cl\.find\(each\)|cl\.find\((?P<one>'.*')\))\.refresh\(\)")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an act and the result of its parsing: a magic with its arguments, or the ids to refresh.

    The ``resources`` keep what was read for the line in memory until it has run, so that nothing is read twice. ``secrets`` are
    the values of secret options, which no line holds.
    """

    text: str
    command: str = ""
    parsed: Parsed | None = None
    refreshed: tuple[str, ...] = ()
    resources: tuple[Tracked, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def lines(session: Context, act: str, ids: Sequence[str], values: Mapping[str, object]) -> list[Line]:
    """Return the lines that do *act* to the resources with these *ids*, most often one.

    A line names resources by their whole ids, and means the *values* exactly as they are: nothing in them is expanded. A secret
    is in no line: in a cell, the magic asks for it.

    Raises:
        InvalidInput: it is no act, not one for these resources, or a value is wrong.
        NotFound: a resource is gone.

    """
    if act == ADD:
        return [_adding(ids, values)]
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
    secrets = _secrets(act, resources, values)
    # each kind takes those that it knows
    _refuse_values(act, values, [*(name for form in forms for name in form.values), *secrets])
    if act == "refresh":
        return [read(refresh_line(list(kinds)), tuple(resources.values()))]
    if len(kinds) > 1 and act in {"attach", "detach"}:
        kinds = _that_can(session, act, kinds)
    if act == "set":
        return _setting(kinds, values, resources)
    if act == "retype" and len(kinds) == 1:
        values = _whole_specs(resources[next(iter(kinds))], values)
    return [replace(line, secrets=secrets) for line in _lines(act, kinds, values, resources)]


def _setting(kinds: Mapping[str, str], values: Mapping[str, object], resources: Mapping[str, Tracked]) -> list[Line]:
    """Return the lines that set *values*, and those that unset what is taken away; the metadata of one becomes what was typed."""
    changes = dict(values)
    removed: dict[str, object] = {}
    if changes.get("bootable") not in (None, ""):
        changes["non_bootable"] = not _is_true("bootable", changes["bootable"])
    if changes.get("protected") not in (None, "") and not _is_true("protected", changes["protected"]):
        removed["protected"] = True
    if len(kinds) == 1 and changes.get("metadata") is not None:
        before, after = visible_pairs(getattr(resources[next(iter(kinds))], "metadata", {})), _pairs(values, "metadata")
        changes["metadata"] = _typed_pairs({key: text for key, text in after.items() if before.get(key) != text})
        removed |= {"metadata": text} if (text := "\n".join(key for key in before if key not in after)) else {}
    is_needed = changes.get("description") == "" or any(value not in (None, "", "false", False) for value in changes.values())
    lines = list(_lines("set", kinds, changes, resources)) if is_needed or not removed else []
    return [*lines, *(_lines("unset", kinds, removed, resources) if removed else ())]


def of_one(act: str, kind: str, resource_id: str, values: Mapping[str, object]) -> str:
    """Return the line that does *act* to one resource of that *kind*; the values are not checked."""
    return refresh_line([resource_id]) if act == "refresh" else FORMS[act, kind].line([resource_id], values)


def field_of(act: str, kind: str, name: str) -> Option | Argument:
    """Return the option or argument of the magic's grammar that the value *name* of an act is."""
    verb = FORMS[act, kind].verb
    options = {option.key: option for option in verb.options}
    return options[name] if name in options else next(each for each in verb.arguments if each.key in {name, f"new_{name}"})


def _adding(ids: Sequence[str], values: Mapping[str, object]) -> Line:
    """Return the line that adds a backend; the *values* are its name, its driver, and what the driver's options are to be."""
    if ids:
        msg = "A backend is added to the store, not to what is selected."
        raise errors.InvalidInput(msg)
    if not isinstance(values, Mapping):
        _refuse_values(ADD, values, ())
    driver, python = (_text(name, values.get(name)) for name in ("driver", "python"))
    if not driver:
        msg = "Choose the driver of the backend."
        raise errors.InvalidInput(msg, option="driver")
    words = [_ADD.magic, *([quote_word(name)] if (name := _text("name", values.get("name"))) else [])]
    options = {option.key: option for option in _ADD.verb.all_options([f"--driver={driver}", f"--python={python}"])}
    _refuse_values(ADD, values, ["name", *options])
    for key, option in options.items():
        if option.value and not option.secret:
            words += _option_words(option, values.get(key))
    words += [option.spelled for key, option in options.items() if not option.value and _is_true(key, values.get(key))]
    secrets = {key: text for key, option in options.items() if option.secret and (text := _text(key, values.get(key)))}
    return replace(read(" ".join(words)), secrets=secrets)


def _secrets(act: str, resources: Mapping[str, Tracked], values: Mapping[str, object]) -> dict[str, str]:
    """Return those of the *values* that are secrets of the backends to open."""
    if act != "open" or not isinstance(values, Mapping):
        return {}
    names = {name for resource in resources.values() for name in getattr(resource, "secret_options", ())}
    return {name: text for name in names if (text := _text(name, values.get(name)))}


def _whole_specs(resource: Any, values: Mapping[str, object]) -> Mapping[str, object]:  # noqa: ANN401 - a resource of any kind
    """Return *values* of a retype so that a kind of specs that is empty is taken away, and the other one stays."""
    typed = {name: _pairs(values, name) for name in ("extra_specs", "qos_specs") if values.get(name) is not None}
    if all(typed.values()) or values.get("clear"):
        return values
    kept = {"extra_specs": dict(resource.extra_specs), "qos_specs": dict(resource.qos_specs)} | typed
    return {**{name: _typed_pairs(pairs) for name, pairs in kept.items()}, "clear": True}  # what is not typed is cleared


def visible_pairs(pairs: Mapping[str, str]) -> dict[str, str]:
    """Return those of the *pairs* that are not masked, and that a line of text can hold."""
    shown = masking.data(dict(pairs))
    return {key: text for key, text in pairs.items() if shown.get(key) == text and (key + text).isprintable() and "=" not in key}


def _pairs(values: Mapping[str, object], name: str) -> dict[str, str]:
    """Return the pairs that the lines of a value spell.

    Raises:
        InvalidInput: a line is no KEY=VALUE.

    """
    lines = [line.strip() for line in _text(name, values.get(name)).splitlines() if line.strip()]
    try:
        return dict(map(pair, lines))
    except ValueError as error:
        msg = f"{_spelled(name)} takes {error} on each line."
        raise errors.InvalidInput(msg, option=name) from None


def _typed_pairs(pairs: Mapping[str, str]) -> str:
    return "\n".join(f"{key}={text}" for key, text in pairs.items())


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
