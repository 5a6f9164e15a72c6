"""``%cl_backend``: one backend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.drivers import registry
from cl_notebook.notebook import resources
from cl_notebook.notebook.details import Details
from cl_notebook.notebook.grammar import Argument, Command, Option, Verb
from cl_notebook.notebook.help import columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from cl_notebook.drivers.base import Option as DriverOption
    from cl_notebook.model import Backend
    from cl_notebook.notebook.grammar import Call

_BACKEND = Argument("BACKEND", "The backend: its name, its id, or the variable that holds it.", means="backend")
_METAVARS = {str: "TEXT", int: "NUMBER", float: "NUMBER", bool: "true|false", Path: "PATH"}
_OURS = {"driver", "replace", "help"}


def driver_options(words: Sequence[str]) -> list[Option]:
    """Return the options of the driver that ``--driver`` names among *words*; those of all drivers while it names none.

    Raises:
        NotFound, NotSupported: there is no such driver, or it cannot be loaded.

    """
    name = _driver_name(words)
    if name:
        return _options_of(name)
    every = [option for known in registry.driver_names() for option in _options_if_loadable(known)]
    return list({option.name: option for option in every}.values())


def _options_of(driver: str) -> list[Option]:
    return [_as_ours(option) for option in registry.load_driver(driver).options() if option.name not in _OURS]


def _options_if_loadable(driver: str) -> list[Option]:
    try:
        return _options_of(driver)
    except errors.Error:
        return []


def _driver_name(words: Sequence[str]) -> str:
    for place, word in enumerate(words):
        if word.startswith("--driver="):
            return word.partition("=")[2]
        if word == "--driver" and place + 1 < len(words):
            return words[place + 1]
    return ""


def _as_ours(option: DriverOption) -> Option:
    # the words are not checked here: the driver's own check says it for Python and for the magic alike
    default = "" if option.default in (None, "") else f" Default: {option.default}."
    needed = " Required." if option.required else ""
    choices = f" One of {', '.join(option.choices)}." if option.choices and option.kind is str else ""
    words = (*option.choices, *(("true", "false") if option.kind is bool else ()))
    return Option(
        option.name.replace("_", "-"),
        f"{option.help}{choices}{default}{needed}",
        _METAVARS[option.kind],
        means=f"words:{','.join(words)}" if words else "",
        secret=option.secret,
    )


def _notes() -> str:
    lines = ["Options of %cl_backend add are those of the driver:"]
    for name in registry.driver_names():
        options = _options_if_loadable(name)
        lines.append(f"  --driver {name}{'' if options else ': cannot be loaded here, or takes no options'}")
        for option in options:
            lines += columns(f"  {option.spelled} {option.value}", option.help)
    return "\n".join(lines)


def _add(call: Call) -> Backend:
    name, driver = call["name"], call["driver"]
    if driver is None:
        msg = f"%cl_backend add needs --driver DRIVER: {', '.join(registry.driver_names())}. %cl_backend open opens a stored one."
        raise errors.InvalidInput(msg)
    cls = registry.load_driver(driver)
    given = call.given(*(option.key for option in _options_of(driver)))
    options = {option.name: given[option.name] for option in cls.options() if option.name in given}
    registry.check_config(driver, cls, options)
    return call.session.open_backend(name, {"volume_driver": driver, **options}, replace=call["replace"])


def _open(call: Call) -> Backend:
    name = resources.backend(call, call["backend"]).name
    return call.session.open_backend(name, {})


def _close(call: Call) -> Backend:
    backend = resources.backend(call, call["backend"])
    backend.close()
    return backend


def _show(call: Call) -> Details:
    return Details(resources.backend(call, call["backend"]))


def _stats(call: Call) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - pandas is loaded when a frame is made

    backend = resources.backend(call, call["backend"])
    stats: dict[str, Any] = dict(backend.stats(refresh=call["refresh"]))
    pools = [dict(pool) for pool in stats.pop("pools", [])]
    frame = pd.DataFrame([{**pool, **stats} for pool in pools])
    if "pool_name" not in frame:
        frame.insert(0, "pool_name", backend.name)
    return frame.set_index("pool_name")


def _forget(call: Call) -> Backend:
    backend = resources.backend(call, call["backend"], acting=True)
    backend.forget()
    return backend


COMMAND = Command(
    "cl_backend",
    "Add, open and look at backends. A backend is a driver with its options, under a name.",
    (
        Verb(
            "add",
            "Add a backend and open it; with the same options again it is the same backend.",
            _add,
            arguments=(Argument("NAME", "What to call the backend."),),
            options=(
                Option("driver", "The driver: what the storage is. %cl_drivers lists them.", "DRIVER", means="driver"),
                Option("replace", "Take the new options if the name stands for others."),
            ),
            more=driver_options,
        ),
        Verb("open", "Open a backend that is stored already, with the options that it was added with.", _open, (_BACKEND,)),
        Verb("close", "Let go of the driver; everything stays tracked.", _close, (_BACKEND,)),
        Verb("show", "Show the fields of a backend, secrets masked.", _show, (_BACKEND,)),
        Verb(
            "stats",
            "Show the capacities of the backend's pools, in GiB, as a DataFrame.",
            _stats,
            (_BACKEND,),
            (Option("refresh", "Ask the storage again."),),
        ),
        Verb("forget", "Stop tracking a backend that has no volumes; the storage is not touched.", _forget, (_BACKEND,)),
    ),
    (
        "%cl_backend add lvm --driver local --path ~/cl-volumes --quota 10",
        "lvm = %cl_backend open lvm",
        "%cl_backend stats lvm",
        "%cl_backend forget lvm",
    ),
    notes=_notes,
)
"""The magic."""
