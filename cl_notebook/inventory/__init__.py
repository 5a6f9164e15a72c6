"""What is tracked, against what others know of the same storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from cl_notebook.inventory.finding import Finding
    from cl_notebook.model import Backend
    from cl_notebook.model.context import Context

__all__ = ["findings", "scan"]


def scan(
    backend: Backend | str | Iterable[Backend | str] | None = None, *, host: bool = True, session: Context | None = None
) -> pd.DataFrame:
    """Return what is tracked, against what the storages and this host say, as one frame. Nothing is changed.

    Backends that are not open are opened. A storage, or a part of the host, that cannot be asked leaves what is tracked there
    ``unknown``, and does not stop the rest.

    Args:
        backend: only this backend, or these: by name, or the objects; all that are stored by default.
        host: look at the devices of this host, too.
        session: whose; the default session's by default.

    Returns:
        a row for each thing, what is not ok first: its ``verdict`` (``ok``, ``untracked``, ``missing``, ``stuck``,
        ``size differs``, ``leftover device`` or ``unknown``), its ``kind``, ``backend``, ``id``, ``name``, ``name_in_storage``,
        ``size`` and ``size_on_storage`` (GiB), ``status``, ``device`` (the path here), ``detail``, and ``next``: the line of
        magic that deals with it.

    Raises:
        NotFound: no backend has that name.
        StoreError: the store cannot be read.

    """
    from cl_notebook.inventory.frame import frame  # noqa: PLC0415 - pandas is loaded when a frame is made
    from cl_notebook.model.context import current  # noqa: PLC0415 - `import cl_notebook` stays light

    return frame(findings(session or current(), backend, host=host))


def findings(
    session: Context, backend: Backend | str | Iterable[Backend | str] | None = None, *, host: bool = True
) -> list[Finding]:
    """Return what :func:`scan` shows as plain tuples, for programs: names are as they are on the storage."""
    from cl_notebook.inventory import scanning  # noqa: PLC0415 - as above

    return scanning.findings(session, backend, host=host)
