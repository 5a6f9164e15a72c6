"""The backends of a ``cinder.conf`` as data, or as YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cl_notebook.drivers.cinder import catalog


def convert(cinder_source: str, yaml_dest: str | None = None) -> dict[str, Any]:
    """Return ``{"backends": […]}`` for the backends that *cinder_source* enables; also write it to the file *yaml_dest*.

    The file is JSON, which is YAML.

    Raises:
        InvalidInput: the file cannot be read, or enables no backends.

    """
    found = catalog.backends(cinder_source)
    result = {"backends": [{"volume_backend_name": name, **options} for name, options in found.items()]}
    if yaml_dest:
        Path(yaml_dest).write_text(json.dumps(result, indent=2), encoding="utf-8")
    return result
