"""The names that the package shows, and its version."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from types import ModuleType

import cl_notebook
from cl_notebook import errors

ROOT = Path(cl_notebook.__file__).parent.parent
TOOLS_OF_THE_MODULE = {"annotations", "Any", "TYPE_CHECKING"}
"""What the module needs for itself."""


def test_all_is_what_is_visible() -> None:
    """`__all__` lists, in order, exactly what the package shows, but for its submodules and what is loaded late."""
    shown = {
        name
        for name, value in vars(cl_notebook).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and name not in TOOLS_OF_THE_MODULE
    }
    modules = {name for name in cl_notebook.__all__ if isinstance(getattr(cl_notebook, name), ModuleType)}
    late = set(cl_notebook.__all__) - vars(cl_notebook).keys()
    assert cl_notebook.__all__ == sorted(shown | modules | late)


def test_what_is_completed_is_what_is_listed() -> None:
    """`dir` names what `__all__` does, also what is loaded late."""
    assert dir(cl_notebook) == cl_notebook.__all__


def test_what_is_listed_is_there() -> None:
    """Every name in `__all__`, also one that is loaded late, can be had."""
    assert [name for name in cl_notebook.__all__ if not hasattr(cl_notebook, name)] == []


def test_the_version_is_the_same_in_both_places() -> None:
    """`cl_notebook.__version__` is the version of the distribution."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert tomllib.loads(project)["project"]["version"] == cl_notebook.__version__


def test_every_error_has_its_section() -> None:
    """docs/troubleshooting.md has a section for each public class of error and warning, and none for another."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##)", page, re.DOTALL | re.MULTILINE))
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, BaseException) and value.__module__ == errors.__name__
    }
    assert sections.keys() == {name for name in defined if not name.startswith("_")} - {"Error"}
    assert [name for name, text in sections.items() if len(text) < 100] == []
