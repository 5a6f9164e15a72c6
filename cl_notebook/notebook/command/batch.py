"""Run one action on several resources, go on after a failure, and report every failure at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cl_notebook import errors
from cl_notebook.model import batch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cl_notebook.model.base import Tracked

T = TypeVar("T", bound="Tracked")

LISTED = 3
"""The most failures, outcomes or resources that a message lists."""


def each(verb: str, resources: Sequence[T], act: Callable[[T], object]) -> T | list[T]:
    """Call *act* on each of *resources* and return the only resource, or the list of them.

    An interrupt ends the batch; its note says how many are done and which are left.

    Args:
        verb: the past participle for the messages, such as ``deleted``.
        resources: the resources, in the order of processing.
        act: the action on one resource.

    Raises:
        Error: the error of *act*, if there is a single resource.
        PartialFailure: *act* failed for some of several resources.

    """
    labels = [resource.label() for resource in resources]  # read now: a deleted resource may have no label
    failures: list[tuple[str, errors.Error]] = []
    for number, resource in enumerate(resources):
        try:
            act(resource)
        except errors.Error as error:
            if len(resources) == 1:
                raise
            failures.append((labels[number], error))
        except KeyboardInterrupt as interrupt:
            failed = [label for label, _ in failures]
            done = [label for label in labels[:number] if label not in failed]
            if len(resources) > 1:
                batch.append_message(interrupt, batch.progress(verb, len(done), [*done, *failed, *labels[number:]]))
            raise
    if failures:
        raise partial_failure(verb, len(resources), failures)
    return resources[0] if len(resources) == 1 else list(resources)


def partial_failure(verb: str, total: int, failures: Sequence[tuple[str, errors.Error]]) -> errors.PartialFailure:
    """Return the error for a batch of *total* resources with these failures, as pairs of label and error."""
    reasons = listed([_reason(label, errors.one_line(error)) for label, error in failures])
    return errors.PartialFailure(f"{len(failures)} of {total} were not {verb}. {reasons}", failures, total)


def _reason(label: str, text: str) -> str:
    return text if label in text else f"{label}: {text}"


def listed(texts: Sequence[str]) -> str:
    """Join *texts* for a message; list at most :data:`LISTED`, and count the others."""
    more = f"; and {len(texts) - LISTED} more" if len(texts) > LISTED else ""
    return "; ".join(texts[:LISTED]) + more
