"""Recognise encrypted volumes, and refuse to overwrite them.

Cinder encrypts volumes of an encrypted volume type above the driver, with LUKS: the device holds a LUKS header and ciphertext,
and the key is in a key manager. A host reads and writes such a volume through dm-crypt. Drivers and this package see the raw
bytes: writing over the header destroys all data.
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
    """The part of a volume or a snapshot that this module needs."""

    @property
    def driver_data(self) -> dict[str, Any] | None:
        """Data that its driver stores with it."""

    @property
    def extra(self) -> dict[str, Any] | None:
        """Data of its document that has no column."""


class _Volume(_DriverRow, Protocol):
    """The part of a volume that this module needs."""

    @property
    def encrypted(self) -> bool:
        """Whether its device holds ciphertext."""

    def label(self) -> str:
        """Return its name for messages."""


class _Connection(Protocol):
    """The part of a connection that this module needs."""

    @property
    def volume(self) -> _Volume:
        """The connected volume."""

    @property
    def conn_info(self) -> dict[str, Any] | None:
        """The storage's reply to the connection."""


KEY = "encryption_key_id"
"""Cinder's column with the key manager's id for the key of an encrypted volume or snapshot."""

_NAMES = (KEY, "encrypted")
_LUKS = b"LUKS\xba\xbe"
"""The first bytes of a LUKS header, version 1 and 2 (LUKS2 on-disk format, section 2.1)."""


def is_marked(data: object) -> bool:
    """Return whether nested *data* (dicts and lists) sets one of Cinder's keys for encryption anywhere."""
    if isinstance(data, dict):
        if any(_is_true(data.get(name)) for name in _NAMES):
            return True
        return any(is_marked(value) for value in data.values())
    return isinstance(data, (list, tuple)) and any(is_marked(value) for value in data)


def is_encrypted(resource: _DriverRow) -> bool:
    """Return whether a volume or snapshot is encrypted, according to its driver, Cinder or its document."""
    return is_marked(resource.driver_data) or is_marked(resource.extra)


def inherited(resource: _DriverRow) -> dict[str, Any] | None:
    """Return the driver data that a copy of *resource* inherits: its marks of encryption, else None."""
    for data in (resource.driver_data, resource.extra):
        marks = {name: value for name, value in _marks(data).items() if _is_true(value)}
        if marks:
            return marks
    return None


def warn(volume: _Volume, *, stacklevel: int) -> None:
    """Warn, before an encrypted volume is attached, that its device will hold ciphertext."""
    if volume.encrypted:
        warnings.warn(
            f"{volume.label()} is encrypted: its device holds ciphertext. {_advice(volume)}",
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
    """Refuse to overwrite a LUKS header, whether or not Cinder wrote it; close *file* before raising.

    Raises:
        InvalidStatus: the volume begins with a LUKS header.

    """
    if file.read_at(len(_LUKS), 0) == _LUKS:
        file.close()
        raise _refusal(connection, "begins with a LUKS header")


def _refusal(connection: _Connection, reason: str) -> errors.InvalidStatus:
    volume = connection.volume
    msg = (
        f"{volume.label()} {reason}: to write to its device is to destroy what is on it. {_advice(volume)} "
        "To overwrite it all the same: open('r+b', raw=True)."
    )
    return errors.InvalidStatus(msg)


def _advice(volume: _Volume) -> str:
    key = next((str(marks[KEY]) for data in (volume.driver_data, volume.extra) if KEY in (marks := _marks(data))), "")
    by = f" by the key {key} of Cinder's key manager" if key else " by its key"
    return f"Read and write it through cryptsetup (luksOpen){by}, never directly."


def _marks(data: Mapping[str, Any] | None) -> dict[str, Any]:
    inner = data.get("data") if isinstance(data, dict) else None
    merged = {**(inner if isinstance(inner, dict) else {}), **(data or {})}
    return {name: merged[name] for name in _NAMES if merged.get(name)}


def _is_true(value: object) -> bool:
    # an id of zeros counts as true: it is that of the only key of Cinder's ConfKeyManager
    return value is not None and str(value).strip().lower() not in {"", "false", "no", "none", "0"}
