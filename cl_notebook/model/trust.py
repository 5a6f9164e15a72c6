"""What was loaded from a document, or stands in a store of another user: nothing of it is used before the user said so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.model.context import Context

UNCONFIRMED = "unconfirmed"
"""Key in the column ``extra`` of a row that a document, or another database, described, and nobody confirmed. No document can
write it: what a document adds stands under other keys there."""


def flagged(extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return *extra* of a row that is not confirmed."""
    return {**(extra or {}), UNCONFIRMED: True}


def unflagged(extra: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return *extra* of a row that is confirmed."""
    return {name: value for name, value in (extra or {}).items() if name != UNCONFIRMED} or None


def is_flagged(extra: Mapping[str, Any] | None) -> bool:
    """Return whether the row with *extra* is still to be confirmed."""
    return bool((extra or {}).get(UNCONFIRMED))


def is_trusted(context: Context, extra: Mapping[str, Any] | None) -> bool:
    """Return whether a row with *extra* was written by what this user did."""
    return not context.store.foreign and not is_flagged(extra)


def may_reach(context: Context, connection_id: str, gateway: str | None, extra: Mapping[str, Any] | None) -> bool:
    """Return whether the other host of a connection may be reached through its *gateway*."""
    from cl_notebook.attach import address  # noqa: PLC0415 - only who attaches pays for it

    if gateway is None:
        return False
    typed = context.confirmed.gateways.get(connection_id)
    if typed is not None and typed[0] == gateway:
        return True
    return is_trusted(context, extra) and address.is_one(gateway)
