"""cinderlib's exceptions. What is raised are this package's own; each name here catches those that stand for it."""

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
    """``persistence_config`` names nothing that a store can be kept in."""


class NotLocal(errors.InvalidStatus):
    """The volume is not attached on this host."""
