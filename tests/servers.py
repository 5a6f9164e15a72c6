"""PostgreSQL and MariaDB for the tests: Debian's programs on loopback, run by a user who may do nothing else."""

from __future__ import annotations

import abc
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import psutil
import sqlalchemy as sa
from sqlalchemy import exc, pool

from tests.skips import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USER = "lab"
PASSWORD = "p@ss/w:rd %41"  # noqa: S105 - of servers that live as long as the tests; it has to be quoted in a URL
_UNPRIVILEGED = "nobody"
_PATIENCE = 60.0
_ENGLISH = ["--locale-provider=icu", "--icu-locale=en-US"]  # most servers compare text as a dictionary does


class Server(abc.ABC):
    """A server that tests may stop, start and kill: its port and what is stored stay the same.

    What was committed survives :meth:`kill`. A crash of the machine it would not survive: nothing is waited for on the disk.
    """

    driver: ClassVar[str]
    """SQLAlchemy's word for the database and its Python driver."""
    _own_database: ClassVar[str]
    _stopping: ClassVar[signal.Signals]

    def __init__(self) -> None:
        """Install the server in a folder of its own; it is not started."""
        self.folder = Path(tempfile.mkdtemp(prefix="cl-server-"))
        # If the tests are killed the server dies with them, and then its folder goes, too.
        self._keeper = subprocess.Popen(
            ["sh", "-c", 'read -r _; sleep 2; rm -rf "$0"', self.folder], stdin=subprocess.PIPE, start_new_session=True
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._databases: list[str] = []
        self.port = _free_port()
        if os.geteuid() == 0:
            shutil.chown(self.folder, _UNPRIVILEGED)
        try:
            self._install()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Kill the server and remove what it has stored."""
        self.kill()
        shutil.rmtree(self.folder)
        self._keeper.kill()
        self._keeper.communicate()

    def new_url(self, driver: str | None = None) -> str:
        """Return the URL of a new, empty database; *driver* is the word before ``://``, if not :attr:`driver`."""
        name = f"cl_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name}")
        self._databases.append(name)
        return self.url(name, driver)

    def url(self, database: str, driver: str | None = None) -> str:
        """Return the URL of *database*, with the password in it."""
        url = sa.URL.create(driver or self.driver, USER, PASSWORD, "127.0.0.1", self.port, database)
        return url.render_as_string(hide_password=False)

    def drop_databases(self) -> None:
        """Remove the databases that were made; the server is running after that."""
        self.start()
        for name in self._databases:
            self.execute(self._dropping(name))
        self._databases.clear()

    def execute(self, sql: str) -> None:
        """Run a statement as the user who may do everything."""
        engine = sa.create_engine(self.url(self._own_database), isolation_level="AUTOCOMMIT", poolclass=pool.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(sql)

    def start(self) -> None:
        """Start the server, if it is not running, and wait until it answers."""
        if self._process is not None:
            return
        with self._log.open("ab") as log:
            self._process = _popen(self._command(), stdin=subprocess.DEVNULL, output=log.fileno())
        end = time.monotonic() + _PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                msg = f"{self.driver} does not start:\n{self._log.read_text(errors='replace')[-4000:]}"
                raise RuntimeError(msg)
            time.sleep(0.05)

    def stop(self) -> None:
        """Let the server break off what it does, and stop."""
        if self._process is not None:
            self._process.send_signal(self._stopping)
            self._process.wait(_PATIENCE)
            self._process = None

    def kill(self) -> None:
        """Kill the server at once, with every process that it has."""
        if self._process is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._process.pid)
            everyone = [process, *process.children(recursive=True)]
            for each in everyone:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            psutil.wait_procs(everyone, _PATIENCE)
        self._process.wait(_PATIENCE)
        self._process = None

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except exc.OperationalError:
            return False
        return True

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    @abc.abstractmethod
    def _install(self) -> None:
        """Make what an empty server has."""

    @abc.abstractmethod
    def _command(self) -> list[str | Path]:
        """Return the command that runs the server."""

    @abc.abstractmethod
    def _dropping(self, name: str) -> str:
        """Return the statement that removes a database, even one with connections."""


class PostgreSQL(Server):
    """Debian's PostgreSQL, the newest that is installed."""

    driver = "postgresql+psycopg"
    _own_database = "postgres"
    _stopping = signal.SIGINT

    def _install(self) -> None:
        self._programs = _programs("postgresql", "/usr/lib/postgresql/*/bin/initdb").parent
        password = self.folder / "password"
        password.write_text(f"{PASSWORD}\n")
        password.chmod(0o644)
        options = ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", *_ENGLISH, "--auth=scram-sha-256"]
        options += [f"--username={USER}", f"--pwfile={password}", f"--pgdata={self.folder / 'data'}"]
        _run([self._programs / "initdb", *options])

    def _command(self) -> list[str | Path]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "fsync": "off",
            "max_connections": 200,
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [self._programs / "postgres", "-D", self.folder / "data", *options]

    def _dropping(self, name: str) -> str:
        return f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"


class MariaDB(Server):
    """Debian's MariaDB."""

    driver = "mariadb+pymysql"
    _own_database = "mysql"
    _stopping = signal.SIGTERM
    _TABLES = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")

    def _install(self) -> None:
        self._program = _programs("mariadb-server-core", "/usr/sbin/mariadbd")
        tables = [_programs("mariadb-server-core", f"/usr/share/mysql/{name}").read_text() for name in self._TABLES]
        sql = "\n".join([f"CREATE DATABASE {self._own_database};", f"USE {self._own_database};", *tables])
        _run([*self._command(), "--bootstrap"], sql)
        everything = f"CREATE USER IF NOT EXISTS {USER} IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO {USER};\n"
        self._users.write_text(everything)
        self._users.chmod(0o644)

    def _command(self) -> list[str | Path]:
        settings = {
            "datadir": self.folder,
            "tmpdir": self.folder,
            "socket": self.folder / "socket",
            "pid-file": self.folder / "pid",
            "bind-address": "127.0.0.1",
            "port": self.port,
            "character-set-server": "utf8mb4",
            "innodb-flush-log-at-trx-commit": 2,
            "innodb-log-file-size": "16M",
            "innodb-buffer-pool-size": "64M",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        if self._users.exists():
            options.append(f"--init-file={self._users}")
        return [self._program, "--no-defaults", "--skip-name-resolve", *options]

    @property
    def _users(self) -> Path:
        return self.folder / "users.sql"

    def _dropping(self, name: str) -> str:
        return f"DROP DATABASE IF EXISTS {name}"


def serving(kind: Callable[[], Server]) -> Iterator[Server]:
    """Give a server of *kind* that is running, until the generator goes on."""
    server = kind()
    try:
        server.start()
        yield server
    finally:
        server.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _programs(package: str, pattern: str) -> Path:
    found = sorted(Path("/").glob(pattern.lstrip("/")))
    return found[-1] if found else require(f"{pattern} (Debian's package {package})")


def _as_somebody(command: list[str | Path]) -> list[str | Path]:
    if os.geteuid() != 0:
        return command
    user = pwd.getpwnam(_UNPRIVILEGED)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *command]


def _popen(command: list[str | Path], *, stdin: int, output: int) -> subprocess.Popen[bytes]:
    last = ["setpriv", "--pdeathsig=KILL", *command]
    return subprocess.Popen(_as_somebody(last), stdin=stdin, stdout=output, stderr=output, cwd="/")


def _run(command: list[str | Path], stdin: str = "") -> None:
    done = subprocess.run(_as_somebody(command), input=stdin.encode(), capture_output=True, check=False, cwd="/")
    if done.returncode:
        msg = f"{command[0]} failed:\n{done.stderr.decode(errors='replace')[-4000:]}"
        raise RuntimeError(msg)
