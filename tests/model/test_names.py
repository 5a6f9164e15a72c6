"""Whatever a volume is called, it is kept, found and shown as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cl_notebook as cl
from cl_notebook.treemodel.render import Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=255)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cl.Backend]:
    """Give a backend on the simulator, in a memory store."""
    with cl.Session("memory") as session:
        yield session.backend("lab", volume_driver="sim", path=str(tmp_path_factory.mktemp("names")))


@given(name=NAMES)
def test_any_name_comes_back_and_runs_nowhere(lab: cl.Backend, name: str) -> None:
    """A name of any characters is stored letter for letter, is one printable line of the tree, and no markup of the page."""
    vol = lab.create_volume(1, name=name)
    try:
        vol.refresh()
        assert vol.name == name
        assert cl.frames.volumes(lab.context, name=[name]).index.tolist() == [vol.id]
        assert lab.volumes_filtered(volume_name=name) == [vol]
        bundle = Tree(lab.context)._repr_mimebundle_()
        assert all(line.isprintable() for line in bundle["text/plain"].splitlines())
        assert len(bundle["text/plain"].splitlines()) == 2
        assert bundle["text/html"].count("<li") == 2
        assert repr(vol).isprintable()
    finally:
        vol.delete()
