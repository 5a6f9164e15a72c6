"""The password of a store's URL: what shows the URL does not show it."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sa

import cl_notebook as cl
from cl_notebook import errors, settings
from cl_notebook.store import Store
from tests.servers import PASSWORD, USER, Server

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG = "hunter2 @/%?"


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    """Return a server of each kind."""
    found: Server = request.getfixturevalue(request.param)
    return found


def _refuse_secrets(shown: str) -> None:
    for secret in (PASSWORD, WRONG):
        for form in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1]):
            assert form not in shown
    assert "hunter2" not in shown


def _in_query(url: str, option: str) -> str:
    return sa.make_url(url).set(password=None).update_query_dict({option: PASSWORD}).render_as_string(hide_password=False)


def _urls(server: Server) -> list[str]:
    url = server.new_url()
    return [url, _in_query(url, "password"), *([_in_query(url, "passwd")] if server.driver.startswith("mariadb") else [])]


def test_what_shows_a_session_masks_the_password(server: Server) -> None:
    """The repr of a store, a session, its settings and its engine have the password masked, however the URL gives it."""
    for url in _urls(server):
        with cl.Session(url) as session:
            shown = [session, session.store, session.settings, session.settings.store, session.store.url, session.store.engine]
            with session.store.reading() as connection:
                shown += [connection, connection.connection.dbapi_connection, session.store.engine.pool]
            for each in shown:
                _refuse_secrets(repr(each))
            assert USER in repr(session)
            assert settings.Settings.choose(session.settings.store).store == session.settings.store


@pytest.mark.parametrize(
    "spoil",
    [
        lambda url, _port: url.set(password=WRONG),
        lambda url, _port: url.set(password=None).update_query_dict({"password": WRONG}),
        lambda url, _port: url.set(host="nosuch.invalid", password=WRONG),
        lambda url, port: url.set(port=port, password=WRONG),
        lambda url, _port: url.set(database="nosuch", password=PASSWORD),
        lambda url, _port: url.update_query_dict({"connect_timeout": "abc"}),
        lambda url, _port: url.update_query_dict({"nonsense": "1", "sslpassword": WRONG, "api_token": WRONG}),
        lambda url, _port: url.set(drivername="nosuch"),
    ],
)
def test_what_goes_wrong_is_one_line_without_the_password(server: Server, spoil: Callable[[sa.URL, int], sa.URL]) -> None:
    """Whatever is wrong with a URL, neither the line that says so nor what it came from holds a password, quoted or not."""
    url = spoil(sa.make_url(server.new_url()), 1).render_as_string(hide_password=False)
    for use in (cl.Session, Store, cl.import_cinderlib):
        with pytest.raises(errors.Error) as caught:
            use(url)
        assert "\n" not in str(caught.value)
        _refuse_secrets("".join(traceback.format_exception(caught.value)))


def test_logs_do_not_show_the_password(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """With SQLAlchemy and the Python driver logging everything, the password is in no line, nor in a frame."""
    caplog.set_level(logging.DEBUG)
    for url in _urls(server):
        with cl.setup(url) as session:
            session.store.engine.echo = "debug"
            frames: list[Any] = [cl.frames.operations(), cl.frames.backends(), cl.frames.tree()]
            _refuse_secrets("".join(frame.to_string() for frame in frames))
    assert "SELECT" in caplog.text
    _refuse_secrets(caplog.text)


def test_a_notebook_does_not_show_the_password(server: Server) -> None:
    """``%cl_setup`` masks the password, and so do the errors of ``%cl_setup`` and ``cl.setup()``, with their tracebacks."""
    wrong = sa.make_url(server.new_url()).set(password=WRONG).render_as_string(hide_password=False)
    cells = ["%load_ext cl_notebook", "import cl_notebook as cl", "%cl_setup {right}", "%cl_setup", "cl.setup(right)"]
    cells += ["%cl_setup {wrong}", "cl.setup(wrong)", "%tb", "cl.default_session().settings", "cl.default_session().close()"]
    code = f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
shell.user_ns.update(right={server.new_url()!r}, wrong={wrong!r})
for cell in {cells!r}:
    shell.run_cell(cell)
"""
    seen = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    shown = seen.stdout + seen.stderr
    assert shown.count("StoreUnusable") == 4, shown  # a line for each of the two, the first and the last line of %tb
    assert shown.count("***") >= 5
    _refuse_secrets(shown)
