"""Define ``%cl_setup``, which shows and changes the settings of the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook import errors, masking, session, settings
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb
from cl_notebook.notebook.output.messages import echo
from cl_notebook.store.errors import is_memory, shown_url
from cl_notebook.store.url import parse_url

if TYPE_CHECKING:
    import pandas as pd

    from cl_notebook.notebook.command.command import Invocation

_TRUE_OR_FALSE = ("true", "false")
_ALWAYS = ("host", "root_helper", "read_only")
"""Settings that are shown even with their default values."""


def _setup(call: Invocation) -> pd.DataFrame | None:
    if call["store"] is not None and call["where"] is not None:
        msg = "%cl_setup takes one store: %cl_setup sqlite:///lab.db or %cl_setup --store sqlite:///lab.db."
        raise errors.InvalidInput(msg)
    options = _typed_settings(call) | dict(_cinder_option(text) for text in call["cinder"] or ())
    store = call["store"] or call["where"]
    if store is not None or options:
        _change(store, options)
    if call["backup"] is not None:
        file = session.default_session().backup(call["backup"])
        echo(f"The store is copied to {file}: {file.stat().st_size:,} bytes.")
        if store is None and not options:
            return None
    return _shown()


def _typed_settings(call: Invocation) -> dict[str, Any]:
    """Return the typed values of the options that are named like a setting; a flag's word becomes a bool."""
    (verb,) = COMMAND.verbs
    settable = {option.key: option for option in verb.options if option.key in settings.SetupOptions.__annotations__}
    return {name: value != "false" if settable[name].bare_value else value for name, value in call.given(*settable).items()}


def _change(store: str | None, options: dict[str, Any]) -> None:
    """Set up the session again; settings that were not typed keep their present values."""
    previous = session.opened_session()
    previous_settings = previous.settings if previous is not None else None
    if previous_settings is not None and store is None and _in_memory(previous_settings.store):
        msg = "A memory store ends with its session. Name the store, too: %cl_setup --store memory begins an empty one."
        raise errors.Refused(msg)
    all_options = (previous_settings.options() if previous_settings is not None else {}) | options
    session.setup(store if store is not None else previous_settings.store if previous_settings else None, **all_options)


def _cinder_option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        msg = f"--cinder takes an option of Cinder's and its value, as in --cinder my_ip=192.0.2.7, not {text!r}."
        raise errors.InvalidInput(msg)
    return name, value


def _in_memory(store: str) -> bool:
    return is_memory(parse_url(store))


def _shown() -> pd.DataFrame:
    from cl_notebook.tabular import typed_frame  # noqa: PLC0415 - pandas is loaded when a frame is made

    opened = session.opened_session()
    current = opened.settings if opened is not None else settings.Settings.choose()
    rows = {
        "store": shown_url(parse_url(current.store)),
        "host": current.host,
        "root_helper": current.root_helper,
        "read_only": _as_text(current.read_only),
        **{
            name: _as_text(value)
            for name, value in current.options().items()
            if name not in _ALWAYS and value != _default_value(name)
        },
        **{name: _as_text(value) for name, value in masking.mapping(current.cinder_options, {"transport_url"}).items()},
        "open": ", ".join(sorted(opened.backends)) if opened is not None else "",
    }
    return typed_frame({"setting": "string", "value": "string"}, rows.items(), "setting", noun="settings")


def _default_value(name: str) -> object:
    field = settings.Settings.__dataclass_fields__.get(name)
    return field.default if field is not None else None


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flag(name: str, text: str) -> Option:
    return Option(name, text, "[true|false]", choices=_TRUE_OR_FALSE, bare_value="true")


COMMAND = Command(
    "cl_setup",
    "Show what the session runs with, or change it. A change opens the store anew: backends are closed, everything stays "
    "tracked, and what is not typed stays as it is.",
    (
        Verb(
            "",
            "Show or set the store, the host, the root helper, read-only and the rest.",
            _setup,
            arguments=(Argument("WHERE", "The store, as --store.", "file:memory,default", optional=True),),
            options=(
                Option(
                    "store",
                    "A SQLAlchemy URL, the name of a SQLite file, memory, or default.",
                    "URL",
                    completes="file:memory,default",
                ),
                Option("host", "The name that connections of this host are made under.", "NAME"),
                Option("root-helper", "The command before what needs root.", "COMMAND", completes="choices:sudo"),
                _flag("read-only", "Refuse every act, or allow them again."),
                Option("file-locks-path", "The folder of the locks between processes.", "FOLDER", completes="file"),
                Option("project-id", "The project that volumes belong to, for Cinder's drivers.", "ID"),
                Option("user-id", "The user, likewise.", "ID"),
                _flag("non-uuid-ids", "Allow ids that are no UUIDs."),
                _flag("disable-logs", "Keep no log of Cinder's drivers."),
                _flag("output-all-backend-info", "Write whole configurations, without secrets, where backends are serialised."),
                _flag("include-secrets", "Write secrets, too, in the clear, where anything is serialised."),
                Option(
                    "trash",
                    "How long %cl_undo can bring back a deleted volume: 30m, 1h, 2d; off deletes at once.",
                    "SPAN",
                    completes="choices:1h,1d,off",
                ),
                _flag("fail-on-missing-backend", "Refuse to load what is on a backend that is not there."),
                Option("backup", "Copy the store, as it is now, into this new file.", "FILE", completes="file"),
                Option("cinder", "An option of Cinder's section [DEFAULT], for its drivers.", "OPTION=VALUE", repeat=True),
            ),
        ),
    ),
    (
        "%cl_setup",
        "%cl_setup --store sqlite:///lab.db --host lab1 --root-helper sudo",
        "%cl_setup --read-only",
        "%cl_setup --trash 1h",
        "%cl_setup --backup lab-backup.db",
        "%cl_setup memory",
        "%cl_setup --file-locks-path /var/lock/lab --cinder my_ip=192.0.2.7",
    ),
    purpose="Begin",
    brief="the store, this host, read-only mode",
)
"""The magic."""
