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
from cl_notebook.model import Backend, Connection, KeyValue, Operation, Snapshot, Volume, base
from cl_notebook.session import Session, default_session, setup

if TYPE_CHECKING:
    import os
    from pathlib import Path

    import pandas as pd
    from IPython.core.interactiveshell import InteractiveShell

    from cl_notebook.inventory.cleanup.scratch import Scratch
    from cl_notebook.model.base import Tracked
    from cl_notebook.serialization import dump, dumps, json, jsons, load

Backends = Backend

__version__ = "0.1.0"

_LATE = {"frames": "cl_notebook.frames", "inventory": "cl_notebook.inventory"}
_DOCUMENTS = "cl_notebook.serialization"
_OF_DOCUMENTS = ("dump", "dumps", "json", "jsons", "load")

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
    "dump",
    "dumps",
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
    "scratch",
    "setup",
    "tree",
    "unload_ipython_extension",
]


def backup(path: str | os.PathLike[str]) -> Path:
    """Copy the store, as it is at this moment, into the new file *path*, and return the absolute name of that.

    The store may be in use meanwhile, by other kernels, too. The copy is one file that its owner alone can read, and a store
    itself: ``cl.setup(store=path)``. A store in memory is copied, too. What is on the storage is not copied.

    Raises:
        AlreadyExists: something stands under that name; a backup overwrites nothing.
        InvalidInput: *path* is no name of a file in a folder that is there.
        Refused: the store is on a server, which has a tool for that; the message names it.
        StoreError: the file cannot be written, or the store cannot be read.

    """
    return default_session().backup(path)


def find(text: str, *, all: bool = False) -> Any:  # noqa: A002, ANN401 - the interface's word; one resource, or a list of them
    """Return the one resource that *text* means: an id, a name, the beginning of an id, or a part of a name.

    The first of these senses that fits anything counts. What is found is the object that you already hold, if you do.

    Args:
        text: what is remembered of it.
        all: return the list of everything that fits in any of these senses.

    Raises:
        NotFound: nothing fits.
        Ambiguous: several do; the message lists them.

    """
    return default_session().find(text, all=all)


def get_connector_properties(
    protocol: str | None = None, *, multipath: bool = False, enforce_multipath: bool | None = None
) -> dict[str, Any]:
    """Return what this host has to tell storage that is to let it in: os-brick's connector properties, for ``Volume.connect``.

    Args:
        protocol: leave out what this protocol (``local``, ``rbd``…) does not need; by default it is all that os-brick finds.
        multipath: say that several paths are to be used.
        enforce_multipath: fail where multipathd does not run, instead of using one path; the same as *multipath* by default.

    Raises:
        AttachError: os-brick could not find out.

    """
    host = default_session().host
    return host.connector_properties(protocol, multipath=multipath, enforce_multipath=enforce_multipath)


def import_cinderlib(url: str) -> pd.DataFrame:
    """Track what cinderlib, or Cinder, tracks in the database at *url*: volumes, snapshots, attachments and key-value pairs.

    The database is only read, and the storage is not touched. A volume is taken if a backend of its backend's name is stored
    here: open it first. What is here already stays as it is, so it may be done again: then it takes what is new.

    Args:
        url: a SQLAlchemy URL, such as cinderlib's ``persistence_config`` has, or the name of a SQLite file.

    Returns:
        a row for each thing that was found: ``kind``, ``id``, ``name``, whether it was ``taken``, and the ``reason`` if not.

    Raises:
        InvalidInput: it is no URL, or neither cinderlib nor Cinder wrote that database.
        NotFound: it names a file that is not there.
        ReadOnly: the session may only look.
        StoreError: the database, or the store, cannot be used.

    """
    from cl_notebook.inventory.importers import cinderlib  # noqa: PLC0415 - `import cl_notebook` stays light

    return cinderlib.import_cinderlib(default_session(), url)


def list_supported_drivers(output_version: int = 1, python: str | None = None) -> dict[str, dict[str, Any]]:
    """Return Cinder's drivers with their options, by their classes; see :meth:`cl_notebook.Backend.list_supported_drivers`."""
    return Backend.list_supported_drivers(output_version, python)


def scratch(*, keep_on_error: bool = False) -> Scratch:
    """Return a block whose resources go when it ends, error or not: for ``with cl.scratch() as made``.

    What the session made in the block is removed, whichever thread made it: connections, snapshots and volumes, in the order that
    they depend on each other. What was there before stays, and so do others' resources and what the block adopted or released.
    The block's own error goes on; what could not be removed is noted on it. ``made.plan`` and ``made.report`` tell what was done.

    Args:
        keep_on_error: if the block ends with an error, keep everything, to look at it.

    Raises:
        ReadOnly: the session may only look; the block does not begin.
        CleanupIncomplete: the block ended well, and something could not be removed.

    """
    from cl_notebook.inventory.cleanup import scratch as scratching  # noqa: PLC0415 - `import cl_notebook` stays light

    return scratching.scratch(keep_on_error=keep_on_error)


def tree(shown: Tracked | pd.DataFrame | None = None) -> Any:  # noqa: ANN401 - what it is depends on the front end
    """Return the tree of everything, of one resource, or of the resources in a frame.

    In a notebook it is a live widget (:class:`cl_notebook.notebook.tree.widget.Tree`), elsewhere a tree of text.

    Raises:
        InvalidInput: *shown* is none of these, or a frame whose index has no ids.

    """
    from cl_notebook.notebook.tree import display  # noqa: PLC0415 - `import cl_notebook` stays light

    return display.tree(default_session(), shown)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Give *shell* the magics (``%load_ext cl_notebook``)."""
    from cl_notebook.notebook.extension import load  # noqa: PLC0415 - IPython is loaded only by who is in it

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the magics from *shell* again (``%unload_ext cl_notebook``)."""
    from cl_notebook.notebook.extension import unload  # noqa: PLC0415 - as above

    unload(shell)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module, or what is in one
    """Load ``frames``, and with it pandas, ``inventory``, and what reads and writes documents when they are first used."""
    if name in _LATE:
        return importlib.import_module(_LATE[name])
    if name in _OF_DOCUMENTS:
        return getattr(importlib.import_module(_DOCUMENTS), name)
    msg = f"module 'cl_notebook' has no attribute {name!r}{errors.did_you_mean(name, __all__)}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__


base.document_service.register_loader(functools.partial(importlib.import_module, _DOCUMENTS))
