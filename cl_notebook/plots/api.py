"""The four pictures of ``cl.plot``. Each is a :class:`~cl_notebook.plots.plot.Plot`: SVG in a notebook, text in a terminal.

``plot.frame`` is the DataFrame behind it, ``plot.figure`` matplotlib's figure. Nothing is asked of a storage that is not open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook import errors, quantities
from cl_notebook.model import Backend, Connection, Snapshot, Volume, context, lookup, validation
from cl_notebook.plots import activity, ancestry, latencies, operations, pools

if TYPE_CHECKING:
    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context
    from cl_notebook.plots.plot import Plot

LIMIT = 60
"""The most volumes and snapshots of a lineage, if no other number is given."""

MOST = 500
"""The largest number that can be given: a picture of more is not readable."""


def capacity(
    backend: Backend | str | None = None,
    session: Context | None = None,
    *,
    over: str | None = None,
    history: bool = False,
) -> Plot:
    """Return how full the pools of the open backends are, or of one *backend*; none is opened for it.

    The statistics are those that a driver has cached. The frame has a row for each pool of an open backend, and for each closed
    backend: ``backend``, ``pool``, ``open``, ``total``, ``free``, ``used``, ``provisioned`` and ``allocated`` in GiB (NaN is not
    known, infinity no limit), ``share`` (used of total), ``volumes`` and ``size`` (GiB) that are tracked on the backend, and the
    ``error`` of a driver that did not answer.

    Over time, the frame has a row for each value that is kept: ``backend``, ``pool``, ``at`` (UTC), ``total``, ``free``,
    ``used``, ``provisioned`` and ``share``. They are those of ``backend.stats()``, which a tree that is open calls, too: one in
    five minutes of the last two days, one in an hour of the last ninety.

    Args:
        backend: its name, or the object.
        session: whose backends; the default session's by default.
        over: a span of time that ends now, such as ``"7d"``: how full the pools were in it.
        history: how full the pools were, as far back as is kept.

    Raises:
        InvalidInput: *backend* is neither a name nor a backend, or *over* is no span of time.
        NotFound: there is no such backend.

    """
    session = session or context.current()
    chosen = _backend(session, backend)
    if over is None and not history:
        return pools.plot(session, chosen)
    seconds = None if over is None else quantities.seconds(over) if isinstance(over, str) else 0
    if seconds == 0 or (over is not None and seconds is None):
        msg = f'over is a span of time, such as "7d" or "12h", not {over!r}.'
        raise errors.InvalidInput(msg)
    return pools.history(session, chosen, seconds)


def latency(resource: Tracked | None = None, session: Context | None = None, **filters: Any) -> Plot:  # noqa: ANN401 - see frames
    """Return how long the operations took, by driver's call and backend: of everything, or of one *resource*.

    The frame has ``call``, ``action``, ``backend``, ``volume_driver``, ``release`` (Cinder's, of a backend that is open with a
    driver of Cinder's), the numbers ``done`` and ``failed``, and of those that are done ``median``, ``p95``, ``mean``, ``min``,
    ``max`` and ``total`` in seconds.

    Args:
        resource: a backend, volume, snapshot or connection.
        session: whose operations; the default session's by default.
        filters: those of ``cl.frames.operations``, such as ``started_at=">2026-01-31"``.

    Raises:
        InvalidInput: a filter is wrong, or *resource* is not a resource.

    """
    return latencies.plot(session or context.current(), operations.filters_of(resource, filters))


def timeline(resource: Tracked | None = None, session: Context | None = None, **filters: Any) -> Plot:  # noqa: ANN401 - see frames
    """Return what the kernels did when, with failures marked: everything, or what they did to one *resource*.

    The frame has a row for each operation: ``kernel``, ``host``, ``pid``, ``notebook``, ``started_at``, ``ended_at``,
    ``operations`` (1), ``failed`` and ``running`` (0 or 1), ``action``, ``resource_type``, ``resource_name``, ``error``. Of more
    than 1000 operations it has the numbers for each kernel and each of 40 slots of time, and the last four columns are empty.

    Args:
        resource: a backend, volume, snapshot or connection.
        session: whose operations; the default session's by default.
        filters: those of ``cl.frames.operations``, such as ``status="failed"``.

    Raises:
        InvalidInput: a filter is wrong, or *resource* is not a resource.

    """
    return activity.plot(session or context.current(), operations.filters_of(resource, filters))


def lineage(
    volume: Volume | Snapshot | None = None,
    session: Context | None = None,
    *,
    backend: Backend | str | None = None,
    limit: int = LIMIT,
) -> Plot:
    """Return what came from what: a *volume* or snapshot with its origins and all that came from it, or everything.

    Volumes without a snapshot, a source or a clone are not part of everything. The index of the frame is the id; the columns are
    ``kind``, ``name``, ``status`` (``deleted`` for a source that is gone), ``size`` in GiB, ``backend``, ``relation``
    (``origin``, ``snapshot of``, ``created from``, ``clone of``) to ``parent_id``, and ``level``. ``plot.mermaid`` is the same
    as a flow chart.

    Args:
        volume: a volume or a snapshot.
        session: whose; the default session's by default.
        backend: only what came from volumes on this backend.
        limit: the most volumes and snapshots; the plot says how many were left out.

    Raises:
        InvalidInput: *volume* is neither a volume nor a snapshot, or *limit* is not a number from 1 to 500.
        NotFound: *volume* is not tracked any more, or there is no such backend.

    """
    session = session or context.current()
    if isinstance(volume, Backend):
        volume, backend = None, volume
    if isinstance(volume, Connection):
        volume = volume.volume
    if volume is not None and not isinstance(volume, (Volume, Snapshot)):
        msg = f"A lineage is of a volume or a snapshot, not of {volume!r}. cl.find(…) gives one by its name."
        raise errors.InvalidInput(msg)
    if validation.count(limit, "limit") > MOST:
        msg = f"limit must be at most {MOST}, not {limit}. cl.plot.lineage(volume) shows one lineage."
        raise errors.InvalidInput(msg)
    return ancestry.plot(session, volume, _backend(session, backend), limit)


def _backend(session: Context, backend: Backend | str | None) -> Backend | None:
    if backend is None or isinstance(backend, Backend):
        return backend
    return lookup.select_backend(session, backend)
