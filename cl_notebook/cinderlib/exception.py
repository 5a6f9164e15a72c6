"""Define cinderlib's exceptions as aliases and subclasses of this package's errors."""

from __future__ import annotations

from cl_notebook import errors

NotFound = errors.NotFound
InvalidVolume = errors.Refused


class VolumeNotFound(errors.NotFound):
    """No volume has that id."""


class SnapshotNotFound(errors.NotFound):
    """No snapshot has that id."""


class ConnectionNotFound(errors.NotFound):
    """No connection has that id."""


class InvalidPersistence(errors.InvalidInput):
    """``persistence_config`` does not describe a store."""


class NotLocal(errors.InvalidStatus):
    """The volume is not attached on this host."""
