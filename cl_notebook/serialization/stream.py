"""Read documents from JSON text and from files of any size: ours line by line, any other JSON with a streaming parser."""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import stat
import tempfile
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import msgspec

from cl_notebook import errors
from cl_notebook.model import validation
from cl_notebook.serialization import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from cl_notebook.drivers.api import Progress

_BOM = "\ufeff"

_HEAD, _OPEN, _END = b'{"', b'"volumes":[', b"]}"
_PAIR = b'{"class":"KeyValue"'
_BRACKETS = frozenset({b"[", b"]", b"]}", b"]},"})
_LONGEST = 2**20
"""Bytes that are read of the first line, which in a file of ours is a backend's."""

_CHUNK = 2**20
"""Characters that are converted to UTF-8 at a time."""

_VOLUMES = "volumes"
_STARTS = frozenset({"start_map", "start_array"})
_ENDS = frozenset({"end_map", "end_array"})
_INSIDE = 2
"""Levels of JSON from a backend's document down to a volume's."""


def parse(source: Any) -> Any:  # noqa: ANN401 - text or data
    """Return *source*, JSON text or Python data, as new Python data.

    Raises:
        InvalidInput: it is not JSON, or its text is cut off.

    """
    if isinstance(source, (str, bytes, bytearray)):
        return decoded(_encoded(source.removeprefix(_BOM)) if isinstance(source, str) else in_utf8(source))
    if not isinstance(source, (dict, list, tuple)):
        msg = f"load() takes text, a document or a list of documents, not {schema.shorten(source)}."
        raise errors.InvalidInput(msg)
    try:
        return decoded(msgspec.json.encode(source))
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, errors.Error):
            raise
        msg = f"This cannot be a document: {errors.one_line(error)}."
        raise errors.InvalidInput(msg) from error


def decoded(text: bytes | bytearray, where: str = "") -> Any:  # noqa: ANN401 - JSON
    """Decode *text*, JSON in UTF-8; *where* says in an error where it comes from.

    Raises:
        InvalidInput: it is not JSON, or cut off.

    """
    try:
        data = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = str(error)
        cut = "truncated" in message
        problem = "is cut off: it ends in the middle" if cut else f"is no JSON: {message.partition(': ')[2] or message}"
        msg = f"The document{where} {problem}."
        raise errors.InvalidInput(msg) from error
    return validation.json_safe(data, "The document") if b"\\u0000" in text else data


def in_utf8(text: bytes | bytearray) -> bytes:
    """Return *text* in UTF-8 without a byte order mark; programs on Windows write one, or write UTF-16.

    Raises:
        InvalidInput: *text* cannot be decoded.

    """
    encoding = json.detect_encoding(bytes(text[:4]))
    if encoding == "utf-8":
        return bytes(text)
    try:
        return text.decode(encoding).encode()
    except UnicodeError as error:
        msg = f"The document cannot be read as {encoding}: {errors.one_line(error)}."
        raise errors.InvalidInput(msg) from error


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        msg = f"The document holds half a surrogate pair, at character {error.start}: it cannot be stored."
        raise errors.InvalidInput(msg) from error


class Part(NamedTuple):
    """One document of a file: a top-level one (a backend's without its volumes), or a volume's inside a backend's."""

    number: int
    """The position of the top-level document in the file, from 0; a volume has its backend's."""
    document: Any
    is_inside: bool = False


def parts(path: Path, progress: Progress, *, outline: bool = False) -> Iterator[Part]:
    """Yield the documents of the file *path*; *outline* leaves out the volumes of backends. Memory does not grow with the file.

    *progress* is called with the bytes so far and the size of the file.

    Raises:
        InvalidInput: the file is not JSON, or cut off.

    """
    refuse_irregular(path, "read")
    with _opened(path) as file:
        start = file.tell()
        is_by_line = _is_by_line(file)
        file.seek(start)
        if is_by_line:
            yield from _lines(file, path, progress, outline=outline)
            return
        with _json_errors(path):
            for part in _walk(_events(file, path, progress), outline=outline):
                # through text, as in load(): that finds characters that no database stores
                yield part._replace(document=parse(part.document)) if isinstance(part.document, (dict, list)) else part


def refuse_irregular(path: Path, done: str, *, follow: bool = True) -> None:
    """Refuse *path* unless it is a regular file or missing: reading or writing a FIFO or a device may block or never end.

    *done* is the participle for the message: ``read`` or ``written``.

    Raises:
        InvalidInput: it is a folder, a device, a FIFO or a socket; without *follow* also a symbolic link.

    """
    try:
        mode = (path.stat() if follow else path.lstat()).st_mode
    except OSError:
        return  # opening it raises an error with the reason
    if stat.S_ISREG(mode):
        return
    what = "a symbolic link" if stat.S_ISLNK(mode) else "a folder" if stat.S_ISDIR(mode) else "no regular file"
    msg = f"The file {path} cannot be {done}: it is {what}. Name a regular file."
    raise errors.InvalidInput(msg)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open *path* as UTF-8 without its byte order mark, converting other encodings of Unicode."""
    with contextlib.ExitStack() as stack:
        file: IO[bytes] = stack.enter_context(path.open("rb"))
        encoding = json.detect_encoding(file.read(4))
        file.seek(len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0)
        if not encoding.startswith("utf-8"):
            # a converted copy, because the parser reads bytes
            text, file = io.TextIOWrapper(file, encoding, newline=""), stack.enter_context(tempfile.TemporaryFile())
            for chunk in iter(lambda: text.read(_CHUNK), ""):
                file.write(chunk.encode())
            file.seek(0)
        yield file


def _is_by_line(file: IO[bytes]) -> bool:
    if file.read(2) != b"[\n":
        return False
    line = file.readline(_LONGEST)  # a file of another program may be one long line
    return line in {b"", b"]\n"} or line.rstrip().endswith(_OPEN) or line.startswith(_PAIR)


def _lines(file: IO[bytes], path: Path, progress: Progress, *, outline: bool) -> Iterator[Part]:
    number, is_inside, done, size, text = -1, False, 0, path.stat().st_size, b""
    for count, line in enumerate(file, 1):
        done, text, where = done + len(line), line.rstrip(), f" in line {count} of {path.name}"
        if text in _BRACKETS:
            is_inside = False
        elif not text.startswith(_HEAD):
            msg = f"The document{where} is no JSON: {schema.shorten(line[:40])}."
            raise errors.InvalidInput(msg)
        elif is_inside:
            if not outline:
                yield Part(number, decoded(text.removesuffix(b","), where), is_inside=True)
                progress(done, size)
        else:
            number, is_inside = number + 1, text.endswith(_OPEN)
            yield Part(number, decoded(text + _END if is_inside else text.removesuffix(b","), where))
    if text != b"]":
        msg = f"The document in {path.name} is cut off: it ends in the middle."
        raise errors.InvalidInput(msg)


def _events(file: IO[bytes], path: Path, progress: Progress) -> Iterator[tuple[str, Any]]:
    import ijson  # noqa: PLC0415 - only files of other programs need it

    size, reported = path.stat().st_size, 0
    for event in ijson.basic_parse(file, use_float=True):
        done = file.tell()
        if done != reported:
            reported = done
            progress(done, size)
        yield event


def _walk(events: Iterable[tuple[str, Any]], *, outline: bool) -> Iterator[Part]:  # noqa: C901 - one automaton, whole
    """Build documents from the *events* of a JSON parser; the top level is a list of documents or one document."""
    from ijson import ObjectBuilder  # noqa: PLC0415 - as above

    number, depth, base, key, is_inside = -1, 0, -1, None, False
    top = volume = None
    for event, value in events:
        depth -= event in _ENDS
        if base < 0 and event == "start_array":
            base = depth = 1
            continue
        base = max(base, 0)
        if depth < base:
            continue  # after the end of the list: the parser checks that nothing follows
        if is_inside and event == "end_array" and depth == base + 1:
            is_inside = False
        elif is_inside:
            if not outline:
                volume = volume or ObjectBuilder()
                volume.event(event, value)
            if volume is not None and depth == base + _INSIDE and event not in _STARTS:
                yield Part(number, volume.value, is_inside=True)
                volume = None
        elif event == "start_array" and depth == base + 1 and key == _VOLUMES:
            is_inside = True
        else:
            if top is None:
                number, top, key = number + 1, ObjectBuilder(), None
            key = value if event == "map_key" and depth == base + 1 else key
            top.event(event, value)
            if depth == base and event not in _STARTS:
                yield Part(number, top.value)
                top = None
        depth += event in _STARTS


@contextlib.contextmanager
def _json_errors(path: Path) -> Iterator[None]:
    """Translate the parser's errors about the file *path* into InvalidInput."""
    import ijson  # noqa: PLC0415 - as above

    try:
        yield
    except (ijson.JSONError, UnicodeError) as error:
        message = (
            str(error).removeprefix("b'").replace("\\n", "\n").partition("\n")[0].rstrip(".")
        )  # lines that draw the position follow
        problem = "is cut off: it ends in the middle" if "premature EOF" in message else f"is no JSON: {message}"
        msg = f"The document in {path.name} {problem}."
        raise errors.InvalidInput(msg) from error
