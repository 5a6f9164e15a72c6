"""Select several resources: by globs and terms of the tree's filter, by their ids, or out of a frame or a list."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from cl_notebook import errors, settings
from cl_notebook.many import names
from cl_notebook.many.names import MOST
from cl_notebook.model import identity_map, lookup
from cl_notebook.model.base import Tracked
from cl_notebook.treemodel import filter_parser
from cl_notebook.treemodel.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from cl_notebook.model.context import Context

T = TypeVar("T", bound=Tracked)

_DIGITS = re.compile(r"(\d{1,18})")
_TERM = re.compile(r"!|[A-Za-z]\w*(?:>=|<=|!=|:|=|>|<)")


def is_term(word: str) -> bool:
    """Return whether *word* is written like a term of the filter that restricts: ``status:error``, ``size>10``, ``!web*``."""
    return _TERM.match(word) is not None


def is_glob(word: str) -> bool:
    """Return whether *word* is a pattern of names: ``db-*``, ``db-?``."""
    return not is_term(word) and ("*" in word or "?" in word)


def is_pattern(word: str) -> bool:
    """Return whether *word* is a glob, a term or a range of names."""
    return is_glob(word) or is_term(word) or names.is_range(word)


def parts_of(context: Context, cls: type[Tracked], word: str) -> list[str]:
    """Return the globs and terms that *word* consists of, more than one if it has blanks; none if it is a name or an id.

    What a resource of *cls* is called is its name, whatever it looks like.
    """
    if not (is_glob(word) or is_term(word)) or is_name(context, cls, word):
        return []
    parts = word.split()
    return parts if all(is_glob(part) or is_term(part) for part in parts) and not set("'\"") & set(word) else [word]


def expanded(context: Context, cls: type[Tracked], words: Iterable[str]) -> list[str]:
    """Return *words* with the ranges among them expanded, unless a resource of *cls* is called so."""
    names_of = ([word] if "{" in word and is_name(context, cls, word) else names.expand(word) for word in words)
    return [name for expansion in names_of for name in expansion]


def is_name(context: Context, cls: type[Tracked], word: str) -> bool:
    """Return whether *word* is the name of a resource of *cls*, or its id: with ``non_uuid_ids`` an id is any text, too."""
    columns: Any = cls
    if settings.UNSTORABLE.search(word):
        return False
    identities = [columns.name, columns.id] if hasattr(cls, "name") else [columns.id]
    with context.store.reading() as connection:
        return any(connection.execute(sa.select(columns.id).where(column == word).limit(1)).first() for column in identities)


def combined(
    context: Context, cls: type[T], named: Iterable[T], parts: Sequence[str], *, typed: Sequence[object], hint: str
) -> list[T]:
    """Return the resources that are *named* or that a glob among *parts* fits, and that meet all terms among them.

    Terms alone select from all resources of *cls*.

    Args:
        context: the session.
        cls: the class of the resources.
        named: the resources that were named otherwise.
        parts: globs and terms.
        typed: all that was typed, for the message.
        hint: the sentence that says how to list all of them.

    Raises:
        InvalidInput: as for :func:`matching`.
        NotFound: there are none.

    """
    globs, terms = [part for part in parts if is_glob(part)], [part for part in parts if is_term(part)]
    resources = list({resource.id: resource for resource in named}.values())
    are_named = bool(resources)
    if terms and are_named:
        resources = matching(context, cls, (), terms, among=[resource.id for resource in resources])
    if globs or (terms and not are_named):
        resources += matching(context, cls, globs, terms)
    if not resources:
        shown = " ".join(word if isinstance(word, str) else "…" for word in typed)
        msg = f"No {cls.kind} matches {shown!r}.{_close_match(context, cls, parts) or f' {hint}'}"
        raise errors.NotFound(msg)
    return list({resource.id: resource for resource in resources}.values())


def _close_match(context: Context, cls: type[Tracked], parts: Sequence[str]) -> str:
    stems = (glob.replace("*", "").replace("?", "") for glob in filter(is_glob, parts))
    hints = (errors.did_you_mean(stem, lookup.names_like(context, (cls,), stem)) for stem in stems)
    return next((hint for hint in hints if hint), "")


def matching(
    context: Context,
    cls: type[T],
    globs: Sequence[str] = (),
    terms: Sequence[str] = (),
    *,
    among: Collection[str] | None = None,
) -> list[T]:
    """Return the resources of *cls* that any of the *globs* fits and that meet all *terms*, sorted by name.

    Args:
        context: the session.
        cls: the class of the resources.
        globs: patterns of names, such as ``db-*``; without any every name fits.
        terms: terms of the tree's filter, such as ``status:error``.
        among: consider these ids only.

    Raises:
        InvalidInput: a term is not valid, or more than :data:`MOST` resources match.

    """
    dialect = context.store.engine.dialect.name
    with context.store.reading() as connection:
        filters = [filter_parser.parse(term, lambda query: connection.execute(query).all(), is_finished=True) for term in terms]
    conditions = [parsed.condition(cls.kind, dialect) for parsed in filters]
    if globs:
        conditions.append(sa.or_(*[filter_parser.parse(_quoted(glob)).condition(cls.kind, dialect) for glob in globs]))
    ids = list(dict.fromkeys(_ids(context, cls, conditions, among)))
    if len(ids) > MOST:
        msg = f"More than {MOST:,} {cls.kind}s match; one act takes at most that many. Narrow it down, e.g. with backend:NAME."
        raise errors.InvalidInput(msg)
    return sorted(by_ids(context, cls, ids), key=_by_name)


def _by_name(resource: Tracked) -> tuple[list[str | int], Any, str]:
    """Return a key by which db-2 stands before db-10."""
    parts = _DIGITS.split(getattr(resource, "name", None) or "")
    return [int(part) if part.isdecimal() else part for part in parts], resource.created_at, resource.id


def _ids(
    context: Context, cls: type[Tracked], conditions: Sequence[sa.ColumnElement[bool]], among: Collection[str] | None
) -> Iterator[str]:
    kind = KINDS[cls.kind]
    pages: list[sa.ColumnElement[bool]] = (
        [sa.true()] if among is None else [kind.id.in_(page) for page in identity_map.pages(list(among))]
    )
    with context.store.reading() as connection:
        for page in pages:
            yield from connection.execute(sa.select(kind.id).where(page, *conditions).limit(MOST + 1)).scalars()


def _quoted(glob: str) -> str:
    return f'"{glob}"' if any(character.isspace() for character in glob) and '"' not in glob else glob


def by_ids(context: Context, cls: type[T], ids: Sequence[str]) -> list[T]:
    """Return the resources of *cls* with these *ids*, in their order, without those that are not tracked."""
    columns: Any = cls
    by_id: dict[str, T] = {}
    for page in identity_map.pages(ids):
        by_id |= {resource.id: resource for resource in identity_map.select(context, sa.select(cls).where(columns.id.in_(page)))}
    return [by_id[resource_id] for resource_id in ids if resource_id in by_id]


def ids_of(value: object) -> list[str] | None:
    """Return the ids of the resources that *value* holds, without duplicates; None if it is no collection of resources.

    A collection is a frame indexed by id, or with a column ``id``, a list, tuple or set of resources, or an empty one.

    Raises:
        InvalidInput: *value* is a frame without ids of resources.

    """
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(dict.fromkeys(item.id for item in value)) if all(isinstance(item, Tracked) for item in value) else None
    pandas: Any = sys.modules.get("pandas")  # without pandas loaded no value is a frame
    if pandas is None or not isinstance(value, pandas.DataFrame):
        return None
    frame: Any = value
    ids = frame.index.get_level_values("id") if "id" in frame.index.names else frame.get("id")
    if ids is None or pandas.api.types.is_numeric_dtype(ids.dtype):  # operations have numbers
        msg = "A frame names resources by an index or a column 'id', as those of cl.frames and %cl_volumes have."
        raise errors.InvalidInput(msg)
    return list(dict.fromkeys(str(resource_id) for resource_id in ids))
