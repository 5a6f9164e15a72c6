"""``cl.each``: the same act on all that names, a filter, a frame or a list select, side by side."""

from __future__ import annotations

import itertools
import operator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cl_notebook import errors
from cl_notebook.many import names, runner, selection
from cl_notebook.many.report import Act, Item, Report, checked, counted
from cl_notebook.model import lookup, validation
from cl_notebook.model.base import Tracked
from cl_notebook.text import enumerated, sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cl_notebook.model.context import Context

T = TypeVar("T", bound=Tracked)

_CLASSES = {cls.kind: cls for cls in lookup.ALL}


def select(context: Context, what: Sequence[object], kind: str | None, jobs: int) -> Each[Any]:
    """Return the resources that *what* selects; see :func:`cl_notebook.each`."""
    if kind is not None and kind not in _CLASSES:
        msg = f"kind is one of {', '.join(_CLASSES)}, not {kind!r}.{errors.did_you_mean(str(kind), _CLASSES)}"
        raise errors.InvalidInput(msg)
    collections = [_ids_of(thing) for thing in what if not isinstance(thing, str)]
    ids = list(dict.fromkeys(itertools.chain.from_iterable(collections)))
    cls = _CLASSES[kind] if kind is not None else _class_of(context, ids)
    named = selection.by_ids(context, cls, ids)
    if len(named) < len(ids):
        msg = f"{len(ids) - len(named)} of {len(ids)} are no tracked {cls.kind}s. Select the {cls.kind}s, or list them again."
        raise errors.NotFound(msg)
    parts: list[str] = []
    for word in selection.expanded(context, cls, [thing for thing in what if isinstance(thing, str)]):
        word_parts = selection.parts_of(context, cls, word)
        parts += word_parts
        if not word_parts:
            named.append(lookup.the_one(word, lookup.find(context, word, (cls,), parts=False)))
    if not named and not any(map(selection.is_glob, parts)) and (collections or not parts):
        return Each(context, [], jobs)  # of an empty frame: a term beside it does not select from everything
    hint = f"cl.frames.{cls.kind}s() lists them."
    return Each(context, selection.combined(context, cls, named, parts, typed=what, hint=hint), jobs)


def _ids_of(thing: object) -> list[str]:
    ids = [thing.id] if isinstance(thing, Tracked) else selection.ids_of(thing)
    if ids is None:
        msg = (
            f"cl.each takes names, globs, terms of the tree's filter, frames, resources and lists, not a {type(thing).__name__}."
        )
        raise errors.InvalidInput(msg)
    return ids


def _class_of(context: Context, ids: Sequence[str]) -> type[Any]:
    """Return the class of the resource with the first of *ids*; of volumes without any."""
    first = next(iter(ids), None)
    if first is None:
        return _CLASSES["volume"]
    return next((cls for cls in lookup.ALL if selection.by_ids(context, cls, [first])), _CLASSES["volume"])


def _act_of(function: object, name: object) -> Act:
    """Return the act of calling *function*, called *name*.

    Raises:
        InvalidInput: *function* cannot be called, or *name* is no text.

    """
    if not callable(function):
        msg = f"The first argument is the function to call with each resource, not {function!r}."
        raise errors.InvalidInput(msg)
    return Act(validation.name(name), "done")


class Each(Generic[T]):
    """Resources of one kind, to do the same to all of them, a few side by side.

    Each method calls the method of that name on every resource, continues after a failure, and returns the report: a list of what
    the calls gave, with ``frame``. If some failed it raises PartialFailure, whose ``report`` has all outcomes; an interrupt says
    what is done and what is not.
    """

    def __init__(self, context: Context, resources: Sequence[T], jobs: int = runner.JOBS) -> None:
        """Hold *resources* of the session *context*, to act on *jobs* of them side by side."""
        self._context = context
        self._resources = tuple(resources)
        self._jobs = jobs

    def __iter__(self) -> Iterator[T]:
        """Iterate over the resources."""
        return iter(self._resources)

    def __len__(self) -> int:
        """Return the number of resources."""
        return len(self._resources)

    def __repr__(self) -> str:
        """Return how many there are, and the first ones."""
        items = [Item.of(resource) for resource in self._resources]
        labels = enumerated([item.label for item in items])
        return sanitize(f"<each of {counted(len(items), items)}: {labels}>") if items else "<each of nothing>"

    def apply(self, function: Callable[[T], Any], name: str = "apply") -> Report:
        """Call *function* with each resource; *name* is the verb for messages.

        Raises:
            Error: *function* failed; with several resources it is a PartialFailure.
            Interrupted: the user interrupted it.

        """
        return self._run(_act_of(function, name), function)

    def start(self, function: Callable[[T], Any], name: str = "apply") -> runner.Background:
        """Call *function* with each resource in the background, and return the handle at once.

        The handle has ``status``, ``report``, ``result()`` and ``cancel()``.
        """
        act = _act_of(function, name)
        return runner.start(self._context, act, runner.tasks_on(self._context, act, self._resources, function), jobs=self._jobs)

    def delete(self, *, cascade: bool = False, force: bool = False) -> Report:
        """Delete each; nothing is asked. *cascade* deletes the snapshots of volumes first."""
        options = {"cascade": True, "force": force} if cascade else {"force": force}
        return self._call(Act("delete", "deleted"), "delete", **options)

    def extend(self, size: int | str) -> Report:
        """Extend each volume to *size* GiB, as ``Volume.extend`` does."""
        self._require("extend")

        def extend(resource: T) -> T:
            resource.extend(size)  # type: ignore[attr-defined] # _require has checked it
            return resource

        return self._run(Act("extend", "extended"), extend)

    def create_snapshot(self, name: str = "", description: str = "") -> Report:
        """Create a snapshot of each volume; all have the same *name*, unless it is a range, ``s-{1..3}``."""
        typed = dict(zip((resource.id for resource in self), names.shared(validation.name(name), len(self)), strict=True))
        self._require("create_snapshot")
        return self._run(
            Act("snapshot", "snapshotted"),
            lambda resource: resource.create_snapshot(typed[resource.id], description),  # type: ignore[attr-defined] # _require has checked it
        )

    def clone(self, name: str = "", *, size: int | None = None) -> Report:
        """Clone each volume; *name* gets a number for each, unless it is a range, ``copy-{1..3}``."""
        typed = dict(zip((resource.id for resource in self), names.numbered(validation.name(name), len(self)), strict=True))
        self._require("clone")
        return self._run(Act("clone", "cloned"), lambda resource: resource.clone(typed[resource.id], size=size))  # type: ignore[attr-defined] # as above

    def attach(self) -> Report:
        """Attach each volume or connection on this host."""
        return self._call(Act("attach", "attached"), "attach")

    def detach(self, *, force: bool = False) -> Report:
        """Detach each volume or connection from this host."""
        return self._call(Act("detach", "detached"), "detach", force=force)

    def disconnect(self, *, force: bool = False) -> Report:
        """Disconnect each connection."""
        if self._resources and self._resources[0].kind != "connection":
            msg = "disconnect is for connections: cl.each(…, kind='connection')."
            raise errors.InvalidInput(msg)
        return self._call(Act("disconnect", "disconnected"), "disconnect", force=force)

    def unmanage(self) -> Report:
        """Stop tracking each volume or snapshot; the storage keeps them."""
        return self._call(Act("unmanage", "unmanaged"), "unmanage")

    def _require(self, method: str) -> None:
        for resource in self._resources[:1]:
            if not hasattr(resource, method):
                msg = f"A {resource.kind} has no {method}()."
                raise errors.InvalidInput(msg)

    def _call(self, act: Act, method: str, **options: Any) -> Report:  # noqa: ANN401 - those of the method
        self._require(method)
        return self._run(act, runner.returning_resource(operator.methodcaller(method, **options)))

    def _run(self, act: Act, call: Callable[[T], Any]) -> Report:
        return checked(runner.act_on(self._context, act, self._resources, call, jobs=self._jobs))
