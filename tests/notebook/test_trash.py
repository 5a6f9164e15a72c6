"""%cl_undo and %cl_trash, and what deletes with a trash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from cl_notebook.text import quote_word

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notebook.conftest import Notebook


@pytest.fixture
def kept(notebook: Notebook, tmp_path: Path) -> Notebook:
    """Return a notebook with a trash, one backend, and the volume ``db`` with a snapshot."""
    notebook.run(f"%cl_setup {tmp_path / 'store.db'} --trash 1h")
    notebook.run(f"%cl_backend add sim --driver sim --path {tmp_path / 'sim'}")
    notebook.run("%cl_volume create db 1").create_snapshot("before")
    return notebook


def test_a_deletion_is_undone(kept: Notebook) -> None:
    """%cl_undo brings back what was deleted last, what is named, or what a glob names; every view says what is in the trash."""
    vol = kept.run("vol = %cl_volume delete db --cascade\nvol")
    assert "in the trash until" in kept.printed("print(vol._repr_mimebundle_()['text/plain'])")
    assert kept.run("%cl_trash")["name"].tolist() == ["db"]
    assert "In the trash: 1 volume (1 GiB), see %cl_trash." in " ".join(repr(kept.run("%cl_status")).split())
    assert kept.tab("%cl_undo d") == ["db"]
    assert kept.run("%cl_undo") is vol
    kept.run("%cl_volume create db-{1..3} 1")
    assert "add --yes" in kept.refused("%cl_volume delete db-*")
    assert "3 volumes are in the trash, for 1h" in kept.printed("%cl_volume delete db-* --yes;")
    assert sorted(volume.name for volume in kept.run("%cl_undo db-{1..2}")) == ["db-1", "db-2"]
    assert [volume.name for volume in kept.run("%cl_undo 'db-*'")] == ["db-3"]
    assert "NotFound: There is nothing to undo: the trash is empty." in kept.refused("%cl_undo")


def test_a_name_that_looks_like_a_range_is_undone(kept: Notebook) -> None:
    """What an expression gives is a name in the trash, also if it would be a range as typed, and so is the line of a card."""
    vol = kept.run(
        "import cl_notebook as cl\nname = 'x{1..2}'\nvol = cl.Backend.backends['sim'].create_volume(1, name=name)\nvol"
    )
    kept.run("vol.delete()")
    line = f"%cl_undo {quote_word('x{1..2}')}"
    for typed in ("%cl_undo {name}", line):
        assert kept.run(typed) is vol
        kept.run("vol.delete()")
    assert "Deleted for good: volume 'x{1..2}'" in kept.printed("%cl_trash empty {name} --yes")
    assert "the trash is empty" in kept.refused("%cl_undo")


def test_a_clean_up_says_what_is_in_the_trash(kept: Notebook) -> None:
    """The trash is mentioned where volumes go there, and only there."""
    kept.run("%cl_volume connect db --host web1 --ip 192.0.2.7 --initiator iqn.1994-05.com.redhat:web1")
    kept.run("%cl_volume set db --protected")
    assert "trash" not in kept.printed("%cl_cleanup --yes;")
    kept.run("%cl_volume unset db --protected")
    assert "Volumes are in the trash, for 1h: %cl_trash lists them" in kept.printed("%cl_cleanup --yes;")


def test_the_hints_of_a_card_are_in_the_language_of_the_cell(kept: Notebook) -> None:
    """The lines of a card are magic below a magic, and Python below Python; they have the name."""

    def card(code: str) -> str:
        bundle, _ = kept.shell.display_formatter.format(kept.run(code))  # type: ignore[union-attr] # IPython's
        return str(bundle["text/plain"])

    assert "  %cl_volume unset db --protected" in card("%cl_volume set db --protected")
    assert "  %cl_volume unset db --protected" in card("1\n%cl_volume set db \\\n  --protected")
    assert "  cl.find('db').unprotect()" in card("vol = %cl_volume unset db --protected\nvol.protect()\nvol")
    kept.run("vol.unprotect()")
    assert "  %cl_undo db" in card("%cl_volume delete db --cascade")
    assert "  cl.undo('db')" in card("vol")


def test_the_trash_is_emptied_after_a_question(kept: Notebook) -> None:
    """%cl_trash empty asks, or needs --yes; --now and a trash that is off delete at once, a cascade then after a question."""
    kept.run("%cl_volume create a 1;\n%cl_volume delete a")
    kept.run("%cl_volume delete db --cascade")
    assert "add --yes" in kept.refused("%cl_trash empty")
    assert "Deleted for good: volume 'a'" in kept.printed("%cl_trash empty a --yes")
    kept.run("%cl_undo db")
    assert "This would delete 1 volume, 1 GiB: db." in kept.refused("%cl_volume delete db --cascade --now")
    kept.run("%cl_volume delete db --cascade --now --yes")
    assert "deleted for good." in kept.refused("%cl_undo")
    assert "The trash is empty." in kept.printed("%cl_trash empty")
    kept.run("%cl_setup --trash off")
    assert cl.default_session().settings.trash is None
    kept.run("%cl_volume create b 1 --backend sim;\n%cl_volume delete b")
    assert "cannot be undone: it was deleted for good. %cl_setup --trash 1h" in kept.refused("%cl_undo")
    assert "how long a deleted volume" in kept.refused("%cl_setup --trash soon")
