"""cl_notebook: explore block storage by hand, from a notebook, with every resource tracked.

::

    import cl_notebook as cl

    lvm = cl.Backend("lvm", volume_driver="local", path="~/cl-volumes")
    vol = lvm.create_volume(size=1, name="db")
    conn = vol.attach()            # conn.path is the device (or file) to read and write
    cl.find("db") is vol           # whatever variable was lost
"""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.model import Backend, Connection, KeyValue, Operation, Snapshot, Volume, base, trash
from cl_notebook.model import undo as deletions
from cl_notebook.session import Session, default_session, setup

if TYPE_CHECKING:
    import os
    from pathlib import Path

    import pandas as pd
    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.demo_store import Demo
    from cl_notebook.inventory.cleanup.scratch import Scratch
    from cl_notebook.many.each import Each
    from cl_notebook.model.base import Tracked
    from cl_notebook.notebook.output.status import Status
    from cl_notebook.serialization import dump, dumps, json, jsons, load

Backends = Backend

__version__ = "0.1.0"

_LAZY_MODULES = {"frames": "cl_notebook.frames", "inventory": "cl_notebook.inventory", "plot": "cl_notebook.plots"}
_DOCUMENTS = "cl_notebook.serialization"
_DOCUMENT_FUNCTIONS = ("dump", "dumps", "json", "jsons", "load")

__all__ = [
    "Backend",
    "Backends",
    "Connection",
    "KeyValue",
    "Operation",
    "Session",
    "Snapshot",
    "Volume",
    "backup",
    "default_session",
    "demo",
    "doctor",
    "dump",
    "dumps",
    "each",
    "empty_trash",
    "errors",
    "find",
    "frames",
    "get_connector_properties",
    "import_cinderlib",
    "inventory",
    "json",
    "jsons",
    "list_supported_drivers",
    "load",
    "load_ipython_extension",
    "plot",
    "scratch",
    "setup",
    "status",
    "tree",
    "undo",
    "unload_ipython_extension",
]


@errors.arguments_checked
def backup(path: str | os.PathLike[str]) -> Path:
    """Copy the store into the new file *path*, and return the absolute name of the file.

    The store may be in use meanwhile, also by other kernels. The copy is one file that its owner alone can read, and a store
    itself: ``cl.setup(store=path)``. A store in memory can be copied. The storage is not copied.

    Raises:
        AlreadyExists: *path* exists; a backup overwrites nothing.
        InvalidInput: *path* is not a file name, or its folder does not exist.
        Refused: the store is on a server; the message names the server's own tool.
        StoreError: the file cannot be written, or the store cannot be read.

    """
    return default_session().backup(path)


@errors.arguments_checked
def demo() -> Demo:
    """Start a demo: a throw-away store with a filled simulator and a small local backend, and show its tree.

    The demo's session is the default one until ``close()`` of the returned object, or ``%cl_demo --end``: this removes the demo's
    folder and returns to the session before. In JupyterLab the tree opens beside the notebook.

    Raises:
        Refused: a demo is running already.
        StoreError, DriverError: the temporary folder cannot be used.

    """
    from cl_notebook import demo_store  # noqa: PLC0415 - `import cl_notebook` stays light
    from cl_notebook.notebook.tree import display  # noqa: PLC0415 - likewise

    return demo_store.start(display.show_opened)


@errors.arguments_checked
def doctor(
    backend: Backend | str | None = None, protocol: str | None = None, host: str | None = None, python: str | None = None
) -> pd.DataFrame:
    """Return what this host, or another, needs for a backend, driver or protocol, and whether it has it; change nothing.

    Checked are commands, daemons, kernel modules, initiator names, the root helper, Python libraries and the clock; and for a
    backend also whether the addresses in its options answer a TCP connection within three seconds. A backend that could not be
    added is known by its name until the session ends. Without arguments the protocols of all tracked backends are checked.

    Args:
        backend: a backend or its name, or a driver by name, class or path (``local``, ``RBDDriver``); or a protocol, if no
            backend is called that.
        protocol: ``iscsi``, ``fc``, ``nvmeof``, ``rbd``, ``nfs``, ``cifs`` or ``local``; by default what the driver speaks.
        host: another host that attaches volumes, reached by ssh: ``root@node2``. What the driver needs is not checked there.
        python: the Python that has Cinder, as in the backend's option.

    Returns:
        a row for each check, the gravest first: ``check``, ``status`` (``missing``, ``failed``, ``unknown``, ``optional``:
        absent, and needed only for its purpose, or ``ok``), ``purpose``, ``seen``, the packages that have it
        (``package_debian``, ``package_rpm``), and ``next``: the command to run.

    Raises:
        NotFound: no backend or driver is called *backend*.
        InvalidInput: *protocol* is unknown, or *host* is not the address of a host.
        HostUnreachable: *host* does not answer.

    """
    from cl_notebook import prerequisites  # noqa: PLC0415 - `import cl_notebook` stays light

    return prerequisites.doctor(backend, protocol, host, python)


@errors.arguments_checked
def each(*what: Any, kind: str | None = None, jobs: int = 4) -> Each[Any]:  # noqa: ANN401 - names, frames, lists, resources
    """Return the resources that *what* selects, to do the same to each: ``cl.each("db-*", "status:error").delete()``.

    A few are done side by side. After a failure the others are done; then PartialFailure is raised, whose ``report`` has the
    outcome of each. The report of a success is a list of what the acts gave, such as the clones.

    Args:
        what: names, ids, ranges (``db-{1..3}``), globs (``db-*``), frames with ids, resources, and lists of resources add up.
            Terms of the tree's filter (``status:error``, ``size>10``, ``!web*``) restrict what the others select; alone they
            select from everything.
        kind: ``volume``, ``snapshot``, ``connection`` or ``backend``; by default that of the first resource, or ``volume``.
        jobs: how many are done side by side.

    Raises:
        NotFound: a name, or all of it together, selects nothing.
        Ambiguous: a name is that of several resources.
        InvalidInput: a term is wrong, or something else selects no resources.

    """
    from cl_notebook.many.each import select  # noqa: PLC0415 - `import cl_notebook` stays light

    return select(default_session(), what, kind, jobs)


@errors.arguments_checked
def empty_trash(*texts: str) -> None:
    """Delete for good what *texts* name in the trash (ids, names, globs), or all of it; closed backends are opened.

    Raises:
        NotFound: nothing in the trash is called so.
        DriverError: the storage refused; the volume is tracked again, as ``error_deleting``.
        ReadOnly: the session is read-only.

    """
    deletions.empty(default_session(), texts)


@errors.arguments_checked
def find(text: str, *, all: bool = False) -> Any:  # noqa: A002, ANN401 - the interface's word; one resource, or a list of them
    """Return the resource with this id, name, beginning of an id, or part of a name.

    They are tried in this order, and the first that matches decides. If a variable still refers to the resource, the result is
    that object.

    Args:
        text: an id, a name, or a part of either.
        all: return a list of all matches, of any kind.

    Raises:
        NotFound: nothing matches.
        Ambiguous: several resources match; the message lists them.

    """
    return default_session().find(text, all=all)


def get_connector_properties(
    protocol: str | None = None, *, multipath: bool = False, enforce_multipath: bool | None = None
) -> dict[str, Any]:
    """Return os-brick's connector properties of this host, for ``Volume.connect``.

    Args:
        protocol: return only what this protocol (``local``, ``rbd``…) needs; by default all that os-brick finds.
        multipath: ask for several paths.
        enforce_multipath: fail if multipathd does not run, instead of using one path; the same as *multipath* by default.

    Raises:
        AttachError: os-brick failed.

    """
    host = default_session().host
    return host.connector_properties(protocol, multipath=multipath, enforce_multipath=enforce_multipath)


@errors.arguments_checked
def import_cinderlib(url: str) -> pd.DataFrame:
    """Track the volumes, snapshots, attachments and key-value pairs of cinderlib's or Cinder's database at *url*.

    The database is only read, and the storage is not touched. A volume is imported if a backend of the same name is tracked:
    open it first. Resources that are tracked already stay unchanged, so a repeated import adds the new ones.

    Args:
        url: a SQLAlchemy URL, such as cinderlib's ``persistence_config`` has, or the name of a SQLite file.

    Returns:
        a row for each resource: ``kind``, ``id``, ``name``, whether it was ``taken`` (imported), and the ``reason`` if not.

    Raises:
        InvalidInput: *url* is not a URL or a file name, or neither cinderlib nor Cinder wrote that database.
        NotFound: the file does not exist.
        ReadOnly: the session is read-only.
        StoreError: the database, or the store, cannot be used.

    """
    from cl_notebook.inventory.importers import cinderlib  # noqa: PLC0415 - `import cl_notebook` stays light

    return cinderlib.import_cinderlib(default_session(), url)


def list_supported_drivers(output_version: int = 1, python: str | None = None) -> dict[str, dict[str, Any]]:
    """Return Cinder's drivers with their options by class; see ``Backend.list_supported_drivers``."""
    return Backend.list_supported_drivers(output_version, python)


@errors.arguments_checked
def scratch(*, keep_on_error: bool = False) -> Scratch:
    """Return a context manager that removes the resources created in its block: ``with cl.scratch() as made``.

    It removes connections, snapshots and volumes that the session created in the block, in any thread, whether or not the block
    raises. Resources that existed before stay, and so do those of other sessions and those that the block adopted or released.
    An error of the block passes, with a note on what could not be removed. ``made.plan`` and ``made.report`` have the steps.

    Args:
        keep_on_error: keep everything if the block raises.

    Raises:
        ReadOnly: the session is read-only; the block does not begin.
        CleanupIncomplete: the block succeeded, and something could not be removed.

    """
    from cl_notebook.inventory.cleanup import scratch as scratching  # noqa: PLC0415 - `import cl_notebook` stays light

    return scratching.scratch(keep_on_error=keep_on_error)


@errors.arguments_checked
def status(backend: Backend | str | None = None) -> Status:
    """Return how things are, displayed as one screen: capacities, resources by status, what runs, is stuck and failed last.

    No backend is opened: the capacity of a closed one is not known. ``.frame`` has a row for each backend.

    Args:
        backend: only this one, by name or as the object; all by default.

    Raises:
        InvalidInput: *backend* is neither a name nor a backend.
        NotFound: there is no such backend.
        StoreError: the store cannot be read.

    """
    from cl_notebook.notebook.output.status import Status  # noqa: PLC0415 - `import cl_notebook` stays light

    return Status.of(default_session(), backend)


@errors.arguments_checked
def tree(shown: Tracked | pd.DataFrame | None = None) -> Any:  # noqa: ANN401 - what it is depends on the front end
    """Return the tree of all resources, of one resource, or of the resources in a frame.

    In a notebook it is a live widget (:class:`cl_notebook.notebook.tree.widget.Tree`), elsewhere a tree of text.

    Raises:
        InvalidInput: *shown* is neither a resource nor a frame, or the frame's index has no ids.

    """
    from cl_notebook.notebook.tree import display  # noqa: PLC0415 - `import cl_notebook` stays light

    return display.tree(default_session(), shown)


@errors.arguments_checked
def undo(text: str | None = None) -> Any:  # noqa: ANN401 - a volume, or the volumes that a glob names
    """Bring a deleted volume back from the trash, with its snapshots, and return it.

    There is a trash if ``cl.setup(trash="1h")`` said so before the deletion. A variable that held the volume holds it again.

    Args:
        text: its id, the beginning of its id, or its name; or a glob of names, which gives a list of the volumes. By default
            the volume that this session deleted last.

    Raises:
        NotFound: nothing in the trash is called so, or the trash is empty; the message says why the last act is final.
        Ambiguous: several are called so.
        ReadOnly: the session is read-only.

    """
    volumes = deletions.undo(default_session(), text)
    return volumes if text is not None and trash.is_glob(text) else volumes[0]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics in *shell* (``%load_ext cl_notebook``)."""
    from cl_notebook.notebook.extension import load  # noqa: PLC0415 - IPython is imported only in IPython

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Remove the magics from *shell* (``%unload_ext cl_notebook``)."""
    from cl_notebook.notebook.extension import unload  # noqa: PLC0415 - as above

    unload(shell)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module, or what is in one
    """Import ``frames`` (and pandas), ``inventory``, ``plot`` and the functions for documents when they are first used."""
    if name in _LAZY_MODULES:
        return importlib.import_module(_LAZY_MODULES[name])
    if name in _DOCUMENT_FUNCTIONS:
        return getattr(importlib.import_module(_DOCUMENTS), name)
    msg = f"module 'cl_notebook' has no attribute {name!r}{errors.did_you_mean(name, __all__)}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__


base.document_service.register_loader(functools.partial(importlib.import_module, _DOCUMENTS))
