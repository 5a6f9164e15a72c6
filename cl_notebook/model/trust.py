"""Decide whether a row from a document, or from another user's store, may be used.

The user has to confirm such a row first: its options and addresses may lead to an attacker's server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.model.context import Context

UNCONFIRMED = "unconfirmed"
"""Key in the column ``extra`` of a row from a document, or from another database, that the user has not confirmed.

No document can set it: a document's own data has other keys there.
"""


def flagged(extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return *extra* with the flag of an unconfirmed row."""
    return {**(extra or {}), UNCONFIRMED: True}


def unflagged(extra: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return *extra* without the flag of an unconfirmed row; None if nothing else is in it."""
    return {name: value for name, value in (extra or {}).items() if name != UNCONFIRMED} or None


def is_flagged(extra: Mapping[str, Any] | None) -> bool:
    """Return whether the row with *extra* has not been confirmed."""
    return bool((extra or {}).get(UNCONFIRMED))


def is_trusted(context: Context, extra: Mapping[str, Any] | None) -> bool:
    """Return whether a row with *extra* was written or confirmed by this user."""
    return not context.store.foreign and not is_flagged(extra)


def may_reach(context: Context, connection_id: str, gateway: str | None, extra: Mapping[str, Any] | None) -> bool:
    """Return whether this package may contact another host through the *gateway* of a connection.

    The gateway has to be typed by the user in this session, or a plain address in a trusted row; None is refused.
    """
    from cl_notebook.attach import address  # noqa: PLC0415 - only attaching needs it

    if gateway is None:
        return False
    typed = context.confirmed.gateways.get(connection_id)
    if typed is not None and typed[0] == gateway:
        return True
    return is_trusted(context, extra) and address.is_one(gateway)
