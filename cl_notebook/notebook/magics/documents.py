"""Define ``%cl_dump`` and ``%cl_load``, which write everything tracked to a file and read it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook import errors, serialization
from cl_notebook.inventory.importers import cinderlib
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb
from cl_notebook.notebook.output.messages import echo

if TYPE_CHECKING:
    from cl_notebook.notebook.command.command import Invocation

_FILE = "The file, of JSON."


def _dump(call: Invocation) -> None:
    size = serialization.dump_file(
        call["file"],
        session=call.session,
        output_all_backend_info=call["all_backend_info"] or None,
        include_secrets=call["include_secrets"] or None,
        overwrite=call["force"],
    )
    echo(f"{call['file']}: {size:,} bytes.")


def _load(call: Invocation) -> Any:  # noqa: ANN401 - an object, or several
    if (call["file"] is None) == (call["cinderlib"] is None):
        msg = "%cl_load takes the name of a file, or --cinderlib with the URL of a database."
        raise errors.InvalidInput(msg)
    if call["cinderlib"] is not None:
        return cinderlib.import_cinderlib(call.session, call["cinderlib"])
    fail_on_missing = False if call["by_name"] else None
    if call["look"]:
        if call["save"]:
            msg = "%cl_load: --look tracks nothing, --save does: give one of them."
            raise errors.InvalidInput(msg)
        return serialization.look_file(call["file"], session=call.session, fail_on_missing_backend=fail_on_missing)
    counts = serialization.load_file(
        call["file"], session=call.session, fail_on_missing_backend=fail_on_missing, trust=call["trust"]
    )
    echo(f"{call['file']}: {counts}.")
    return None


COMMANDS = (
    Command(
        "cl_dump",
        "Write everything that is tracked to a file: backends, volumes, snapshots, connections and key-value pairs, as JSON that "
        "%cl_load and cl.load() read. The file appears once it is whole, and only you may read it; one that exists "
        "stays as it is, unless --force replaces it.",
        (
            Verb(
                "",
                "Write everything to a file.",
                _dump,
                arguments=(Argument("FILE", _FILE, "file"),),
                options=(
                    Option("force", "Replace the file if it exists."),
                    Option("all-backend-info", "Write the backends' whole configuration, not only their names."),
                    Option(
                        "include-secrets",
                        "Write secrets in the clear: of connections and volumes; with it, of open backends, too.",
                    ),
                ),
            ),
        ),
        ("%cl_dump lab.json", "%cl_dump ~/lab.json --all-backend-info"),
        purpose="Files",
        sample="%cl_dump lab.json",
        brief="write and read what is tracked",
    ),
    Command(
        "cl_load",
        "Track what a file holds: one that %cl_dump, dumps() or cinderlib's own dumps() wrote. All of it is tracked, or nothing. "
        "What is tracked already, and the same, stays as it is.",
        (
            Verb(
                "",
                "Track what a file, or a database of cinderlib's, holds.",
                _load,
                arguments=(Argument("FILE", _FILE, "file", optional=True),),
                options=(
                    Option("look", "Give the objects to look at, and track nothing: obj.save() tracks one later."),
                    Option("save", "Track everything: what is done anyway, without --look."),
                    Option(
                        "cinderlib",
                        "Track what cinderlib, or Cinder, tracks in this database, and show what was not taken. No FILE then.",
                        "URL",
                    ),
                    Option(
                        "trust",
                        "Take what the file says of backends, hosts and devices as if you had typed it: for your own files.",
                    ),
                    Option("by-name", "Track also what is on backends that are not there, under their names; open them later."),
                ),
            ),
        ),
        (
            "%cl_load lab.json",
            "objects = %cl_load lab.json --look",
            "%cl_load cinderlib.json --by-name",
            "%cl_load --cinderlib sqlite:///cinderlib.db",
        ),
        purpose="Files",
        sample="%cl_load lab.json",
        brief="write and read what is tracked",
    ),
)
"""The magics."""
