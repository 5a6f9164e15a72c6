"""Say how to begin where nothing is tracked yet: the same three ways in the status, the tree and the lists."""

from __future__ import annotations

from typing import NamedTuple

from cl_notebook.display import markup


class FirstStep(NamedTuple):
    """One way to begin: what it is for, and the line of magic."""

    purpose: str
    magic: str


FIRST_STEPS = (
    FirstStep("A demo: a simulator with volumes in a store that is thrown away", "%cl_demo"),
    FirstStep("A folder of this machine", "%cl_backend add lab --driver local"),
    FirstStep(
        "A storage array or cluster, by its Cinder driver (%cl_drivers finds it)",
        "%cl_backend add ceph --driver cinder.volume.drivers.rbd.RBDDriver",
    ),
)
"""The ways to begin, the quickest first."""


def as_text(heading: str) -> str:
    """Return *heading*, a sentence such as ``No backends yet.``, and the three ways below it, in at most 80 columns."""
    lines = [f"{heading} Three ways to begin:"]
    for step in FIRST_STEPS:
        lines += [f"  {step.purpose}:", f"    {step.magic}"]
    return "\n".join(lines)


def as_html(heading: str) -> str:
    """Return *heading*, plain text, and the three ways below it as HTML for a card."""
    items = "".join(f"<li>{markup.escaped(step.purpose)}:<br>{markup.command(step.magic)}</li>" for step in FIRST_STEPS)
    return f"<div>{markup.escaped(heading)} Three ways to begin:</div><ul>{items}</ul>"
