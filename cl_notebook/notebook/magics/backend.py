"""Define ``%cl_backend``, the magic for one backend."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NoReturn

from cl_notebook import errors, masking
from cl_notebook.drivers import registry
from cl_notebook.model import facts
from cl_notebook.notebook.command import resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb, count
from cl_notebook.notebook.magics import drivers, lists
from cl_notebook.notebook.magics.drivers import PYTHON
from cl_notebook.notebook.output.details import Details
from cl_notebook.notebook.output.messages import echo
from cl_notebook.notebook.output.progress import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from cl_notebook.model import Backend
    from cl_notebook.notebook.command.command import Invocation

_BACKEND = Argument("BACKEND", "The backend: its name, its id, or the variable that holds it.", completes="backend")
_CONF = "--conf takes the backends from the file, with their options"


def _add(call: Invocation) -> Backend | list[Backend]:
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
    return call.session.open_backend(call["name"][0], {"volume_driver": call["driver"], **options}, replace=call["replace"])


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
        echo(f"{name}: {errors.one_line(error)}")
    msg = f"{len(failed)} of {len(failed) + len(opened)} backends could not be opened: {', '.join(failed)}."
    raise errors.Error(msg) from first


def _open(call: Invocation) -> Backend:
    name = resolve.backend(call, call["backend"]).name
    options = {"python": call["python"]} if call["python"] is not None else {}
    return call.session.open_backend(name, options, trust=call["trust"])


def _close(call: Invocation) -> Backend:
    backend = resolve.backend(call, call["backend"])
    backend.close(kill=call["kill"])
    return backend


def _show(call: Invocation) -> Details:
    return Details(resolve.backend(call, call["backend"]))


def _stats(call: Invocation) -> pd.DataFrame:
    from cl_notebook.tabular import Frame  # noqa: PLC0415 - pandas is loaded when a frame is made

    backend = resolve.backend(call, call["backend"])
    stats: Any = backend.stats(refresh=call["refresh"])
    shared = {key: value for key, value in stats.items() if key != "pools"} if isinstance(stats, dict) else {}
    frame = Frame([masking.data({**pool, **shared}) for pool in facts.reported_pools(stats)])
    if "pool_name" not in frame:
        frame.insert(0, "pool_name", backend.name)
    return frame.set_index("pool_name").listed("pools")


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


def _forget(call: Invocation) -> Backend:
    backend = resolve.backend(call, call["backend"], acting=True)
    backend.forget()
    return backend


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
                    repeat=True,
                ),
                PYTHON,
                Option("replace", "Take the new options if a backend of that name has others."),
            ),
            dynamic_options=drivers.of_driver,
        ),
        lists.listing("cl_backends"),
        Verb(
            "open",
            "Open a backend that is stored already, with the options that it was added with.",
            _open,
            (_BACKEND,),
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
            (_BACKEND,),
            (Option("kill", "End a driver that has a process of its own at once, also while it works: if it hangs."),),
        ),
        Verb("show", "Show the fields of a backend, secrets masked, and what its driver can do.", _show, (_BACKEND,)),
        Verb(
            "stats",
            "Show the capacities of the backend's pools, in GiB, as a DataFrame.",
            _stats,
            (_BACKEND,),
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
        Verb("forget", "Stop tracking a backend that has no volumes; the storage is not touched.", _forget, (_BACKEND,)),
    ),
    (
        "%cl_backend add lvm --driver local --path ~/cl-volumes --quota 10",
        "%cl_backend add ceph --driver cinder.volume.drivers.rbd.RBDDriver --rbd-pool volumes --rbd-user cinder",
        "%cl_backend add --conf /etc/cinder/cinder.conf --python ~/cinder/bin/python",
        "lvm = %cl_backend open lvm",
        "%cl_backend stats lvm",
        "%cl_backend forget lvm",
    ),
    notes=drivers.notes,
)
"""The magic."""
