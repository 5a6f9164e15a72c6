"""What people call a Cinder driver: the path of its class, an older path, or the end of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cl_notebook import errors
from cl_notebook.drivers.cinder import catalog

if TYPE_CHECKING:
    from collections.abc import Callable


def find(name: str, python: str | None = None) -> str | None:
    """Return the path of the driver that the Cinder in *python* ships under *name*: a class, or the end of its path.

    Letter case counts only where two drivers differ in nothing else.

    Raises:
        errors.Ambiguous: several drivers are called that.
        errors.NotSupported: that Python has no Cinder.
        errors.InvalidInput: it cannot be started.

    """
    paths = [entry["path"] for entry in catalog.drivers(python)]
    older = catalog.renamed(python)
    for spelled in (str, str.lower):
        found = _ending(name, paths, spelled) or [older[path] for path in _ending(name, list(older), spelled)]
        if len(found) > 1:
            msg = f"Cinder has {len(found)} drivers called {name!r}. Type the path of one: {', '.join(found)}."
            raise errors.Ambiguous(msg, found)
        if found:
            return found[0]
    return None


def _ending(name: str, paths: list[str], spelled: Callable[[str], str]) -> list[str]:
    return [path for path in paths if f".{spelled(path)}".endswith(f".{spelled(name)}")]
