"""Prints what was measured, with the ratios."""

from __future__ import annotations

import pytest

from tests.benchmarks.comparing import Comparison, Result

RESULTS = pytest.StashKey[list[Result]]()


@pytest.fixture
def compare(pytestconfig: pytest.Config) -> Comparison:
    """Give what measures and collects."""
    return Comparison(pytestconfig.stash.setdefault(RESULTS, []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    results = config.stash.get(RESULTS, [])
    if results:
        terminalreporter.section("cl_notebook, the other, and the ratio cl_notebook / the other (medians)")
        for result in results:
            terminalreporter.write_line(result.line)
