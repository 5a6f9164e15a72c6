"""What drivers share in listing and adopting volumes that they did not make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.drivers.base import GiB

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cl_notebook.drivers.base import ManageableVolume, VolumeData

SOURCE_NAME = "source-name"
"""The key of a reference that names a volume by its name on the storage, as in Cinder."""


def gib_up(size: int) -> int:
    """Return *size* bytes in GiB, rounded up."""
    return -(-size // GiB)


def checked_size(size: object, least: int = 1) -> int:
    """Return the *size* of a volume in GiB.

    Raises:
        errors.InvalidInput: it is not a whole number, or not at least 1 and *least*.

    """
    if isinstance(size, bool) or not isinstance(size, int) or size < max(1, least):
        msg = f"a volume's size is a whole number of GiB, at least {max(1, least)} here, not {size!r}"
        raise errors.InvalidInput(msg)
    return size


def volume_bytes(size: object) -> int:
    """Return the bytes of a volume of *size* GiB.

    Raises:
        errors.InvalidInput: *size* is not a whole number of at least 1.

    """
    return checked_size(size) * GiB


def source_name(reference: Mapping[str, str]) -> str:
    """Return the name that *reference* gives.

    Raises:
        errors.InvalidInput: it is no mapping with the key ``source-name`` and a text.

    """
    name = reference.get(SOURCE_NAME) if hasattr(reference, "get") else None
    if not isinstance(name, str) or not name:
        msg = f"the reference must be {{{SOURCE_NAME!r}: name on the storage}}, not {reference!r}"
        raise errors.InvalidInput(msg)
    return name


def manageable(found: Iterable[tuple[str, int]], known: Iterable[VolumeData]) -> list[ManageableVolume]:
    """Return the list-manageable entries for what was *found*, pairs of name and bytes, with the *known* ones marked."""
    ids = {volume.name_in_storage: volume.id for volume in known}
    return [_entry(name, size, ids.get(name)) for name, size in sorted(found)]


def _entry(name: str, size: int, cinder_id: str | None) -> ManageableVolume:
    reason = "already managed" if cinder_id else None if size else "empty"
    return {
        "reference": {SOURCE_NAME: name},
        "size": gib_up(size),
        "safe_to_manage": reason is None,
        "reason_not_safe": reason,
        "cinder_id": cinder_id,
        "extra_info": None,
    }
