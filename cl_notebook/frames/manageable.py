"""What is on a storage, tracked or not, as a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from cl_notebook.model.pages import word
from cl_notebook.tabular import Frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cl_notebook.drivers.api import ManageableSnapshot, ManageableVolume


def frame(entries: Sequence[ManageableVolume] | Sequence[ManageableSnapshot]) -> pd.DataFrame:
    """Return what a driver lists, indexed by ``reference``: the word that ``manage`` takes for it.

    The columns are ``size`` (GiB), ``safe_to_manage``, ``reason_not_safe``, ``cinder_id`` (of what is tracked already),
    ``extra_info``, and for snapshots ``source``, the reference of their volume.
    """
    of_snapshots = any("source_reference" in entry for entry in entries)
    made: dict[str, Any] = {
        "size": pd.Series([entry.get("size") for entry in entries], dtype="Int64"),
        "safe_to_manage": pd.Series([entry.get("safe_to_manage") for entry in entries], dtype="boolean"),
        "reason_not_safe": pd.Series([entry.get("reason_not_safe") for entry in entries], dtype="string"),
        "cinder_id": pd.Series([entry.get("cinder_id") for entry in entries], dtype="string"),
        "extra_info": pd.Series([entry.get("extra_info") for entry in entries], dtype=object),
    }
    if of_snapshots:
        sources: list[Mapping[str, str]] = [dict(entry).get("source_reference") or {} for entry in entries]  # type: ignore[misc] # a dict
        made["source"] = pd.Series([word(source) for source in sources], dtype="string")
    index = pd.Index([word(entry["reference"]) for entry in entries], dtype="string", name="reference")
    found = Frame(made)
    found.index = index
    return found
