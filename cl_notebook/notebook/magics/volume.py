"""Define ``%cl_volume``, the magic for one volume."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.many import names
from cl_notebook.many.report import Act
from cl_notebook.model import Volume
from cl_notebook.notebook.command import batch, resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb, gib, pair
from cl_notebook.notebook.magics import fields, lists, snapshot, trash
from cl_notebook.notebook.output.progress import is_silenced

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.notebook.command.command import Invocation
    from cl_notebook.notebook.output.details import Details, SeveralDetails

_VOLUME = Argument("VOLUME", "The volume: its id, the beginning of its id, its name, or the variable that holds it.", "volume")
_VOLUME_OR_MANY = replace(_VOLUME, help=f"{_VOLUME.help} {batch.ONE_WORD}")
_VOLUMES = Argument("VOLUME", f"{_VOLUME.help} {batch.SEVERAL_WORDS}", "volume", repeat=True)
_NAME, _DESCRIPTION, _METADATA = fields.NAME, fields.DESCRIPTION, fields.METADATA
_BARE_NAME = replace(_NAME, positional=True)
_MULTIPATH = Option("multipath", "Use several paths to the storage.")
_FORCE = Option("force", "Take a kernel that is still named as working on it for dead.")
_BACKEND = Option("backend", "Which backend; may be left out while exactly one is open.", "BACKEND", completes="backend")


def _create(call: Invocation) -> Any:  # noqa: ANN401 - the volume, or a report of several
    backend = resolve.chosen_backend(call)
    typed = fields.typed(call, "description", "bootable", "pool_name", "availability_zone", "id")
    typed_names = names.expand(call["name"] or "")
    if call["count"] is None and len(typed_names) == 1 and not (call["dry_run"] or call["background"]):
        return backend.create_volume(call["size"], name=typed_names[0], **typed)
    if call["count"] is not None:
        typed_names = names.numbered(call["name"], call["count"])
    if call["id"] is not None and len(typed_names) > 1:
        msg = "--id is the id of one volume. Leave it out to create several."
        raise errors.InvalidInput(msg)
    if not call["dry_run"]:
        backend.driver  # noqa: B018 - opened here: it may ask for a secret
    return batch.create(
        call,
        Act("create", "created"),
        "volume",
        typed_names,
        lambda name: backend.create_volume(call["size"], name=name, **typed),
    )


def _show(call: Invocation) -> Details | SeveralDetails:
    return batch.details(_volumes(call, acting=False))


def _extend(call: Invocation) -> Any:  # noqa: ANN401 - the volume, or a report of several
    words, size = _words_and_size(call)

    def extend(volume: Volume) -> None:
        volume.refresh(keep_edits=True)  # so that +GIB is added to the current size
        volume.extend(size.of(volume.size))

    return batch.each(call, Act("extend", "extended"), resolve.several(call, words, Volume, acting=True), extend)


@dataclass(frozen=True, slots=True)
class _NewSize:
    """A new size in GiB, or (``is_growth``) a number of GiB to add."""

    gib: int
    is_growth: bool

    @classmethod
    def read(cls, text: str) -> _NewSize:
        try:
            return cls(gib(text.removeprefix("+")), text.startswith("+"))
        except ValueError as error:
            msg = f"{error}, or +GIB to add"
            raise ValueError(msg) from None

    def of(self, current: int) -> int:
        return current + self.gib if self.is_growth else self.gib


_SIZE = Option("size", "The same as NEW_SIZE.", "GIB", convert=_NewSize.read)


def _words_and_size(call: Invocation) -> tuple[list[str], _NewSize]:
    """Return the words that name volumes, and the new size: ``--size``, or the last word."""
    *words, last = call["volume"]
    if not words if call["size"] is None else words and _SIZE.accepts(last):
        msg = "%cl_volume extend needs the new size in GiB, once: %cl_volume extend db 2, or +1 to add a GiB."
        raise errors.InvalidInput(msg)
    if call["size"] is not None:
        return [*words, last], call["size"]
    try:
        return words, _NewSize.read(last)
    except ValueError as error:
        msg = f"%cl_volume extend: NEW_SIZE is {error}, not {last!r}."
        raise errors.InvalidInput(msg) from None


def _clone(call: Invocation) -> Any:  # noqa: ANN401 - the clone, or a report of several
    typed = fields.typed(call, "description", "size")
    named = _volumes(call, acting=False)
    name_of = batch.names_of(named, call["name"], names.numbered)
    return batch.each(call, Act("clone", "cloned"), named, lambda volume: volume.clone(name=name_of[volume.id], **typed))


def _snapshot(call: Invocation) -> Any:  # noqa: ANN401 - the snapshot, or a report of several
    typed = fields.typed(call, "description")
    named = _volumes(call, acting=False)
    name_of = batch.names_of(named, call["name"], names.shared)
    act = Act("snapshot", "snapshotted")
    return batch.each(call, act, named, lambda volume: volume.create_snapshot(name=name_of[volume.id], **typed))


def _volumes(call: Invocation, *, acting: bool = True) -> resolve.Several[Volume]:
    words = call["volume"]
    return resolve.several(call, [words] if isinstance(words, str) else words, Volume, acting=acting)


def _connect(call: Invocation) -> Any:  # noqa: ANN401 - the connection, or a report of several
    return batch.each(
        call,
        Act("connect", "connected"),
        _volumes(call),
        lambda volume: volume.connect(_connector(call, volume), multipath=call["multipath"]),
    )


def _connector(call: Invocation, volume: Volume) -> Mapping[str, Any]:
    properties = call.given("host", "ip", "initiator")
    if call["connector"] is None and not properties:
        protocol = volume.backend.driver.storage_protocol
        return call.session.host.connector_properties(protocol, multipath=call["multipath"])
    if call["connector"] is None and not call["host"]:
        msg = "%cl_volume connect needs --host NAME with --ip and --initiator; alone it connects this host."
        raise errors.InvalidInput(msg)
    return {**_properties(call), **properties}


def _properties(call: Invocation) -> dict[str, Any]:
    text = call["connector"]
    if text is None:
        return {}
    value = call.namespace.get(text)
    if value is None:
        try:
            value = json.loads(text)
        except ValueError:
            msg = f"--connector takes a variable that holds a connector dict, or the dict as JSON, not {text!r}."
            raise errors.InvalidInput(msg) from None
    if not isinstance(value, dict):
        msg = f"--connector takes a dict of connector properties; {text!r} is a {type(value).__name__}."
        raise errors.InvalidInput(msg)
    return value


def _attach(call: Invocation) -> Any:  # noqa: ANN401 - the connection, or a report of several
    return batch.each(
        call,
        Act("attach", "attached"),
        _volumes(call),
        lambda volume: volume.attach(host=call["host"], multipath=call["multipath"]),
    )


def _detach(call: Invocation) -> Any:  # noqa: ANN401 - the volume, or a report of several
    return batch.each(
        call,
        Act("detach", "detached"),
        _volumes(call),
        lambda volume: volume.detach(host=call["host"], force=call["force"]),
        destroys=batch.FORCED_DETACHMENT if call["force"] else "",
    )


def _delete(call: Invocation) -> Any:  # noqa: ANN401 - the volume, or a report of several
    span, cascade = None if call["now"] else call.session.settings.trash, call["cascade"]
    lost = "Their bytes are lost for good" + (", with those of their snapshots." if cascade else ".")
    named = _volumes(call)
    result = batch.each(
        call,
        Act("delete", "deleted"),
        named,
        lambda volume: volume.delete(cascade=cascade, force=call["force"], now=call["now"]),
        destroys=f"They go to the trash, for {span}." if span else lost,
        asks_of_one=lambda volume: cascade and not span and bool(volume.snapshots),
    )
    number = sum(volume.id in call.session.in_trash for volume in named.resources)
    if span and number > 1 and not is_silenced():
        trash.print_where(f"{number} volumes", span)
    return result


def _manage(call: Invocation) -> Volume:
    return resolve.chosen_backend(call).manage(resolve.reference(call["reference"]), call["name"] or "")


def _unmanage(call: Invocation) -> Any:  # noqa: ANN401 - the volume, or a report of several
    return batch.each(call, Act("unmanage", "unmanaged"), _volumes(call), Volume.unmanage)


def _retype(call: Invocation) -> Any:  # noqa: ANN401 - the volume, or a report of several
    if not (call["extra_specs"] or call["qos_specs"] or call["clear"]):
        msg = "%cl_volume retype needs what to change: --extra-specs KEY=VALUE, --qos-specs KEY=VALUE, or --clear."
        raise errors.InvalidInput(msg)
    left_out: dict[str, str] | None = {} if call["clear"] else None  # None leaves them as they are
    extra, qos = (dict(call[key]) or left_out for key in ("extra_specs", "qos_specs"))

    act = Act("retype", "retyped")
    return batch.each(call, act, _volumes(call), lambda volume: volume.retype(extra_specs=extra, qos_specs=qos))


def _revert(call: Invocation) -> Volume:
    volume = resolve.volume(call, call["volume"], acting=True)
    volume.revert(resolve.snapshot(call, call["snapshot"], acting=True))
    return volume


_SPECS = (
    Option("extra-specs", "A key and a value for the driver, as of a volume type.", "KEY=VALUE", convert=pair, repeat=True),
    Option("qos-specs", "A key and a value of its quality of service.", "KEY=VALUE", convert=pair, repeat=True),
)
_CREATE = (
    Option("size", "Size in GiB.", "GIB", convert=gib, required=True, positional=True),
    _BARE_NAME,
    batch.COUNT,
    _BACKEND,
    _DESCRIPTION,
    Option("bootable", "Mark it as bootable."),
    _METADATA,
    *_SPECS,
    Option("pool-name", "Which pool of the backend.", "POOL"),
    Option("availability-zone", "Its availability zone.", "ZONE"),
    Option("id", "The UUID to give it; if it is tracked for the same volume, the result is that volume.", "UUID"),
    *batch.OPTIONS,
)
_CONNECT = (
    Option("connector", "A variable that holds os-brick's connector dict, or the dict as JSON.", "DICT", completes="dict"),
    Option("host", "Name of the host that gets access.", "HOST"),
    Option("ip", "Its address.", "IP"),
    Option("initiator", "Its iSCSI initiator name.", "IQN"),
    _MULTIPATH,
    *batch.OPTIONS,
)

COMMAND = Command(
    "cl_volume",
    "Make, change, attach and remove volumes. Each act gives the object: vol = %cl_volume create --size 1",
    (
        Verb("create", "Make an empty volume.", _create, options=_CREATE),
        Verb("show", "Show the fields of a volume, secrets masked.", _show, (_VOLUMES,)),
        lists.listing("cl_volumes"),
        *fields.verbs(_VOLUME, _volumes, may_boot=True),
        Verb(
            "extend",
            "Grow a volume, also while it is attached.",
            _extend,
            (_VOLUMES, Argument("NEW_SIZE", "The new size in GiB, or +GIB to add to the present one.", optional=True)),
            (_SIZE, *batch.OPTIONS),
        ),
        Verb(
            "clone",
            "Make a volume with the bytes of another.",
            _clone,
            (_VOLUME_OR_MANY,),
            (
                Option("size", "Size in GiB; the volume's own by default.", "GIB", convert=gib, positional=True),
                _BARE_NAME,
                _DESCRIPTION,
                _METADATA,
                *batch.OPTIONS,
            ),
        ),
        Verb(
            "snapshot",
            "Keep the volume's bytes of this moment as a snapshot.",
            _snapshot,
            (_VOLUMES,),
            (_NAME, _DESCRIPTION, _METADATA, *batch.OPTIONS),
            subcommand=snapshot.COMMAND,
        ),
        Verb("connect", "Let a host reach the volume: this one, or one that is described.", _connect, (_VOLUMES,), _CONNECT),
        Verb(
            "attach",
            "Attach the volume on this host, or on another; the connection's path is the device to use.",
            _attach,
            (_VOLUMES,),
            (Option("host", "Another host, by ssh: [user@]host[:port], such as root@node2.", "HOST"), _MULTIPATH, *batch.OPTIONS),
        ),
        Verb(
            "detach",
            "Detach the volume from this host, or from another.",
            _detach,
            (_VOLUMES,),
            (
                Option("host", "Another host that it was attached on: its specification, or its name.", "SPEC"),
                replace(_FORCE, help="Also from a device that is in use, or by a kernel that is still named as working on it."),
                *batch.DESTRUCTIVE,
            ),
        ),
        Verb(
            "delete",
            "Remove volumes, for good or into the trash; several, what a glob selects, or a cascade, only after a question.",
            _delete,
            (_VOLUMES,),
            (
                Option("cascade", "Remove its snapshots first; asks if it has any."),
                Option("now", "Delete for good, also if there is a trash (%cl_setup --trash)."),
                _FORCE,
                *batch.DESTRUCTIVE,
            ),
        ),
        Verb(
            "manage",
            "Adopt a volume that is on the storage already.",
            _manage,
            (Argument("REFERENCE", "Its name on the storage, as in %cl_backend manageable."),),
            (_BARE_NAME, _BACKEND),
        ),
        Verb("unmanage", "Stop tracking a volume; its bytes stay on the storage.", _unmanage, (_VOLUMES,), batch.OPTIONS),
        Verb(
            "retype",
            "Give a volume other specs, where it is. Those that are typed replace all of their kind; the other kind stays.",
            _retype,
            (_VOLUMES,),
            (*_SPECS, Option("clear", "Take away the specs of the kind that is not typed."), *batch.OPTIONS),
        ),
        Verb(
            "revert",
            "Give a volume the bytes of one of its snapshots again, in place.",
            _revert,
            (_VOLUME, Argument("SNAPSHOT", "The snapshot, named like the volume.", "snapshot")),
        ),
    ),
    (
        "vol = %cl_volume create --size 1 --name db --metadata tier=gold",
        "%cl_volume create db 10G",
        "%cl_volume show db",
        "%cl_volume set db --name database --metadata tier=silver",
        "%cl_volume unset database --metadata tier",
        "%cl_volume rename database db",
        "%cl_volume extend vol 2",
        "%cl_volume extend vol +1",
        "twin = %cl_volume clone db --name twin",
        "snap = %cl_volume snapshot db --name before",
        "conn = %cl_volume attach db",
        "%cl_volume attach db --host root@node2",
        "%cl_volume connect db --host web1 --ip 192.0.2.7 --initiator iqn.1994-05.com.redhat:web1",
        "%cl_volume detach db",
        "%cl_volume revert db before",
        "%cl_volume retype db --qos-specs total_iops_sec=500",
        "%cl_volume manage disk-7 --name adopted --backend lvm",
        "%cl_volume delete db --cascade --yes",
        "vols = %cl_volume create --size 1 --count 10 --name n",
        "%cl_volume extend n-* +1 --jobs 8",
        "%cl_volume delete n-{1..3} status:error --dry-run",
        "%cl_volume delete $df --yes",
    ),
    purpose="Act",
    sample="%cl_volume create db 10G",
    brief="make, change, attach, delete volumes",
)
"""The magic."""
