"""The pages in docs/: they build without a warning, load nothing from elsewhere, and their code runs."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import SkipTest

import pytest
import sqlalchemy as sa
from IPython.core.interactiveshell import InteractiveShell
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser, SkipParser
from traitlets.config import Config

import cl_notebook as cl
from cl_notebook import cinderlib
from cl_notebook import session as sessions
from cl_notebook.__main__ import _parser
from cl_notebook.notebook.extension import COMMANDS

pytestmark = pytest.mark.filterwarnings("ignore:Using fork")  # os-brick starts processes after eventlet was imported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import ExecutionResult
    from sybil.example import Example
    from sybil.typing import Parser

ROOT = Path(cl.__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
HOW_TOS = sorted((ROOT / "docs" / "how-to").glob("*.md"))
WITH_OUTPUT = [*HOW_TOS, *(ROOT / "docs" / f"{name}.md" for name in ("frames", "tree", "troubleshooting"))]
ELSEWHERE = r"""["']?(?:https?:)?//"""
UPDATE = "UPDATE_PAGES"
"""The variable that makes the tests write what cells show into the pages, where it differs: review the changes."""
NOT_ON_PAGES = r"(?m)\x1b\[[\d;]*m|^Out\[\d+\]: ?"
"""The pattern of colours, and of the prompt before the value of a cell."""
VARYING = {
    NOT_ON_PAGES: "",
    r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{8}\b": "ID",
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+\+00:00)?": "TIME",
    r"\b[\d.]+ (ms|s|min)( ago)?(?=\s|[,.;:]|$)": "DURATION",
    r"\b(process|pid:) \d+": "process PID",
    r"\bduration: [\d.e-]+": "duration: SECONDS",
    r"\b\d{1,3}(\.\d{1,3}){3}\b": "ADDRESS",
    r"[▇░]+": "BAR",
}
"""Patterns of what differs from run to run in what cells show, and what replaces it for the comparison with the pages."""
FETCHED = re.compile(rf"""<(?:script|img|iframe)[^>]*\ssrc={ELSEWHERE}|<link[^>]*rel=["']?stylesheet[^>]*href={ELSEWHERE}""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the pages, warnings as errors."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def of_cinderlib(peer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what people have from cinderlib: a database that it wrote, and its ``dumps()``."""
    folder = tmp_path_factory.mktemp("cinderlib")
    code = "import cinderlib, make_cinderlib as made; made.main('cinderlib.sqlite'); print(cinderlib.dumps())"
    modules = f"{ROOT / 'tests' / 'inventory'}{os.pathsep}{ROOT / 'tests' / 'benchmarks' / 'cinderlib'}"
    environment = {**os.environ, "PYTHONPATH": modules}
    command = [str(peer), "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    (folder / "cinderlib.json").write_text(done.stdout.splitlines()[-1], encoding="utf-8")
    return folder


@pytest.fixture
def example_driver(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the example of a driver, as pip does: its module can be imported, and its entry points are registered."""
    project = tomllib.loads((ROOT / "examples" / "driver" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    folder = tmp_path_factory.mktemp("installed")
    metadata = folder / f"plain_files-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", "utf-8"
    )
    lines = [f"{name} = {target}" for name, target in project["entry-points"]["cl_notebook.drivers"].items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[cl_notebook.drivers]", *lines, ""]), encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """Give a shell in an empty home, as a new user has it; what a page leaves attached is detached."""
    for name in [name for name in os.environ if name.startswith(("CL_NOTEBOOK_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / ".ipython"))
    monkeypatch.setenv("CL_NOTEBOOK_HOST", "lab1")
    monkeypatch.setenv("LOGNAME", "ann")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sessions._default, "_session", None)
    monkeypatch.setattr(cinderlib.Backend, "global_initialization", False)
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config)  # type: ignore[no-untyped-call] # IPython's
    yield shell
    for name in [name for name in sys.modules if name.partition(".")[0] == "cinderlib"]:  # what a page installed
        del sys.modules[name]
    shell.run_line_magic("unload_ext", "cl_notebook")
    atexit.unregister(shell.atexit_operations)
    session = cl.default_session()
    for volume in session.orm.scalars(sa.select(cl.Volume)).all():
        with contextlib.suppress(cl.errors.Error):  # those of a backend that was loaded by its name alone
            volume.cleanup(force=True)
    session.close()


@pytest.fixture
def others(tmp_path: Path, of_cinderlib: Path, cinder_29: str) -> None:
    """Put what the pages need of other programs into the home: cinderlib's database, and a Python with Cinder."""
    for file in of_cinderlib.glob("cinderlib.*"):
        shutil.copy(file, tmp_path)
    (tmp_path / "cinder").symlink_to(Path(cinder_29).parents[1])


def test_they_build(site: Path) -> None:
    """Every page is built without a warning, links and anchors checked."""
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in [*PAGES, *HOW_TOS]}
    assert pages < {page.relative_to(site) for page in site.rglob("*.html")}


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """No built page loads a script, a style sheet or an image of another host."""
    assert [page.name for page in site.rglob("*.html") if FETCHED.search(page.read_text(encoding="utf-8"))] == []


def test_every_magic_has_its_section(site: Path) -> None:
    """The page of the magics has a section, with an anchor, for every magic that the extension loads."""
    page = (site / "magics.html").read_text(encoding="utf-8")
    assert [command.name for command in COMMANDS if f'<h2 id="{command.name}">' not in page] == []


def test_the_reference_has_every_public_name(site: Path) -> None:
    """The API reference describes each name of ``cl_notebook.__all__``, and each of the modules among them lists its own."""
    pages = {cl: "package", cl.frames: "frames", cl.inventory: "inventory", cl.plot: "plots", cl.errors: "errors"}
    aliases = {"Backends"}
    for module, page in pages.items():
        text = (site / "reference" / f"{page}.html").read_text(encoding="utf-8")
        described = {name.rpartition(".")[2] for name in re.findall(r'<h[2-4] id="(cl_notebook[\w.]*)"', text)}
        names = getattr(module, "__all__", [name for name, value in vars(module).items() if _is_error(value)])
        elsewhere = {"errors", "frames", "inventory", "plot"} if module is cl else set()  # they have pages of their own
        assert set(names) - elsewhere - aliases - described == set()


def _is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, (BaseException, Warning)) and not value.__name__.startswith("_")


@pytest.mark.parametrize("page", [page for page in PAGES if page not in WITH_OUTPUT], ids=lambda page: page.stem)
@pytest.mark.usefixtures("example_driver", "others")
def test_the_code_runs(page: Path, shell: InteractiveShell) -> None:
    """The code of a page runs from top to bottom, Python as Python and magics in IPython, in an empty home."""
    _run(page, shell)


@pytest.mark.parametrize("page", WITH_OUTPUT, ids=lambda page: page.stem)
def test_cells_show_what_the_page_says(page: Path, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """The cells show, in a terminal of 80 columns, what the page has below them; where that is an error, they fail with it."""
    _run(page, shell, capsys)


class _Cells:
    """What runs the code of a page in *shell*, and compares what *capsys* captured with the block of text below each cell."""

    def __init__(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str] | None) -> None:
        self._shell = shell
        self._capsys = capsys
        self._failure: ExecutionResult | None = None
        self._output: str | None = None
        self.replacements: list[tuple[int, int, str]] = []

    def run(self, example: Example) -> None:
        self.raise_failure()
        if example.region.lexemes["arguments"] == "python":
            code = "\n" * (example.line + example.parsed.line_offset) + example.parsed
            exec(compile(code, example.path, "exec"), self._shell.user_ns)  # noqa: S102 - the page is ours
        else:
            result = self._shell.run_cell(str(example.parsed))  # type: ignore[no-untyped-call] # IPython's
            self._failure = None if result.success else result
        self._output = self._capsys.readouterr().out.replace(str(Path.home()), "/home/ann") if self._capsys else None

    def compare(self, example: Example) -> str:
        if self._output is None:
            return ""  # the block above it was skipped
        output, self._output, self._failure = self._output, None, None
        expected, shown = _same_in_all_runs(example.parsed), _same_in_all_runs(output)
        if OutputChecker().check_output(expected, shown, ELLIPSIS | NORMALIZE_WHITESPACE):
            return ""
        if UPDATE in os.environ:
            lines = re.sub(NOT_ON_PAGES, "", output).strip("\n").splitlines()
            block = "\n".join(["```text", *map(str.rstrip, lines), "```"])
            self.replacements.append((example.region.start, example.region.end, block))
            return ""
        return f"the page has\n{expected}\nand the cell shows\n{shown}"

    def skip(self) -> None:
        self._output = None

    def raise_failure(self) -> None:
        """Raise the error of the last cell, unless the text below it showed the error."""
        if self._failure is not None:
            self._failure.raise_error()  # type: ignore[no-untyped-call] # IPython's


def _run(page: Path, shell: InteractiveShell, capsys: pytest.CaptureFixture[str] | None = None) -> None:
    """Run the code of *page*; with *capsys*, compare what each cell shows with the block of text below it."""
    cells = _Cells(shell, capsys)
    parsers: list[Parser] = [CodeBlockParser("python", cells.run), CodeBlockParser("ipython", cells.run), SkipParser()]
    if capsys is not None:
        parsers.append(CodeBlockParser("text", cells.compare))
    for example in Sybil(parsers).parse(page).examples():
        try:
            example.evaluate()
        except SkipTest:
            cells.skip()
    cells.raise_failure()
    text = page.read_text(encoding="utf-8")
    for start, end, block in reversed(cells.replacements):
        text = f"{text[:start]}{block}{text[end:]}"
        page.write_text(text, encoding="utf-8")


def _same_in_all_runs(text: str) -> str:
    for pattern, replacement in VARYING.items():
        text = re.sub(pattern, replacement, text)
    return f"{text.strip()}\n"


def test_code_that_is_not_run_says_why() -> None:
    """Code that is not run stands on the pages that need what no test host has, each block with its reason."""
    pages = [*PAGES, *HOW_TOS]
    skipped = {page.stem: re.findall(r"<!--+ *skip(.*)-->", page.read_text(encoding="utf-8")) for page in pages}
    how_tos = {"compare-two-releases", "first-array", "share-a-store"}
    assert {name for name, found in skipped.items() if found} <= {"connections", "real-storage", *how_tos}
    assert [why for found in skipped.values() for why in found if not re.fullmatch(r': next "there is no .{10,}" ', why)] == []


def test_commands_exist() -> None:
    """Each ``python -m cl_notebook …`` of a page and of the README is one that the command line takes."""
    pages = [ROOT / "README.md", *PAGES, *HOW_TOS]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    commands = set(re.findall(r"python -m cl_notebook( [^`#>\n]*)", text))
    assert len(commands) > 5
    for command in commands - {" --version"}:
        _known, rest = _parser().parse_known_args(command.split())
        assert not rest or command.startswith(" lab"), command  # JupyterLab gets the options that lab does not know


def test_a_bar_in_an_option_is_shown_alone(site: Path) -> None:
    """An option whose value has alternatives shows the bar between them, and no backslash before it."""
    page = (site / "magics.html").read_text(encoding="utf-8")
    assert "--read-only [true&#124;false]" in page or "--read-only [true|false]" in page
    assert r"\|" not in page
