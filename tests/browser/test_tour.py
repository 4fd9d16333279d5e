"""The rest of the front ends: nbclassic, Voila and the Qt console."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from lab_server import LIMIT_S, Server
from nbformat.v4 import new_code_cell, new_notebook

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.extended

PANEL = "%nemotron panel"
CELLS = [
    "%load_ext nemotron_magic\n%nemotron rehearse",
    "%nemotron rehearsal: say Hello **you**",
    "%%nemotron --code\nrehearsal: length 200",
    PANEL,
    "%nemotron -t 9 hello",
]
TOO_HOT = "InputError: temperature must be from 0 to 2, got 9"


def write(path: Path, kernel: str) -> None:
    notebook = new_notebook(
        cells=[new_code_cell(cell) for cell in CELLS],
        metadata={"kernelspec": {"name": kernel, "display_name": kernel}},
    )
    nbformat.write(notebook, path)


@pytest.fixture
def page(browser_context: BrowserContext) -> Iterator[Page]:
    page = browser_context.new_page()
    page.set_default_timeout(LIMIT_S * 1000)
    yield page
    page.close()


def ask_the_panel(page: Page) -> None:
    page.get_by_label("Question", exact=True).fill("rehearsal: say And **me**?")
    page.get_by_role("button", name="Send", exact=True).click()
    page.locator(".nm-turns strong", has_text="me").last.wait_for()


def shot(page: Page, tmp_path: Path, name: str) -> None:
    folder = Path(os.environ.get("NEMOTRON_SCREENSHOTS", tmp_path))
    page.screenshot(path=folder / f"{name}.png")


def test_nbclassic_shows_replies_inserts_code_and_has_the_panel(
    jupyter_server: Server, page: Page, tmp_path: Path
) -> None:
    pytest.importorskip("nbclassic")
    write(jupyter_server.root / "classic.ipynb", "here")
    page.goto(f"{jupyter_server.url}/nbclassic/notebooks/classic.ipynb")
    page.wait_for_function("window.Jupyter?.notebook?.kernel?.is_connected()")
    is_ready = "Jupyter.notebook.kernel.comm_manager.targets['jupyter.widget'] != null"
    page.wait_for_function(is_ready)
    page.wait_for_load_state("networkidle")
    page.evaluate("Jupyter.notebook.execute_all_cells()")
    page.get_by_text(TOO_HOT).wait_for()
    # The first panel may have come before all that draws widgets was loaded.
    page.evaluate(f"Jupyter.notebook.execute_cells([{CELLS.index(PANEL) + 1}])")
    ask_the_panel(page)
    shot(page, tmp_path, "nbclassic")
    cells = page.evaluate("Jupyter.notebook.get_cells().map(one => one.get_text())")
    jupyter_server.shut_down_kernels()

    assert page.locator(".output strong", has_text="you").count()
    assert len(cells) == len(CELLS) + 1
    assert cells[3].endswith("print(total)")


@contextmanager
def voila(notebook: Path, theme: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "voila", "--no-browser", f"--port={port}"]
    with (notebook.parent / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, f"--theme={theme}", "--show_tracebacks=True", notebook],
            env={**os.environ, "HOME": str(notebook.parent)},
            stdout=log,
            stderr=log,
        )
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait(20)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_voila_shows_replies_and_its_visitor_asks_in_the_panel(
    page: Page, tmp_path: Path, theme: str
) -> None:
    pytest.importorskip("voila")
    write(tmp_path / "visit.ipynb", "python3")
    with voila(tmp_path / "visit.ipynb", theme) as url:
        until_up = f"""async () => {{
            while (!await fetch({url!r}, {{mode: 'no-cors'}}).catch(() => null))
                await new Promise(done => setTimeout(done, 200));
        }}"""
        page.evaluate(until_up)
        page.goto(url)
        ask_the_panel(page)
        shot(page, tmp_path, f"voila-{theme}")

        assert page.locator("strong", has_text="you").count()
        assert page.get_by_text("the code stays in this reply").count()
        assert page.get_by_text(TOO_HOT).count()
        assert not page.locator(".nm-insert:visible").count()


QT = """
import sys, time
from qtpy.QtWidgets import QApplication
from qtconsole.manager import QtKernelManager
from qtconsole.rich_jupyter_widget import RichJupyterWidget

application = QApplication([])
manager = QtKernelManager(kernel_name="python3")
manager.start_kernel()
client = manager.client()
client.start_channels()
console = RichJupyterWidget(kernel_manager=manager, kernel_client=client)
console.kernel_manager, console.kernel_client = manager, client
said = console._control.toPlainText


def wait_for_prompt(number):
    end = time.monotonic() + 60
    while f"In [{number}]: " not in said() and time.monotonic() < end:
        application.processEvents()
        time.sleep(0.02)


wait_for_prompt(1)
for number, cell in enumerate(CELLS, 2):
    console.execute(cell)
    wait_for_prompt(number)
print(said())
client.stop_channels()
manager.shutdown_kernel(now=True)
"""


def test_the_qt_console_shows_replies_and_offers_their_code(tmp_path: Path) -> None:
    pytest.importorskip("qtconsole")
    done = subprocess.run(
        [sys.executable, "-c", f"CELLS = {CELLS!r}\n{QT}"],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )

    assert "Hello you" in done.stdout
    assert "code in the cell" in done.stdout
    assert "a panel needs a notebook page" in done.stdout
    assert TOO_HOT in done.stdout
    assert "<div" not in done.stdout
