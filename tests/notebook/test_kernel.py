"""The magics in a real kernel, run as a notebook is run."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jupyter_client.blocking.client import BlockingKernelClient


def _cell(number: int, source: str) -> dict[str, Any]:
    empty: dict[str, Any] = {"metadata": {}, "outputs": [], "execution_count": None}
    return {"cell_type": "code", "id": f"cell-{number}", "source": source, **empty}


def _notebook(*cells: str) -> Any:
    return nbformat.from_dict(  # type: ignore[no-untyped-call] # nbformat's
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [_cell(number, source) for number, source in enumerate(cells)],
        }
    )


def test_a_notebook_runs_and_stops_at_an_error(tmp_path: Path) -> None:
    """A notebook run by nbclient runs the magics, shows frames and trees as HTML, and stops at an error of one line."""
    book = _notebook(
        "%load_ext cl_notebook",
        f"%cl_backend add lab --driver sim --path {tmp_path / 'sim'}",
        "vol = %cl_volume create --size 1 --name '<i>db</i>'\nvol",
        "%cl_volumes",
        "%cl_tree",
        "%cl_volume show vol",
        "%cl_volume create --size 1 --name slow --backend nosuch",
        "reached = True",
    )
    with pytest.raises(CellExecutionError) as stopped:
        NotebookClient(book, timeout=60, kernel_name="python3").execute()
    assert "NotFound" in str(stopped.value)
    outputs = [cell.outputs for cell in book.cells]
    assert outputs[2][0].data["text/plain"].startswith("volume '<i>db</i>' · ✓ available · 1 GiB\n")
    assert "&lt;i&gt;db" in outputs[2][0].data["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in outputs[4][0].data
    for shown in outputs[3:6]:  # the last output of a tree is its static copy
        assert "&lt;i&gt;db&lt;/i&gt;" in shown[-1].data["text/html"]
        assert "<i>" not in shown[-1].data["text/html"]
    [error] = outputs[6]
    assert (error.output_type, error.ename) == ("error", "NotFound")
    assert len(error.traceback) == 1
    assert "\n" not in error.traceback[0]
    assert error.evalue in error.traceback[0]
    assert outputs[7] == []


@pytest.fixture
def kernel() -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    """Give a kernel with the extension loaded, and a client of it."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=dict(os.environ))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        client.execute_interactive("%load_ext cl_notebook", timeout=60, output_hook=lambda _message: None)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def test_a_kernel_shows_progress_completes_and_is_interrupted(
    kernel: tuple[KernelManager, BlockingKernelClient], tmp_path: Path
) -> None:
    """Work over two seconds is shown and wiped, an interrupt ends it as an interrupt, and Tab answers with typed matches."""
    manager, client = kernel
    seen: list[dict[str, Any]] = []
    setup = f"%cl_setup memory\n%cl_backend add lab --driver sim --latency 2.7 --path {tmp_path / 'sim'}"
    assert client.execute_interactive(setup, timeout=60, output_hook=lambda _message: None)["content"]["status"] == "ok"
    client.execute_interactive("%cl_volume create --size 1 --name text", timeout=60, output_hook=seen.append)
    shown = [message for message in seen if message["msg_type"] in {"display_data", "update_display_data"}]
    assert "create volume 'text'" in shown[0]["content"]["data"]["text/plain"]
    assert shown[-1]["content"]["data"]["text/plain"] == ""

    answer = client.complete("x = %cl_volume show t", 21, reply=True, timeout=30)["content"]
    assert answer["matches"] == ["text"]
    assert (answer["cursor_start"], answer["cursor_end"]) == (20, 21)
    assert answer["metadata"]["_jupyter_types_experimental"][0]["type"].split() == ["volume", "·", "available", "·", "1", "GiB"]
    code = "import cl_notebook as cl\ncl.find('t"
    answer = client.complete(code, len(code), reply=True, timeout=30)["content"]
    assert (answer["matches"], answer["cursor_start"]) == (["text"], len(code) - 1)

    shown_at = {
        place: client.inspect(code, code.index(place), reply=True, timeout=30)["content"]
        for code in ("%cl_volume set db --name x", "len([])")
        for place in (" --name", "len")
        if place in code
    }
    assert shown_at[" --name"]["data"]["text/plain"].startswith("%cl_volume set VOLUME")
    assert "number of items" in shown_at["len"]["data"]["text/plain"]

    number = client.execute("%cl_volume create --size 1 --name cut")
    time.sleep(1)
    manager.signal_kernel(signal.SIGINT)
    reply = client.get_shell_msg(timeout=30)
    assert reply["parent_header"]["msg_id"] == number
    assert reply["content"]["ename"] == "Interrupted"
    assert "%cl_scan repair " in reply["content"]["evalue"]
    assert len(reply["content"]["traceback"]) == 1
