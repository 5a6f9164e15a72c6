"""Volume types: what extra specs and QoS specs are in Cinder's tables."""

from __future__ import annotations

import uuid
from typing import Any

_SPACE = uuid.UUID("0f6b1c86-3f6e-4d0b-8f3c-9c2a0a1e7b42")
_CONSUMER = "consumer"


def tables(own: str, extra_specs: dict[str, str], qos_specs: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the volume type *own*, by table."""
    qos = str(uuid.uuid5(_SPACE, own)) if qos_specs else None
    return {
        "volume_types": [
            {"id": own, "name": f"type-{own[:8]}", "description": "", "is_public": True, "qos_specs_id": qos, "deleted": False}
        ],
        "volume_type_extra_specs": [
            {"volume_type_id": own, "key": key, "value": value, "deleted": False} for key, value in extra_specs.items()
        ],
        "quality_of_service_specs": _qos(qos, qos_specs) if qos else [],
    }


def _qos(own: str, specs: dict[str, str]) -> list[dict[str, Any]]:
    # a tree: the first row is the name, the others hang from it (cinder.db.models.QualityOfServiceSpecs)
    given = {_CONSUMER: "back-end", **specs}
    first = {"id": own, "specs_id": None, "key": "QoS_Specs_Name", "value": f"qos-{own[:8]}", "deleted": False}
    rest = [
        {"id": str(uuid.uuid5(_SPACE, own + key)), "specs_id": own, "key": key, "value": value, "deleted": False}
        for key, value in given.items()
    ]
    return [first, *rest]
