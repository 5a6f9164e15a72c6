"""Text and files into documents: what is no JSON, or cut off, is told in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cl_notebook import errors
from cl_notebook.model import checks
from cl_notebook.serialization import fields

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cl_notebook.drivers.base import Progress

_HEAD, _OPEN, _END = b'{"', b'"volumes":[', b"]}"


def parse(source: Any) -> Any:  # noqa: ANN401 - text or data
    """Return *source*, JSON as text or as Python's data, as data that is all the caller's own.

    Raises:
        InvalidInput: it is no JSON, or text that ends too early.

    """
    if isinstance(source, (str, bytes, bytearray)):
        return decoded(source if not isinstance(source, str) else _encoded(source))
    if not isinstance(source, (dict, list, tuple)):
        msg = f"load() takes text, a document or a list of documents, not {fields.shown(source)}."
        raise errors.InvalidInput(msg)
    try:
        return decoded(msgspec.json.encode(source))
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, errors.Error):
            raise
        msg = f"This cannot be a document: {errors.one_line(error)}."
        raise errors.InvalidInput(msg) from error


def decoded(text: bytes | bytearray, where: str = "") -> Any:  # noqa: ANN401 - JSON
    """Return the data that *text* is JSON of; *where* is said of it in an error.

    Raises:
        InvalidInput: it is none.

    """
    try:
        data = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        said = str(error)
        cut = "truncated" in said
        what = "is cut off: it ends in the middle" if cut else f"is no JSON: {said.partition(': ')[2] or said}"
        msg = f"The document{where} {what}."
        raise errors.InvalidInput(msg) from error
    return checks.json_safe(data, "The document") if b"\\u0000" in text else data


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        msg = f"The document holds half a surrogate pair, at character {error.start}: it cannot be stored."
        raise errors.InvalidInput(msg) from error


def heads(path: Path) -> list[dict[str, Any]] | None:
    """Return the documents of the backends in a file of one line a volume, without their volumes; None for any other file.

    Raises:
        InvalidInput: the file ends in the middle.

    """
    found: list[dict[str, Any]] = []
    last = b""
    with path.open("rb") as file:
        if file.readline() != b"[\n":
            return None
        for number, line in enumerate(file, 2):
            last = line
            if line.rstrip().endswith(_OPEN) and line.startswith(_HEAD):
                found.append(decoded(line.rstrip() + _END, f" in line {number} of {path.name}"))
            elif not found and line != b"]\n":
                return None
    if last.rstrip() != b"]":
        msg = f"The document in {path.name} is cut off: it ends in the middle."
        raise errors.InvalidInput(msg)
    return found


def volumes(path: Path, progress: Progress) -> Iterator[tuple[int, Any]]:
    """Yield (which backend, document) for each volume in a file of which :func:`heads` knew the form."""
    backend, done, size = -1, 0, path.stat().st_size
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            done += len(line)
            text = line.rstrip()
            if text.endswith(_OPEN) and text.startswith(_HEAD):
                backend += 1
            elif text.startswith(_HEAD):
                yield backend, decoded(text.removesuffix(b","), f" in line {number} of {path.name}")
                progress(done, size)
            elif text not in (b"[", b"]", b"]}", b"]},"):
                msg = f"The document in line {number} of {path.name} is no JSON: {fields.shown(line[:40])}."
                raise errors.InvalidInput(msg)
