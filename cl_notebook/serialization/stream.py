"""Files, document by document: those of one line a volume at the speed of the disk, any other JSON as it streams by."""

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


def parse(source: Any) -> Any:  # noqa: ANN401 - text or data
    """Return *source*, JSON as text or as Python's data, as data that is all the caller's own.

    Raises:
        InvalidInput: it is no JSON, or text that ends too early.

    """
    if isinstance(source, (str, bytes, bytearray)):
        return decoded(_encoded(source.removeprefix(_BOM)) if isinstance(source, str) else in_utf8(source))
    if not isinstance(source, (dict, list, tuple)):
        msg = f"load() takes text, a document or a list of documents, not {schema.shown(source)}."
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
    return validation.json_safe(data, "The document") if b"\\u0000" in text else data


def in_utf8(text: bytes | bytearray) -> bytes:
    """Return *text* in UTF-8, without a byte order mark. Editors and shells of Windows write one, or write UTF-16.

    Raises:
        InvalidInput: it is in no encoding of Unicode's.

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


_HEAD, _OPEN, _END = b'{"', b'"volumes":[', b"]}"
_LONGEST = 2**20
"""Bytes that the first line of ours may have, which tells of a backend."""

_CHUNK = 2**20
"""Characters that are converted at once."""

_PAIR = b'{"class":"KeyValue"'
_BRACKETS = frozenset({b"[", b"]", b"]}", b"]},"})
_VOLUMES = "volumes"
_STARTS = frozenset({"start_map", "start_array"})
_ENDS = frozenset({"end_map", "end_array"})
_INSIDE = 2
"""How much deeper than its backend the document of a volume stands."""


class Part(NamedTuple):
    """A document of a file: one that stands for itself, of a backend without its volumes, or of a volume in that of a backend."""

    number: int
    """Counts the documents that stand for themselves; that of the backend for a volume in it."""
    document: Any
    is_inside: bool = False


def parts(path: Path, progress: Progress, *, outline: bool = False) -> Iterator[Part]:
    """Yield what the file *path* holds, in memory that does not grow with it; *outline* leaves out the volumes of backends.

    *progress* is told the bytes so far, and the size of the file.

    Raises:
        InvalidInput: the file is no JSON, or ends in the middle.

    """
    refuse_irregular(path, "read")
    with _opened(path) as file, _json_errors(path):
        start = file.tell()
        is_by_line = _is_by_line(file)
        file.seek(start)
        if is_by_line:
            yield from _lines(file, path, progress, outline=outline)
            return
        for part in _walk(_events(file, path, progress), outline=outline):
            # by way of text, as everywhere: what no database keeps is found there
            yield part._replace(document=parse(part.document)) if isinstance(part.document, (dict, list)) else part


def refuse_irregular(path: Path, done: str, *, follow: bool = True) -> None:
    """Refuse what is at *path* unless it is a regular file, or nothing; what should be *done* with it would wait, or never end.

    Raises:
        InvalidInput: it is a folder, a device, a FIFO or a socket; without *follow* also a symbolic link.

    """
    try:
        found = path.stat() if follow else path.lstat()
    except OSError:
        return  # opening it says why
    if stat.S_ISREG(found.st_mode):
        return
    what = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "a folder" if stat.S_ISDIR(found.st_mode) else "no regular file"
    msg = f"The file {path} cannot be {done}: it is {what}. Name a regular file."
    raise errors.InvalidInput(msg)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open *path* for reading as UTF-8, behind a byte order mark, whatever encoding of Unicode's it is in."""
    with contextlib.ExitStack() as stack:
        file: IO[bytes] = stack.enter_context(path.open("rb"))
        encoding = json.detect_encoding(file.read(4))
        file.seek(len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0)
        if not encoding.startswith("utf-8"):
            # a copy, because the parser reads into buffers of its own, past any codec
            text, file = io.TextIOWrapper(file, encoding, newline=""), stack.enter_context(tempfile.TemporaryFile())
            for chunk in iter(lambda: text.read(_CHUNK), ""):
                file.write(chunk.encode())
            file.seek(0)
        yield file


def _is_by_line(file: IO[bytes]) -> bool:
    if file.read(2) != b"[\n":
        return False
    line = file.readline(_LONGEST)  # all of some other file may be one line
    return line in {b"", b"]\n"} or line.rstrip().endswith(_OPEN) or line.startswith(_PAIR)


def _lines(file: IO[bytes], path: Path, progress: Progress, *, outline: bool) -> Iterator[Part]:
    number, is_inside, done, size, text = -1, False, 0, path.stat().st_size, b""
    for count, line in enumerate(file, 1):
        done, text, where = done + len(line), line.rstrip(), f" in line {count} of {path.name}"
        if text in _BRACKETS:
            is_inside = False
        elif not text.startswith(_HEAD):
            msg = f"The document{where} is no JSON: {schema.shown(line[:40])}."
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
    import ijson  # noqa: PLC0415 - only files of others need it

    size, told = path.stat().st_size, 0
    for event in ijson.basic_parse(file, use_float=True):
        done = file.tell()
        if done != told:
            told = done
            progress(done, size)
        yield event


def _walk(events: Iterable[tuple[str, Any]], *, outline: bool) -> Iterator[Part]:  # noqa: C901 - one automaton, whole
    """Put documents together of the *events* of a parser: of a list of documents, or of one."""
    from ijson import ObjectBuilder  # noqa: PLC0415 - as above

    number, depth, base, key, is_inside = -1, 0, -1, None, False
    own = volume = None
    for event, value in events:
        depth -= event in _ENDS
        if base < 0 and event == "start_array":
            base = depth = 1
            continue
        base = max(base, 0)
        if depth < base:
            continue  # the list has ended: the parser looks whether anything follows
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
            if own is None:
                number, own, key = number + 1, ObjectBuilder(), None
            key = value if event == "map_key" and depth == base + 1 else key
            own.event(event, value)
            if depth == base and event not in _STARTS:
                yield Part(number, own.value)
                own = None
        depth += event in _STARTS


@contextlib.contextmanager
def _json_errors(path: Path) -> Iterator[None]:
    """Say clearly what is wrong with a file that is no JSON."""
    import ijson  # noqa: PLC0415 - as above

    try:
        yield
    except (ijson.JSONError, UnicodeError) as error:
        said = str(error).removeprefix("b'").replace("\\n", "\n").partition("\n")[0].rstrip(".")  # a drawing of the place follows
        what = "is cut off: it ends in the middle" if "premature EOF" in said else f"is no JSON: {said}"
        msg = f"The document in {path.name} {what}."
        raise errors.InvalidInput(msg) from error
