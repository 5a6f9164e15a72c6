"""Prints what was measured, with the ratios."""

from __future__ import annotations

import pytest

from tests.benchmarks.comparing import Comparison, Figure, Result

RESULTS = pytest.StashKey[list[Result]]()
FIGURES = pytest.StashKey[list[Figure]]()


@pytest.fixture
def compare(pytestconfig: pytest.Config) -> Comparison:
    """Give what measures and collects."""
    return Comparison(pytestconfig.stash.setdefault(RESULTS, []), pytestconfig.stash.setdefault(FIGURES, []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the tables."""
    results = config.stash.get(RESULTS, [])
    if results:
        terminalreporter.section("cl_notebook, the other, and the ratio cl_notebook / the other (medians)")
        for result in results:
            terminalreporter.write_line(result.line)
    figures = config.stash.get(FIGURES, [])
    if figures:
        terminalreporter.section("cl_notebook, and what it aims at (medians)")
        for figure in figures:
            terminalreporter.write_line(figure.line)
