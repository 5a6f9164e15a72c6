"""A kernel that is killed while a Cinder driver works for it: the driver ends its call, and the next kernel comes after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.drivers.cinder.conftest import PASSWORD, with_fake
from tests.kill.cinder_kernels import APART, KILLING, Bench, bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def array(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the fake driver keeps its volumes in."""
    return tmp_path_factory.mktemp("array")


@pytest.fixture(scope="module")
def lab(cinder_29: str, tmp_path_factory: pytest.TempPathFactory, array: Path) -> Iterator[Bench]:
    """Give a bench on the fake driver."""
    python = with_fake(cinder_29, tmp_path_factory.mktemp("python"))
    options = {"volume_driver": f"{KILLING}FakeDriver", "python": python, "fake_path": str(array), "fake_password": PASSWORD}
    with bench(tmp_path_factory.mktemp("lab"), **options) as made:
        yield made


@pytest.mark.parametrize("moment", ["before", "instead"])
@pytest.mark.parametrize("act", APART)
def test_in_the_driver(lab: Bench, array: Path, act: str, moment: str) -> None:
    """A kernel killed while its driver works on, or together with it, leaves what the next one explains and removes."""
    lab.kill(act, moment)
    lab.all_is_explained_and_removed(lists=False)
    assert list(array.iterdir()) == []
