"""Find the resource for a word: an id, the beginning of an id, a name, or a variable's name."""

from __future__ import annotations

import builtins
import contextlib
import keyword
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.display.values import SHORT_ID
from cl_notebook.many import names, selection
from cl_notebook.model import Backend, Connection, Snapshot, Volume, identity_map, lookup
from cl_notebook.model.base import Tracked
from cl_notebook.notebook.command.lexer import SEVERAL, Value
from cl_notebook.notebook.output.messages import echo
from cl_notebook.notebook.output.progress import is_silenced
from cl_notebook.store import search
from cl_notebook.text import enumerated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeGuard

    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.notebook.command.command import Invocation

ALL: tuple[type[Tracked], ...] = lookup.ALL
SHORTEST = 4
"""The fewest characters of an id that select a resource to change; fewer are too easily a typing error."""

T = TypeVar("T", bound=Tracked)

_PACKAGE = __name__.partition(".")[0]
_ARTICLE = {"volume": "a volume", "snapshot": "a snapshot", "connection": "a connection", "backend": "a backend"}
_WHOLE_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""A UUID with its hyphens: it is no variable, and there is no need to search for it."""

_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
"""A variable, or an attribute of one, such as ``tree.selection``."""

_EMPTY = frozenset(map(str, ([], (), set(), frozenset(), None)))
"""The texts of expressions that hold nothing."""

_REFERENCE = re.compile(r"(source-\w+)=(.+)")


def backend(call: Invocation, text: str, *, acting: bool = False) -> Backend:
    """Return the backend that *text* means; see :func:`resolve`."""
    return resolve(call, text, (Backend,), acting=acting)  # type: ignore[return-value] # it is of the kind asked for


def volume(call: Invocation, text: str, *, acting: bool = False) -> Volume:
    """Return the volume that *text* means; see :func:`resolve`."""
    return resolve(call, text, (Volume,), acting=acting)  # type: ignore[return-value] # it is of the kind asked for


def snapshot(call: Invocation, text: str, *, acting: bool = False) -> Snapshot:
    """Return the snapshot that *text* means; see :func:`resolve`."""
    return resolve(call, text, (Snapshot,), acting=acting)  # type: ignore[return-value] # it is of the kind asked for


def connection(call: Invocation, text: str, *, acting: bool = False) -> Connection:
    """Return the connection that *text* means; see :func:`resolve`."""
    return resolve(call, text, (Connection,), acting=acting)  # type: ignore[return-value] # it is of the kind asked for


def resolve(call: Invocation, text: str, kinds: Sequence[type[Tracked]] = ALL, *, acting: bool = False) -> Tracked:
    """Return the only resource of *kinds* that matches *text*.

    Args:
        call: the invocation, which has the variables and the session.
        text: the typed word.
        kinds: the classes to search.
        acting: the resource will be changed, so the beginning of an id needs at least four characters.

    Raises:
        NotFound: no resource matches.
        Ambiguous: several match, including a variable's resource and one of that name.
        Refused: the variable's resource is no longer tracked.

    """
    if len(kinds) == 1 and _WHOLE_ID.fullmatch(text):
        by_id = identity_map.get(call.session, kinds[0], text)
        if by_id is not None:
            return by_id
    in_variable = held_in(call.namespace, text, kinds)
    matches = _best_matches(lookup.find(call.session, text, kinds, everything=True, parts=False), text, acting=acting)
    if in_variable is not None:
        current = _current(call, in_variable, text)
        if all(other.id == current.id for other in matches):
            return current
        candidates = [current, *(other for other in matches if other.id != current.id)]
        described = lookup.descriptions(candidates)
        lines = [f"{described[0]} (the variable)", *described[1:]]
        heading = f"{text!r} is a variable, and a name or id of something else; type the id:"
        raise errors.Ambiguous.among(heading, lines, text, [candidate.id for candidate in candidates])
    if not matches:
        raise errors.NotFound(_not_found_message(call, text, kinds, acting=acting))
    return lookup.the_one(text, matches)


@dataclass(frozen=True, slots=True)
class Several(Generic[T]):
    """The resources that the words of a line name; ``is_one``: a single plain name was typed."""

    resources: list[T]
    is_one: bool


def several(call: Invocation, words: Sequence[str], cls: type[T], *, acting: bool = False) -> Several[T]:
    """Return the resources of *cls* that *words* name.

    Names, ids, variables of resources, frames and lists, ranges (``db-{1..3}``) and globs (``db-*``) add up. Terms of the tree's
    filter (``status:error``, ``!web*``) restrict what the others name; alone they select from everything. A word that is the
    name of a resource is that name, whatever it looks like, and so is the value of an expression.

    Args:
        call: the invocation, which has the variables and the session.
        words: the typed words.
        cls: the class of the resources.
        acting: they will be changed, so the beginning of an id needs at least four characters.

    Raises:
        NotFound: a word, or all of them together, match nothing.
        Ambiguous: a name matches several, or is that of a variable that holds several, too.
        InvalidInput: a term is wrong, or too many resources match.

    """
    named: list[T] = []
    parts: list[str] = []
    expanded = [
        name for word in words for name in ([word] if isinstance(word, Value) else selection.expanded(call.session, cls, [word]))
    ]
    is_one = len(expanded) == 1
    for word in expanded:
        held = _held_ids(call, word)
        if held is not None:
            named += _all_of(call, word, held, (cls,))
            is_one = False
            continue
        word_parts = [] if isinstance(word, Value) else selection.parts_of(call.session, cls, word)
        if word_parts:
            parts += word_parts
            is_one = False
        else:
            named.append(cast("T", resolve(call, word, (cls,), acting=acting)))
    hint = f"%cl_{cls.kind}s lists them."
    typed = ["{…}" if word.startswith(SEVERAL) else word for word in words]
    return Several(selection.combined(call.session, cls, named, parts, typed=typed, hint=hint), is_one)


def with_ranges_expanded(words: Sequence[str]) -> list[str]:
    """Return *words* with a word for each number of a range; what an expression gave is one name, whatever it looks like."""
    return [name for word in words for name in ([word] if isinstance(word, Value) else names.expand(word))]


def several_of_any(call: Invocation, words: Sequence[str], *, acting: bool = False) -> Several[Tracked]:
    """Return the resources of any kind that *words* name, as :func:`several` does for one kind.

    Globs and terms select volumes, snapshots and connections, not backends.

    Raises:
        NotFound, Ambiguous, InvalidInput: as for :func:`several`.

    """
    named: list[Tracked] = []
    patterns: list[str] = []
    is_one = len(words) == 1
    for word in words:
        held = _held_ids(call, word)
        if held is not None:
            is_one = False
            named += _all_of(call, word, held, ALL)
        elif isinstance(word, Value) or not selection.is_pattern(word) or _is_any_name(call, word):
            named.append(resolve(call, word, acting=acting))
        else:
            patterns.append(word)
    for cls in (Volume, Snapshot, Connection) if patterns else ():
        with contextlib.suppress(errors.NotFound):
            named += several(call, patterns, cls, acting=acting).resources
    if not named:
        msg = f"Nothing that is tracked matches {' '.join(patterns)!r}. %cl_tree shows what is."
        raise errors.NotFound(msg)
    return Several(list({resource.id: resource for resource in named}.values()), is_one and not patterns)


def _is_any_name(call: Invocation, word: str) -> bool:
    return any(selection.is_name(call.session, cls, word) for cls in ALL)


def _held_ids(call: Invocation, word: str) -> list[str] | None:
    """Return the ids of what the expression or the variable *word* holds; None if it holds no collection of resources."""
    if word.startswith(SEVERAL):
        return [resource_id for resource_id in word.split(SEVERAL) if resource_id]
    if not _DOTTED.fullmatch(word):
        return None
    first, *attributes = word.split(".")
    value = call.namespace.get(first)
    try:
        for attribute in attributes:
            value = getattr(value, attribute, None)
    except errors.Error:
        raise
    except Exception:  # noqa: BLE001 - a property of the user's: what it raises says that the word is no such expression
        return None
    return None if value is None else selection.ids_of(value)


def _all_of(call: Invocation, word: str, ids: Sequence[str], kinds: Sequence[type[T]]) -> list[T]:
    """Return the resources of *kinds* with these *ids*, which *word* holds, in their order."""
    shown = "The expression" if word.startswith(SEVERAL) else f"The variable {word}"
    noun = kinds[0].kind if len(kinds) == 1 else "resource"
    if not ids:
        msg = f"{shown} holds no {noun}s."
        raise errors.NotFound(msg)
    for cls in kinds:
        if selection.is_name(call.session, cls, word):
            msg = (
                f"{word!r} is a variable that holds {len(ids)} resources, and the name of a {cls.kind}. "
                f"Type {{{word}}} or the id."
            )
            raise errors.Ambiguous(msg)
    by_id = {resource.id: resource for cls in kinds for resource in selection.by_ids(call.session, cls, ids)}
    missing = [resource_id[:SHORT_ID] for resource_id in ids if resource_id not in by_id]
    if missing:
        msg = (
            f"{shown} holds {len(missing)} of {len(ids)} that are no tracked {noun}s: "
            f"{enumerated(missing, errors.SHOWN)}. Select the {noun}s, or list them again."
        )
        raise errors.NotFound(msg)
    return [by_id[resource_id] for resource_id in ids]


def held_in(namespace: Mapping[str, Any], name: str, kinds: Sequence[type[Tracked]]) -> Tracked | None:
    """Return the resource of *kinds* that the variable *name* holds."""
    value = namespace.get(name)
    return value if _is_one(value, kinds) else None


def reference(text: str) -> str | dict[str, str]:
    """Convert *text* to a reference for ``manage``: a name, or Cinder's dict for ``source-id=…``."""
    match = _REFERENCE.fullmatch(text)
    return {match[1]: match[2]} if match else text


def variable_name(call: Invocation) -> str | None:
    """Return the variable name typed after ``-v``, or None.

    Raises:
        InvalidInput: it is not a valid variable name.
        Refused: the variable holds a value that is not a resource, a list of resources or a tree.

    """
    name: str | None = call["variable"]
    if name is None:
        return None
    if not name.isidentifier() or keyword.iskeyword(name):
        msg = f"-v takes the name of a variable, not {name!r}."
        raise errors.InvalidInput(msg)
    if name in call.shell.user_ns_hidden or (name not in call.namespace and hasattr(builtins, name)):
        msg = f"{name!r} is a name of Python's or IPython's own. Choose another one: -v {name}_."
        raise errors.Refused(msg)
    held = call.namespace.get(name)
    if not _may_be_replaced(held):
        msg = (
            f"The variable {name!r} holds a {type(held).__name__}, which would be lost. Choose another name, or type: del {name}"
        )
        raise errors.Refused(msg)
    return name


def bind(call: Invocation, name: str, value: object) -> None:
    """Bind *value* to the variable *name*, which :func:`variable_name` gave; say so if it held something of another kind."""
    held = call.namespace.get(name)
    before, now = _kind_of(held), _kind_of(value)
    if held is not None and before != now and not is_silenced():
        label = held.label() if isinstance(held, Tracked) else f"a {before}"
        echo(f"{name} held {label} before, and holds {'' if isinstance(value, list) else 'a '}{now} now.")
    call.shell.push({name: value})  # type: ignore[no-untyped-call] # IPython's


def _kind_of(value: object) -> str:
    if isinstance(value, Tracked):
        return value.kind
    if isinstance(value, list) and value and all(isinstance(item, Tracked) for item in value):
        return f"{value[0].kind}s"
    return type(value).__name__.lower()


def _may_be_replaced(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, Tracked) for item in value)
    return value is None or (not isinstance(value, type) and type(value).__module__.partition(".")[0] == _PACKAGE)


def users_variables(shell: InteractiveShell) -> list[tuple[str, Any]]:
    """Return the user's variables by name, without those of IPython and those that begin with an underscore."""
    return [(name, value) for name, value in list(shell.user_ns.items()) if name[:1] != "_" and name not in shell.user_ns_hidden]


def variables(shell: InteractiveShell, kinds: Sequence[type[Tracked]] = ALL) -> Iterator[tuple[str, Tracked]]:
    """Yield an expression and the resource for each resource in variables, lists and dicts (one level deep)."""
    for name, value in users_variables(shell):
        if _is_one(value, kinds):
            yield name, value
        elif isinstance(value, dict):
            yield from ((f"{name}[{key!r}]", item) for key, item in list(value.items()) if _is_one(item, kinds))
        elif isinstance(value, (list, tuple)):
            yield from ((f"{name}[{place}]", item) for place, item in enumerate(value) if _is_one(item, kinds))
        elif isinstance(value, (set, frozenset)):
            yield from ((f"in {name}", item) for item in list(value) if _is_one(item, kinds))


def _is_one(value: object, kinds: Sequence[type[Tracked]]) -> TypeGuard[Tracked]:
    return isinstance(value, tuple(kinds))


def chosen_backend(call: Invocation) -> Backend:
    """Return the backend of ``--backend``, or the only one that is open.

    Raises:
        InvalidInput: the option was omitted and not exactly one backend is open.

    """
    name = call["backend"]
    if name is not None:
        return backend(call, name)
    is_open = list(call.session.backends.values())
    if len(is_open) == 1:
        return is_open[0]
    if is_open:
        shown = enumerated(sorted(item.name for item in is_open), errors.SHOWN)
        msg = f"Several backends are open: {shown}. Say which: --backend NAME."
        raise errors.InvalidInput(msg)
    stored = sorted(item.name for item in identity_map.select(call.session, sa.select(Backend).limit(errors.SHOWN)))
    cure = f"Open one (%cl_backend open {stored[0]}) or say which: --backend NAME." if stored else "%cl_backend add makes one."
    msg = f"No backend is open. {cure}"
    raise errors.InvalidInput(msg)


def _best_matches(candidates: Sequence[Tracked], text: str, *, acting: bool) -> list[Tracked]:
    """Return the best matches for *text*: a short word is a name rather than the beginning of an id."""
    length, exact_ids = len(text.strip()), search.exact_ids((resource.id for resource in candidates), text)
    exact = [resource for resource in candidates if getattr(resource, "name", None) == text or resource.id in exact_ids]
    if exact and (exact_ids or length < SHORT_ID):
        return exact
    begun = [
        resource for resource in candidates if search.is_id_or_prefix(resource.id, text) and (length >= SHORTEST or not acting)
    ]
    return list({resource.id: resource for resource in [*exact, *begun]}.values())


def _current(call: Invocation, resource: Tracked, variable: str) -> Tracked:
    """Return the object of the row of *resource*, in the present session if that of *resource* was closed, as by a setup."""
    is_tracked = resource.is_tracked
    current = identity_map.get(resource.context if is_tracked else call.session, type(resource), resource.id)
    if current is None:
        reason = "which was deleted elsewhere" if is_tracked else "which is not tracked any more"
        msg = f"The variable {variable} holds {resource!r}, {reason}."
        raise errors.Refused(msg)
    return current


def _not_found_message(call: Invocation, text: str, kinds: Sequence[type[Tracked]], *, acting: bool) -> str:
    if isinstance(text, Value) and text in _EMPTY:
        return f"The expression holds no {kinds[0].kind if len(kinds) == 1 else 'resource'}s."
    other = call.namespace.get(text)
    expected = " or ".join(_ARTICLE[cls.kind] for cls in kinds) if len(kinds) < len(ALL) else "anything that is tracked"
    if isinstance(other, Tracked):
        return f"The variable {text} holds {other.label()}, not {expected}."
    begun = lookup.find(call.session, text, kinds, parts=False)
    if acting and len(text.strip()) < SHORTEST and any(search.is_id_or_prefix(item.id, text) for item in begun):
        return f"{text!r} is too short to act on: type at least {SHORTEST} characters of the id."
    hint = errors.did_you_mean(text, list(lookup.names_like(call.session, kinds, text)))
    noun = kinds[0].kind if len(kinds) == 1 else "resource"
    return f"No {noun} has the id or the name {text!r}, and no variable {text!r} holds one.{hint}"
