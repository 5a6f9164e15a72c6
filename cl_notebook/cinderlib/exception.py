"""Define cinderlib's exceptions as subclasses of this package's errors, with the ``msg`` and ``code`` of Cinder's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from cl_notebook import errors

if TYPE_CHECKING:
    from typing import Any

_CODES: tuple[tuple[type[errors.Error], int], ...] = ((errors.NotFound, 404), (errors.InvalidInput, 400), (errors.Refused, 400))

NotFound = errors.NotFound


def code_of(error: errors.Error) -> int:
    """Return the status of HTTP that Cinder has for errors such as *error*."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), 500)


class _Described(errors.Error):
    """An error with the message of Cinder's, which scripts raise with the values for it."""

    message: ClassVar[str] = "An unknown exception occurred."

    def __init__(self, message: str | None = None, **values: Any) -> None:  # noqa: ANN401 - of the message
        """Use *message*, or the class's message with *values*."""
        super().__init__(message if message is not None else self.message % {"key": next(iter(values.values()), "")})
        self.kwargs = values

    @property
    def msg(self) -> str:
        """The message."""
        return str(self)

    @property
    def code(self) -> int:
        """The status of HTTP."""
        return code_of(self)


class VolumeNotFound(_Described, errors.NotFound):
    """No volume has that id."""

    message = "Volume %(key)s could not be found."


class SnapshotNotFound(_Described, errors.NotFound):
    """No snapshot has that id."""

    message = "Snapshot %(key)s could not be found."


class ConnectionNotFound(_Described, errors.NotFound):
    """No connection has that id."""

    message = "Volume attachment could not be found with filter: %(key)s."


class InvalidVolume(_Described, errors.ResourceBusy):
    """The volume has snapshots or connections."""

    message = "Invalid volume: %(key)s"


class InvalidPersistence(_Described, errors.InvalidInput):
    """``persistence_config`` does not describe a store."""

    message = "Invalid persistence storage: %(key)s."


class NotLocal(_Described, errors.InvalidStatus):
    """The volume is not attached on this host."""

    message = "Volume %(key)s doesn't seem to be attached locally."
