"""The backends of a ``cinder.conf`` as data, or as YAML."""

from __future__ import annotations

import json
from typing import Any

from cl_notebook.cinderlib.cmd import written
from cl_notebook.drivers.cinder.conf import Conf


def convert(cinder_source: str, yaml_dest: str | None = None) -> dict[str, Any]:
    """Return ``{"backends": […]}`` for the backends that *cinder_source* enables; also write it to the file *yaml_dest*.

    Values are text, as they stand there: backends take them. The file is JSON, which is YAML.

    Raises:
        InvalidInput: the file cannot be read, or enables no backends.

    """
    conf = Conf(cinder_source)
    backends = [{"volume_backend_name": conf.backend_name(name), **conf.options(name)} for name in conf.enabled()]
    result = {"backends": backends}
    if yaml_dest:
        written(yaml_dest, json.dumps(result, indent=2))
    return result
