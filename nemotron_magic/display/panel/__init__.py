"""The panel: what its parts share; loaded when a panel is first opened."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from threading import RLock, Thread
from typing import Any

import ipywidgets

from nemotron_magic.client.deadline import CancelToken, wait_done
from nemotron_magic.context.cells import cell_number
from nemotron_magic.core.settings import Settings
from nemotron_magic.display.insert import CodeInserter
from nemotron_magic.display.page import Ticker
from nemotron_magic.markdown import to_html
from nemotron_magic.markdown.html import line_html
from nemotron_magic.session.conversation import Question, Turn
from nemotron_magic.session.session import Session


@dataclass(slots=True)
class PanelHost:
    """What all panels of a notebook share."""

    shell: Any
    config: Any
    session: Session
    question: Callable[[str, str, Settings, int], Question]
    inserter: CodeInserter
    keep_books: Callable[[Settings], None]
    ticker: Ticker
    draft: str = ""  # what was typed last in any, for one that is drawn again
    panels: list[Any] = field(default_factory=list, init=False)
    is_running: bool = field(default=True, init=False)  # it is a cell that opens one
    _turns_on_display: list[Turn] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.shell.events.register("pre_run_cell", self._begin_cell)
        self.shell.events.register("post_run_cell", self._end_cell)

    def settings(self) -> Settings:
        """Return the settings of a call that is to be made now."""
        settings: Settings = self.config.snapshot()
        self.keep_books(settings)
        return settings

    def is_rehearsal(self) -> bool:
        """Return whether a question that is asked now goes to a rehearsal."""
        self.settings()
        return self.session.accounting.is_rehearsal

    def turns(self) -> list[Turn]:
        """Return the turns of all conversations."""
        threads = [*self.session.conversation.threads.values()]
        return [turn for thread in threads for turn in thread]

    def last_cell(self) -> int:
        """Return the number of the last cell that has ended."""
        return cell_number(self.shell) - self.is_running

    def add(self, panel: Any) -> None:
        """Keep a panel up to date; close what an earlier run of its cell opened."""
        self.panels.append(panel)
        for other in [*self.panels]:
            is_same_cell = bool(panel.cell_id) and other.cell_id == panel.cell_id
            if is_same_cell and other.execution != panel.execution:
                other.close()

    def refresh(self) -> None:
        """Let all panels show what has been asked."""
        self._turns_on_display = self.turns()
        for panel in [*self.panels]:
            panel.refresh()

    def close(self) -> None:
        """Close all panels, and follow cells no more."""
        for panel in [*self.panels]:
            panel.close()
        self.shell.events.unregister("pre_run_cell", self._begin_cell)
        self.shell.events.unregister("post_run_cell", self._end_cell)

    def _begin_cell(self, info: Any) -> None:
        self.is_running = True

    def _end_cell(self, result: Any) -> None:
        self.is_running = False
        if [*map(id, self.turns())] != [*map(id, self._turns_on_display)]:
            self.refresh()


class WidgetFactory:
    """Make the widgets of one panel; they share what would be a message each."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.is_closed = False
        self._layout = ipywidgets.Layout()
        self._styles: dict[type, Any] = {}
        self._made: dict[Any, None] = {}

    def __call__(self, kind: Any, *classes: str, **traits: Any) -> Any:
        """Return a widget of this kind, with these classes of the style sheet."""
        style = kind.class_traits().get("style")
        if style is not None:
            if style.klass not in self._styles:
                self._styles[style.klass] = style.klass()
            traits["style"] = self._styles[style.klass]
        widget = kind(layout=self._layout, _dom_classes=classes, **traits)
        self._made[widget] = None
        return widget

    def output(self, html: str, before: Any = None) -> Any:
        """Return an output, or that of `before`, that shows HTML as a cell's does."""
        data = {"text/html": html}
        shown = {"output_type": "display_data", "data": data, "metadata": {}}
        if before is None:
            return self(ipywidgets.Output, outputs=(shown,))
        before.outputs = (shown,)
        return before

    def button(self, label: str, press: Callable[[], None], **traits: Any) -> Any:
        """Return a button that calls `press`."""
        button = self(ipywidgets.Button, description=label, **traits)
        button.on_click(lambda button: press())
        return button

    def toggle(
        self, label: str, *classes: str, press: Callable[[], None], **traits: Any
    ) -> Any:
        """Return a button that stays down, or comes up, and calls `press`."""
        toggle = self(ipywidgets.ToggleButton, *classes, description=label, **traits)
        toggle.observe(lambda change: press(), names="value")
        return toggle

    def drop(self, widget: Any) -> None:
        """Close a widget that is no longer shown."""
        del self._made[widget]
        widget.close()

    def close(self) -> None:
        """Close all of them."""
        with self.lock:
            self.is_closed = True
            for widget in [*self._made, *self._styles.values(), self._layout]:
                widget.close()
            self._made.clear()


def report(markdown: str) -> str:
    """Return the HTML of a text of our own; what looks like a formula is none."""
    return f'<div class="nm-reply mathjax_ignore">{to_html(markdown)}</div>'


def error_html(text: str) -> str:
    """Return a line of HTML that says what is wrong; empty for no text."""
    return f'<div class="nm-error" role="alert">{line_html(text)}</div>' if text else ""


def in_thread(work: Callable[[], None]) -> None:
    """Do `work` in a thread, so that the kernel need not wait for it."""
    run = copy_context().run  # ipykernel 7 keeps there which cell gets what is sent
    Thread(target=run, args=(work,), name="nemotron-panel", daemon=True).start()


def when_idle(
    shell: Any, work: Callable[[], None], limit_s: float, stop: CancelToken
) -> bool:
    """Do `work` in the kernel's main thread; return whether it was done in time.

    It is not begun once the time is over or it is stopped.
    """
    done: Future[None] = Future()
    loop = getattr(getattr(shell, "kernel", None), "io_loop", None)
    if loop is None:
        return False

    def run() -> None:
        if done.set_running_or_notify_cancel():
            try:
                work()
            finally:
                done.set_result(None)

    loop.add_callback(run)
    with suppress(KeyboardInterrupt):
        wait_done(done, limit_s, stop.check)
    return not done.cancel() and bool(wait([done], limit_s).done)
