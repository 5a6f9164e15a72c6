"""A JupyterLab and a browser for all tests of this folder; a notebook, a store and a kernel for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from tests.benchmarks.big_stores import fill_volumes
from tests.browser import browsers
from tests.browser.lab import Lab
from tests.browser.server import serving
from tests.browser.workspace import Desk
from tests.skips import require

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.browser.server import Server

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note that a test failed."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


# Not for the session: while Playwright is there, an event loop runs in this thread, and tests of other folders have their own.
@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a running JupyterLab server."""
    lacking = browsers.missing()
    if lacking:
        require(lacking)
    with serving(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="package")
def browser(server: Server) -> Iterator[Browser]:  # noqa: ARG001 - asked for its check, and so that it ends first
    """Give a running browser."""
    with browsers.browsing() as running:
        yield running


@pytest.fixture(scope="package")
def labs() -> Iterator[list[Lab]]:
    """Give the place where the page is kept from test to test: none or one."""
    kept: list[Lab] = []
    yield kept
    for lab in kept:
        lab.close()


@pytest.fixture
def lab(browser: Browser, server: Server, labs: list[Lab], request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Give a page with JupyterLab; errors on its console fail the test. A test that failed takes its page with it."""
    if not labs:
        labs.append(Lab(browser, server))
    lab = labs[0]
    yield lab
    if request.node.stash.get(FAILED, False):
        labs.clear()
        lab.close()
        server.close_sessions()
        return
    errors = lab.tidy()
    assert errors == [], "errors on the browser's console"


@pytest.fixture
def desk(lab: Lab, tmp_path: Path) -> Iterator[Desk]:
    """Give a store with nothing in it but the backend "sim", a simulator; it is open in the test's own process."""
    with cl.Session(tmp_path / "store.db") as session:
        yield Desk(lab, session, tmp_path / "store.db", session.backend("sim", volume_driver="sim", path=tmp_path / "sim"))


@pytest.fixture(scope="package")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with a million volumes on one backend; nobody changes it."""
    file = tmp_path_factory.mktemp("million") / "store.db"
    with cl.Session(file) as session:
        fill_volumes(session.store, volumes=1_000_000, path=str(file.parent / "sim"))
    return file
