"""This host's side of a connection: who it is, and its devices, through os-brick."""

from __future__ import annotations

from cl_notebook.attach.host import Host

__all__ = ["Host"]
