"""Declare the options and verbs for the fields of a volume or a snapshot: ``set``, ``unset`` and ``rename``."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.many.report import Act
from cl_notebook.notebook.command import batch
from cl_notebook.notebook.command.command import Argument, Option, Verb, pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from cl_notebook.model import Snapshot, Volume
    from cl_notebook.notebook.command import resolve
    from cl_notebook.notebook.command.command import Invocation

    Named = Callable[[Invocation], resolve.Several[Any]]

NAME = Option("name", "Display name.", "NAME")
DESCRIPTION = Option("description", "What it is for.", "TEXT")
METADATA = Option("metadata", "A key and a value to keep with it.", "KEY=VALUE", convert=pair, repeat=True, aliases=("property",))
_CLEAR = Option("no-metadata", "Remove all keys first.", aliases=("no-property",))
_BOOTABLE = (Option("bootable", "Mark it as bootable."), Option("non-bootable", "Mark it as not bootable."))
_PROTECTED = Option("protected", "Refuse its deletion, also in a cascade or a clean-up.")
_KEY = Option("metadata", "A key to remove.", "KEY", repeat=True, aliases=("property",))
_UNPROTECTED = Option("protected", "Allow its deletion again.")


def typed(call: Invocation, *names: str) -> dict[str, Any]:
    """Return the typed values among *names*, and those of metadata and specs as dicts."""
    pairs = {"metadata", "extra_specs", "qos_specs"} & call.values.keys()
    return {**call.given(*names), **{key: dict(value) for key, value in call.given(*pairs).items()}}


def verbs(argument: Argument, named: Named, *, may_boot: bool = False) -> tuple[Verb, ...]:
    """Return the verbs for what *named* finds by *argument*, which names one; *may_boot*: it has the flag ``bootable``."""
    noun = argument.name.lower()
    several = replace(argument, help=f"{argument.help} {batch.SEVERAL_WORDS}", repeat=True)
    options = (NAME, DESCRIPTION, METADATA, _CLEAR, _PROTECTED, *(_BOOTABLE if may_boot else ()), *batch.OPTIONS)
    changed = f"name, description, metadata{', protection or bootable flag' if may_boot else ' or protection'}"
    return (
        Verb("set", f"Set {changed} of a {noun}; keys that are not typed stay.", partial(_set, named), (several,), options),
        Verb(
            "unset",
            f"Remove keys from the metadata of a {noun}, or its protection.",
            partial(_unset, named),
            (several,),
            (_KEY, _UNPROTECTED, *batch.OPTIONS),
        ),
        Verb("rename", f"Give a {noun} another name.", partial(_rename, named), (argument, Argument("NAME", "The new name."))),
    )


def _set(named: Named, call: Invocation) -> Any:  # noqa: ANN401 - the resource, or a report of several
    changes = call.given("name", "description")
    metadata, clear = dict(call["metadata"]), call["no_metadata"]
    bootable, non_bootable = call.values.get("bootable"), call.values.get("non_bootable")
    if call["protected"]:
        changes["protected"] = True
    if not (changes or metadata or clear or bootable or non_bootable):
        msg = "set needs what to change: --name NAME, --description TEXT, --metadata KEY=VALUE or --protected."
        raise errors.InvalidInput(msg)
    if bootable and non_bootable:
        msg = "--bootable and --non-bootable exclude each other: type one of them."
        raise errors.InvalidInput(msg)
    if bootable or non_bootable:
        changes["bootable"] = bool(bootable)

    def change(resource: Snapshot | Volume) -> None:
        resource.refresh(keep_edits=True)  # so that keys are added to the stored ones
        if metadata or clear:
            resource.metadata = metadata if clear else {**resource.metadata, **metadata}
        for name, value in changes.items():
            setattr(resource, name, value)
        resource.save()

    return batch.each(call, Act("set", "set"), named(call), change)


def _unset(named: Named, call: Invocation) -> Any:  # noqa: ANN401 - the resource, or a report of several
    if not (call["metadata"] or call["protected"]):
        msg = "unset needs --metadata KEY or --protected, or both."
        raise errors.InvalidInput(msg)

    def remove(resource: Snapshot | Volume) -> None:
        resource.refresh(keep_edits=True)
        metadata = dict(resource.metadata)
        for key in call["metadata"]:
            if key not in metadata:
                known = errors.did_you_mean(key, metadata) or f" Its keys: {', '.join(metadata) or 'none'}."
                msg = f"The metadata of {resource.label()} has no key {key!r}.{known}"
                raise errors.NotFound(msg)
            del metadata[key]
        if call["metadata"]:
            resource.metadata = metadata
        if call["protected"]:
            resource.protected = False
        resource.save()

    return batch.each(call, Act("unset", "unset"), named(call), remove)


def _rename(named: Named, call: Invocation) -> Snapshot | Volume:
    resources = named(call)
    if not resources.is_one:
        magic = f"%cl_{resources.resources[0].kind} set --name"
        msg = f"rename takes one resource and one name. {magic} gives several the same name."
        raise errors.InvalidInput(msg)
    resource: Snapshot | Volume = resources.resources[0]
    resource.refresh(keep_edits=True)
    resource.name = call["name"]
    resource.save()
    return resource
