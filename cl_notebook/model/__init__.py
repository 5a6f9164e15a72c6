"""The tracked objects: live objects over the rows of a store."""

from cl_notebook.model.backend import Backend
from cl_notebook.model.connection import Connection
from cl_notebook.model.key_value import KeyValue
from cl_notebook.model.operations.tables import Kernel, Operation
from cl_notebook.model.snapshot import Snapshot
from cl_notebook.model.volume import Volume

__all__ = ["Backend", "Connection", "Kernel", "KeyValue", "Operation", "Snapshot", "Volume"]
