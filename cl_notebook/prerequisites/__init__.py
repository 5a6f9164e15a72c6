"""What a host needs for a backend, driver or protocol, and lacks: commands, daemons, kernel modules, libraries, addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from cl_notebook.model import Backend
    from cl_notebook.session import Session

__all__ = ["doctor"]


def doctor(
    backend: Backend | str | None = None,
    protocol: str | None = None,
    host: str | None = None,
    python: str | None = None,
    *,
    session: Session | None = None,
) -> pd.DataFrame:
    """Return what a host needs and whether it has it; see :func:`cl_notebook.doctor`."""
    from cl_notebook.prerequisites import report  # noqa: PLC0415 - `import cl_notebook` stays light
    from cl_notebook.prerequisites.checks import STATUSES  # noqa: PLC0415 - as above
    from cl_notebook.session import default_session  # noqa: PLC0415 - as above
    from cl_notebook.tabular import typed_frame  # noqa: PLC0415 - pandas is loaded when a frame is made

    schema = dict.fromkeys(report.Row._fields, "string") | {"status": STATUSES}
    rows = report.rows(session or default_session(), backend, protocol, host, python)
    return typed_frame(schema, rows, noun="checks")
