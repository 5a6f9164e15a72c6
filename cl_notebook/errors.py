"""Every error and warning that cl_notebook raises on purpose.

::

    errors.Error
    ├── InvalidInput (ValueError)      a value that cannot be right: a size, a name, an option
    │   └── InvalidArguments (TypeError)  an argument that the function does not have, or lacks
    ├── NotFound (LookupError)         nothing with that name or id is tracked, registered or open
    │   └── Ambiguous                  more than one resource fits; ``candidates`` lists them
    ├── Refused                        the request is valid, the current state forbids it
    │   ├── AlreadyExists              the name or id is taken by something different
    │   ├── ResourceBusy               snapshots, connections or clones still depend on it
    │   ├── Protected                  it is protected from deletion
    │   ├── InvalidStatus              an operation is running on the resource, or it is in error
    │   ├── ChangedElsewhere           another session changed the row since it was read
    │   ├── Unconfirmed                it comes from a document or another user's store: the user has to confirm it
    │   └── ReadOnly                   the session is read-only
    ├── StoreError                     the database of the store failed
    │   ├── StoreUnusable              not a database, not writable, or out of reach
    │   ├── StoreDamaged               a row cannot be read; ``where`` names it
    │   ├── StoreLocked                another process held it for too long
    │   ├── OutcomePending             the storage is done, the store was out of reach: the outcome is written later
    │   └── StoreTooNew                written by a newer cl_notebook
    ├── DriverError                    the storage or its driver failed; ``driver`` and ``call`` name it
    │   ├── StorageFull                no space or quota is left on the storage
    │   ├── MissingOnStorage           the storage lacks a resource that the store has
    │   ├── ExistsOnStorage            the storage has something different under that name (AlreadyExists too)
    │   ├── BusyOnStorage              the resource is in use on the storage (ResourceBusy too)
    │   └── NotSupported               the driver lacks the capability
    ├── PartialFailure                 an operation on several resources failed for some; ``failures`` has each error
    ├── CleanupIncomplete              not everything could be removed; ``report`` says what, and why
    └── AttachError                    the host could not attach or detach the device
        └── HostUnreachable            another host does not answer

Outside the tree: ``Interrupted``, a ``KeyboardInterrupt`` (an operation was cut short), its subclass ``StillRunning`` (the wait
was cut short, the operation continues), and the warnings ``DuplicateBackendWarning``, ``EncryptedVolume``,
``WritableByOthers``, ``StoreReplaced``, ``NotDeleted`` and ``Untrusted``.

Each message is one line that says what is wrong and what to do. Errors of other libraries (SQLAlchemy, os-brick, the operating
system) are translated where they are first caught, ``raise … from`` the original.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import linecache
import re
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, ParamSpec, Self, TypeVar  # ParamSpec and Self are newer than Python 3.9, to which this is sent

    import pandas as pd

    P = ParamSpec("P")
    T = TypeVar("T")


class _Portable:
    """Pickles an error with its attributes; a tracked object among them is replaced by its repr."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        """Return how copy and pickle restore the error, whatever arguments its class takes."""
        attributes = {name: repr(value) if name == "resource" else value for name, value in vars(self).items()}
        return _restored, (type(self), getattr(self, "args", ()), attributes)


def _restored(cls: type[BaseException], args: tuple[object, ...], attributes: dict[str, Any]) -> BaseException:
    error = cls.__new__(cls, *args)
    vars(error).update(attributes)
    return error


class _ShortTraceback:
    """IPython's hook for what it shows of an error: its lines while a cell is handled, the whole traceback for ``%tb``."""

    def __get__(self, error: BaseException | None, owner: type) -> Any:  # noqa: ANN401 - a function, or the descriptor
        """Return the function that IPython calls.

        Raises:
            AttributeError: no handler of *error* is running, so that IPython shows the traceback, as ``%tb`` has to.

        """
        if error is not None and sys.exc_info()[1] is error:
            return lambda: displayed_lines(error)
        msg = f"{owner.__name__} has no traceback of its own outside of a cell."
        raise AttributeError(msg)


class Error(_Portable, Exception):
    """The base class of every error that cl_notebook raises on purpose; ``str(error)`` is one line."""

    _render_traceback_ = _ShortTraceback()


class InvalidInput(Error, ValueError):
    """A value is wrong whatever the state: a size, a name, an option (``option`` names it, if it is known)."""

    def __init__(self, *args: object, option: str = "") -> None:
        """Store the name of the *option* with the message."""
        super().__init__(*args)
        self.option = option


class InvalidArguments(InvalidInput, TypeError):
    """A public function was called with an argument that it does not have, or without one that it needs."""


class NotFound(Error, LookupError):
    """Nothing with that name or id is tracked, registered or open."""


class Ambiguous(NotFound):
    """More than one resource matches; ``candidates`` has a line for each, with what tells it apart from the others.

    ``heading`` is the message without the candidates, or empty if the message does not list them. ``word`` is what was typed,
    and ``ids`` are the ids of the candidates, if they have ids.
    """

    def __init__(self, message: str, candidates: Sequence[str] = (), heading: str = "") -> None:
        """Store the lines of the candidates, and the heading to show above them, with the message."""
        super().__init__(message)
        self.candidates = tuple(candidates)
        self.heading = heading
        self.word = ""
        self.ids: tuple[str, ...] = ()

    @classmethod
    def among(cls, heading: str, candidates: Sequence[str], word: str = "", ids: Iterable[str] = ()) -> Self:
        """Return the error whose message is *heading* and the first :data:`SHOWN` of the *candidates*, which have *ids*."""
        error = cls(f"{heading} {'; '.join(_first(candidates))}", candidates, heading)
        error.word, error.ids = word, tuple(ids)
        return error


class Refused(Error):
    """The request is valid, but the current state forbids it."""


class AlreadyExists(Refused):
    """The name or id is taken by something different."""


class ResourceBusy(Refused):
    """Something else depends on the resource."""


class Protected(Refused):
    """The volume or snapshot, or a snapshot of the volume, is protected from deletion: ``unprotect()`` allows it."""


class InvalidStatus(Refused):
    """The status of the resource does not allow the operation, or another operation is running on it."""


class ChangedElsewhere(Refused):
    """Another session changed the row between our read and our write."""


class Unconfirmed(Refused):
    """The resource comes from a document, or a store that others can write to, and is not confirmed by the user."""


class ReadOnly(Refused):
    """The session was set up with ``read_only=True``."""


class StoreError(Error):
    """The database of the store failed."""


class StoreUnusable(StoreError):
    """The store has another program's tables, cannot be written, or is out of reach."""


class StoreDamaged(StoreError):
    """A row of the store cannot be read; ``where`` names the column, the row and the table, if they are known."""

    def __init__(self, message: str, where: str = "") -> None:
        """Store *where*, the place of the damage, with the message."""
        super().__init__(message)
        self.where = where


class StoreLocked(StoreError):
    """Another process held the store for longer than the busy time-out."""


class OutcomePending(StoreError):
    """The storage is done, but the store was out of reach: the outcome of ``operation`` is written later."""

    def __init__(self, message: str, operation: int) -> None:
        """Store the operation's number with the message."""
        super().__init__(message)
        self.operation = operation


class StoreTooNew(StoreError):
    """The store's schema was written by a newer cl_notebook."""


class DriverError(Error):
    """The storage, or the driver that speaks to it, failed."""

    def __init__(self, message: str, *, driver: str = "", call: str = "", no_side_effects: bool = False) -> None:
        """Store the backend's name (*driver*) and the driver's method (*call*) with the message.

        With *no_side_effects* the driver refused before it changed anything on the storage: the resource is not set to error.
        """
        super().__init__(message)
        self.driver = driver
        self.call = call
        self.no_side_effects = no_side_effects


class StorageFull(DriverError):
    """No space or quota is left on the storage."""


class MissingOnStorage(DriverError):
    """The storage lacks a resource that the call needs."""


class ExistsOnStorage(DriverError, AlreadyExists):
    """The storage has something different under that name."""


class BusyOnStorage(DriverError, ResourceBusy):
    """The resource is in use on the storage: connected, mounted or open."""


class NotSupported(DriverError):
    """The driver lacks the capability, or cannot be loaded; ``library`` names the Python library that is missing, if one is."""

    library: str = ""


class PartialFailure(Error):
    """An operation on ``total`` resources failed for some; ``failures`` has the label and the error of each.

    ``report`` has the outcome of every resource, where there is one: its ``frame`` is a DataFrame.
    """

    def __init__(self, message: str, failures: Sequence[tuple[str, Error]] = (), total: int = 0, report: Any = None) -> None:  # noqa: ANN401 - a Report of the room above
        """Store the failures, the number of resources and the report with the message."""
        super().__init__(message)
        self.failures = tuple(failures)
        self.total = total
        self.report = report


class CleanupIncomplete(Error):
    """A clean-up could not remove everything; ``report`` has the outcome of each step, None if it did not begin."""

    def __init__(self, message: str, report: pd.DataFrame | None = None) -> None:
        """Store the report with the message."""
        super().__init__(message)
        self.report = report


class AttachError(Error):
    """os-brick or the operating system could not attach, extend or detach the device."""


class WrongDevice(AttachError):
    """The device or file is not the one of the volume, or not of its size or format: the host did what it was asked for."""


class HostUnreachable(AttachError):
    """Another host does not answer; if the connection broke during a request, the request may have been carried out."""

    def __init__(self, message: str, *, no_side_effects: bool = False) -> None:
        """Store whether the host had received no request yet (*no_side_effects*)."""
        super().__init__(message)
        self.no_side_effects = no_side_effects


class DuplicateBackendWarning(UserWarning):
    """Two backends of one store are the same storage under two names."""


class EncryptedVolume(UserWarning):
    """An encrypted volume is attached or read without dm-crypt: its bytes are ciphertext."""


class WritableByOthers(UserWarning):
    """Other users can write to, or replace, a folder with volumes."""


class StoreReplaced(UserWarning):
    """The file of a store was replaced by an empty, an older or another one."""


class ConfigurationWarning(UserWarning):
    """A configuration was changed when it was read: an option was renamed, or a part of a file left out."""


class NotDeleted(UserWarning):
    """A volume that had expired in the trash could not be deleted; it is tracked again, in an error status."""


class DeviceInUse(UserWarning):
    """``force`` detached a device that was mounted or in use: data not written to it yet may be lost."""


class Untrusted(UserWarning):
    """A document or a store may have been written by others; the message says what has to be typed before it is used."""


class Interrupted(_Portable, KeyboardInterrupt):
    """An operation was interrupted; the message says what is left behind and what to do.

    ``operation`` is its number in the history, None for reading and writing a volume's bytes.
    """

    def __init__(self, message: str, operation: int | None = None) -> None:
        """Store the operation's number with the message."""
        super().__init__(message)
        self.operation = operation

    _render_traceback_ = _ShortTraceback()


class StillRunning(Interrupted):
    """The wait for an operation was interrupted; the operation continues."""


SHOWN = 10
"""Number of candidates that a message lists."""


def _first(candidates: Sequence[str]) -> list[str]:
    more = [f"and {len(candidates) - SHOWN} more"] if len(candidates) > SHOWN else []
    return [*candidates[:SHOWN], *more]


_WORD = r"(?>([\w@:/-]+(?:\.[\w@:/-]+)*))"
"""A name, an id or a path that is spelled the same in a line of magic and, in quotes, in Python."""

_ARGUMENT = r"(?>'?((?<=')[^'\n]+(?=')|(?<!')[\w@:/-]+(?:\.[\w@:/-]+)*)'?)"
"""Such a word, or a name in single quotes."""

_IN_MAGIC: tuple[tuple[str, str], ...] = (
    (rf"cl\.inventory\.repair\(cl\.find\('{_WORD}'\)\)", r"%cl_scan repair \1"),
    (rf"cl\.Backend\('{_WORD}', trust=True\)", r"%cl_backend open \1 --trust"),
    (rf"cl\.find\('{_WORD}'\)(?!\.)", r"%cl_find \1"),
    (r"cl\.find\(…\)", "%cl_find TEXT"),
    (r"cl\.setup\(store=…\)", "%cl_setup --store URL"),
    (rf"cl\.setup\(store='{_WORD}'\)", r"%cl_setup --store \1"),
    (rf"cl\.setup\(store='{_WORD}', read_only=True\)", r"%cl_setup --store \1 --read-only"),
    (r"cl\.setup\((?:…, )?read_only=False\)", "%cl_setup --read-only false"),
    (r"cl\.setup\(non_uuid_ids=True\)", "%cl_setup --non-uuid-ids"),
    (rf"cl\.Backend\('{_WORD}'\)(?!\.)", r"%cl_backend open \1"),
    (rf"cl\.Backend\('{_WORD}'\)\.stats\(\)", r"%cl_backend stats \1"),
    (r"cl\.inventory\.scan\(\)", "%cl_scan"),
    (r"cl\.inventory\.repair_all\(\)", "%cl_scan repair --all"),
    (rf"cl\.Backend\('{_WORD}'\)\.forget\(\)", r"%cl_backend forget \1"),
    (rf"cl\.Backend\('{_WORD}', volume_driver=…\)", r"%cl_backend add \1 --driver DRIVER"),
    (rf"cl\.Backend\('{_WORD}', volume_driver='{_WORD}'\)", r"%cl_backend add \1 --driver \2"),
    (rf"cl\.Backend\('{_WORD}', …, replace=True\)", r"%cl_backend add \1 --replace"),
    (r"delete\(cascade=True\)", "--cascade"),
    (
        r"Detach it, or remove them all with cleanup\(\)\.",
        "Detach it with %cl_volume detach; %cl_connection disconnect is for other hosts.",
    ),
    (r"(?<!\w)fail_on_missing_backend=False", "%cl_setup --fail-on-missing-backend false"),
    (rf"another Python: python='{_WORD}'", r"another Python: --python \1"),
    (r"delete\(now=True\)", "--now"),
    (r"dump_file\(…, overwrite=True\)", "--force"),
    (r"cl\.empty_trash\(\)", "%cl_trash empty"),
    (r"cl\.setup\(trash='1h'\)", "%cl_setup --trash 1h"),
)
"""Hints in Python, as patterns, and the magic that does the same."""

_IN_PYTHON: tuple[tuple[str, str], ...] = (
    (rf"%cl_scan (repair|forget) {_ARGUMENT}(?! --)", r"cl.inventory.\1(cl.find('\2'))"),
    (rf"%cl_(?:volume|snapshot|connection) (delete|disconnect) {_WORD}(?! --)", r"cl.find('\2').\1()"),
    (rf"%cl_(?:volume|snapshot) unset {_ARGUMENT} --protected", r"cl.find('\1').unprotect()"),
    (rf"%cl_undo {_ARGUMENT}", r"cl.undo('\1')"),
    (r"%cl_trash (?=lists)", "cl.frames.trash() "),
    (rf"%cl_volume extend {_WORD} (\d+)", r"cl.find('\1').extend(\2)"),
    (r"%cl_history --id (\d+)", r"cl.frames.operations(id=\1)"),
    (r"%cl_drivers WORD", "cl.frames.drivers('WORD')"),
)
"""Hints in lines of magic, as patterns, and the Python that does the same."""


_SAID_TWICE = re.compile(r"((?:%cl_|cl\.)[^,]{1,200}), in Python \1")
"""A hint in both languages that is now twice the same."""


def hints_in(text: str, *, magic: bool) -> str:
    """Return the message *text* with its hints in lines of magic, or (*magic* is false) in Python, where there is the same."""
    for pattern, replacement in _IN_MAGIC if magic else _IN_PYTHON:
        text = re.sub(pattern, replacement, text)
    return _SAID_TWICE.sub(r"\1", text)


def displayed_lines(error: BaseException, *, magic: bool = False) -> list[str]:
    """Return what a notebook shows of *error*: one line; for an ambiguous name also a line for each candidate, at most a page.

    Hints are in the language of the cell: lines of magic if *magic* is true, else Python.
    """
    name, place = type(error).__name__, _line_in_cell(error)
    if isinstance(error, Ambiguous) and error.heading:
        return [f"{name}: {error.heading}{place}", *(f"    {line}" for line in _first(error.candidates))]
    text = hints_in(" ".join(bounded(str(error)).split()), magic=magic)
    return [f"{name}: {text}{place}" if text else f"{name}{place}"]


def _line_in_cell(error: BaseException) -> str:
    """Return which line of a cell of several lines led to *error*; empty elsewhere."""
    cells = [
        (frame.f_code.co_filename, number)
        for frame, number in traceback.walk_tb(error.__traceback__)
        # functions may be those of other cells; the source of a cell is in linecache alone
        if frame.f_code.co_name == "<module>" and not Path(frame.f_code.co_filename).exists()
    ]
    sources = [(linecache.getlines(filename), number) for filename, number in cells]
    several = [number for lines, number in sources if sum(bool(line.strip()) for line in lines) > 1]
    return f" (line {several[-1]} of the cell)" if several else ""


KEPT_BYTES = 2**20
"""Bytes that are kept of a text from a storage, a driver or a program."""


def bounded(text: str) -> str:
    """Cut *text* after :data:`KEPT_BYTES`, and append how many bytes were left out."""
    if len(text) <= KEPT_BYTES // 4:  # a character has at most four bytes
        return text
    data = text.encode("utf-8", errors="surrogatepass")
    if len(data) <= KEPT_BYTES:
        return text
    head = data[:KEPT_BYTES].decode("utf-8", errors="ignore")
    return f"{head}… ({len(data) - KEPT_BYTES} more bytes were left out)"


def bound(error: BaseException) -> None:
    """Cut each text argument of *error* and of its causes after :data:`KEPT_BYTES`."""
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        cause.args = tuple(bounded(item) if isinstance(item, str) else item for item in cause.args)
        cause = cause.__cause__ or cause.__context__


def one_line(error: BaseException) -> str:
    """Return the message of *error* as one line; of an OSError its reason and file, of others with their class."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    text = " ".join(bounded(str(error)).split())
    return text if isinstance(error, Error) else f"{type(error).__name__}: {text}" if text else type(error).__name__


def arguments_checked(function: Callable[P, T]) -> Callable[P, T]:
    """Make *function* raise InvalidArguments, with the closest name, where Python raises TypeError for wrong arguments."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        __tracebackhide__ = True
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            is_of_call = error.__traceback__ is not None and error.__traceback__.tb_next is None  # not raised further down
            if isinstance(error, Error) or not is_of_call:
                raise
            raise InvalidArguments(_wrong_arguments(function, error, kwargs)) from None

    return call


def _wrong_arguments(function: Callable[..., object], error: TypeError, keywords: Iterable[str]) -> str:
    parameters = inspect.signature(function).parameters.values()
    known = [item.name for item in parameters if item.name not in {"self", "cls"} and item.kind is not item.VAR_KEYWORD]
    name = function.__name__
    unknown = next((keyword for keyword in keywords if keyword not in known), None)
    listed = f" Arguments: {', '.join(known)}." if known else f" {name}() takes no arguments."
    if unknown is None:
        return f"{str(error).rstrip('.')}.{listed}"
    return f"{name}() has no argument {unknown!r}.{did_you_mean(unknown, known) or listed}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` with the *known* word closest to *word*, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
