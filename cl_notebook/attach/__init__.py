"""Hosts and their side of a connection: who they are, and their devices, through os-brick."""

from __future__ import annotations

from cl_notebook.attach.base import AttachingHost
from cl_notebook.attach.host import Host
from cl_notebook.attach.hosts import Hosts
from cl_notebook.attach.opening import VolumeFile

__all__ = ["AttachingHost", "Host", "Hosts", "VolumeFile"]
