"""``%cl_backend add`` with a ``cinder.conf``, and with names of yesterday. The driver is a fake, in a real Cinder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import cl_notebook as cl
from tests.drivers.cinder.conftest import FAKE, with_fake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.notebook.conftest import Notebook


@pytest.fixture(scope="module")
def python(cinder_29: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a Python with Cinder and the fake driver."""
    return with_fake(cinder_29, tmp_path_factory.mktemp("python"))


@pytest.fixture
def session(tmp_path: Path) -> Iterator[cl.Session]:
    """Give the default session."""
    with cl.setup(store=tmp_path / "store.db") as opened:
        yield opened


def test_what_is_left_out_of_a_file_is_printed(notebook: Notebook, session: cl.Session, python: str, tmp_path: Path) -> None:
    """The backends are open, and a line each says what no driver takes and which names are older; several files are one."""
    first, second = tmp_path / "cinder.conf", tmp_path / "more.conf"
    first.write_text(
        f"[DEFAULT]\nenabled_backends = one\nmy_ip = 192.0.2.1\ntransport_url = rabbit://u:sesame@h/\n"
        f"[one]\nvolume_driver = {FAKE}\nfake_path = {tmp_path / 'one'}\nfake_old = x\nfake_numbr = 4\n",
        encoding="utf-8",
    )
    second.write_text("[DEFAULT]\nmy_ip = 192.0.2.2\n", encoding="utf-8")
    seen = notebook.seen(f"%cl_backend add --conf {first} --conf {second} --python {python}")
    assert "Options of [one] have other names now: 'fake_old' is 'fake_new'." in seen.out
    assert "fake_numbr (did you mean 'fake_number'?)" in seen.out
    assert "[DEFAULT] transport_url" in seen.out
    assert "sesame" not in seen.out
    assert session.backends["one"].config["sections"]["DEFAULT"]["my_ip"] == "192.0.2.2"


def test_an_option_is_typed_by_its_older_name(notebook: Notebook, session: cl.Session, python: str, tmp_path: Path) -> None:
    """An older name is an option of the magic, with a warning; sections are typed as ``SECTION.OPTION:VALUE``."""
    more = "--fake-old x --fake-moved 5 --fake-many a:1,b:2 --sections DEFAULT.my_ip:192.0.2.9"
    with pytest.warns(cl.errors.ConfigurationWarning, match="'fake_old' is 'fake_new'"):
        backend = notebook.run(f"%cl_backend add typed --driver {FAKE} --python {python} --fake-path {tmp_path} {more}")
    config = backend.config
    assert (config["fake_new"], config["fake_moved"], config["fake_many"]) == ("x", "5", ["a:1,b:2"])
    assert config["sections"] == {"DEFAULT": {"my_ip": "192.0.2.9"}}
    assert "Did you mean '--fake-number'?" in notebook.refused(
        f"%cl_backend add x --driver {FAKE} --python {python} --fake-path {tmp_path} --fake-numbr 5"
    )
    assert set(session.backends) == {"typed"}
