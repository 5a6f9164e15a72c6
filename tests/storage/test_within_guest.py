"""What the tests say that ran in user-mode Linux, where there are kernel modules that a host may lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.skips import require
from tests.storage.guest import missing

if TYPE_CHECKING:
    from tests.storage.guest import Guest


def test_the_tests_in_the_guest_pass(guests: dict[str, Guest], guest: str, subtests: pytest.Subtests) -> None:
    """Every test of the files ``guest_*.py`` passes, or is skipped for what the driver cannot do."""
    if guest not in guests:
        require(missing() or "a run of pytest without workers")
    cases = guests[guest].cases()
    assert cases, "the guest ran no tests"
    for case in cases:
        with subtests.test(case.name):
            if case.outcome == "skipped":
                pytest.skip(case.text)
            if case.outcome == "failed":
                pytest.fail(case.text, pytrace=False)
