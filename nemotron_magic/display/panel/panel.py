"""The panel: its tabs, its registry, its state as text in a saved notebook."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files
from typing import Any

import ipywidgets

from nemotron_magic.context.cells import cell_id_of, execution_of
from nemotron_magic.context.redact import Redactor
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.parameters import BY_NAME
from nemotron_magic.core.text import plural
from nemotron_magic.display import WORDS, panel, reports
from nemotron_magic.display.panel.ask import AskTab
from nemotron_magic.display.panel.form import SettingsForm, config_lines
from nemotron_magic.display.reply import document
from nemotron_magic.markdown import to_html
from nemotron_magic.markdown.html import small_css, stylesheet
from nemotron_magic.markdown.parser import as_block
from nemotron_magic.session.conversation import Turn
from nemotron_magic.session.reply import Reply

_VIEW = "application/vnd.jupyter.widget-view+json"

_WORDS = WORDS["panel"]
_LOST = f'<p class="nm-error nm-lost" role="alert">{_WORDS["lost"]}</p>'
_MOST_CHARS = 4_000


class Panel:
    """A panel that is open until it is closed."""

    def __init__(self, host: panel.PanelHost) -> None:
        self._host = host
        self.cell_id, self.execution = cell_id_of(host.shell), execution_of(host.shell)
        self._mark = f"nm-{uuid.uuid4().hex[:12]}"
        self._make = make = panel.WidgetFactory()
        self._saved: dict[str, str] = {}
        self._ask = AskTab(host, make)
        self._form: SettingsForm | None = None
        self._preview: Any = None
        self._usage: Any = None
        self._pages: dict[str, Callable[[], Any]] = {
            "Ask": lambda: self._ask.box,
            "Parameters": self._show_form,
            "Preview": self._show_preview,
            "Usage": self._show_usage,
        }
        self._toggles = {name: self._toggle(name) for name in self._pages}
        close = make.button("Close", self.close, tooltip=_WORDS["close"])
        tabs = (*self._toggles.values(), close)
        top = make(ipywidgets.HBox, "nm-top", children=tabs)
        css = f"<style>{stylesheet()}{small_css(_css('panel.css'))}</style>"
        # The style sheet shows that line once the page has lost the kernel.
        self._head = (make(ipywidgets.HTML, value=f"{css}{_LOST}"), top)
        shown = (*self._head, self._ask.box)
        self.box = make(ipywidgets.VBox, "nm-panel", self._mark, children=shown)
        self._is_closed = self._is_switching = False
        host.config.observe(self._save_state, names=[*BY_NAME])

    def show(self) -> None:
        """Show the panel in the cell that runs now, and its state as text beside it."""
        self._host.add(self)
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        bundle = {_VIEW: view, "text/plain": "A panel of %nemotron"}
        self._host.shell.display_pub.publish(bundle)
        self._save_state()

    def refresh(self) -> None:
        """Show what has been asked meanwhile."""
        self._ask.refresh()
        self._save_state()

    def close(self) -> None:
        """Take the panel off the page, and leave nothing behind; twice is once."""
        if self._is_closed:
            return
        self._is_closed = True
        self._ask.stop()
        if self._form is not None:
            self._form.close()
        self._host.config.unobserve(self._save_state, names=[*BY_NAME])
        self._save_state()
        self._make.close()
        self._host.panels.remove(self)

    def _save_state(self, change: Any = None) -> None:
        """Keep the state as text beside the panel, in a display of its own."""
        bundle, saved = state_bundle(self._mark, self._host), self._saved
        # Without a kernel nothing that is shown can be shown again.
        is_live = getattr(self._host.shell, "kernel", None) is not None
        if bundle != saved and (is_live or not saved):
            self._saved = bundle
            place = {"display_id": f"{self._mark}-still"}
            publish = self._host.shell.display_pub.publish
            publish(bundle, transient=place, update=bool(saved))

    def _toggle(self, name: str) -> Any:
        looks = {"tooltip": name, "value": name == "Ask"}
        press = partial(self._open_tab, name)
        return self._make.toggle(name, "nm-tab", press=press, **looks)

    def _open_tab(self, name: str) -> None:
        """Show a tab; one that is open is brought up to date."""
        if self._is_switching:
            return
        self._is_switching = True
        try:
            for other, toggle in self._toggles.items():
                toggle.value = other == name
        finally:
            self._is_switching = False
        try:
            shown = self._pages[name]()
        except NemotronError as error:
            html = panel.error_html(str(error))
            shown = self._make(ipywidgets.HTML, "nm-page", value=html)
        self.box.children = (*self._head, shown)

    def _show_form(self) -> Any:
        if self._form is None:
            host = self._host
            self._form = SettingsForm(host.config, self._make, host.is_rehearsal)
        panel.in_thread(self._list_models)
        return self._form.box

    def _list_models(self) -> None:
        try:
            models, problem = self._host.session.models(self._host.settings()), ""
        except NemotronError as error:
            models, problem = [], f"The models cannot be listed: {error.what}"
        with self._make.lock:
            if self._form is not None and not self._make.is_closed:
                self._form.offer(models, problem)

    def _show_preview(self) -> Any:
        question, settings = self._ask.question()
        asked = self._host.session.prepare(question, settings)
        text = reports.preview_report(self._host.session, asked, settings)
        self._preview = self._preview or self._make(ipywidgets.HTML, "nm-page")
        self._preview.value = panel.report(text)
        return self._preview

    def _show_usage(self) -> Any:
        self._host.settings()  # the ledger is the one that is set
        if self._usage is None:
            table, left = (self._make(ipywidgets.HTML) for _ in range(2))
            press = partial(panel.in_thread, partial(self._ask_balance, left))
            ask = self._make.button("Ask for the balance", press)
            parts = (table, ask, left)
            self._usage = self._make(ipywidgets.VBox, "nm-page", children=parts)
        ledger = self._host.session.accounting.ledger
        usage = f"{reports.usage(ledger)}\n\n{reports.by_day(ledger.by_day())}"
        self._usage.children[0].value = panel.report(usage)
        return self._usage

    def _ask_balance(self, line: Any) -> None:
        try:
            settings = self._host.settings()
            html = panel.report(reports.balance(self._host.session, settings))
        except NemotronError as error:
            html = panel.error_html(f"The balance cannot be had: {error.what}")
        line.value = html


@cache
def _css(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def state_bundle(mark: str, host: panel.PanelHost) -> dict[str, str]:
    """Return the state of a panel as text, for a saved notebook.

    Its style sheet hides it while the panel is in the page, else the page's complaint.
    """
    session = host.session
    reply = session.conversation.last
    last = next((turn for turn in host.turns() if turn.reply is reply), None)
    totals = session.accounting.ledger.of_session()
    tokens = " → ".join(reports.tokens_text(totals))
    calls, cost = plural(totals.calls, "call"), reports.cost_text(totals)
    config = config_lines({name: getattr(host.config, name) for name in BY_NAME})
    spent = f"This session: {calls} · {tokens} tokens · {cost}"
    parts = panel_state(Redactor({}).redact(config).text, last, spent)
    style = _css("still.css").replace("MARK", mark).replace("\n", "")
    # Each by itself, because a reply that was stopped may end in an open block of code.
    html = f"{document(''.join(map(to_html, parts)))}<style>{style}</style>"
    still = f'<div class="{mark}-still">{html}</div>'
    return {"text/html": still, "text/plain": "\n\n".join(parts)}


def panel_state(config: str, turn: Turn | None, spent: str) -> list[str]:
    """Return the state of a panel as Markdown: what is set, the last turn, the cost."""
    settings = as_block(config, "python") if config else _WORDS["defaults"]
    parts = [f"*{_WORDS['still']}*", settings]
    for text in (turn.question, turn.reply) if turn else ():
        shown, more = text[:_MOST_CHARS], len(text) - _MOST_CHARS
        parts.append(shown if isinstance(text, Reply) else as_block(shown, "text"))
        parts.append(f"… and {more:,} characters more." if more > 0 else "")
    return [*filter(None, parts), spent]
