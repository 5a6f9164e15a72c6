"""A JupyterLab server of the tests' own: its notebooks, settings and data in one folder, and no access to the network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SECONDS = 60
"""How long the server may take to start: a machine that was just set up reads everything for the first time."""

CONFIG = {
    "ServerApp": {
        "allow_root": True,
        "open_browser": False,
        "ip": "127.0.0.1",
        "port": 0,  # any that is free; the server writes down which
        "disable_check_xsrf": True,
        "log_level": "WARN",
        "terminals_enabled": False,
    },
    "IdentityProvider": {"token": ""},
    "LabApp": {
        "expose_app_in_browser": True,
        "news_url": None,
        "check_for_updates_class": "jupyterlab.handlers.announcements.NeverCheckForUpdate",
        "extension_manager": "readonly",
    },
    "JupyterNotebookApp": {"expose_app_in_browser": True},
    "LanguageServerManager": {"autodetect": False},
    "KernelSpecManager": {"ensure_native_kernel": True},
}
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false", "doNotDisturbMode": True},
    "@jupyterlab/apputils-extension/themes": {"theme": "JupyterLab Light"},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    "@jupyterlab/extensionmanager-extension/plugin": {"enabled": False},
}
"""Settings of the front end: no questions, no news, no automatic saves."""


@dataclass(frozen=True)
class Server:
    """A running server: its URL, and the folder of the notebooks."""

    url: str
    root: Path
    log: Path

    def write(self, name: str, cells: list[dict[str, Any]], **metadata: object) -> None:
        """Write the notebook *name* with *cells*."""
        kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernelspec, **metadata}, "cells": cells}
        (self.root / name).write_text(json.dumps(book), encoding="utf-8")

    def read(self, name: str) -> Any:
        """Return the notebook *name* as it was saved."""
        return json.loads((self.root / name).read_text(encoding="utf-8"))

    def ask(self, path: str, method: str = "GET", body: object = None) -> Any:
        """Return the answer of the server's REST interface."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, method=method)  # noqa: S310 - http, our own server
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - likewise
            text = answer.read()
        return json.loads(text) if text else None

    def close_sessions(self) -> None:
        """End every session, and its kernel with it."""
        for session in self.ask("api/sessions"):
            self.ask(f"api/sessions/{session['id']}", "DELETE")


@contextmanager
def serving(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run a JupyterLab server in *folder*; whatever it or the front end writes stays there."""
    root, config, log = folder / "notebooks", folder / "config", folder / "server.log"
    root.mkdir(parents=True)
    _write(config / "jupyter_server_config.json", CONFIG)
    for name, values in SETTINGS.items():
        _write(folder / "settings" / f"{name}.jupyterlab-settings", values)
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={root}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=root, env={**_environment(folder), **(environment or {})}, stdout=output, stderr=output
        )
    try:
        yield Server(_url(folder / "runtime", process, log), root, log)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _write(file: Path, content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CL_NOTEBOOK_", "JUPYTER"))}
    return {
        **kept,
        "CL_NOTEBOOK_DATA": str(folder / "data"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        # the kernels run on the very Python of the tests, whatever else is installed
        "JUPYTER_PREFER_ENV_PATH": "1",
    }


def _url(runtime: Path, process: subprocess.Popen[bytes], log: Path) -> str:
    file = runtime / f"jpserver-{process.pid}.json"
    patience = time.monotonic() + SECONDS
    while time.monotonic() < patience and process.poll() is None:
        try:
            return str(json.loads(file.read_text(encoding="utf-8"))["url"])
        except (OSError, ValueError):
            time.sleep(0.1)
    msg = f"JupyterLab did not start within {SECONDS} s:\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}"
    raise AssertionError(msg)
