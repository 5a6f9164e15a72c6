"""The command line, ``python -m cl_notebook``: open the examples, install the kernel, start a demo, examine the host."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import cl_notebook as cl

if TYPE_CHECKING:
    from collections.abc import Sequence

DISTRIBUTION = "cl-notebook"

KERNEL = "cl_notebook"
"""Name of the kernel, which the example notebooks ask for."""

LAUNCH = ("-m", "ipykernel_launcher", "--ext=cl_notebook", "--IPKernelApp.exec_lines=import cl_notebook as cl", "-f")
"""Words after the Python in the kernel's command, up to the name of the connection file."""

EXAMPLES = "cl_notebook-examples"
"""The folder that the examples are copied to by default."""

_FIRST_EXAMPLE = "01_tour.ipynb"
_DEMO_LINES = ("import cl_notebook as cl", "demo = cl.demo()", "print(demo)")


class _Failed(Exception):
    """A command could not be carried out; the message says why, and what to do."""


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line *words*, by default those of this process; return the exit status."""
    parser = _parser()
    known, rest = parser.parse_known_args(words)
    if rest and known.command is not _lab:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    known.rest = rest
    try:
        status: int | None = known.command(known)
    except (_Failed, cl.errors.Error) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return status or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cl_notebook", description="Explore block storage from a notebook.")
    parser.add_argument("--version", action="version", version=cl.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    lab = _command(commands, "lab", "Copy the example notebooks into a folder, and open them in JupyterLab.")
    lab.epilog = "Files that exist in the folder stay as they are. Other options go to JupyterLab: --no-browser, --port=9999."
    lab.add_argument("folder", nargs="?", type=Path, default=Path(EXAMPLES), metavar="FOLDER", help="default: %(default)s")
    lab.add_argument("--copy-only", action="store_true", help="only copy the notebooks")
    lab.set_defaults(command=_lab)

    install = _command(commands, "install", "Install the kernel 'Block storage' of this Python for Jupyter, also of another one.")
    where = install.add_mutually_exclusive_group()
    where.add_argument("--user", action="store_true", help="for this user, wherever JupyterLab is installed (the default)")
    where.add_argument("--prefix", metavar="FOLDER", help="into the environment in FOLDER, which may be another one's")
    where.add_argument("--sys-prefix", action="store_true", help="into the environment of this Python")
    install.add_argument("--name", default=KERNEL, help="the kernel's name; default: %(default)s")
    install.add_argument("--display-name", metavar="TEXT", help="the name that Jupyter shows")
    install.set_defaults(command=_install)

    demo = _command(commands, "demo", "Start IPython with a demo: a throw-away store, and its tree.")
    demo.epilog = "If standard input is not a terminal, print the tree and end."
    demo.set_defaults(command=_demo)

    doctor = _command(
        commands, "doctor", "Report what this host, or another, needs for a backend, driver or protocol, and lacks."
    )
    doctor.epilog = "The exit status is 1 if something is missing or failed."
    doctor.add_argument("name", nargs="?", metavar="NAME", help="a backend of the store, or a driver; default: all backends")
    doctor.add_argument(
        "--protocol", metavar="PROTOCOL", help="iscsi, fc, nvmeof, rbd, nfs, cifs or local; default: the driver's"
    )
    doctor.add_argument("--host", metavar="HOST", help="another host that attaches volumes, reached by ssh: root@node2")
    doctor.add_argument("--python", metavar="PATH", help="the Python that has Cinder")
    doctor.set_defaults(command=_doctor)
    return parser


def _command(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=text, description=text)


def _lab(call: argparse.Namespace) -> None:
    folder = copy_examples(call.folder)
    if call.copy_only:
        return
    if importlib.util.find_spec("jupyterlab") is None:
        msg = (
            f"The notebooks are in {folder}, but this Python has no JupyterLab. Install it: {sys.executable} -m pip install "
            "jupyterlab. Or, for a JupyterLab elsewhere: python -m cl_notebook install; then open the folder there."
        )
        raise _Failed(msg)
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={folder}", f"--LabApp.default_url=/lab/tree/{_FIRST_EXAMPLE}"]
    if os.geteuid() == 0:
        command.append("--allow-root")
    sys.stdout.flush()
    os.execv(sys.executable, [*command, *call.rest])  # noqa: S606 - no shell is wanted


def copy_examples(folder: Path) -> Path:
    """Copy the examples into *folder*, which is created if missing, and return its absolute name; existing files stay."""
    source, folder = _examples(), folder.expanduser().absolute()
    files = [file for file in source.rglob("*") if file.is_file() and not _is_generated(file.relative_to(source))]
    existing = 0
    try:
        for file in sorted(files):
            target = folder / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with target.open("xb") as copy:
                    copy.write(file.read_bytes())
            except FileExistsError:
                existing += 1
    except OSError as error:
        msg = f"The notebooks cannot be copied to {folder}: {cl.errors.one_line(error)}. Name another folder."
        raise _Failed(msg) from error
    stayed = f"; {existing} that were there already stayed as they are" if existing else ""
    sys.stdout.write(f"Copied {len(files) - existing} files to {folder}{stayed}.\n")
    return folder


def _is_generated(file: Path) -> bool:
    """Return whether *file* comes from running the examples."""
    return any(part.startswith((".", "__pycache__")) for part in file.parts)


def _examples() -> Path:
    """Return the folder of the examples: that of the clone, or the one that was installed."""
    clone = Path(cl.__file__).parents[1] / "examples"
    return clone if (clone / _FIRST_EXAMPLE).exists() else _installed("examples", _FIRST_EXAMPLE).parent


def _installed(*end: str) -> Path:
    """Return the file of this distribution whose path ends with *end*."""
    try:
        files = importlib.metadata.files(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.parts[-len(end) :] == end:
            return Path(str(file.locate())).resolve()
    msg = f"cl_notebook is not installed in {sys.executable}, or not as a whole. Install it: pip install . in a clone."
    raise _Failed(msg)


def _install(call: argparse.Namespace) -> None:
    from jupyter_client.kernelspec import KernelSpecManager  # noqa: PLC0415 - only this command needs Jupyter

    installed = _installed("kernels", KERNEL, "kernel.json")
    spec = json.loads(installed.read_text(encoding="utf-8"))
    spec["argv"] = [sys.executable, *LAUNCH, "{connection_file}"]
    spec["display_name"] = call.display_name or spec["display_name"]
    prefix = sys.prefix if call.sys_prefix else call.prefix
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(installed.parent, Path(folder) / KERNEL))
        (copy / "kernel.json").write_text(json.dumps(spec, indent=2) + "\n", encoding="utf-8")
        try:
            where = KernelSpecManager().install_kernel_spec(str(copy), call.name, user=prefix is None, prefix=prefix)
        except (OSError, ValueError) as error:
            msg = f"The kernel cannot be installed: {cl.errors.one_line(error)}."
            raise _Failed(msg) from error
    sys.stdout.write(f"Installed the kernel '{spec['display_name']}' in {where}. It runs {sys.executable}.\n")


def _demo(_call: argparse.Namespace) -> None:
    if not sys.stdin.isatty():
        with cl.demo():
            return
    from IPython import start_ipython  # noqa: PLC0415 - a front end

    options = [f"--InteractiveShellApp.exec_lines={line}" for line in _DEMO_LINES]
    start_ipython(argv=["--no-banner", "--ext=cl_notebook", *options])


def _doctor(call: argparse.Namespace) -> int:
    import pandas as pd  # noqa: PLC0415 - only this command makes a frame

    report = cl.doctor(call.name, call.protocol, call.host, call.python)
    with pd.option_context("display.max_rows", None):
        sys.stdout.write(f"{report}\n")
    return int(report["status"].isin(["missing", "failed"]).any())


if __name__ == "__main__":
    sys.exit(main())
