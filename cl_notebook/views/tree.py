"""The tree of everything: text where there is text only, static HTML in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cl_notebook.store import damage
from cl_notebook.treemodel import render, static_tree
from cl_notebook.views import html

if TYPE_CHECKING:
    from collections.abc import Collection, Container

    from cl_notebook.model.base import Tracked
    from cl_notebook.model.context import Context


class Tree:
    """Every backend with its volumes, snapshots and connections, or one resource with what belongs to it.

    It shows the state of the moment when it is displayed, at most :data:`cl_notebook.treemodel.static_tree.BUDGET` rows of it.
    """

    def __init__(
        self,
        session: Context,
        resource: Tracked | None = None,
        budget: int | None = static_tree.BUDGET,
        *,
        ids: Collection[str] | None = None,
    ) -> None:
        """Look at *session*; nothing is read before it is shown."""
        self._session = session
        self._resource = resource
        self._budget = budget
        self._ids = ids

    @property
    def rows(self) -> list[static_tree.Node]:
        """The rows at the top, as the store has them now."""
        return static_tree.forest(self._session, self._resource, self._budget, ids=self._ids)

    def __repr__(self) -> str:
        """Return the tree as plain text."""
        with damage.named(self._session.store):
            return render.tree(self.rows, *self._nothing())

    def _repr_mimebundle_(self, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, Any]:
        """Return the tree as text and as static HTML, both of the same moment."""
        with damage.named(self._session.store):
            shown = self.rows
            bundle = {"text/plain": render.tree(shown, *self._nothing()), "text/html": html.tree(shown, *self._nothing())}
        return {
            kind: data
            for kind, data in bundle.items()
            if (include is None or kind in include) and (exclude is None or kind not in exclude)
        }

    def _nothing(self) -> tuple[str, ...]:
        """Return what stands for no rows, if that is more than that the store is empty."""
        return () if self._resource is None and self._ids is None else ("Nothing of it is tracked.",)
