"""The names on the storage that Cinder's objects compute, held to the ones that are tracked.

Cinder computes a name from a template and the id (or ``_name_id``) whenever it is asked; the kernel keeps the name that is on the
storage. With another template than the one in force when the volume was made, a driver finds nothing under the computed name, and
most drivers count that as deleted.
"""

from __future__ import annotations

from typing import Any

_MARK = "\0"
_GIVES_NAME = frozenset(
    {
        *("create_volume", "create_volume_from_snapshot", "create_cloned_volume", "create_snapshot"),
        *("manage_existing", "manage_existing_get_size", "manage_existing_snapshot", "manage_existing_snapshot_get_size"),
    }
)
"""Calls whose subject has no name on the storage yet: the driver gives it the computed one."""

_RELEASES = {"unmanage": "managing", "unmanage_snapshot": "creating"}
"""Calls that release what was being adopted, with its status as Cinder words it: whether it was renamed is not known then."""


class TrackedNameError(Exception):
    """The driver would work on another thing on the storage than the one that is tracked; nothing was done."""


def name_id(told: dict[str, Any]) -> str | None:
    """Return the ``_name_id`` of a volume with which Cinder computes its tracked name; None where its id does, or nothing can."""
    template, name = _template("volume"), told["name_in_storage"]
    kept = told["driver_data"].get("_name_id")
    if kept and template % kept == name:
        return str(kept)
    if template % told["id"] == name:
        return None
    before, mark, after = (template % _MARK).partition(_MARK)
    found = name[len(before) : len(name) - len(after)] if mark else ""
    return found if found and template % found == name else None


def refuse_others(method: str, words: dict[str, Any], made: dict[str, Any]) -> None:
    """Refuse a call of *method* for an object among those *made* of its *words* that is called otherwise than is tracked.

    Raises:
        TrackedNameError: there is one.

    """
    subject = "volume" if made.get("volume") is not None else "snapshot"
    for word, resource in made.items():
        told = words.get(word)
        if resource is None or told is None:
            continue
        if word == "snapshot":
            _refuse_other("volume", told["volume"], resource.volume)
        if word == subject and (method in _GIVES_NAME or _RELEASES.get(method) == told["status"]):
            continue
        _refuse_other("snapshot" if word == "snapshot" else "volume", told, resource)


def _refuse_other(kind: str, told: dict[str, Any], resource: Any) -> None:
    name = told["name_in_storage"]
    if resource.name != name:
        option = f"{kind}_name_template"
        msg = (
            f"the {kind} {told['id']} is {name!r} on the storage, and with {option}={_template(kind)!r} the driver would take "
            f"{resource.name!r} for it: it was not called. Open the backend with the {option} that was in force when the {kind} "
            "was made."
        )
        raise TrackedNameError(msg)


def _template(kind: str) -> str:
    from oslo_config import cfg

    return str(cfg.CONF[f"{kind}_name_template"])
