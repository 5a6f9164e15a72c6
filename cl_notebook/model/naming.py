"""Derive names from a backend's configuration: Cinder's host, and names of volumes on the storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook import errors
from cl_notebook.drivers import registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cl_notebook.model.context import StoredBackend
    from cl_notebook.settings import Settings

_TEMPLATES = {"volume": "volume-%s", "snapshot": "snapshot-%s"}


def host(settings: Settings, backend_name: str, config: Mapping[str, Any]) -> str:
    """Return Cinder's name of a backend, ``host@backend``.

    The host is the option ``backend_host``, else ``host`` of ``[DEFAULT]``, else the session's setting.
    """
    name = config.get("backend_host") or _default(settings, config, "host") or settings.host
    return f"{name}@{backend_name}"


def in_storage(backend: StoredBackend, kind: str, resource_id: str) -> str:
    """Return the name on the storage of a new *kind*, ``volume`` or ``snapshot``, with this id.

    Raises:
        InvalidInput: the name template of the backend is not valid.

    """
    return by_config(backend.context.settings, backend.volume_driver, backend.stored_config, kind, resource_id)


def by_config(settings: Settings, driver_name: str, config: Mapping[str, Any], kind: str, resource_id: str) -> str:
    """Return the name as :func:`in_storage` does, for a backend that may be closed or not stored yet.

    Raises:
        InvalidInput: the name template of the backend is not valid.

    """
    pattern = template(settings, driver_name, config, kind)
    try:
        return pattern % resource_id
    except (TypeError, ValueError):
        msg = f"{kind}_name_template={pattern!r} must have one %s, for the id. Replace the sections of the backend."
        raise errors.InvalidInput(msg) from None


def template(settings: Settings, driver_name: str, config: Mapping[str, Any], kind: str) -> str:
    """Return the template for the names of new volumes or snapshots on the storage; ``%s`` is the id.

    Only Cinder drivers have the option ``volume_name_template`` or ``snapshot_name_template``.
    """
    configured = _default(settings, config, f"{kind}_name_template") if registry.is_path(driver_name) else None
    return str(configured or _TEMPLATES[kind])


def _default(settings: Settings, config: Mapping[str, Any], option: str) -> Any:  # noqa: ANN401 - each option has a type of its own
    sections = config.get("sections")
    defaults = sections.get("DEFAULT", {}) if isinstance(sections, dict) else {}
    return defaults.get(option, settings.cinder_options.get(option))
