"""``%cl_setup``: what the session runs with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import errors, session, settings
from cl_notebook.notebook.grammar import Argument, Command, Option, Verb
from cl_notebook.store.boundary import is_memory, shown_url
from cl_notebook.store.location import parse_url

if TYPE_CHECKING:
    import pandas as pd

    from cl_notebook.notebook.grammar import Call

_READ_ONLY = ("true", "false")


def _setup(call: Call) -> pd.DataFrame:
    if call["store"] is not None and call["where"] is not None:
        msg = "%cl_setup takes one store: %cl_setup sqlite:///lab.db or %cl_setup --store sqlite:///lab.db."
        raise errors.InvalidInput(msg)
    given = call.given("host", "root_helper")
    if call["read_only"]:
        given["read_only"] = call["read_only"] != "false"
    store = call["store"] or call["where"]
    if store is not None or given:
        _change(store, given)
    return _shown()


def _change(store: str | None, given: dict[str, object]) -> None:
    """Set up again: what was not typed stays as it is in the session before."""
    before = session.opened_session()
    kept = before.settings if before is not None else None
    if kept is not None and store is None and _in_memory(kept.store):
        msg = "A memory store ends with its session. Name the store, too: %cl_setup --store memory begins an empty one."
        raise errors.Refused(msg)
    told: dict[str, object] = dict(given)
    if kept is not None:
        told = {"host": kept.host, "root_helper": kept.root_helper, "read_only": kept.read_only} | told
    session.setup(store if store is not None else kept.store if kept else None, **told)  # type: ignore[arg-type] # checked there


def _in_memory(store: str) -> bool:
    return is_memory(parse_url(store))


def _shown() -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - pandas is loaded when a frame is made

    opened = session.opened_session()
    chosen = opened.settings if opened is not None else settings.Settings.choose()
    rows = {
        "store": shown_url(parse_url(chosen.store)),
        "host": chosen.host,
        "root_helper": chosen.root_helper,
        "read_only": str(chosen.read_only).lower(),
        "open": ", ".join(sorted(opened.backends)) if opened is not None else "",
    }
    return pd.DataFrame(
        {"value": list(rows.values())}, index=pd.Index(list(rows), name="setting", dtype="string"), dtype="string"
    )


COMMAND = Command(
    "cl_setup",
    "Show what the session runs with, or change it. A change opens the store anew: backends are closed, everything stays "
    "tracked, and what is not typed stays as it is.",
    (
        Verb(
            "",
            "Show or set the store, the host, the root helper, and read-only.",
            _setup,
            arguments=(Argument("WHERE", "The store, as --store.", optional=True),),
            options=(
                Option("store", "A SQLAlchemy URL, the name of a SQLite file, or memory.", "URL", means="words:memory"),
                Option("host", "The name that connections of this host are made under.", "NAME"),
                Option("root-helper", "The command before what needs root.", "COMMAND", means="words:sudo"),
                Option("read-only", "Refuse every act, or allow them again.", "[true|false]", words=_READ_ONLY, bare="true"),
            ),
        ),
    ),
    (
        "%cl_setup",
        "%cl_setup --store sqlite:///lab.db --host lab1 --root-helper sudo",
        "%cl_setup --read-only",
        "%cl_setup memory",
    ),
)
"""The magic."""
