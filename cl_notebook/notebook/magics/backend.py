"""Define ``%cl_backend``, the magic for one backend."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from cl_notebook import errors, masking
from cl_notebook.drivers import registry
from cl_notebook.many.report import Act
from cl_notebook.model import Backend, facts
from cl_notebook.notebook.command import batch, resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb, count
from cl_notebook.notebook.magics import drivers, lists
from cl_notebook.notebook.magics.drivers import PYTHON
from cl_notebook.notebook.output.details import Details
from cl_notebook.notebook.output.messages import echo, show
from cl_notebook.notebook.output.progress import shown
from cl_notebook.session import Session
from cl_notebook.text import enumerated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from cl_notebook.notebook.command.command import Invocation
    from cl_notebook.notebook.output.details import SeveralDetails
    from cl_notebook.tabular import Frame

_HELP = "The backend: its name, its id, or the variable that holds it."
_BACKEND = Argument("BACKEND", _HELP, completes="backend")
_BACKENDS = Argument("BACKEND", f"{_HELP} {batch.SEVERAL_WORDS}", completes="backend", repeat=True)
_CONF = "--conf takes the backends from the file, with their options"


def _add(call: Invocation) -> Backend | list[Backend] | Details:
    if call["conf"]:
        return _add_from_conf(call)
    if call["driver"] is None:
        names = ", ".join(registry.driver_names())
        msg = f"%cl_backend add needs --driver DRIVER: {names}, or a driver of Cinder's. %cl_backend open opens a stored one."
        raise errors.InvalidInput(msg)
    if len(call["name"]) != 1:
        msg = "%cl_backend add needs one NAME: what to call the backend. Several are taken with --conf FILE alone."
        raise errors.InvalidInput(msg)
    cls = drivers.load(call["driver"], call["python"])
    options = drivers.typed_options(call, cls)
    if call["python"] is not None:
        options["python"] = call["python"]
    options |= drivers.secrets_left_out(call["name"][0], call["driver"], cls, options)
    registry.check_config(call["driver"], cls, options, call["name"][0])
    config = {"volume_driver": call["driver"], **options}
    if call["dry_run"]:
        return _opened_and_closed(call, call["name"][0], config)
    return call.session.open_backend(call["name"][0], config, replace=call["replace"])


def _opened_and_closed(call: Invocation, name: str, config: dict[str, Any]) -> Details:
    """Return what a backend with this configuration is; its driver is opened in a store that ends with this call."""
    with Session(replace(call.session.settings, store="memory", read_only=False)) as temporary:
        temporary.progress = call.session.progress
        return Details(temporary.open_backend(name, config))


def _add_from_conf(call: Invocation) -> list[Backend]:
    typed = sorted(call.typed() - {"name", "conf", "python", "replace"})
    if typed:
        msg = f"{_CONF}: --{typed[0].replace('_', '-')} does not go with it."
        raise errors.InvalidInput(msg)
    from cl_notebook.drivers.cinder.conf import Conf  # noqa: PLC0415 - loaded only for Cinder's drivers

    with shown(f"read {', '.join(call['conf'])}"):
        conf = Conf(call["conf"], call["python"])
    opened: dict[str, Backend] = {}
    failed: dict[str, errors.Error] = {}
    for name in dict.fromkeys(call["name"] or conf.enabled()):
        try:
            with shown(f"read {name}"):
                options = conf.options(name)
            opened[name] = call.session.open_backend(name, options, replace=call["replace"])
        except errors.Error as error:
            failed[name] = error
    for remark in conf.remarks:
        echo(remark)
    if failed:
        _report_failures(opened, failed)
    return list(opened.values())


def _report_failures(opened: Mapping[str, Backend], failed: Mapping[str, errors.Error]) -> NoReturn:
    """Report the outcome for each backend, and raise the first error, or one that names all that failed."""
    first = next(iter(failed.values()))
    if not opened and len(failed) == 1:
        raise first
    for name in opened:
        echo(f"{name}: open")
    for name, error in failed.items():
        echo(f"{name}: {errors.hints_in(errors.one_line(error), magic=True)}")
    msg = f"{len(failed)} of {len(failed) + len(opened)} backends could not be opened: {enumerated(list(failed), errors.SHOWN)}."
    raise errors.Error(msg) from first


def _open(call: Invocation) -> Any:  # noqa: ANN401 - the backend, or a report of several
    options = {"python": call["python"]} if call["python"] is not None else {}

    def open_one(backend: Backend) -> Backend:
        return call.session.open_backend(backend.name, options, trust=call["trust"])

    return batch.in_turn_on(call, Act("open", "opened"), _backends(call), open_one)


def _close(call: Invocation) -> Any:  # noqa: ANN401 - the backend, or a report of several
    return batch.in_turn_on(call, Act("close", "closed"), _backends(call), lambda backend: backend.close(kill=call["kill"]))


def _show(call: Invocation) -> Details | SeveralDetails:
    return batch.details(_backends(call))


def _stats(call: Invocation) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - pandas is loaded when a frame is made

    named = _backends(call)
    if named.is_one:
        return _pools(named.resources[0], refresh=call["refresh"]).listed("pools")

    def pools(backend: Backend) -> Frame:
        frame = _pools(backend, refresh=call["refresh"]).reset_index()
        frame.insert(0, "backend", backend.name)
        return frame.set_index(["backend", "pool_name"])

    def listed(frames: Sequence[Frame]) -> pd.DataFrame:
        return pd.concat(frames).listed("pools")

    try:
        return listed(batch.in_turn_on(call, Act("ask", "asked"), named, pools))
    except errors.PartialFailure as error:
        if error.report:
            answered = listed(error.report)
            show(call.shell, answered, repr(answered))
        raise


def _pools(backend: Backend, *, refresh: bool) -> Frame:
    from cl_notebook.tabular import Frame  # noqa: PLC0415 - as above

    stats: Any = backend.stats(refresh=refresh)
    shared = {key: value for key, value in stats.items() if key != "pools"} if isinstance(stats, dict) else {}
    frame = Frame([masking.data({**pool, **shared}) for pool in facts.reported_pools(stats)])
    if "pool_name" not in frame:
        frame.insert(0, "pool_name", backend.name)
    return frame.set_index("pool_name")


def _manageable(call: Invocation) -> pd.DataFrame:
    from cl_notebook.frames import api  # noqa: PLC0415 - as above

    backend = resolve.backend(call, call["backend"])
    limit = lists.PAGE if call["limit"] is None else call["limit"] or None
    list_entries: Any = backend.manageable_snapshots if call["snapshots"] else backend.manageable_volumes
    entries = list_entries(limit=limit and limit + 1, marker=call["marker"])
    frame = api.frame(entries[:limit])
    if limit and len(entries) > limit:
        echo(f"There are more than these {limit} rows. The next: --marker {shlex.quote(str(frame.index[-1]))}. All: --limit 0.")
    return frame


def _forget(call: Invocation) -> Any:  # noqa: ANN401 - the backend, or a report of several
    lost = "Their options are lost; the storages stay as they are."
    return batch.each(call, Act("forget", "forgotten"), _backends(call, acting=True), Backend.forget, destroys=lost)


def _backends(call: Invocation, *, acting: bool = False) -> resolve.Several[Backend]:
    return resolve.several(call, call["backend"], Backend, acting=acting)


COMMAND = Command(
    "cl_backend",
    "Add, open and look at backends. A backend is a driver with its options, under a name.",
    (
        Verb(
            "add",
            "Add a backend and open it; with the same options again it is the same backend. With --conf all backends of a "
            "cinder.conf, or those of these names.",
            _add,
            arguments=(Argument("NAME", "What to call the backend, or what the file calls it.", optional=True, repeat=True),),
            options=(
                Option("driver", "The driver: what the storage is. %cl_drivers lists them.", "DRIVER", completes="driver"),
                Option(
                    "conf",
                    "A cinder.conf, or a folder of *.conf: its enabled_backends are added, with the options that it has.",
                    "FILE",
                    completes="file",
                    repeat=True,
                ),
                PYTHON,
                Option("replace", "Take the new options if a backend of that name has others."),
                Option("dry-run", "Open the driver to see that the options are right, and do not add the backend."),
            ),
            dynamic_options=drivers.of_driver,
        ),
        lists.listing("cl_backends"),
        Verb(
            "open",
            "Open a backend that is stored already, with the options that it was added with.",
            _open,
            (_BACKENDS,),
            (
                Option(
                    "trust",
                    "Open one that a document described, or that stands in a store of another user, with the options that it has "
                    "there: %cl_backend show shows them. Its secrets go there.",
                ),
                PYTHON,
            ),
        ),
        Verb(
            "close",
            "Let go of the driver; everything stays tracked.",
            _close,
            (_BACKENDS,),
            (Option("kill", "End a driver that has a process of its own at once, also while it works: if it hangs."),),
        ),
        Verb("show", "Show the fields of a backend, secrets masked, and what its driver can do.", _show, (_BACKENDS,)),
        Verb(
            "stats",
            "Show the capacities of the backend's pools, in GiB, as a DataFrame.",
            _stats,
            (_BACKENDS,),
            (Option("refresh", "Ask the storage again."),),
        ),
        Verb(
            "manageable",
            "List the volumes that are on the storage, tracked or not, as a DataFrame; %cl_volume manage adopts one.",
            _manageable,
            (_BACKEND,),
            (
                Option("snapshots", "List snapshots; %cl_snapshot manage adopts one."),
                Option("limit", f"Rows at most; 0 is all of them, {lists.PAGE} if it is left out.", "N", convert=count),
                Option("marker", "Go on after the row with this reference.", "REFERENCE"),
            ),
        ),
        Verb(
            "forget",
            "Stop tracking a backend that has no volumes; the storage is not touched.",
            _forget,
            (_BACKENDS,),
            batch.DESTRUCTIVE,
        ),
    ),
    (
        "%cl_backend add lvm --driver local --path ~/cl-volumes --quota 10",
        "%cl_backend add ceph --driver cinder.volume.drivers.rbd.RBDDriver --rbd-pool volumes --rbd-user cinder",
        "%cl_backend add --conf /etc/cinder/cinder.conf --python ~/cinder/bin/python",
        "lvm = %cl_backend open lvm",
        "%cl_backend stats lvm",
        "%cl_backend close lvm ceph",
        "%cl_backend forget lvm",
    ),
    notes=drivers.notes,
    purpose="Begin",
    sample="%cl_backend add lab --driver local",
    brief="add, open, close, look at a backend",
)
"""The magic."""
