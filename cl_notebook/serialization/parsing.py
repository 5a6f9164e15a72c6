"""Text into documents: what is no JSON, or cut off, is told in one line."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from cl_notebook import errors
from cl_notebook.model import validation
from cl_notebook.serialization import schema

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
