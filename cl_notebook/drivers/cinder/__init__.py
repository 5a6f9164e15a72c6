"""Real Cinder drivers, each in a child process that has Cinder; nothing of Cinder enters this one."""

from __future__ import annotations

from cl_notebook.drivers.cinder.factory import driver_class

__all__ = ["driver_class"]
