"""Imports Cinder and sets it up for drivers without services: all its process-wide state is set here, once per process."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from . import config, row_mapping

_VERSION = "cl_notebook"


def has_threads() -> bool:
    """Return whether this Cinder runs on native threads; call it before anything of Cinder is imported."""
    try:
        from oslo_service import backend

        if backend.get_backend_type() is None:
            backend.init_backend(backend.BackendType.THREADING)
        return bool(backend.get_backend_type() == backend.BackendType.THREADING)
    except Exception:  # noqa: BLE001 - an older oslo.service supports eventlet alone, and fails in several ways
        return False


def imported() -> Any:
    """Import ``cinder.objects`` and return the module. Cinder may import eventlet, but nothing is monkey-patched."""
    has_threads()
    from cinder import objects

    objects.register_all()  # a driver may name any of them as soon as it is imported
    return objects


def cinder_conf() -> Any:
    """Return ``cfg.CONF``, oslo.config's global configuration, unchanged."""
    from oslo_config import cfg

    return cfg.CONF


def configured(message: dict[str, Any], work: Path, file: str, sections: dict[str, dict[str, Any]]) -> Any:
    """Set up ``cfg.CONF``, the locks, the privileged helpers and the database; return ``cfg.CONF``.

    Args:
        message: the request, with ``host``, ``state`` (a folder that outlives the process), ``locks`` (the lock folder, if it is
            not below ``state``), ``root_helper``, ``sections`` and ``options`` of the backend.
        work: the folder of this process alone.
        file: a ``cinder.conf`` with *sections* and with the backend's own section.
        sections: the sections other than the backend's own.

    Raises:
        OptionError: a section has an unknown option or an invalid value.

    """
    import os_brick
    import os_brick.initiator.connector
    from cinder import coordination
    from oslo_config import cfg

    conf = cfg.CONF
    locks = Path(message["locks"] or Path(message["state"], "locks"))
    locks.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(cfg.RequiredOptError):  # of a driver, in the shared group: the kernel has checked it
        conf([], project="cinder", version=_VERSION, default_config_files=[file], default_config_dirs=[])
    checked = config.without_unknown(conf, sections, message["defaults"]) if message["accept_unknown"] else sections
    config.check_sections(conf, checked, message["options"])
    config.refuse_secrets(conf, message["sections"])
    if "state_path" not in sections["DEFAULT"]:
        conf.set_override("state_path", message["state"])
    if "host" not in sections["DEFAULT"]:
        conf.set_override("host", message["host"].partition("@")[0])
    conf.set_override("lock_path", str(locks), group="oslo_concurrency")
    conf.set_override("backend_url", f"file://{locks}", group="coordination")
    conf.set_override("connection", f"sqlite:///{work / 'cinder.sqlite'}", group="database")
    os_brick.setup(conf)
    _become_privileged(message["root_helper"], conf)
    coordination.COORDINATOR.start()
    return conf


def _become_privileged(root_helper: str, conf: Any) -> None:
    import cinder.privsep
    import os_brick.privileged
    from cinder import utils

    tools = Path(sys.executable).parent
    os.environ["PATH"] = os.pathsep.join([str(tools), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    contexts = {"cinder_sys_admin": cinder.privsep.sys_admin_pctxt, "privsep_osbrick": os_brick.privileged.default}
    if os.geteuid() == 0:
        for context in contexts.values():
            context.set_client_mode(False)  # root needs no helper beside it
        return
    from oslo_privsep import priv_context

    helper = shlex.split(root_helper)
    priv_context.init(root_helper=helper)
    command = shlex.join([*helper, str(tools / "privsep-helper")])
    for group in contexts:
        conf.set_override("helper_command", command, group=group)
    utils.get_root_helper = lambda: root_helper  # Cinder's own needs rootwrap, which is not installed


def context(message: dict[str, Any]) -> Any:
    """Return Cinder's request context for driver calls, with the user id and project id in *message*."""
    from cinder.context import RequestContext

    owner = row_mapping.owner_ids(message)
    return RequestContext(owner["user_id"], owner["project_id"], is_admin=True)
