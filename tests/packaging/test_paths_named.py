"""What the pages for contributors say of the tree is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "docs/releasing.md", "docs/write-a-driver.md")
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|md|toml|yml))`")
LINK = re.compile(r"\]\(([\w./-]+)(?:#[\w-]+)?\)")
BUILT = {"site/", "dist/"}
CINDERLIBS_OWN = "cl_notebook/cinderlib/"


@pytest.mark.parametrize("page", PAGES)
def test_each_path_exists(page: str) -> None:
    """A file or a folder that a page names is there; one in a table or a sentence is named from the root."""
    text = (ROOT / page).read_text(encoding="utf-8")
    paths = [path for path in PATH.findall(text) if path not in BUILT and "/" in path]
    links = [(ROOT / page).parent / link for link in LINK.findall(text)]
    assert paths or links
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [str(link) for link in links if not link.exists()] == []


def test_the_tree_is_the_package_s() -> None:
    """ARCHITECTURE.md draws each folder of the package that has modules, and no other; cinderlib's own are left out."""
    drawn = set(_drawn_folders((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")))
    packages = {f"{file.parent.relative_to(ROOT)}/" for file in (ROOT / "cl_notebook").rglob("__init__.py")}
    assert {folder for folder in packages if not folder.startswith(CINDERLIBS_OWN) or folder == CINDERLIBS_OWN} <= drawn
    assert [folder for folder in drawn if not (ROOT / folder).is_dir()] == []


def _drawn_folders(page: str) -> list[str]:
    block = re.search(r"^```tree\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert block
    folders: list[str] = []
    above: list[str] = []
    for line in block[1].splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        above[depth:] = [line.split()[0]]
        folders.append("".join(above))
    return folders
