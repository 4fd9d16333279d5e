"""The panel's Ask tab: question box, streaming replies, stop, continue, insert."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from html import escape
from typing import Any

import ipywidgets

from nemotron_magic.client.deadline import CancelToken
from nemotron_magic.code.trial import finished
from nemotron_magic.core import errors
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import plural
from nemotron_magic.display import WORDS, input_error, panel
from nemotron_magic.display.insert import InsertOptions
from nemotron_magic.display.page import Display, NotebookRenderer
from nemotron_magic.display.reply import document, is_status, without_style
from nemotron_magic.markdown.html import line_html
from nemotron_magic.session.conversation import MAIN, Continuation, Question, Turn
from nemotron_magic.session.reply import Reply, partial_reply

_MOST_NEW_TURNS = 12  # a page takes 50 ms to draw one
_TICK_S = 0.1
_BUSY_S = 15.0  # a kernel that is busy for longer tries nothing

_WORDS = WORDS["panel"]
_LIKE_OUTPUTS = "nm-growing", "jp-RenderedHTMLCommon"
_BLANK = without_style(document(""))


class Transcript:
    """Show a conversation: its turns, and below them the reply that grows.

    Each turn is an output, or several if it is long; those of the reply stay, with a
    tail below them. It is a `Publisher`: what renders in cells renders here, too.
    """

    def __init__(
        self, make: panel.WidgetFactory, htmls_of: Callable[[Turn], list[str]]
    ) -> None:
        self._make, self._htmls_of = make, htmls_of
        self._outputs: dict[int, tuple[Turn, list[Any]]] = {}
        self._growing: list[Any] = []
        self._continued: Turn | None = None
        self._html, self._is_cleared = "", False
        self.box = make(ipywidgets.VBox, "nm-turns")

    def show_turns(self, turns: Sequence[Turn], grown: Iterable[Any] = ()) -> None:
        """Bring the turns up to date; of new ones, only the last are shown.

        The very last takes what it needs of the outputs in which it has `grown`.
        """
        with self._make.lock:
            old, self._outputs = self._outputs, {}
            grown, left_out = iter(grown), 0
            for at, turn in enumerate(turns, 1):
                if id(turn) in old:
                    self._outputs[id(turn)] = old.pop(id(turn))
                elif len(turns) - at >= _MOST_NEW_TURNS:
                    left_out += 1
                else:
                    number = f"… {plural(left_out, 'turn')} not shown"
                    above = f'<p class="nm-muted">{number}</p>' if left_out else ""
                    self._outputs[id(turn)] = turn, (shown := [])
                    for html in self._htmls_of(turn):
                        before = next(grown, None) if turn is turns[-1] else None
                        shown.append(self._make.output(above + html, before))
                        if before is None and len(shown) > 1:
                            self._arrange()  # all at once would stop the page
                        above = ""
                    left_out = 0
            self._arrange(one for _, shown in old.values() for one in shown)

    def begin(self, question: str, continued: Turn | None = None) -> None:
        """Let a reply to this question grow, in place of the turn that it continues."""
        with self._make.lock:
            html = "" if continued else _question_html(question)
            tail = self._make(ipywidgets.HTML, *_LIKE_OUTPUTS)
            self._growing = [self._make.output(html), tail]
            self._html, self._continued = "", continued
            self._arrange()

    def end(self, turns: Sequence[Turn]) -> None:
        """Put turns in the place of the reply that grew."""
        with self._make.lock:
            *outputs, tail = self._growing
            grown, self._growing = iter(outputs), []
            self.show_turns(turns, grown)
            self._arrange([*grown, tail])

    def show(self, display: Display, *, again: bool = False) -> None:
        """Make a display, or render the one of that id `again`: the last one grows."""
        html = _bare(display.html)
        with self._make.lock:
            if not self._growing or self._make.is_closed:
                return
            question, *parts, tail = self._growing
            dropped: list[Any] = []
            if self._continued and html and not is_status(html):  # until then it stays
                self._make.output(_question_html(self._continued.question), question)
                dropped += self._outputs.pop(id(self._continued))[1]
                self._continued = None
            if self._is_cleared:
                dropped, parts = dropped + parts, []
            elif not again and self._html:
                parts.append(self._make.output(self._html))
            self._is_cleared, self._html, tail.value = False, html, html
            self._growing = [question, *parts, tail]
            self._arrange(dropped)

    def clear(self) -> None:
        """Let the displays go when the next one comes."""
        self._is_cleared = True

    def _arrange(self, dropped: Iterable[Any] = ()) -> None:
        outputs = (one for _, shown in self._outputs.values() for one in shown)
        self.box.children = (*outputs, *self._growing)
        for widget in dropped:
            self._make.drop(widget)


def _muted_html(text: str) -> str:
    return f'<div class="nm-muted" role="status">{escape(text)}</div>'


def _bare(html: str) -> str:
    """Return a document without its style sheet, which the panel has; none if empty."""
    html = without_style(html)
    return "" if html == _BLANK else html


def _question_html(text: str) -> str:
    return f'<p class="nm-question">{line_html(text)}</p>'


class AskTab:
    """Ask the questions of one panel, one at a time, in a thread."""

    def __init__(self, host: panel.PanelHost, make: panel.WidgetFactory) -> None:
        self._host, self._make, self._thread = host, make, MAIN
        self._cancel: CancelToken | None = None
        self._transcript = Transcript(make, self._turn_htmls)
        texts = {"value": host.draft, "placeholder": _WORDS["example"], "rows": 2}
        self._box = make(ipywidgets.Textarea, "nm-box", description="Question", **texts)
        self._send = make.button("Send", self.ask, button_style="primary")
        self._stop = make.button("Stop", self.stop, disabled=True)
        go_on = partial(self.ask, goes_on=True)
        self._continue = make.button("Continue", go_on, disabled=self._cut is None)
        texts = {"description": "Conversation", "tooltip": _WORDS["another"]}
        names = {"value": MAIN, "options": self._threads(), "continuous_update": False}
        self._name = make(ipywidgets.Combobox, "nm-name", **texts, **names)
        hint = _muted_html(_WORDS["hint"])
        self._status = make(ipywidgets.HTML, "nm-status-line", value=hint)
        self.refresh()
        buttons = (self._send, self._stop, self._continue, self._name)
        bar = make(ipywidgets.HBox, "nm-bar", children=buttons)
        talk = make(ipywidgets.VBox, "nm-talk", children=(self._transcript.box,))
        parts = (talk, self._box, self._status, bar)
        self.box = make(ipywidgets.VBox, "nm-ask", children=parts)
        self._box.observe(self._typed, names="value")
        self._name.observe(self._switch, names="value")

    def question(self) -> tuple[Question, Settings]:
        """Return what would be asked now, with what is sent along."""
        settings = self._host.settings()
        text, last = self._box.value, self._host.last_cell()
        return self._host.question(text, self._thread, settings, last), settings

    def ask(self, goes_on: bool = False) -> None:
        """Ask what is in the box, or for the rest of a reply that was cut off."""
        asked: Question | Continuation
        text, cut = self._box.value, self._cut if goes_on else None
        try:
            if self._cancel is not None:
                raise input_error("not_answered")
            if cut is not None:
                asked, settings = Continuation(self._thread), self._host.settings()
                text = cut.question
            elif goes_on:
                raise input_error("not_begun")
            elif not text.strip():
                raise input_error("no_question")
            else:
                asked, settings = self.question()
                self._fill_box("")
        except NemotronError as error:
            self._status.value = panel.error_html(str(error))
            return
        self._transcript.show_turns(self._turns())
        self._transcript.begin(text, cut)
        renderer = self._renderer()
        cancel = self._cancel = CancelToken()
        self._offer()
        self._say("Going on …" if cut else "Asking …")

        def run() -> None:
            reply: Reply | None = None
            error: NemotronError | None = input_error("broken")
            try:
                reply = self._host.session.ask(asked, settings, renderer.watch, cancel)
                error = None
                self._try_code(reply, cancel)
            except NemotronError as failed:
                reply, error = partial_reply(failed), failed
            finally:
                renderer.fail()
                self._end(text, reply, error)

        panel.in_thread(run)

    def stop(self) -> None:
        """Stop the question that is on its way, if one is."""
        if self._cancel is not None:
            self._cancel.set()

    def refresh(self) -> None:
        """Show what has been asked meanwhile, in cells and other panels."""
        with self._make.lock:
            if self._cancel is None and not self._make.is_closed:
                self._transcript.show_turns(self._turns())
                self._offer()
                if self._cut is None and _WORDS["go_on"] in self._status.value:
                    self._say(_WORDS["hint"])

    @property
    def _cut(self) -> Turn | None:
        return self._host.session.conversation.cut_off(self._thread)

    def _typed(self, change: Any) -> None:
        """Keep the draft; a line end that was typed at its end sends it."""
        old, new = change.old, change.new
        self._host.draft = new  # of all panels, what was typed last
        if new.endswith("\n") and new.count("\n") == old.count("\n") + 1:
            self._fill_box(new[:-1])
            self.ask()

    def _fill_box(self, text: str) -> None:
        self._host.draft = self._box.value = text

    def _switch(self, change: Any) -> None:
        self._thread = self._name.value = change.new.strip() or MAIN
        self._say(_WORDS["hint"])
        self.refresh()

    def _threads(self) -> tuple[str, ...]:
        threads = [*self._host.session.conversation.threads.items()]
        return tuple(sorted({MAIN, *(name for name, has in threads if has)}))

    def _turns(self) -> list[Turn]:
        return [*self._host.session.conversation.threads.get(self._thread, ())]

    def _turn_htmls(self, turn: Turn) -> list[str]:
        button, renderer = self._host.config.insert_button, self._renderer()
        renderer.code_of = partial(self._host.inserter.code_of, insert_button=button)
        first, *more = map(_bare, renderer.htmls(turn.reply, turn.reply))
        return [_question_html(turn.question) + first, *more]

    def _renderer(self) -> NotebookRenderer:
        shared = self._transcript, True, time.monotonic, self._host.ticker
        return NotebookRenderer(*shared)

    def _offer(self) -> None:
        busy = self._cancel is not None
        self._name.options = self._threads()
        self._name.disabled = self._send.disabled = busy
        self._continue.disabled = busy or self._cut is None
        self._stop.disabled = not busy

    def _say(self, text: str) -> None:
        self._status.value = _muted_html(text)

    def _try_code(self, reply: Reply, stop: CancelToken) -> None:
        """Copy the kernel while it runs no cell; wait here, where Stop is heard."""
        self._host.inserter.forget_trials()
        if self._host.config.try_code != "on" or reply.is_cut_off:
            return

        def tick(elapsed_s: float) -> None:
            stop.check()
            if elapsed_s % 1 < _TICK_S:
                self._say(f"trying … {elapsed_s:.0f} s")

        trying = partial(self._host.inserter.try_code, reply, False, tick)
        steps, reason, shell = trying(), "", self._host.shell
        if self._host.is_running:
            reason = "a cell is running"
        elif not panel.when_idle(shell, partial(next, steps, None), _BUSY_S, stop):
            reason = "you stopped it" if stop.is_set else "the kernel was busy"
        finished(trying(reason=reason) if reason else steps)

    def _end(self, text: str, reply: Reply | None, error: NemotronError | None) -> None:
        go_on = _WORDS["go_on"]
        with self._make.lock:
            self._cancel = None
            if reply is not None:
                self._host.inserter.finished(reply, InsertOptions())
                self._host.shell.push({"_nemotron": reply}, interactive=False)
            if not self._make.is_closed:
                self._transcript.end(self._turns())
                if error and not isinstance(error, errors.InterruptedByUser):
                    failure = str(error).replace(errors.GO_ON, go_on)
                    self._status.value = panel.error_html(failure)
                else:
                    is_cut = self._cut is not None and self._cut.reply is reply
                    ended = "Cut off." if is_cut else "Answered."
                    said = "Stopped by you." if error else ended
                    self._say(f"{said} {go_on}" if is_cut else said)
                if reply is None and not self._box.value:
                    self._fill_box(text)
                self._offer()
        self._host.refresh()
