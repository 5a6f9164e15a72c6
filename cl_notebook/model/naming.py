"""What a backend's configuration says of names: the host of its volumes, and what they are called on the storage."""

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
    """Return Cinder's host of a backend, ``host@backend``: by ``backend_host``, ``host`` of ``[DEFAULT]``, or the session."""
    name = config.get("backend_host") or _default(settings, config, "host") or settings.host
    return f"{name}@{backend_name}"


def in_storage(backend: StoredBackend, kind: str, resource_id: str) -> str:
    """Return the name on the storage that a new *kind*, ``volume`` or ``snapshot``, has; Cinder's drivers follow its template."""
    return by_config(backend.context.settings, backend.volume_driver, backend.stored_config, kind, resource_id)


def by_config(settings: Settings, driver_name: str, config: Mapping[str, Any], kind: str, resource_id: str) -> str:
    """Return the same for a backend on that driver with the configuration *config*, which need not be open.

    Raises:
        InvalidInput: the template makes no name of an id.

    """
    given = template(settings, driver_name, config, kind)
    try:
        return given % resource_id
    except (TypeError, ValueError):
        msg = f"{kind}_name_template={given!r} must have one %s, for the id. Replace the sections of the backend."
        raise errors.InvalidInput(msg) from None


def template(settings: Settings, driver_name: str, config: Mapping[str, Any], kind: str) -> str:
    """Return the template of the names that new volumes or snapshots have on the storage: ``%s`` is the id."""
    given = _default(settings, config, f"{kind}_name_template") if registry.is_path(driver_name) else None
    return str(given or _TEMPLATES[kind])


def _default(settings: Settings, config: Mapping[str, Any], option: str) -> Any:  # noqa: ANN401 - each option has a type of its own
    sections = config.get("sections")
    given = sections.get("DEFAULT", {}) if isinstance(sections, dict) else {}
    return given.get(option, settings.cinder_options.get(option))
