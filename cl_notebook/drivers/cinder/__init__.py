"""Real Cinder drivers: every backend runs in a child process with Cinder, which this process never imports."""

from __future__ import annotations

from cl_notebook.drivers.cinder.factory import driver_class

__all__ = ["driver_class"]
