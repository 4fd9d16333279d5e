"""A notebook open in a real JupyterLab or Notebook 7, driven as a user would."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from lab_server import LIMIT_S, Server

if TYPE_CHECKING:  # not needed to say that they are missing
    from nbformat import NotebookNode
    from playwright.sync_api import (
        BrowserContext,
        ConsoleMessage,
        Dialog,
        Locator,
        Page,
        Request,
    )

FrontEnd = Literal["lab", "notebook"]

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATHS: dict[FrontEnd, str] = {
    "lab": "/lab/tree/{name}?reset",  # without the tabs of earlier pages
    "notebook": "/notebooks/{name}",
}


def missing() -> str | None:
    """Say what the harness lacks here, or give None."""
    for module in ("playwright", "jupyterlab", "notebook", "nbformat"):
        if importlib.util.find_spec(module) is None:
            return f"the browser tests need {module}: pip install nemotron-magic[test]"
    if not CHROMIUM.exists():
        return f"the browser tests need {CHROMIUM}: apt-get install chromium"
    return None


@contextmanager
def chromium() -> Iterator[BrowserContext]:
    """Run the system's Chromium, with a profile of its own.

    One context for all pages, because its cache saves seconds on each page.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=CHROMIUM_ARGS
        )
        try:
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            context.add_init_script(_SCRIPT)
            yield context
        finally:
            browser.close()


@dataclass(frozen=True, slots=True)
class Frame:
    """What one painted frame showed of a cell's output; lengths in CSS pixels."""

    time_s: float  # since the watch began
    chars: int  # of text in the output
    outputs: int  # displays, streams, results and errors, each one
    height: float  # of the output
    scroll_height: float  # of the whole notebook
    scroll_top: float


@dataclass(frozen=True, slots=True)
class Watch:
    """The painted frames of one output, of which only changes are kept."""

    page: Page
    index: int

    def frames(self) -> list[Frame]:
        """Give the frames so far, oldest first."""
        rows = self.page.evaluate("index => nmWatched[index]", self.index)
        return [Frame(*row) for row in rows]


def largest_drop(lengths: Sequence[float]) -> float:
    """Give by how much a length fell at most from one frame to the next.

    >>> largest_drop([10, 30, 25, 40])
    5
    """
    return max([0, *(before - after for before, after in pairwise(lengths))])


# Runs before the front end's own scripts. `nmRuns` counts runs not yet ended; a sample
# is taken after each paint (a message posted in an animation frame arrives after it).
_SCRIPT = """
window.nmRuns = 0;
window.nmWatched = {};
window.nmPanel = () => window.jupyterapp?.shell?.currentWidget;
window.nmCell = index => nmPanel().content.widgets[index];
window.nmReady = () => {
  const panel = window.nmPanel();
  return Boolean(panel?.content?.widgets && panel.context.isReady
    && panel.sessionContext.isReady && panel.revealed !== undefined);
};
window.nmIdle = () => nmRuns === 0
  && nmPanel().sessionContext.session?.kernel?.status === 'idle';
window.nmRun = command => {
  nmRuns += 1;
  jupyterapp.commands.execute(command).finally(() => { nmRuns -= 1; });
};
window.nmWatch = index => {
  const samples = nmWatched[index] = [];
  const start = performance.now();
  const channel = new MessageChannel();
  let last = '';
  channel.port1.onmessage = () => {
    const area = nmCell(index)?.node.querySelector('.jp-Cell-outputArea');
    const scroller = document.querySelector('.jp-WindowedPanel-outer');
    const sample = [
      area?.textContent.length ?? 0,
      area?.querySelectorAll(':scope > .jp-OutputArea-child').length ?? 0,
      area?.getBoundingClientRect().height ?? 0,
      scroller.scrollHeight, scroller.scrollTop,
    ];
    if (String(sample) !== last) {
      last = String(sample);
      samples.push([(performance.now() - start) / 1000, ...sample]);
    }
  };
  const next = () => {
    if (nmWatched[index] !== samples) { channel.port1.close(); return; }
    channel.port2.postMessage(null);
    requestAnimationFrame(next);
  };
  next();
};
"""

# Nothing is returned: of a widget, all that hangs on it would be sent, for seconds.
_OPEN = """async path => {
  await jupyterapp.commands.execute('docmanager:open', {path});
}"""
_SAVE = "async () => { await jupyterapp.commands.execute('docmanager:save'); }"
_THEME = """async theme => {
  await jupyterapp.commands.execute('apputils:change-theme', {theme});
}"""
# Whatever is not saved goes: each test has a notebook of its own.
_CLOSE = """async () => {
  for (const widget of [...jupyterapp.shell.widgets('main')]) {
    if (widget.context) widget.context.model.dirty = false;
    widget.dispose();
  }
}"""


@dataclass  # without slots: playwright hangs a wrapper on it for each bound handler
class NotebookPage:
    """One notebook in one page."""

    server: Server
    page: Page
    name: str  # of the notebook's file
    screenshots: Path
    front_end: FrontEnd = "lab"
    requests: list[str] = field(default_factory=list)  # to any host but the server
    console_errors: list[str] = field(default_factory=list)
    _native_dialogs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(LIMIT_S * 1000)
        self._listeners: dict[Any, Callable[[Any], None]] = {
            "request": self._note_request,
            "console": self._note_console,
            "pageerror": lambda error: self.console_errors.append(str(error)),
            "dialog": self._note_dialog,
        }
        for event, listener in self._listeners.items():
            self.page.on(event, listener)

    @property
    def _is_lab_loaded(self) -> bool:
        return self.page.url.startswith(f"{self.server.url}/lab")

    def close(self) -> None:
        """Leave the page to the next notebook, or close it if that cannot be."""
        try:
            assert self._is_lab_loaded
            self.resize(1280)
            self.theme("light")
            self.page.evaluate(_CLOSE)
            assert not self.page.locator(".jp-Notebook, .jp-Dialog").count()
        except Exception:
            self.page.close()
            return
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)

    def _note_request(self, request: Request) -> None:
        if not re.match(rf"{self.server.url}/|data:|blob:|about:", request.url):
            self.requests.append(request.url)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console_errors.append(message.text)

    def _note_dialog(self, dialog: Dialog) -> None:
        if dialog.type == "beforeunload":  # "leave without saving?": we do
            dialog.accept()
            return
        self._native_dialogs.append(dialog.message)
        dialog.dismiss()

    @property
    def path(self) -> Path:
        """The notebook's file."""
        return self.server.root / self.name

    @property
    def dialogs(self) -> list[str]:
        """The texts of alerts so far and of the front end's dialogs open now."""
        return self._native_dialogs + self.page.locator(".jp-Dialog").all_inner_texts()

    def open(self, front_end: FrontEnd, cells: Sequence[str]) -> None:
        """Write a notebook of these code cells, open it, and wait for its kernel."""
        from nbformat.v4 import new_code_cell, new_notebook

        self.front_end = front_end
        notebook = new_notebook(
            cells=[new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "here", "display_name": "here"}},
        )
        self._write(notebook)
        if front_end == "lab" and self._is_lab_loaded:
            self.page.evaluate(_OPEN, self.name)  # far sooner than a page that loads
            self._wait_ready()
        else:
            self._go()

    def _write(self, notebook: NotebookNode) -> None:
        import nbformat

        nbformat.write(notebook, self.path)

    def _go(self) -> None:
        path = PATHS[self.front_end].format(name=quote(self.name))
        self.page.goto(self.server.url + path)
        self._wait_ready()

    def _wait_ready(self) -> None:
        self.page.wait_for_function("window.nmReady()")
        self.page.evaluate("async () => { await nmPanel().revealed; }")
        self.wait_idle()

    def run(self, index: int) -> None:
        """Select a cell and run it; does not wait for its end."""
        self.page.evaluate(
            """index => {
                nmPanel().content.deselectAll();
                nmPanel().content.activeCellIndex = index;
                nmRun('notebook:run-cell');
            }""",
            index,
        )

    def run_all(self) -> None:
        """Run every cell in order; does not wait for the end."""
        self.page.evaluate("nmRun('notebook:run-all-cells')")

    def wait_idle(self, limit_s: float = LIMIT_S) -> None:
        """Wait until nothing runs and the kernel says that it is idle."""
        self.page.wait_for_function("nmIdle()", timeout=limit_s * 1000)

    def output(self, index: int) -> Locator:
        """Give the place of a cell's outputs; `.inner_html()` is what they hold."""
        cell = f".jp-Notebook .jp-Cell[data-windowed-list-index='{index}']"
        return self.page.locator(f"{cell} .jp-Cell-outputArea")

    def text(self, index: int) -> str:
        """Give the text that a cell's outputs show."""
        return self.output(index).inner_text()

    def wait_for_text(self, index: int, text: str, limit_s: float = LIMIT_S) -> None:
        """Wait until a cell's outputs show `text`."""
        shown = self.output(index).filter(has_text=text)
        shown.wait_for(timeout=limit_s * 1000)

    def complete(self, index: int) -> str:
        """Press Tab at the end of a cell, take the first offer, give its text."""
        cell = f".jp-Notebook .jp-Cell[data-windowed-list-index='{index}']"
        self.page.locator(f"{cell} .cm-content").click()
        self.page.keyboard.press("Control+End")
        self.page.keyboard.press("Tab")
        self.page.locator(".jp-Completer-item").first.wait_for()
        self.page.keyboard.press("Enter")
        return str(self.page.evaluate("i => nmCell(i).model.sharedModel.source", index))

    def sources(self) -> list[str]:
        """Return the source of each cell."""
        found: list[str] = self.page.evaluate(
            "[...nmPanel().content.model.cells].map(cell => cell.sharedModel.source)"
        )
        return found

    def watch(self, index: int) -> Watch:
        """Note from now on what each painted frame shows of a cell's output."""
        self.page.evaluate("index => nmWatch(index)", index)
        return Watch(self.page, index)

    def interrupt(self) -> None:
        """Press the toolbar's stop button."""
        self.page.locator("[data-command='notebook:interrupt-kernel']").first.click()

    def save(self) -> None:
        """Save the notebook, and wait until it is on disk."""
        self.page.evaluate(_SAVE)
        self.page.wait_for_function("!nmPanel().context.model.dirty")

    def read_ipynb(self) -> NotebookNode:
        """Give the notebook as it is on disk."""
        import nbformat

        return nbformat.read(self.path, as_version=4)

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """Save, and give a cell's outputs as they are on disk."""
        self.save()
        return list(self.read_ipynb().cells[index].outputs)

    def reload(self) -> None:
        """Load the page anew from what was saved; the kernel lives on."""
        self._go()  # and not the tabs of earlier tests, too

    def reopen_untrusted(self) -> None:
        """Open what was saved as if it came from someone else, with a fresh kernel.

        Trust is a signature over the file's content, so one foreign key undoes it.
        """
        notebook = self.read_ipynb()
        notebook.metadata["from"] = "elsewhere"
        self.page.goto("about:blank")
        self.server.shut_down_kernels()
        self._write(notebook)
        self._go()

    def theme(self, theme: Literal["light", "dark"]) -> None:
        """Switch the front end's theme."""
        self.page.evaluate(_THEME, f"JupyterLab {theme.title()}")
        light = json.dumps(theme == "light")
        body = self.page.locator(f"body[data-jp-theme-light='{light}']")
        body.wait_for(state="attached")
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")

    def resize(self, width: int, height: int = 900) -> None:
        """Give the page another size in CSS pixels."""
        self.page.set_viewport_size({"width": width, "height": height})

    def screenshot(self, name: str) -> Path:
        """Write what the page shows to `name`.png, and give its path."""
        self.screenshots.mkdir(parents=True, exist_ok=True)
        path = self.screenshots / f"{name}.png"
        self.page.screenshot(path=path)
        return path
