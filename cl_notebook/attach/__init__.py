"""Attach volumes to hosts through os-brick: their devices, identities and open files."""

from __future__ import annotations

from cl_notebook.attach.api import AttachingHost
from cl_notebook.attach.files import VolumeFile
from cl_notebook.attach.local import Host
from cl_notebook.attach.registry import HostRegistry

__all__ = ["AttachingHost", "Host", "HostRegistry", "VolumeFile"]
