"""Say how to begin where nothing is tracked yet: the same three ways in the status, the tree and the lists."""

from __future__ import annotations

from typing import NamedTuple

from cl_notebook.display import markup, text


class FirstStep(NamedTuple):
    """One way to begin: what it is for, and the line of magic and of Python."""

    purpose: str
    magic: str
    python: str


FIRST_STEPS = (
    FirstStep("A demo, with a simulator, in a store that is thrown away", "%cl_demo", "cl.demo()"),
    FirstStep("A folder of this machine", "%cl_backend add lab --driver local", "cl.Backend('lab', volume_driver='local')"),
    FirstStep(
        "A storage array or cluster, by its Cinder driver (here: Ceph)",
        "%cl_backend add ceph --driver cinder.volume.drivers.rbd.RBDDriver",
        "cl.Backend('ceph', volume_driver='cinder.volume.drivers.rbd.RBDDriver')",
    ),
)
"""The ways to begin, the quickest first."""


def ways(*, magics: bool | None = None) -> list[tuple[str, str]]:
    """Return the purpose and the line of each way: of magic, or of Python without *magics*; None: as the shell has them."""
    are_magics = magics_are_loaded() if magics is None else magics
    return [(step.purpose, step.magic if are_magics else step.python) for step in FIRST_STEPS]


def as_text(heading: str, *, magics: bool | None = None) -> str:
    """Return *heading*, a sentence such as ``No backends yet.``, and the three ways below it, in at most 80 columns.

    The ways are lines of magic, or of Python without *magics*; None asks :func:`magics_are_loaded`.
    """
    lines = [f"{heading} Three ways to begin:"]
    for purpose, line in ways(magics=magics):
        lines += [f"  {purpose}:", f"    {line}"]
    return "\n".join(lines)


def as_html(heading: str, *, magics: bool | None = None) -> str:
    """Return *heading*, plain text, and the three ways below it as HTML for a card; see :func:`as_text`."""
    items = "".join(f"<li>{markup.escaped(purpose)}:<br>{markup.command(line)}</li>" for purpose, line in ways(magics=magics))
    return f"<div>{markup.escaped(heading)} Three ways to begin:</div><ul>{items}</ul>"


def magics_are_loaded() -> bool:
    """Return whether the shell of this process, if there is one, has the magics."""
    shell = text.shell()
    return shell is not None and "cl_demo" in shell.magics_manager.magics["line"]
