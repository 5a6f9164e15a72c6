"""Write docs/drivers.md: every driver of Cinder 29 and 28, which of its options are accepted, and how far opening it gets.

``python -m tools.drivers_page`` from the top of the repository; it takes a minute or two.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tools import every_driver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tools.every_driver import Tried

TOP = Path(__file__).parent.parent
PAGE = TOP / "docs" / "drivers.md"
RELEASES = ("29", "28")

EXCEPTIONS = {
    "prophetstor.dpl_fc.DPLFCDriver": "a fault of the driver: on Python 3 it passes its login as text where bytes are required",
}
"""Drivers that get to none of these, and why."""

NOT_OF_CINDER = {"python", "call_timeout", "sections", "undeclared"}
"""Options of a backend that are ours, not those of a driver."""

_CEPH = ("rbd.", "ceph.")

_HEAD = """# Cinder's drivers

This page says which of Cinder's drivers can be configured, and how far each can be opened without its array.

`python -m tools.drivers_page` writes the page. It collects the options that a driver's source code reads, and those that are
in oslo.config after the driver was constructed as Cinder constructs it, and compares them with the options that `%cl_drivers`
shows. It also opens each driver with plausible options, up to the first connection or command, which is blocked. A test checks
that the page is up to date.

*Options* counts the options that the driver declares or reads, and these together with the options that all drivers share.
*Refused* lists options that the driver reads and that cl_notebook does not accept.

The other columns say where opening the driver ended:

- **its array**: before the first connection to the array, or the first command that queries it;
- **its library**: the vendor's Python library is not installed on the test machine;
- **its own check**: the driver rejects an option value, such as a file that does not exist or a value that only the vendor knows;
- **the first call**: opening succeeds, because the driver contacts nothing before its first call.

Ceph RBD, NFS and LVM are tested on real storage; see [Real storage](real-storage.md).
"""


def page(tried: Mapping[str, Sequence[Tried]]) -> str:
    """Return the page for what was *tried*, by release."""
    return "\n".join([_HEAD, *_table(tried), ""])


def _table(tried: Mapping[str, Sequence[Tried]]) -> Iterator[str]:
    by_release = {release: {one.name: one for one in tried[release] if one.label == one.path} for release in RELEASES}
    names = sorted({name for drivers in by_release.values() for name in drivers})
    yield f"| Driver, below `cinder.volume.drivers` | Options | Refused | {' | '.join(f'Cinder {name}' for name in RELEASES)} |"
    yield f"| --- | --- | --- | {' | '.join('---' for _release in RELEASES)} |"
    for name in names:
        found = [drivers[name] for drivers in by_release.values() if name in drivers]
        options = [option for option in found[0].cls.options() if option.name not in NOT_OF_CINDER]
        own = sum(option.own for option in options)
        refused = ", ".join(sorted({option for one in found for option in one.refused})) or "none"
        ends = [end(drivers[name]) if name in drivers else "not in it" for drivers in by_release.values()]
        yield f"| `{name}` | {own} of {len(options)} | {refused} | {' | '.join(ends)} |"


def end(one: Tried) -> str:
    """Return how far *one* got, in the words of the page."""
    if one.name in EXCEPTIONS:
        return EXCEPTIONS[one.name]
    if one.name.startswith(_CEPH):
        return "its library librados, or its array"  # Debian has it, and no package index
    if one.kind == "library":
        return f"its library, {', '.join(f'`{name}`' for name in one.text.split(', '))}"
    return {"array": "its array", "command": "its array, by a command", "check": "its own check", "opened": "the first call"}.get(
        one.kind, f"**{one.kind}**"
    )


def main() -> None:
    """Write the page."""
    pythons = {release: TOP / ".venv-cinder" / release / "bin" / "python" for release in RELEASES}
    PAGE.write_text(page({release: every_driver.tried(str(python)) for release, python in pythons.items()}), encoding="utf-8")


if __name__ == "__main__":
    main()
