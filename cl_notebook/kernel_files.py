"""Read what the kernel reports in ``sysfs`` and ``proc``; what is missing, or may not be read, is empty."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_OCTAL = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """A mount: the number of its device (``major:minor``), its source and its mount point."""

    number: str
    source: str
    point: str


def read(path: Path | str) -> str:
    """Return the content of a file, without the line feed at its end."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n")
    except OSError:
        return ""


def entries(folder: Path) -> list[Path]:
    """Return the entries of a folder, sorted."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def mounts(process: Path | str) -> Iterator[Mount]:
    """Yield the mounts in the mount namespace of *process*, a folder such as ``/proc/self``."""
    for line in read(f"{process}/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        fields, source_fields = before.split(), after.split()
        if len(fields) > 4 and len(source_fields) > 1:  # noqa: PLR2004 - see proc_pid_mountinfo(5)
            yield Mount(fields[2], unescaped(source_fields[1]), unescaped(fields[4]))


def unescaped(field: str) -> str:
    r"""Return *field* with the characters for which the kernel writes an octal number, such as ``\040`` for a blank."""
    return _OCTAL.sub(lambda octal: chr(int(octal.group(1), 8)), field)
