"""A Cinder driver for the tests: its storage is a folder, and a volume's name says how it is to misbehave.

It runs in the child, beside Cinder, under ``cinder.volume.drivers.fake``: ``python`` in ``conftest.py`` puts it there.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import logging
import os
import time
import warnings
from pathlib import Path
from typing import Any

import eventlet.patcher
from cinder import context, exception, interface, objects
from cinder.db import api as db
from cinder.volume import configuration, driver, volume_types, volume_utils
from oslo_concurrency import processutils
from oslo_config import cfg
from urllib3.exceptions import InsecureRequestWarning

LOG = logging.getLogger("cinder.volume.drivers.fake")
GiB = 1024**3

OPTS = [
    cfg.StrOpt("fake_path", required=True, help="Folder of the volumes."),
    cfg.StrOpt("fake_password", secret=True, help="Password of the array."),
    cfg.StrOpt("fake_mode", choices=["plain", "odd"], default="plain", help="How it behaves."),
    cfg.IntOpt("fake_number", min=1, max=9, default=3, help="A number."),
    cfg.ListOpt("fake_list", default=["a", "b"], help="A list."),
    cfg.DictOpt("fake_map", default={}, help="A map."),
    cfg.URIOpt("fake_uri", schemes=["http"], help="An address."),
    cfg.MultiStrOpt("fake_many", default=[], help="Given many times."),
    cfg.StrOpt("fake_new", deprecated_name="fake_old", default="", help="Renamed."),
    cfg.StrOpt("fake_moved", deprecated_opts=[cfg.DeprecatedOpt("fake-moved-from", group="DEFAULT")], default="", help="Moved."),
    cfg.BoolOpt("fake_flag", default=False, help="A flag."),
    cfg.FloatOpt("fake_ratio", min=0.5, default=1.0, help="A ratio."),
    cfg.StrOpt("fake_case", choices=["iSCSI", "FC"], ignore_case=True, default="iSCSI", help="A protocol."),
    cfg.ListOpt("fake_bounded", bounds=True, default=[], help="A list in brackets."),
]
cfg.CONF.register_opts(OPTS, group=configuration.SHARED_CONF_GROUP)


@interface.volumedriver
class FakeDriver(driver.VolumeDriver):  # type: ignore[misc] # Cinder has no types
    """Keeps volumes as files."""

    VERSION = "1.2.3"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the options."""
        super().__init__(*args, **kwargs)
        self.configuration.append_config_values(OPTS)

    @classmethod
    def get_driver_options(cls) -> list[Any]:
        """Return the options."""
        return OPTS

    @property
    def _folder(self) -> Path:
        return Path(self.configuration.fake_path)

    def do_setup(self, ctxt: Any) -> None:  # noqa: ARG002 - Cinder's
        """Refuse the wrong password."""
        if self.configuration.fake_password == "wrong password":  # noqa: S105 - the test's
            LOG.error("login with %s refused", self.configuration.fake_password)
            msg = f"the array refused the password {self.configuration.fake_password!r}"
            raise exception.VolumeDriverException(message=msg)
        self._folder.mkdir(exist_ok=True)
        while (self._folder / "hang").exists():
            time.sleep(0.1)

    def check_for_setup_error(self) -> None:
        """Find nothing."""

    def _update_volume_stats(self) -> None:
        self._stats = {
            "volume_backend_name": self.configuration.volume_backend_name,
            "vendor_name": "Fakes",
            "driver_version": self.VERSION,
            "storage_protocol": ["iSCSI", "iscsi"],
            "pools": [
                {"pool_name": "gold", "total_capacity_gb": float("inf"), "free_capacity_gb": "unknown", "multiattach": False},
                {"pool_name": "lead", "total_capacity_gb": 10, "free_capacity_gb": 5.5, "QoS_support": True},
            ],
        }

    def option(self, name: str) -> Any:
        """Return the option *name*, declared or not; None if it was not given."""
        return self.configuration.safe_get(name)

    def _file(self, resource: Any) -> Path:
        return Path(self._folder, resource.name)

    def create_volume(self, volume: Any) -> Any:
        """Make a file, and do what the name says."""
        started = time.perf_counter()
        LOG.info("creating %s as %s", volume.name, volume.display_name)
        act = getattr(self, f"_{volume.display_name.partition(' ')[0]}", None) if volume.display_name else None
        answer = act(volume) if act else None
        self._file(volume).write_bytes(b"")
        if volume.display_name == "clocked":
            return {"provider_location": str(time.perf_counter() - started)}
        return answer

    def _crash(self, _volume: Any) -> None:
        LOG.warning("about to crash")
        time.sleep(0.1)
        os.kill(os.getpid(), 9)

    def _segfault(self, _volume: object) -> None:
        ctypes.string_at(0)

    def _slow(self, volume: Any) -> None:
        time.sleep(float(volume.metadata.get("seconds", "1")))

    def _broken(self, _volume: Any) -> None:
        LOG.debug("the password is %s", self.configuration.fake_password)
        processutils.execute("sh", "-c", "echo out; echo 'array says no' >&2; exit 3")

    def _telling(self, _volume: Any) -> None:
        msg = f"login with {self.configuration.fake_password} failed"
        raise exception.VolumeBackendAPIException(data=msg)

    def _full(self, _volume: Any) -> None:
        raise exception.RemoteFSNoSuitableShareFound(volume_size=1)

    def _odd(self, volume: Any) -> Any:
        return {
            "provider_location": "at/" + volume.name,
            "provider_auth": "CHAP user pass1234",
            "provider_geometry": "1 2 3",
            "metadata": {**volume.metadata, "from": "driver"},
            "no_such_field": object(),
        }

    def _circular(self, _volume: Any) -> None:
        """Raise an error whose causes lead back to it."""
        first, second = ValueError("first"), KeyError("second")
        first.__cause__, second.__context__ = second, first
        raise first

    def _unspeakable(self, _volume: Any) -> None:
        """Raise what no channel carries: the name of a file that is no text, and a number that is none."""
        raise OSError(object(), "no such file", "/share/\udcff")

    def _wordless(self, _volume: Any) -> None:
        class WordlessError(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        raise WordlessError

    def _half(self, volume: Any) -> None:
        """Make the volume, and find only then that something else cannot be done."""
        self._file(volume).write_bytes(b"")
        super().extend_volume(volume, 2)

    def _lazy(self, volume: Any) -> None:
        """Make the volume, and find only then that a library is missing."""
        self._file(volume).write_bytes(b"")
        importlib.import_module("no_such_library")

    def _saving(self, volume: Any) -> None:
        """Keep where the volume is, and fail."""
        volume.provider_location = "half made"
        volume.save()
        msg = "the array went away"
        raise exception.VolumeDriverException(message=msg)

    def _strange(self, volume: Any) -> Any:
        """Answer with what Cinder's own types do not say."""
        return {"metadata": None, "provider_location": "/share/\udcff" + volume.id}

    def _listing(self, _volume: Any) -> dict[str, Any]:
        """List all volumes of the host, with their types."""
        found = objects.VolumeList.get_all_by_host(context.get_admin_context(), self.host)
        return {"provider_location": json.dumps([len(found), len({each.volume_type_id for each in found})])}

    def _looking(self, volume: Any) -> dict[str, str]:
        """Look up everything that drivers look up, and answer with what was seen."""
        admin = context.get_admin_context()
        other = objects.Volume.get_by_id(admin, volume.metadata["other"])
        kind = volume_types.get_volume_type(admin, volume.volume_type_id)
        qos = volume_types.get_volume_type_qos_specs(volume.volume_type_id)
        seen = {
            "own": objects.Volume.get_by_id(admin, volume.id).name,
            "other": other.display_name,
            "other_metadata": dict(other.metadata),
            "on_host": len(objects.VolumeList.get_all_by_host(admin, self.host)),
            "old_way": db.volume_get(admin, other.id).display_name,
            "snapshots": [each.display_name for each in objects.SnapshotList.get_all_for_volume(admin, other.id)],
            "attached": [each.attached_host for each in other.volume_attachment],
            "extra_specs": dict(kind["extra_specs"]),
            "qos": qos["qos_specs"]["specs"] if qos["qos_specs"] else {},
            "type": volume.volume_type.name,
            "pool": volume.host,
            "patched": eventlet.patcher.is_monkey_patched("thread"),
        }
        return {"provider_location": json.dumps(seen, sort_keys=True)}

    def _configured(self, volume: Any) -> dict[str, str]:
        """Answer with what the driver finds in its own options, and in other sections."""
        own = {name: getattr(self.configuration, name) for name in volume.metadata.get("own", "").split()}
        beside = {name: getattr(cfg.CONF, name) for name in volume.metadata.get("beside", "").split()}
        return {"provider_location": json.dumps({**own, **beside, "at": self.host, "host": cfg.CONF.host})}

    def _around(self, volume: Any) -> dict[str, str]:
        """Answer with what the session was set up with, and warn of a certificate that is not checked."""
        warnings.warn("no certificate was checked", InsecureRequestWarning, stacklevel=1)
        admin = context.get_admin_context()
        stored = objects.Volume.get_by_id(admin, volume.id)
        conf = cfg.CONF
        seen = {
            "whose": [volume.project_id, volume.user_id, stored.project_id, stored.user_id],
            "locks": [conf.oslo_concurrency.lock_path, conf.coordination.backend_url],
            "defaults": [conf.my_ip, conf.debug, getattr(conf, "migration_create_volume_timeout_secs", None)],
        }
        return {"provider_location": json.dumps(seen)}

    def _writing(self, volume: Any) -> None:
        """Change what drivers change beside their call's own resource."""
        admin = context.get_admin_context()
        other = objects.Volume.get_by_id(admin, volume.metadata["other"])
        other.provider_location = "moved"
        other.save()
        db.volume_metadata_update(admin, other.id, {"seen": "yes"}, delete=False)
        db.volume_admin_metadata_update(admin, volume.id, {"format": "raw"}, delete=False)
        found = db.driver_initiator_data_get(admin, "iqn.x", "space")
        db.driver_initiator_data_insert_by_key(admin, "iqn.x", "space", f"key{len(found)}", "value")
        volume.provider_id = "saved"
        volume.save()

    def create_volume_from_snapshot(self, volume: Any, snapshot: Any) -> None:
        """Make a file from a snapshot's."""
        self._file(volume).write_bytes(self._file(snapshot).read_bytes())

    def create_cloned_volume(self, volume: Any, src_vref: Any) -> None:
        """Make a file from a volume's."""
        self._file(volume).write_bytes(self._file(src_vref).read_bytes())

    def extend_volume(self, volume: Any, new_size: int) -> None:
        """Do nothing."""

    def delete_volume(self, volume: Any) -> None:
        """Remove the file, unless it is busy."""
        if volume.display_name == "busy":
            raise exception.VolumeIsBusy(volume_name=volume.name)
        self._file(volume).unlink(missing_ok=True)

    def create_snapshot(self, snapshot: Any) -> Any:
        """Make a file from the volume's."""
        self._file(snapshot).write_bytes(self._file(snapshot.volume).read_bytes())
        return {"provider_id": "snap-" + snapshot.id[:4]}

    def delete_snapshot(self, snapshot: Any) -> None:
        """Remove the file."""
        self._file(snapshot).unlink(missing_ok=True)

    def create_export(self, ctxt: Any, volume: Any, connector: Any) -> Any:  # noqa: ARG002 - Cinder's
        """Give a location."""
        return {"provider_location": "export of " + volume.name, "provider_auth": "CHAP user pass1234"}

    def ensure_export(self, ctxt: Any, volume: Any) -> None:
        """Do nothing."""

    def remove_export(self, ctxt: Any, volume: Any) -> None:
        """Do nothing."""

    def validate_connector(self, connector: Any) -> None:
        """Insist on an initiator."""
        if "initiator" not in connector:
            raise exception.InvalidConnectorException(missing="initiator")

    def initialize_connection(self, volume: Any, connector: Any, **_kwargs: Any) -> Any:
        """Let a host in."""
        if volume.display_name == "rubbish":
            return "yes"
        return {
            "driver_volume_type": "iscsi",
            "data": {
                "target_iqn": "iqn." + volume.id,
                "auth": volume.provider_auth,
                "to": connector["initiator"],
                "luns": (1, 2),
            },
        }

    def terminate_connection(self, volume: Any, connector: Any, **_kwargs: Any) -> None:
        """Shut a host out."""

    def revert_to_snapshot(self, ctxt: Any, volume: Any, snapshot: Any) -> None:  # noqa: ARG002 - Cinder's
        """Copy the snapshot's file."""
        self._file(volume).write_bytes(self._file(snapshot).read_bytes())

    def retype(self, ctxt: Any, volume: Any, new_type: Any, diff: Any, host: Any) -> Any:  # noqa: ARG002 - Cinder's
        """Take everything but what is impossible."""
        if "impossible" in new_type.extra_specs:
            return False, None
        return True, {"provider_location": json.dumps([dict(new_type.extra_specs), diff], sort_keys=True)}

    def manage_existing(self, volume: Any, existing_ref: Any) -> None:
        """Rename the file."""
        (self._folder / existing_ref["source-name"]).rename(self._file(volume))

    def manage_existing_get_size(self, volume: Any, existing_ref: Any) -> int:  # noqa: ARG002 - Cinder's
        """Say that it has 2 GiB."""
        if not (self._folder / existing_ref["source-name"]).exists():
            raise exception.ManageExistingInvalidReference(existing_ref=existing_ref, reason="there is no such file")
        return 2

    def unmanage(self, volume: Any) -> None:
        """Do nothing."""


@interface.volumedriver
class ListingDriver(FakeDriver):
    """Lists what is in its folder; a file called ``broken`` makes that fail, and ``shy`` leaves out what is tracked."""

    def manage_existing_get_size(self, volume: Any, existing_ref: Any) -> int:
        """Return the size of the file."""
        super().manage_existing_get_size(volume, existing_ref)
        return self._size(self._folder / existing_ref["source-name"])

    @staticmethod
    def _size(file: Path) -> int:
        return max(1, -(-file.stat().st_size // GiB))

    def _listed(self, known: Any, prefix: str) -> list[dict[str, Any]]:
        if (self._folder / "broken").exists():
            raise exception.VolumeDriverException(message="the array does not answer")
        ids = {each.name: each.id for each in known}
        files = [file for file in self._folder.iterdir() if file.name.startswith(prefix)]
        if (self._folder / "shy").exists():
            files = [file for file in files if file.name not in ids]
        return [
            {
                "reference": {"source-name": file.name},
                "size": self._size(file),
                "safe_to_manage": file.name not in ids,
                "reason_not_safe": "already managed" if file.name in ids else None,
                "cinder_id": ids.get(file.name),
                "extra_info": None,
            }
            for file in sorted(files)
        ]

    def get_manageable_volumes(self, cinder_volumes: Any, *paging: Any) -> list[dict[str, Any]]:
        """List the files that are no snapshots; in pages, as Cinder asks for them, unless the driver is odd."""
        listed = [
            each for each in self._listed(cinder_volumes, "") if each["reference"]["source-name"][:8] not in {"snapshot", "shy"}
        ]
        is_odd = self.configuration.fake_mode == "odd"
        return listed if is_odd else volume_utils.paginate_entries_list(listed, *paging)

    def get_manageable_snapshots(self, cinder_snapshots: Any, *_paging: Any) -> list[dict[str, Any]]:
        """List the snapshots."""
        found = self._listed(cinder_snapshots, "snapshot")
        return [{**each, "source_reference": {}} for each in found]
