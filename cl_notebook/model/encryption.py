"""Volumes that Cinder encrypted: their devices hold ciphertext, which a host reads and writes through dm-crypt alone.

Cinder encrypts a volume of an encrypted volume type above its driver: what is on the storage begins with a LUKS header, and the
key is in a key manager. The driver, and this product, see bytes; to write them is to lose the header, and with it everything.
https://docs.openstack.org/cinder/latest/configuration/block-storage/volume-encryption.html
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Protocol

from cl_notebook import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.attach import VolumeFile


class _DriverRow(Protocol):
    """A volume or a snapshot, as far as this module needs it."""

    @property
    def driver_data(self) -> dict[str, Any] | None:
        """What its driver keeps with it."""

    @property
    def extra(self) -> dict[str, Any] | None:
        """The data of its document that no column holds."""


class _Volume(_DriverRow, Protocol):
    """A volume, as far as this module needs it."""

    @property
    def encrypted(self) -> bool:
        """Whether its device holds ciphertext."""

    def label(self) -> str:
        """Return its name for messages."""


class _Connection(Protocol):
    """A connection, as far as this module needs it."""

    @property
    def volume(self) -> _Volume:
        """The connected volume."""

    @property
    def conn_info(self) -> dict[str, Any] | None:
        """The storage's reply to the connection."""


KEY = "encryption_key_id"
"""Cinder's column for the id of the key, in its key manager, of an encrypted volume or snapshot."""

_NAMES = (KEY, "encrypted")
_LUKS = b"LUKS\xba\xbe"
"""What a LUKS header begins with, of version 1 and 2 (LUKS2 on-disk format, section 2.1)."""


def is_marked(told: object) -> bool:
    """Return whether *told*, plain data of any shape, says that something is encrypted, in Cinder's words for it."""
    if isinstance(told, dict):
        if any(_is_true(told.get(name)) for name in _NAMES):
            return True
        return any(is_marked(value) for value in told.values())
    return isinstance(told, (list, tuple)) and any(is_marked(value) for value in told)


def is_encrypted(resource: _DriverRow) -> bool:
    """Return whether the storage holds ciphertext of it, by what Cinder, a document or its driver said."""
    return is_marked(resource.driver_data) or is_marked(resource.extra)


def inherited(resource: _DriverRow) -> dict[str, Any] | None:
    """Return the driver data with which a copy of *resource* begins: it is encrypted if *resource* is, by the same key."""
    for told in (resource.driver_data, resource.extra):
        marks = {name: value for name, value in _marks(told).items() if _is_true(value)}
        if marks:
            return marks
    return None


def warn(volume: _Volume, *, stacklevel: int) -> None:
    """Warn, before it has a device, that what is on it is ciphertext."""
    if volume.encrypted:
        warnings.warn(
            f"{volume.label()} is encrypted: its device holds ciphertext. {_cure(volume)}",
            errors.EncryptedVolume,
            stacklevel=stacklevel + 1,
        )


def refuse_to_write(connection: _Connection) -> None:
    """Refuse to open the device of an encrypted volume for writing.

    Raises:
        InvalidStatus: the volume is encrypted.

    """
    if connection.volume.encrypted or is_marked(connection.conn_info):
        raise _refusal(connection, "is encrypted")


def refuse_header(connection: _Connection, file: VolumeFile) -> None:
    """Refuse to write over a LUKS header, of whoever made it; *file* is closed then.

    Raises:
        InvalidStatus: the volume begins with one.

    """
    if file.read_at(len(_LUKS), 0) == _LUKS:
        file.close()
        raise _refusal(connection, "begins with a LUKS header")


def _refusal(connection: _Connection, what: str) -> errors.InvalidStatus:
    volume = connection.volume
    msg = (
        f"{volume.label()} {what}: to write to its device is to destroy what is on it. {_cure(volume)} "
        "To overwrite it all the same: open('r+b', raw=True)."
    )
    return errors.InvalidStatus(msg)


def _cure(volume: _Volume) -> str:
    key = next((str(marks[KEY]) for told in (volume.driver_data, volume.extra) if KEY in (marks := _marks(told))), "")
    by = f" by the key {key} of Cinder's key manager" if key else " by its key"
    return f"Read and write it through cryptsetup (luksOpen){by}, never directly."


def _marks(told: Mapping[str, Any] | None) -> dict[str, Any]:
    inner = told.get("data") if isinstance(told, dict) else None
    both = {**(inner if isinstance(inner, dict) else {}), **(told or {})}
    return {name: both[name] for name in _NAMES if both.get(name)}


def _is_true(value: object) -> bool:
    # Cinder's ConfKeyManager calls its one key by the id of zeros, which is a key
    return value is not None and str(value).strip().lower() not in {"", "false", "no", "none", "0"}
