"""Define ``%cl_scan``, which compares the store with the storages and this host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook import errors, inventory
from cl_notebook.inventory.verdicts import KINDS, OK, VERDICTS, Finding
from cl_notebook.many import names
from cl_notebook.many.report import Act, Item
from cl_notebook.model import Snapshot, Volume
from cl_notebook.notebook.command import batch, resolve
from cl_notebook.notebook.command.command import Argument, Command, Option, Verb
from cl_notebook.notebook.magics import lists
from cl_notebook.notebook.output.messages import echo

if TYPE_CHECKING:
    import pandas as pd

    from cl_notebook.model import Backend
    from cl_notebook.model.base import Tracked
    from cl_notebook.notebook.command.command import Invocation

_BACKENDS = Argument("BACKEND", "Only this backend; all that are stored by default.", "backend", optional=True, repeat=True)
_DEVICES = "/dev/"
_ORDER = ("connection", "snapshot", "volume", "backend")  # dependent resources first
_REASONS = 5
"""How many of the repairs that failed are explained."""

_NO_HOST = Option("no-host", "Leave the devices of this host out.")


def _backends(call: Invocation) -> list[Backend] | None:
    try:
        return [resolve.backend(call, text) for text in call["backend"]] or None
    except errors.NotFound as error:
        verbs = [verb.name for verb in COMMAND.verbs]
        hint = errors.did_you_mean(call["backend"][0], verbs)
        if not hint:
            raise
        msg = f"%cl_scan has no verb {call['backend'][0]!r}, and there is no such backend.{hint}"
        raise errors.NotFound(msg) from error


def _show(call: Invocation) -> pd.DataFrame | None:
    from cl_notebook.inventory import scan_frame  # noqa: PLC0415 - pandas is loaded when a frame is made

    chosen = list(dict.fromkeys(call["column"])) or None
    frame = inventory.scan(_backends(call), host=not call["no_host"], session=call.session)
    for column in ("verdict", "kind"):
        if call[column]:
            frame = frame[frame[column].isin(call[column])]
    if call["buttons"]:
        _show_buttons(call, frame)
    frame = frame.reset_index(drop=True)[chosen or list(frame.columns)]
    is_list = chosen is not None or call["all"] or OK in call["verdict"]
    return lists.formed(call, scan_frame.listed(frame) if is_list else scan_frame.reported(frame), list(frame.columns))


def _show_buttons(call: Invocation, frame: pd.DataFrame) -> None:
    if not hasattr(call.shell, "kernel"):
        msg = "There is no notebook here to show buttons in. %cl_scan without --buttons prints the lines to type."
        raise errors.Refused(msg)
    from IPython.display import display  # noqa: PLC0415 - only a notebook pays for widgets

    from cl_notebook.notebook.output import buttons  # noqa: PLC0415 - as above

    display(buttons.of_scan(call.shell, frame))  # type: ignore[no-untyped-call] # IPython's


def _manage(call: Invocation) -> Any:  # noqa: ANN401 - what was adopted, or a report of several
    backend = resolve.backend(call, call["backend"])
    volume = resolve.volume(call, call["volume"]) if call["volume"] is not None else None
    is_snapshot = call["snapshot"] or volume is not None
    references = resolve.with_ranges_expanded(call["reference"])
    if len(references) > 1 and call["id"] is not None:
        msg = "--id is the id of one volume or snapshot. Leave it out to adopt several."
        raise errors.InvalidInput(msg)

    def manage(target: tuple[str, str]) -> Volume | Snapshot:
        reference, name = target
        return inventory.manage(backend, resolve.reference(reference), name, snapshot=is_snapshot, volume=volume, id=call["id"])

    targets = list(zip(references, names.shared(call["name"], len(references)), strict=True))
    kind = Snapshot.kind if is_snapshot else Volume.kind
    items = [Item(kind, reference, "", f"{kind} {reference!r}") for reference in references]
    report = batch.in_turn(call, Act("adopt", "adopted"), list(zip(items, targets, strict=True)), manage)
    return report[0] if len(targets) == 1 else report


def _repair(call: Invocation) -> pd.DataFrame | None:
    if call["all"]:
        backends = [resolve.backend(call, text) for text in call["resource"]] or None
        report = inventory.repair_all(backends, remove=call["yes"], session=call.session)
        _print_outcome(report)
        return report
    if not call["resource"]:
        msg = "%cl_scan repair needs a RESOURCE, or --all for everything that can be repaired."
        raise errors.InvalidInput(msg)
    devices = [text for text in call["resource"] if text.startswith(_DEVICES)]
    words = [text for text in call["resource"] if text not in devices]
    resources = resolve.several_of_any(call, words, acting=True).resources if words else []

    def repair(target: Tracked | str) -> None:
        name = target if isinstance(target, str) else target.label()
        with call.session.progress(f"repair {name}"):
            result = inventory.repair(target, remove=call["yes"], force=call["force"], session=call.session)
        echo(f"{name}: {result}")

    items = [Item("device", device, "", device) for device in devices]
    targets = [*zip(items, devices, strict=True), *((Item.of(resource), resource) for resource in resources)]
    batch.in_turn(call, Act("repair", "repaired"), targets, repair)
    return None


def _print_outcome(report: pd.DataFrame) -> None:
    """Print how many repairs succeeded, why the first others did not, and what else a scan has found."""
    failed = report[~report["done"]]
    lines = [f"Repaired: {len(report) - len(failed):,} of {len(report):,}." if len(report) else "There is nothing to repair."]
    for row in failed.iloc[:_REASONS].to_dict("records"):
        name = row["device"] if row["kind"] == "device" else row["name"]
        lines.append(f"Not repaired: {row['kind']} {name!r} of {row['backend']}. {row['detail']}")
    if len(failed) > _REASONS:
        lines.append(f"Not repaired: {len(failed) - _REASONS:,} more; the column detail says why.")
    left = report.attrs["left"]
    if left:
        counted = ", ".join(f"{count:,} {verdict}" for verdict, count in left.items())
        lines.append(f"Left as they are, as a repair cannot decide what is right: {counted}. %cl_scan has the line for each.")
    echo("\n".join(lines))


def _forget(call: Invocation) -> None:
    def forget(resource: Tracked) -> None:
        name = resource.label()
        inventory.forget(resource, force=call["force"])
        echo(f"{name} is not tracked any more.")

    named = resolve.several_of_any(call, call["resource"], acting=True)
    resources = sorted(named.resources, key=lambda resource: _ORDER.index(resource.kind))
    act, items = Act("forget", "forgotten"), [Item.of(resource) for resource in resources]
    lost = "Their names, metadata and specs are lost; the storage is not touched."
    if named.is_one or batch.agreed(call, act, items, resources, lost):
        batch.in_turn(call, act, list(zip(items, resources, strict=True)), forget)


_FORCE = Option("force", "Take a kernel that is still named as working on it for dead.")

COMMAND = Command(
    "cl_scan",
    "Compare what is tracked with what is really there: on the storages, and on this host. The counts come first, "
    "then what differs, each with the line that deals with it. Looking changes nothing.",
    (
        Verb(
            "show",
            "Show what a scan finds. It is a DataFrame with all rows, shown as a report. The verb may be left out.",
            _show,
            (_BACKENDS,),
            (
                Option("verdict", "Only what has this verdict.", "VERDICT", choices=VERDICTS, repeat=True),
                Option("kind", "Only things of this kind.", "KIND", choices=KINDS, repeat=True),
                _NO_HOST,
                Option(
                    "buttons", "In a notebook: a button for each line that repairs, adopts or forgets; it asks before it removes."
                ),
                Option("all", "List all rows, also those that are ok."),
                Option("column", "Show this column.", "COLUMN", short="-c", choices=Finding._fields, repeat=True),
                lists.FORMAT,
            ),
        ),
        Verb(
            "manage",
            "Adopt what is on a storage and not tracked. What was lost comes back under the id that its name carries.",
            _manage,
            (
                Argument("BACKEND", "The backend that it is on.", "backend"),
                Argument("REFERENCE", "Its name on the storage: the column name_in_storage. Several may be named.", repeat=True),
            ),
            (
                Option("name", "Display name.", "NAME"),
                Option("snapshot", "It is a snapshot."),
                Option("volume", "The volume that the snapshot is of, where nothing tells.", "VOLUME", completes="volume"),
                Option("id", "The id to track it under.", "UUID"),
            ),
        ),
        Verb(
            "repair",
            "Finish or roll back what was cut short, by asking the storage and the host; take the storage's size; attach again "
            "what lost its device; let go of a device that is left over; remove what killed processes left on a backend.",
            _repair,
            (
                Argument(
                    "RESOURCE",
                    f"A resource, a backend, or a device of this host. {batch.SEVERAL_WORDS}",
                    "any",
                    optional=True,
                    repeat=True,
                ),
            ),
            (
                Option("all", "Everything that can be repaired, of these backends or of all of them."),
                Option(
                    "yes",
                    "Remove from the storage what was being made there and may not be whole; let go of a device whose file is "
                    "gone, with what only it holds, or whose volume is connected elsewhere, unknown to this store.",
                ),
                _FORCE,
            ),
        ),
        Verb(
            "forget",
            "Stop tracking what the storage does not have any more; the storage is not touched.",
            _forget,
            (Argument("RESOURCE", f"The resource. {batch.SEVERAL_WORDS}", "any", repeat=True),),
            (
                Option("force", "Also what the storage has, or may have, or a kernel is named as working on."),
                Option("yes", "Do not ask.", short="-y"),
            ),
        ),
    ),
    (
        "%cl_scan",
        "%cl_scan lvm --verdict untracked",
        "df = %cl_scan --no-host --verdict missing --verdict 'size differs'",
        "%cl_scan manage lvm disk-7 --name adopted",
        "%cl_scan repair db",
        "%cl_scan repair /dev/loop3",
        "%cl_scan repair --all",
        "%cl_scan forget 3f2a91c0",
    ),
    default="show",
    purpose="Tidy",
    brief="compare with storage, and repair",
)
"""The magic."""
