"""A store, a session on it in the test's own process, and a notebook whose kernel works on the same store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.browser.treegrid import TreePage, tree_of

if TYPE_CHECKING:
    from pathlib import Path

    import cl_notebook as cl
    from tests.browser.lab import Lab, Notebook


class Desk:
    """What a test has before it. ``session`` and ``sim`` belong to this process, which to the notebook is another kernel."""

    def __init__(self, lab: Lab, session: cl.Session, file: Path, sim: cl.Backend) -> None:
        """Put the store *file* on the desk."""
        self.lab = lab
        self.session = session
        self.file = file
        self.sim = sim
        self._notebook: Notebook | None = None

    @property
    def notebook(self) -> Notebook:
        """The notebook; its kernel has the store and the magics, and the backend in the variable ``sim``."""
        if self._notebook is None:
            self._notebook = self.lab.open()
            self._notebook.run(setup(self.file))
            self._notebook.run("sim = cl.Backend('sim')")
        return self._notebook

    def tree(self, source: str = "tree = cl.tree()\ntree.opened = [sim.id]\ntree") -> TreePage:
        """Run *source*, which shows a tree, and return the tree; by itself the backend "sim" is open, and nothing below it."""
        return tree_of(self.notebook.run(source))

    def backend(self, name: str, **options: Any) -> cl.Backend:
        """Add another simulator."""
        return self.session.backend(name, volume_driver="sim", path=self.file.parent / name, **options)

    def stock(self) -> None:
        """Make a few volumes: "db" with two snapshots and a connection, "logs" with one snapshot, "web" with nothing."""
        db, logs, _ = (self.sim.create_volume(size, name=name) for size, name in ((10, "db"), (2, "logs"), (30, "web")))
        db.create_snapshot(name="before")
        db.create_snapshot(name="after")
        db.connect({"host": "node1", "ip": "10.0.0.1", "initiator": "iqn.x", "multipath": False})
        logs.create_snapshot(name="old")


def setup(file: Path) -> str:
    """Return the source of a notebook's first cell: the magics, and the store *file*."""
    return f"%load_ext cl_notebook\nimport cl_notebook as cl\ncl.setup(store={str(file)!r});"
