"""Real Cinder drivers, each in a child process that has Cinder; nothing of Cinder enters this one."""

from __future__ import annotations

from cl_notebook.drivers.cinder.family import PREFIX, driver_class, is_cinder

__all__ = ["PREFIX", "driver_class", "is_cinder"]
