"""Stores of a thousand, a hundred thousand and a million volumes: what is asked costs the same of each, on each database."""

from __future__ import annotations

import gc
import itertools
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook.frames import api
from cl_notebook.store import changefeed
from tests.benchmarks.big_stores import fill_big
from tests.benchmarks.comparing import timed
from tests.servers import PostgreSQL, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.benchmarks.comparing import Comparison

SMALL = 1_000
LARGE = (100_000, 1_000_000)
ROUNDS = 9
CREATES = 60
HUNDREDS = "page, >9900 GiB: 275 fit, not one"
"""Up to a thousand that fit are all looked up and sorted: it takes longer, and no longer than that, however large the store."""

LIMIT = 51
"""Rows that `--limit 50` reads: one more, to say whether there are more."""

MEMORY = """
import pathlib, re, sys
import cl_notebook as cl
from cl_notebook.frames import api as frames
from cl_notebook.treemodel.rows import VirtualRows

session = cl.setup(store=sys.argv[1])
for asked in ({}, {"status": "error", "sort": "size:desc"}, {"name": "kubernetes*"}, {"backend": "pure-01"}):
    marker = None
    for _ in range(20):
        page = frames.volumes(session, limit=51, marker=marker, **asked)
        marker = page.index[-1] if len(page) else None
for text in ("3f2a", "customer-99", "no such name"):
    session.find(text, all=True)
rows = VirtualRows(session)
rows.open_all()
for part in range(20):
    rows.page(rows.total() * part // 20, 60)
# not getrusage, which counts what the process had in memory that started this one
print(int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]) / 1024)
"""


@dataclass
class Asked:
    """One store, and a session on it: what is measured, by name."""

    session: cl.Session
    folder: str
    ids: Iterator[str] = field(init=False)
    names: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        """Read some ids, open a backend, and make a volume in it that somebody else changes."""
        self.ids = itertools.cycle(api.volumes(self.session, columns="size", sort="name", limit=500).index.tolist())
        self.backend = self.session.backend("measured", volume_driver="sim", path=self.folder)
        self.mine = self.backend.create_volume(1, "mine")
        self.head = self.session.store.head()

    def by_id(self) -> float:
        """Read a volume that is not held."""
        wanted = next(self.ids)
        return timed(lambda: self.session.get(cl.Volume, wanted))

    def find_id(self) -> float:
        """Find by the first eight characters of an id."""
        wanted = next(self.ids)[:8]
        return timed(lambda: self.session.find(wanted, all=False))

    def page(self, **asked: Any) -> Callable[[], float]:
        """Return what reads a page of the list."""
        columns = api.DEFAULT_COLUMNS["volumes"]
        return lambda: timed(lambda: api.read("volumes", self.session, columns=columns, limit=LIMIT, **asked))

    def next_page(self, **asked: Any) -> Callable[[], float]:
        """Return what reads the page after the sixth."""
        marker = api.read("volumes", self.session, columns=["size"], limit=6 * LIMIT, **asked).index[-1]
        return self.page(marker=marker, **asked)

    def open_backend(self) -> float:
        """Open a backend that is closed."""
        self.backend.close()
        return timed(lambda: self.session.backend("measured"))

    def since(self) -> float:
        """Read what changed in the last fifty entries."""

        def read() -> None:
            with self.session.store.reading() as connection:
                changefeed.since(connection, self.head - 50, 50)

        return timed(read)

    def refresh(self) -> float:
        """Bring a volume up to date that another session has changed."""
        with cl.Session(self.session.settings) as other:
            theirs = other.get(cl.Volume, self.mine.id)
            assert isinstance(theirs, cl.Volume)
            theirs.description = f"changed {next(self.names)}"
            theirs.save()
        return timed(self.mine.refresh)

    def create(self) -> float:
        """Make a volume."""
        return timed(lambda: self.backend.create_volume(1, f"made {next(self.names)}"))


def _questions(asked: Asked) -> dict[str, tuple[Callable[[], float], int]]:
    pages: dict[str, dict[str, Any]] = {
        "page": {},
        "page, error by size": {"status": "error", "sort": "size:desc"},
        "page, a rare status": {"status": "deleting"},
        "page, not error by size": {"status": "!error", "sort": "size:desc"},
        "page, a backend by size": {"backend": "lvm-rack-a", "sort": "size:desc"},
        "page, kubernetes*": {"name": "kubernetes*"},
        "page, zz* (none) by size": {"name": "zz*", "sort": "size:desc"},
        "page, >900 GiB": {"size": ">900"},
        HUNDREDS: {"size": ">9900"},
        "page, by name": {"sort": "name"},
        "page, by status": {"sort": "status"},
        "page, by backend:desc": {"sort": "backend:desc"},
        "page, by attach_status": {"sort": "attach_status"},
        "page, by host": {"sort": "host"},
        "page, by pool_name:desc": {"sort": "pool_name:desc"},
        "page, by availability_zone": {"sort": "availability_zone"},
        "page, by bootable": {"sort": "bootable:desc"},
        "page, by updated_at:desc": {"sort": "updated_at:desc"},
        "page, by provider_id": {"sort": "provider_id"},
        "page, by snapshot_id": {"sort": "snapshot_id"},
        "page, by source_volid": {"sort": "source_volid"},
        "page, deleting*": {"status": "deleting*"},
        "page, zz* (no host)": {"host": "zz*"},
        "page, made since": {"created_at": ">2024-01-01T05:00"},
        "page, changed since": {"updated_at": ">2190-01-01"},
    }
    return {
        "get_by_id": (asked.by_id, ROUNDS),
        "find, beginning of an id": (asked.find_id, ROUNDS),
        **{name: (asked.page(**wanted), ROUNDS) for name, wanted in pages.items()},
        "next page, error by size": (asked.next_page(status="error", sort="size:desc"), ROUNDS),
        "next page": (asked.next_page(), ROUNDS),
        "next page, by backend": (asked.next_page(sort="backend"), ROUNDS),
        "next page, by updated_at": (asked.next_page(sort="updated_at"), ROUNDS),
        "open a backend": (asked.open_backend, ROUNDS),
        "what changed since": (asked.since, ROUNDS),
        "refresh a changed volume": (asked.refresh, ROUNDS),
        "create": (asked.create, CREATES),
    }


@pytest.fixture(scope="module", params=["SQLite", "PostgreSQL"])
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[int, str]]]:
    """Give the name of a database, and the URLs of stores on it by their numbers of volumes: minutes for the largest."""
    folder = tmp_path_factory.mktemp("scale")
    if request.param == "SQLite":
        yield request.param, _filled({number: f"sqlite:///{folder / f'{number}.db'}" for number in (SMALL, *LARGE)})
        for file in folder.glob("*.db*"):
            file.unlink()  # gigabytes
    else:
        for server in serving(PostgreSQL):
            yield request.param, _filled({number: server.new_url() for number in (SMALL, *LARGE)})


def _filled(urls: dict[int, str]) -> dict[int, str]:
    for volumes, url in urls.items():
        with cl.Session(url) as session:
            fill_big(session.store, volumes=volumes)
    return urls


def bench_growth(stores: tuple[str, dict[int, str]], tmp_path: Path, compare: Comparison) -> None:
    """Each question, of all the stores in turns; the fastest of several, so that what else the machine does counts little."""
    database, urls = stores
    opened = {volumes: cl.Session(url) for volumes, url in urls.items()}
    try:
        asked = {volumes: _questions(Asked(session, str(tmp_path / str(volumes)))) for volumes, session in opened.items()}
        for work, (_, rounds) in asked[SMALL].items():
            spent: dict[int, list[float]] = {volumes: [] for volumes in urls}
            gc.collect()
            for _, volumes in itertools.product(range(rounds + 1), urls):
                _forget(opened[volumes])
                spent[volumes].append(asked[volumes][work][0]())
            base = min(spent[SMALL][1:])
            for volumes in LARGE:
                compare.note(
                    f"{database}: {work}, {volumes:,}",
                    min(spent[volumes][1:]),
                    f"of {SMALL:,}",
                    base,
                    None if work == HUNDREDS else 2,
                )
        for volumes, session in opened.items():
            for text in ("no such name", "customer-999", "zq", "数据", "ku"):
                compare.figure(
                    f"{database}: find {text!r}, a part of a name, {volumes:,}", [_finding(session, text)], "ms", most=1000
                )
            if database == "PostgreSQL":
                _rename(session, "ix_volume_name_trigrams", "hidden")
                for text in ("no such name", "größe"):
                    work = f"{database}: find {text!r} without trigrams, {volumes:,}"
                    compare.figure(work, [_finding(session, text)], "ms", most=1000)
                _rename(session, "hidden", "ix_volume_name_trigrams")
    finally:
        for session in opened.values():
            session.close()


def _finding(session: cl.Session, text: str) -> float:
    return min(timed(lambda: session.find(text, all=True)) for _ in range(ROUNDS)) * 1000


def _rename(session: cl.Session, index: str, name: str) -> None:
    with session.store.writing() as connection:
        connection.exec_driver_sql(f"ALTER INDEX {index} RENAME TO {name}")


def bench_memory(stores: tuple[str, dict[int, str]], compare: Comparison) -> None:
    """Resident memory, at its highest, of a kernel that looks at pages of the list, at the tree, and for names."""
    database, urls = stores
    command = [sys.executable, "-c", MEMORY, urls[LARGE[-1]]]
    used = float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    compare.figure(f"{database}: a kernel that looks at {LARGE[-1]:,} volumes", [used], "MiB", most=300)


def _forget(session: cl.Session) -> None:
    """Let go of the objects that were read, so that they are read again."""
    held: list[Any] = list(session.orm.identity_map.values())
    for resource in held:
        if resource.kind != "backend" and getattr(resource, "name", "") != "mine":
            session.orm.expunge(resource)
