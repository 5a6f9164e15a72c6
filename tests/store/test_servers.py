"""The servers that the tests start: what they keep, and that nothing of them stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from sqlalchemy import pool

from tests.servers import MariaDB, PostgreSQL, Server


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    """Return a server of each kind."""
    found: Server = request.getfixturevalue(request.param)
    return found


def _query(url: str, *statements: str) -> object:
    engine = sa.create_engine(url, poolclass=pool.NullPool)
    with engine.begin() as connection:
        return [connection.exec_driver_sql(statement) for statement in statements][-1].scalar()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_was_committed_is_there_after_a_new_start(server: Server, end: str) -> None:
    """A server that was stopped or killed has everything that was committed once it is started again, under the same URL."""
    url = server.new_url()
    _query(url, "CREATE TABLE t (n INTEGER)", "INSERT INTO t VALUES (7)", "SELECT n FROM t")
    getattr(server, end)()
    with pytest.raises(sa.exc.OperationalError):
        _query(url, "SELECT 1")
    server.start()
    assert _query(url, "SELECT n FROM t") == 7


def test_the_server_has_no_rights(server: Server) -> None:
    """A server that root's tests start runs as somebody who may do nothing else."""
    assert server._process is not None
    assert psutil.Process(server._process.pid).uids().effective != 0


@pytest.mark.lane("server")
@pytest.mark.parametrize("kind", [PostgreSQL, MariaDB])
def test_nothing_is_left_of_tests_that_were_killed(kind: type[Server]) -> None:
    """When the tests are killed, their servers end and their folders go."""
    code = f"""
from tests.servers import {kind.__name__}
server = {kind.__name__}()
server.start()
print(server.folder, server._process.pid, flush=True)
input()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        folder, pid = tests.stdout.readline().split()
        os.kill(tests.pid, signal.SIGKILL)
    while psutil.pid_exists(int(pid)) or Path(folder).exists():
        time.sleep(0.05)
