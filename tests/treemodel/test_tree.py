"""The tree as text and as HTML."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

import cl_notebook as cl
from cl_notebook.display import first_steps, markup
from cl_notebook.testing import stores
from cl_notebook.treemodel import static_tree
from cl_notebook.treemodel.render import Tree

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\" onmouseover='alert(1)'",
    "a\nb",
    "\x1b[31mred",
    "\u202etxt.exe",
    "&amp;",
]


class _Seen(HTMLParser):
    """Collects the elements, the attributes and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_text_and_html_show_the_same(sim: cl.Backend) -> None:
    """Every resource is in both forms, below what it belongs to."""
    vol = sim.create_volume(2, name="db")
    vol.create_snapshot("before")
    vol.connect({"host": "node1", "ip": "10.0.0.7"})
    bundle = cl.tree()._repr_mimebundle_()
    lines = bundle["text/plain"].splitlines()
    assert lines[0].startswith("backend  sim")
    assert lines[1].startswith(f"└── volume  db  {vol.id[:8]}  2 GiB  in-use")
    assert lines[2].startswith("    ├── snapshot  before")
    assert lines[3].startswith("    └── connection  node1")
    seen = _Seen(bundle["text/html"])
    for word in ("sim", "db", vol.id[:8], "2 GiB", "in-use", "before", "node1"):
        assert word in seen.text
    assert repr(cl.tree()) == bundle["text/plain"]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_shown_and_never_obeyed(sim: cl.Backend, name: str) -> None:
    """A name with markup, control or direction characters is text in both forms."""
    sim.create_volume(1, name=name)
    bundle = cl.tree()._repr_mimebundle_()
    seen = _Seen(bundle["text/html"])
    assert seen.tags <= {"div", "style", "ul", "li", "details", "summary", "bdi", "small"}
    assert seen.attributes <= {"class", "open"}
    shown = name.encode("unicode_escape").decode() if not name.isprintable() else name
    assert shown in seen.text
    assert shown in bundle["text/plain"]
    assert len(bundle["text/plain"].splitlines()) == 2


def test_one_resource_has_a_tree_of_its_own(sim: cl.Backend) -> None:
    """``cl.tree(resource)`` begins at the resource."""
    vol = sim.create_volume(1, name="db")
    snap = vol.create_snapshot("before")
    sim.create_volume(1, name="other")
    assert "other" not in repr(cl.tree(vol))
    assert repr(cl.tree(vol)).startswith("volume  db")
    assert repr(cl.tree(snap)).startswith("snapshot  before")
    assert repr(cl.tree(sim)).startswith("backend  sim")
    assert repr(cl.tree(vol.connect({"host": "node1", "ip": "1"}))).startswith("connection  node1")


@pytest.mark.lane("slow")
def test_a_big_tree_is_cut_and_says_by_how_much() -> None:
    """Beyond the budget the rows are counted, not shown, and not read either."""
    with cl.Session("memory") as session:
        stores.fill(session.store, volumes=10_150)
        text = repr(Tree(session))
        assert text.splitlines()[-1].endswith("… 9,950 more")
        assert len(text.splitlines()) <= 2 * static_tree.BUDGET + 2
        small = repr(Tree(session, budget=None)).splitlines()
        assert len(small) == 1 + 10_150 * 4


def test_an_empty_store_says_how_to_begin(session: cl.Session) -> None:
    """Without a backend the tree names three ways to begin, as text and as HTML."""
    del session
    bundle = cl.tree()._repr_mimebundle_()
    for step in first_steps.FIRST_STEPS:
        assert step.python in bundle["text/plain"]
        assert markup.command(step.python) in bundle["text/html"]


def test_a_frame_of_operations_is_no_tree(sim: cl.Backend) -> None:
    """Operations have numbers, not ids of resources: a tree of them is refused in one line."""
    sim.create_volume(1)
    with pytest.raises(cl.errors.InvalidInput, match="not of operations"):
        cl.tree(cl.frames.operations())


def test_nothing_of_a_part_does_not_say_that_there_are_no_backends(sim: cl.Backend) -> None:
    """A tree of an empty frame, or of what was deleted, says that nothing of it is tracked, as text and as HTML."""
    volume = sim.create_volume(1)
    volume.delete()
    for tree in (cl.tree(volume), cl.tree(cl.frames.volumes())):
        bundle = tree._repr_mimebundle_()
        assert bundle["text/plain"] == "Nothing of it is tracked."
        assert "Nothing of it is tracked." in bundle["text/html"]
