"""The logs of open drivers, as a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook.drivers.api import HasLog

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from cl_notebook.drivers.api import LogLine
    from cl_notebook.model import Backend

_SCHEMA = {
    "at": "datetime64[ns, UTC]",
    "level": "category",
    "logger": "string",
    "text": "string",
    "operation": "Int64",
    "backend": "category",
}


def lines(backends: Iterable[Backend], operation: int | None = None) -> list[tuple[str, LogLine]]:
    """Return the lines that the drivers of open *backends* keep, each with its backend's name, the oldest first."""
    entries = [(backend.name, line) for backend in backends for line in _lines_of(backend) if operation in {None, line.operation}]
    return sorted(entries, key=lambda entry: entry[1].at)


def is_kept(backend: Backend) -> bool:
    """Return whether the open *backend* has a log that lines may come into: its driver keeps one, and it is not switched off."""
    return isinstance(backend.context.get_open(backend), HasLog) and not backend.context.settings.disable_logs


def _lines_of(backend: Backend) -> list[LogLine]:
    driver = backend.context.get_open(backend)  # one that was closed meanwhile is not opened again to be asked
    return driver.log_lines() if isinstance(driver, HasLog) else []


def frame(entries: Iterable[tuple[str, LogLine]]) -> pd.DataFrame:
    """Return log lines as a frame; see :func:`cl_notebook.frames.api.log`."""
    import pandas as pd  # noqa: PLC0415 - the lines alone need none of it

    from cl_notebook.tabular import typed_frame  # noqa: PLC0415 - as above

    listed = list(entries)
    times = pd.to_datetime(pd.Series([line.at for _, line in listed], dtype="float64"), unit="s", utc=True).dt.as_unit("ns")
    rows = (
        (at, line.level, line.logger, line.text, line.operation, name) for at, (name, line) in zip(times, listed, strict=True)
    )
    return typed_frame(_SCHEMA, rows, noun="log lines")
