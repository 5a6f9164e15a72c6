"""Cards of objects, as text and as HTML."""

from __future__ import annotations

import re

from cl_notebook.display import cards, text
from cl_notebook.display.cards import Card, Note, Section

LONG = "/var/lib/" + "x" * 90


def _card(name: str = "db") -> Card:
    return Card(
        cards.plain(f"volume {name!r}"),
        [cards.status("error"), cards.plain("1 GiB")],
        [("path", cards.code(LONG)), ("can", cards.plain("revert, manage, " * 12)), ("capacity", cards.bar(0.25, "25% used"))],
        [
            Note(
                "The storage refused it, for a reason that takes so many words that no terminal has room for them all.",
                "repair()",
            )
        ],
        [
            Section(
                "snapshots", "2 snapshots", ["2: a, b"], ("Name",), [[cards.plain("a")], [cards.plain("<b>")]], remark="1 more"
            )
        ],
        [("provider_id", cards.code("<i>"))],
    )


def test_text_fits_into_a_terminal() -> None:
    """Lines of text break at blanks, so that they fit; only a word that is longer than a line, to be copied, is wider."""
    lines = _card().text(60).splitlines()
    assert lines[0] == "volume 'db' · ✗ error · 1 GiB"
    assert [line for line in lines if text.width(line) > 60 and LONG not in line] == []
    assert any(line.endswith(LONG) for line in lines)
    assert "  snapshots  2: a, b" in lines
    assert "  capacity   ▇▇░░░░░░░░ 25% used" in lines


def test_wide_characters_count_as_two_columns() -> None:
    """Names in wide characters make lines break sooner."""
    lines = _card(" ".join(["名前" * 3] * 8)).text(40).splitlines()
    assert max(map(text.width, lines[:3])) <= 40


def test_html_folds_without_a_script_and_escapes_everything() -> None:
    """Sections and further fields fold by the element details; no name from a storage becomes markup."""
    html = _card("<script>").html()
    assert html.count("<details>") == 2
    assert "<script" not in html
    assert "&lt;b&gt;" in html
    assert "&lt;i&gt;" in html
    assert re.search(r"aria-label='25% used'", html)


def test_a_bundle_has_what_is_asked_for() -> None:
    """A front end that asks for text alone gets text alone."""
    assert set(_card().bundle()) == {"text/plain", "text/html"}
    assert set(_card().bundle(include={"text/plain"})) == {"text/plain"}
