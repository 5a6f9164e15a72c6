"""What the pages for contributors say of the tree is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "docs/releasing.md", "docs/write-a-driver.md")
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


def test_each_picture_is_shown_and_small() -> None:
    """Each picture is in the README or in a page, in a light and in a dark form of less than 150 kB each."""
    text = "".join(page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    pictures = {file.stem: file.stat().st_size for file in (ROOT / "docs" / "pictures").iterdir()}
    names = {stem.removesuffix("-dark") for stem in pictures}
    assert pictures.keys() == names | {f"{name}-dark" for name in names}
    assert names == set(re.findall(r"pictures/([\w-]+?)(?:-dark)?\.png", text))
    assert [name for name, size in pictures.items() if size >= 150_000] == []


def test_each_installation_works_from_a_clone() -> None:
    """No line that installs names the project on an index, which does not have it; each extra that one names is defined."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    folders = [ROOT / folder for folder in ("docs", "examples", "cl_notebook")]
    files = [file for folder in folders for file in folder.rglob("*") if file.suffix in {".md", ".py", ".ipynb", ".toml"}]
    lines = [
        line
        for file in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *files)
        for line in re.findall(r"pip install (.*)", file.read_text(encoding="utf-8"))
    ]
    assert [line for line in lines if re.search(r"(?<!from )\bcl[-_]notebook\b(?! in )", line.partition("#")[0])] == []
    extras = {extra for line in lines for group in re.findall(r"\.\[([\w,]+)\]", line) for extra in group.split(",")}
    assert extras
    assert extras <= project["optional-dependencies"].keys()


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
