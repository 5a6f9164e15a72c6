"""Alembic's entry: runs the revisions on the connection, and in the transaction, that the store hands over."""

from __future__ import annotations

from alembic import context

from cl_notebook.store.types import reg

context.configure(connection=context.config.attributes["connection"], target_metadata=reg.metadata, render_as_batch=True)
context.run_migrations()
