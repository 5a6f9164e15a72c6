"""What is sent to other hosts runs there: on an older Python, with nothing but its library and os-brick."""

from __future__ import annotations

import ast
import sys

from cl_notebook.attach.remote import gateway

OLDEST = (3, 9)
THERE = {"os_brick", "oslo_concurrency", "oslo_config", "oslo_privsep"}
"""What comes with os-brick."""
OLD_TYPES = {"TYPE_CHECKING", "Any", "NamedTuple", "NoReturn", "TypeVar", "cast"}
"""Names of ``typing`` that Python 3.9 has."""


def test_what_is_sent_is_python_3_9() -> None:
    """Every module that is sent parses as Python 3.9, annotations aside, which are never evaluated."""
    for name, source in {**gateway.sources(), "the worker": gateway.bootstrap()}.items():
        tree = ast.parse(source, filename=name, feature_version=OLDEST)
        assert not source or any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body), name


def test_what_is_sent_imports_types_of_python_3_9() -> None:
    """What the modules that are sent import from ``typing`` when they run exists in Python 3.9."""
    for name, source in gateway.sources().items():
        for node in ast.walk(_without_types(ast.parse(source))):
            if isinstance(node, ast.ImportFrom) and node.module == "typing":
                assert {alias.name for alias in node.names} <= OLD_TYPES, name


def test_what_is_sent_needs_nothing_else() -> None:
    """The modules that are sent import the standard library, what comes with os-brick, and those sent before them."""
    sent = {"cl_notebook", "cl_notebook.attach"}
    for name, source in gateway.sources().items():
        needs = {need for node in ast.walk(_without_types(ast.parse(source))) for need in _needs(node)}
        own = {need for need in needs if need.startswith("cl_notebook")}
        assert own <= sent, name
        assert {need.partition(".")[0] for need in needs - own} <= set(sys.stdlib_module_names) | THERE, name
        sent.add(name)


def _without_types(tree: ast.Module) -> ast.Module:
    tree.body = [node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")]
    return tree


def _needs(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if not isinstance(node, ast.ImportFrom) or not node.module:
        return set()
    inside = {f"{node.module}.{alias.name}" for alias in node.names}
    return inside if node.module in {"cl_notebook", "cl_notebook.attach"} else {node.module}
