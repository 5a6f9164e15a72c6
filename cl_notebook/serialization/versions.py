"""The version of the documents, and what is said of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import errors

if TYPE_CHECKING:
    from cl_notebook.model.serializable import Document

VERSION = 1
"""Of the documents: raised when a reader of before would misread them."""


def check_version(document: Document, kind: str) -> None:
    """Refuse the *document* of a *kind*, a word, if it is of another version.

    Raises:
        InvalidInput: it is.

    """
    version = document.get("version")
    if version == VERSION and not isinstance(version, bool):
        return
    if isinstance(version, int) and version > VERSION:
        msg = (
            f"The document of a {kind} has version {version}, this cl_notebook reads version {VERSION}. "
            "Upgrade cl_notebook: update its clone, and type pip install . there."
        )
    else:
        shown = repr(version)
        msg = f"The document of a {kind} must have the version {VERSION}, not {shown[:60]}."
    raise errors.InvalidInput(msg)
