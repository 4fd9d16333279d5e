"""A panel's last state as text: what a saved notebook shows without a kernel.

It is a display of its own beside the panel, hidden by its style sheet while the panel
is in the page, and shown instead of the page's complaint when it is not.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from nemotron_magic.context.redact import Redactor
from nemotron_magic.ledger import Ledger
from nemotron_magic.markdown import to_html
from nemotron_magic.notebook.commands.spending import cost_of, tokens_of
from nemotron_magic.notebook.html import document
from nemotron_magic.quantities import plural
from nemotron_magic.session import Session
from nemotron_magic.turns import Turn

__all__ = ["Still", "still_html", "still_text"]

_MOST_CHARS = 4_000
_PAUSE_S = 2.0
"""A saved notebook need not follow a slider."""

_HEADING = "The panel of %nemotron as it was last; run the cell for a live one."
_DEFAULTS = "All settings are at their defaults."

_HIDE = """
.jp-OutputArea:has(.MARK) .jp-OutputArea-child:has(.MARK-still),
body:has(.MARK) .MARK-still{display:none}
.jp-OutputArea-child:has(+.jp-OutputArea-child .MARK-still):not(:has(.MARK)){
display:none}
.jp-NotebookPanel .MARK-still{animation:nm-still 1ms 1.5s backwards}
@keyframes nm-still{from{max-height:0;overflow:hidden;visibility:hidden}}
"""
"""The last lines: a panel that is about to be drawn is waited for."""


def still_text(config: str, turn: Turn | None, spent: str) -> str:
    """Give the state as plain text.

    Parameters
    ----------
    config : str
        The lines that set what is not at its default.
    spent : str
        What the session took, one line.
    """
    parts = [_HEADING, config or _DEFAULTS]
    if turn is not None:
        parts += [f"Question: {turn.question}", f"Answer: {_cut(str(turn.reply))}"]
    return "\n\n".join([*parts, spent])


def still_html(mark: str, config: str, turn: Turn | None, spent: str) -> str:
    """Give the state as HTML, hidden while the panel of that `mark` is in the page."""
    parts = [f"<p><em>{html.escape(_HEADING)}</em></p>"]
    if config:
        parts.append(f'<pre class="nm-plain">{html.escape(config)}</pre>')
    else:
        parts.append(f"<p>{_DEFAULTS}</p>")
    if turn is not None:
        question = html.escape(turn.question)
        parts.append(f'<p style="white-space:pre-wrap"><b>{question}</b></p>')
        parts.append(to_html(_cut(str(turn.reply))))
    parts.append(f'<div class="nm-footer">{html.escape(spent)}</div>')
    style = _HIDE.replace("MARK", mark).replace("\n", "")
    return (
        f'<div class="{mark}-still">{document("".join(parts))}'
        f"<style>{style}</style></div>"
    )


class Still:
    """Keeps the text beside one panel up to date.

    Parameters
    ----------
    mark : str
        The class of the panel's own element.
    publish : callable
        Shows a bundle, as the shell's display publisher does.
    later : callable
        Calls a function after so many seconds.
    """

    def __init__(
        self,
        mark: str,
        session: Session,
        config: Callable[[], str],
        publish: Callable[..., None],
        later: Callable[[float, Callable[[], None]], None],
    ) -> None:
        self._mark = mark
        self._session = session
        self._config = config
        self._publish = publish
        self._later = later
        self._lock = Lock()
        self._is_due = self._is_closed = False
        self._shown: Mapping[str, Any] = {}

    def show(self) -> None:
        """Show the text in the cell that runs now."""
        self._shown = self._bundle()
        self._publish(self._shown, transient=self._place())

    def touch(self) -> None:
        """Bring it up to date in a while."""
        with self._lock:
            is_due, self._is_due = self._is_due, True
        if not is_due:
            self._later(_PAUSE_S, self.update)

    def close(self) -> None:
        """Bring it up to date for the last time."""
        self.update()
        self._is_closed = True

    def update(self) -> None:
        """Bring it up to date now."""
        if self._is_closed:
            return
        with self._lock:
            self._is_due = False
            bundle = self._bundle()
            is_news, self._shown = bundle != self._shown, bundle
        if is_news:
            self._publish(bundle, transient=self._place(), update=True)

    def _place(self) -> dict[str, str]:
        return {"display_id": f"{self._mark}-still"}

    def _bundle(self) -> dict[str, str]:
        config = Redactor({}).redact(self._config()).text
        told = (config, _last_turn(self._session), _spent(self._session.ledger))
        return {
            "text/html": still_html(self._mark, *told),
            "text/plain": still_text(*told),
        }


def _last_turn(session: Session) -> Turn | None:
    turns = (turn for thread in session.threads.values() for turn in thread)
    return next((turn for turn in turns if turn.reply is session.last), None)


def _spent(ledger: Ledger) -> str:
    totals = ledger.of_session()
    calls = plural(totals.calls, "call")
    sent, received = tokens_of(totals)
    return f"This session: {calls} · {sent} → {received} tokens · {cost_of(totals)}"


def _cut(text: str) -> str:
    if len(text) <= _MOST_CHARS:
        return text
    return f"{text[:_MOST_CHARS]}\n\n… and {len(text) - _MOST_CHARS:,} characters more."
