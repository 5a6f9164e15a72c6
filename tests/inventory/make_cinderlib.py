"""What the tests import, made by cinderlib itself in its own environment; prints the ids of it by name as JSON.

::

    make_cinderlib.py DATABASE
"""

from __future__ import annotations

import json
import sys
from typing import Any

import cinderlib
from cinderlib import objects

HOST = {"host": "h0", "ip": "10.0.0.1", "initiator": "iqn.x", "multipath": False}


def fill(backend: Any, other: Any) -> dict[str, str]:
    """Make volumes, snapshots, connections and key-value pairs, and delete some of them."""
    specs = {"extra_specs": {"thin": "yes"}, "qos_specs": {"maxIOPS": "100"}}
    ledger = backend.create_volume(2, name="ledger", description="of all", metadata={"team": "blue"}, bootable=True, **specs)
    before = ledger.create_snapshot(name="before", description="the flood", metadata={"why": "test"})
    connected = ledger.connect(HOST)
    connected.device_attached({"type": "block", "path": "/dev/null"})
    secretive = backend.create_volume(1, name="secretive")
    secretive._ovo.provider_auth = "CHAP user open-sesame"
    secretive._ovo.provider_location = "10.0.0.1:3260 iqn.y 0"
    secretive.save()
    copy = before.create_volume(name="copy")
    made = {"ledger": ledger, "before": before, "connection": connected, "secretive": secretive, "copy": copy}
    made["plain"] = backend.create_volume(1, name="plain", id="Plain-id")
    made["elsewhere"] = other.create_volume(1, name="elsewhere")
    for gone in (backend.create_volume(1, name="gone"), ledger.create_snapshot(name="gone")):
        gone.delete()
    broken = backend.create_volume(1, name="broken")
    broken._ovo.status = "error_deleting"
    broken.save()
    cinderlib.Backend.persistence.set_key_value(objects.KeyValue("rack", "b7"))
    return {name: each.id for name, each in {**made, "broken": broken}.items()}


def main(database: str) -> None:
    """Fill *database*."""
    kept = {"storage": "db", "connection": f"sqlite:///{database}", "soft_deletes": True}
    cinderlib.setup(persistence_config=kept, disable_logs=True, host="lab1", non_uuid_ids=True)
    backends = [cinderlib.Backend(volume_backend_name=name, volume_driver="null_driver.NullDriver") for name in ("lab", "other")]
    sys.stdout.write(json.dumps(fill(*backends)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
