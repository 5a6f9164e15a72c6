"""What a test cannot do without."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def require(missing: str) -> NoReturn:
    """Fail for want of *missing* where tests must be complete, and skip elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"this test needs {missing}", pytrace=False)
    pytest.skip(f"needs {missing}")
