"""The database behind the tracked objects: engine, tables' base, schema versions, change feed."""

from cl_notebook.store.engine import Store

__all__ = ["Store"]
