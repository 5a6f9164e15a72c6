"""Secrets in a notebook: asked for instead of typed, reported where they were typed, and masked in whatever a driver says."""

from __future__ import annotations

import base64
import getpass
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

import cl_notebook as cl
from cl_notebook.drivers.api import Option
from cl_notebook.drivers.sim.driver import SimDriver
from cl_notebook.notebook.tree import actions, details

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notebook.conftest import Notebook

SECRET = "it's a & p@ss/word"  # noqa: S105 - a secret to hide
CREDENTIALS = base64.b64encode(f"ann:{SECRET}".encode()).decode()


@pytest.fixture(autouse=True)
def _options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the simulator a login and a password, and one secret that it cannot do without."""
    plain = SimDriver.options()
    more = (
        Option("san_login", str, "The user."),
        Option("san_password", str, "The password.", secret=True),
        Option("api_token", str, "A token.", secret=True, required=True),
    )
    monkeypatch.setattr(SimDriver, "options", classmethod(lambda _: [*plain, *more]))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer each question with the secret, and return the questions."""
    questions: list[str] = []

    def answer(prompt: str) -> str:
        questions.append(prompt)
        return SECRET

    monkeypatch.setattr(getpass, "getpass", answer)
    return questions


def add(path: Path, *words: str) -> str:
    """Return the line that adds a backend."""
    return f"%cl_backend add lab --driver sim --path {path / 'sim'} {' '.join(words)}"


def test_what_is_left_out_is_asked_for(notebook: Notebook, asked: list[str], tmp_path: Path) -> None:
    """A secret that the driver needs, and the password of a user that was typed, are asked for, with what they go to."""
    said = notebook.printed(add(tmp_path, "--san-login ann"))
    assert len(asked) == 2
    assert asked[0].startswith("san_password of backend lab (driver 'sim' with path=")
    assert "san_login='ann'" in asked[0]
    assert asked[1].startswith("api_token of backend lab ")
    assert "stands in this cell" not in said
    config = notebook.run("%cl_backend show lab")["config"]
    assert (config["san_password"], config["api_token"]) == ("***", "***")


def test_what_is_in_the_environment_is_not_asked_for(
    notebook: Notebook, asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret that stands in the environment under the backend's name is taken from there; without its user none is needed."""
    monkeypatch.setenv("CL_NOTEBOOK_LAB_API_TOKEN", SECRET)
    notebook.run(add(tmp_path))
    assert asked == []


@pytest.mark.parametrize(
    "line",
    [
        "%cl_backend add lab --driver sim --path {path} --api-token 'hunter2'",
        "%cl_backend add lab --driver sim --path {path} --api-token=hunter2",
        "lab = %cl_backend add lab --driver sim --path {path} --api-token hunter2",
        "import cl_notebook as cl; cl.Backend('lab', volume_driver='sim', path='{path}', api_token='hunter2')",
        "import cl_notebook as cl; cl.Backend('lab', **{{'volume_driver': 'sim', 'path': '{path}', 'api_token': 'hunter2'}})",
        "import cl_notebook as cl; word = 'hunter2'; cl.Backend('lab', volume_driver='sim', path='{path}', api_token=word)",
        "import cl_notebook as cl; cl.Backend('lab', volume_driver='gone', api_token='hunter2')",
    ],
)
def test_a_secret_in_a_cell_is_reported(notebook: Notebook, tmp_path: Path, line: str) -> None:
    """A secret that is typed into a cell is reported in one line, once, whether or not the backend could be opened."""
    cell = line.format(path=tmp_path / "sim")
    said = notebook.seen(cell).out
    assert said.count("api_token: a secret stands in this cell") == 1
    assert "stands in this cell" not in notebook.seen(cell).out


@pytest.mark.parametrize("value", ["$word", "{word}"])
def test_a_variable_is_not_reported(notebook: Notebook, tmp_path: Path, value: str) -> None:
    """A secret that comes out of a variable stands in no cell."""
    notebook.shell.user_ns["word"] = SECRET
    assert "stands in this cell" not in notebook.seen(add(tmp_path, f"--api-token {value}")).out


def test_what_a_driver_says_is_masked(
    notebook: Notebook, asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever form a driver repeats a secret, the error, its traceback, the history and the documents have none of it."""
    del asked
    forms = [SECRET, quote(SECRET, safe=""), json.dumps(SECRET), repr(SECRET), CREDENTIALS, f"https://ann:{SECRET}@array/"]

    def fail(*_given: Any, **_named: Any) -> None:
        msg = f"login failed: {forms} Authorization: Basic {CREDENTIALS}"
        raise RuntimeError(msg) from KeyError({form: form for form in forms}, *forms)

    notebook.run(add(tmp_path, "--san-login ann"))
    monkeypatch.setattr(SimDriver, "create_volume", fail)
    shown = [notebook.refused("%cl_volume create --size 1 --name ledger --backend lab"), notebook.printed("%tb")]
    shown += [
        notebook.seen("%cl_history --long -f csv").out,
        notebook.seen("import cl_notebook as cl; cl.find('lab').create_volume(1)").out,
    ]
    shown += [cl.dumps(output_all_backend_info=True), repr(notebook.run("%cl_backend show lab")), cl.frames.operations().to_csv()]
    for text in shown:
        for form in (SECRET, quote(SECRET, safe=""), json.dumps(SECRET)[1:-1], repr(SECRET)[1:-1], CREDENTIALS, "p@ss"):
            assert form not in text
    assert "login failed" in shown[0]
    assert "sim" in shown[4]


def test_a_typed_secret_is_not_in_a_traceback(notebook: Notebook, tmp_path: Path) -> None:
    """`%tb` after a magic that failed shows its line with the secrets in it masked."""
    seen = notebook.seen(f"%cl_backend add lab --driver sim --path {tmp_path} --api-token hunter2 --delay much")
    assert seen.error is not None
    assert "hunter2" not in seen.out
    assert "hunter2" not in notebook.printed("%tb")


def test_the_password_in_an_option_is_not_shown(notebook: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password in the URL of an option that is no secret is masked where it is shown, and left out of documents."""
    plain = SimDriver.options()
    monkeypatch.setattr(SimDriver, "options", classmethod(lambda _: [*plain, Option("rest_url", str, "The array's API.")]))
    notebook.shell.user_ns["url"] = "https://ann:p@ss@array.example/api"
    monkeypatch.setenv("CL_NOTEBOOK_LAB_API_TOKEN", SECRET)
    notebook.run(add(tmp_path, "--rest-url $url"))
    assert notebook.run("%cl_backend show lab")["config"]["rest_url"] == "https://ann:***@array.example/api"
    assert "p@ss" not in cl.frames.backends().to_csv()
    written = cl.dump(output_all_backend_info=True)[0]["backend"]
    assert "rest_url" not in written
    assert set(written["secret_options"]) == {"api_token", "rest_url"}


def test_the_forms_of_the_tree_keep_secrets_out_of_lines(
    notebook: Notebook, session: cl.Session, asked: list[str], tmp_path: Path
) -> None:
    """A secret that is typed into a form reaches the driver, and is in no line, text, error or repr; nothing prompts for it."""
    fields = {field["name"]: field["type"] for field in details.addition(session, "sim")["asks"]}
    assert (fields["san_password"], fields["api_token"], fields["san_login"]) == ("secret", "secret", "text")
    typed = {"name": "lab", "driver": "sim", "path": str(tmp_path / "sim"), "san_login": "ann"}
    with pytest.raises(cl.errors.InvalidInput, match="needs the option 'api_token'") as lacking:
        actions.run(session, notebook.shell, actions.lines(session, "add", [], {**typed, "api_token": ""}))
    assert actions.wrong_value(lacking.value, ["api_token"]) == "api_token"
    adding = actions.lines(session, "add", [], {**typed, "api_token": SECRET, "san_password": SECRET})
    added = actions.run(session, notebook.shell, adding)
    backend = session.backends["lab"]
    assert session.secrets(backend) == {"api_token": SECRET, "san_password": SECRET}
    backend.close()
    (action,) = (action for action in actions.offers(session, notebook.shell, backend) if action["name"] == "open")
    assert [(field["name"], field["type"]) for field in action["asks"]] == [("api_token", "secret"), ("san_password", "secret")]
    with pytest.raises(cl.errors.InvalidInput, match="needs its secret option") as unknown:
        actions.run(session, notebook.shell, actions.lines(session, "open", [backend.id], {}))
    assert actions.wrong_value(unknown.value, ["api_token", "san_password"]) in {"api_token", "san_password"}
    opening = actions.lines(session, "open", [backend.id], {"api_token": SECRET, "san_password": SECRET})
    assert opening[0].text == action["line"] == f"%cl_backend open {backend.id}"
    actions.run(session, notebook.shell, opening)
    assert session.secrets(backend) == {"api_token": SECRET, "san_password": SECRET}
    assert SECRET not in repr((adding, added, action, opening, lacking.value, unknown.value, session))
    assert asked == []
