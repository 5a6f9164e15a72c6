"""Every error that cl_notebook raises on purpose.

::

    errors.Error
    ├── InvalidInput (ValueError)      a value that cannot be right: a size, a name, an option
    ├── NotFound (LookupError)         nothing is tracked, registered or open under that name
    │   └── Ambiguous                  more than one resource fits; ``candidates`` lists them
    ├── Refused                        the request is fine, the present state forbids it
    │   ├── AlreadyExists              the name or id is taken by something different
    │   ├── ResourceBusy               snapshots, connections or clones still depend on it
    │   ├── InvalidStatus              the resource is being worked on, or in error
    │   ├── ChangedElsewhere           another kernel changed the row since it was read
    │   ├── Unconfirmed                it was loaded, or stands in a store of another user: the user has to confirm it
    │   └── ReadOnly                   the session was set up to look, not to act
    ├── StoreError                     the database behind the objects
    │   ├── StoreUnusable              not a database, not writable, or out of reach
    │   ├── StoreDamaged               a row holds what nobody can read; ``where`` names it
    │   ├── StoreLocked                another process holds it for too long
    │   ├── OutcomePending              the storage is done, the store was out of reach: what came of it is written later
    │   └── StoreTooNew                written by a newer cl_notebook
    ├── DriverError                    the storage or its driver failed; ``driver`` and ``call`` name it
    │   ├── StorageFull                no space or quota left on the storage
    │   ├── MissingOnStorage           the storage does not have what the store says it has
    │   ├── ExistsOnStorage            the storage has something different under that name (AlreadyExists too)
    │   ├── BusyOnStorage              the storage still has it in use (ResourceBusy too)
    │   └── NotSupported               the driver lacks the capability
    ├── PartialFailure                 an act on several resources failed for some; ``failures`` has the error of each
    ├── CleanupIncomplete              some of it could not be removed; ``report`` says what, and why
    └── AttachError                    the host could not attach or detach the device
        └── HostUnreachable            another host does not answer, or went away before it did

Beside the tree stand ``Interrupted``, a ``KeyboardInterrupt`` (an act was cut short), and ``StillRunning``, one of these (the
user does not wait any more, the storage goes on); and the warnings ``DuplicateBackendWarning``, ``EncryptedVolume``,
``WritableByOthers``, ``StoreReplaced`` and ``Untrusted``.

Each message is one line that says what is wrong and what to do about it. Errors of other libraries (SQLAlchemy, os-brick,
the operating system) are translated at the boundary where they enter, ``raise … from`` the original.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    import pandas as pd


class _Portable:
    """Crosses processes: what stands beside an error's message comes along, a tracked object, which cannot, as its repr."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        """Tell the modules copy and pickle how it is made again, whatever its class takes."""
        beside = {name: repr(value) if name == "resource" else value for name, value in vars(self).items()}
        return _remade, (type(self), getattr(self, "args", ()), beside)


def _remade(cls: type[BaseException], args: tuple[object, ...], beside: dict[str, Any]) -> BaseException:
    error = cls.__new__(cls, *args)
    vars(error).update(beside)
    return error


class Error(_Portable, Exception):
    """Base of every error that cl_notebook raises on purpose; ``str(error)`` is one line."""


class InvalidInput(Error, ValueError):
    """A value that cannot be right whatever the state is."""


class NotFound(Error, LookupError):
    """Nothing is tracked, registered or open under that name."""


class Ambiguous(NotFound):
    """More than one resource fits; ``candidates`` holds a line for each."""

    def __init__(self, message: str, candidates: Sequence[str] = ()) -> None:
        """Keep the candidate lines beside the message."""
        super().__init__(message)
        self.candidates = tuple(candidates)


class Refused(Error):
    """The request makes sense, but not in the present state."""


class AlreadyExists(Refused):
    """The name or id is taken by something different."""


class ResourceBusy(Refused):
    """Something else depends on the resource."""


class InvalidStatus(Refused):
    """The resource is being worked on, or is in a status that does not allow the act."""


class ChangedElsewhere(Refused):
    """The row was changed by somebody else between our read and our write."""


class Unconfirmed(Refused):
    """A document, or a store that others can write to, describes it, and the user did not confirm it yet."""


class ReadOnly(Refused):
    """The session was set up with ``read_only=True``."""


class StoreError(Error):
    """The database behind the tracked objects failed."""


class StoreUnusable(StoreError):
    """The store is not a database of ours, cannot be written, or is out of reach."""


class StoreDamaged(StoreError):
    """A row of the store cannot be read: ``where`` names the column, the row and the table, as far as they are known."""

    def __init__(self, message: str, where: str = "") -> None:
        """Keep the place beside the message."""
        super().__init__(message)
        self.where = where


class StoreLocked(StoreError):
    """Another process held the store for longer than the busy time-out."""


class OutcomePending(StoreError):
    """The storage did its part, and the store could not be told: the outcome of ``operation`` is kept."""

    def __init__(self, message: str, operation: int) -> None:
        """Keep the operation's number beside the message."""
        super().__init__(message)
        self.operation = operation


class StoreTooNew(StoreError):
    """The store's schema was written by a newer cl_notebook."""


class DriverError(Error):
    """The storage, or the driver that speaks to it, failed."""

    def __init__(self, message: str, *, driver: str = "", call: str = "", no_side_effects: bool = False) -> None:
        """Keep the culprit: ``driver`` is the backend's name, ``call`` the driver method.

        ``no_side_effects`` is the driver's word that it refused before it changed anything on the storage: then the resource is
        not left in error.
        """
        super().__init__(message)
        self.driver = driver
        self.call = call
        self.no_side_effects = no_side_effects


class StorageFull(DriverError):
    """No space, or no quota, is left on the storage."""


class MissingOnStorage(DriverError):
    """The storage does not have a resource that the call needs."""


class ExistsOnStorage(DriverError, AlreadyExists):
    """The storage has something different under that name."""


class BusyOnStorage(DriverError, ResourceBusy):
    """The storage has the resource in use: it is connected, mounted or held open."""


class NotSupported(DriverError):
    """The driver does not have the capability."""


class PartialFailure(Error):
    """An act on ``total`` resources failed for some of them: ``failures`` holds the label and the error of each."""

    def __init__(self, message: str, failures: Sequence[tuple[str, Error]] = (), total: int = 0) -> None:
        """Keep the failures, and the number of resources, beside the message."""
        super().__init__(message)
        self.failures = tuple(failures)
        self.total = total


class CleanupIncomplete(Error):
    """A clean-up is over, and not everything is gone: ``report`` has an outcome a step, None if it could not begin."""

    def __init__(self, message: str, report: pd.DataFrame | None = None) -> None:
        """Keep the report beside the message."""
        super().__init__(message)
        self.report = report


class AttachError(Error):
    """os-brick or the operating system could not attach, extend or detach the device."""


class HostUnreachable(AttachError):
    """Another host does not answer, or went away before it did: then what it was asked for may have been done."""

    def __init__(self, message: str, *, no_side_effects: bool = False) -> None:
        """``no_side_effects`` says that nothing was asked of it yet."""
        super().__init__(message)
        self.no_side_effects = no_side_effects


class DuplicateBackendWarning(UserWarning):
    """Two backends of one store are the same storage under two names: a warning, for there may be a reason."""


class EncryptedVolume(UserWarning):
    """A volume that is attached, or opened for reading, holds ciphertext: it is for dm-crypt, not to be written directly."""


class WritableByOthers(UserWarning):
    """Others can write to a folder that volumes are kept in, or put another one in its place."""


class StoreReplaced(UserWarning):
    """An empty, an older or another file stands where a store was: a warning, for there may be a reason."""


class ConfigurationWarning(UserWarning):
    """A configuration is not taken as it stands: an option has another name by now, or a part of a file was left out."""


class DeviceInUse(UserWarning):
    """``force`` took a device that was mounted or in use: what was not written to it yet may be lost."""


class Untrusted(UserWarning):
    """Something was loaded, or opened, that others may have written: a warning that says what is not used before it is typed."""


class Interrupted(_Portable, KeyboardInterrupt):
    """An act was interrupted: the message says what is left and what mends it.

    ``operation`` is its number in the history; reading and writing a volume's bytes has none.
    """

    def __init__(self, message: str, operation: int | None = None) -> None:
        """Keep the number beside the message."""
        super().__init__(message)
        self.operation = operation

    def _render_traceback_(self) -> list[str]:
        """Tell IPython what to show: where the waiting was interrupted says nothing."""
        return [one_line(self)]


class StillRunning(Interrupted):
    """The waiting for an act was interrupted, the act was not: it goes on."""


KEPT_BYTES = 2**20
"""Bytes that are kept of a text that a storage, a driver or a program wrote: more has been seen, and helps nobody."""


def bounded(text: str) -> str:
    """Return *text*, of which at most :data:`KEPT_BYTES` are kept, with a word on what was left out."""
    if len(text) <= KEPT_BYTES // 4:  # a character has at most four bytes
        return text
    data = text.encode("utf-8", errors="surrogatepass")
    if len(data) <= KEPT_BYTES:
        return text
    kept = data[:KEPT_BYTES].decode("utf-8", errors="ignore")
    return f"{kept}… ({len(data) - KEPT_BYTES} more bytes were left out)"


def bound(error: BaseException) -> None:
    """Keep at most :data:`KEPT_BYTES` of each text of *error*, and of the errors that it was raised for."""
    behind: BaseException | None = error
    seen: set[int] = set()
    while behind is not None and id(behind) not in seen:
        seen.add(id(behind))
        behind.args = tuple(bounded(word) if isinstance(word, str) else word for word in behind.args)
        behind = behind.__cause__ or behind.__context__


def one_line(error: BaseException) -> str:
    """Return what *error* says as one line; an error of the operating system by its words and its file."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    text = " ".join(bounded(str(error)).split())
    return text if isinstance(error, Error) else f"{type(error).__name__}: {text}" if text else type(error).__name__


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the closest of the *known* words, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
