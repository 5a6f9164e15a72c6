"""The backends of a ``cinder.conf`` as data, or as YAML."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from typing import Any

from cl_notebook import errors
from cl_notebook.cinderlib.cmd import written
from cl_notebook.drivers.cinder.conf import Conf


def convert(cinder_source: str, yaml_dest: str | None = None) -> dict[str, Any]:
    """Return ``{"backends": […]}`` for the backends that *cinder_source* enables; also write it to the file *yaml_dest*.

    Values are text, as they stand there: backends take them. The file is JSON, which is YAML. What the driver of a backend reads
    in other sections is in its ``sections``; what is left out is an :class:`~cl_notebook.errors.ConfigurationWarning`. Backends
    that share their ``volume_backend_name`` are called by their sections.

    Raises:
        InvalidInput: the file cannot be read, or enables no backends.

    """
    conf = Conf(cinder_source)
    sections = conf.enabled()
    times = Counter(conf.backend_name(name) for name in sections)
    backends = [{"volume_backend_name": _unique(conf.backend_name(name), name, times), **conf.options(name)} for name in sections]
    shared = sorted(name for name, number in times.items() if number > 1)
    remarks = [
        f"Several sections have volume_backend_name = {name}: their backends are called by the sections." for name in shared
    ]
    for remark in [*remarks, *conf.remarks]:
        warnings.warn(remark, errors.ConfigurationWarning, stacklevel=2)
    result = {"backends": backends}
    if yaml_dest:
        written(yaml_dest, json.dumps(result, indent=2))
    return result


def _unique(name: str, section: str, times: Counter[str]) -> str:
    return name if times[name] == 1 else section
