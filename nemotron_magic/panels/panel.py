"""One panel: what its page asks for, and who does it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from nemotron_magic.errors import NemotronError
from nemotron_magic.notebook.execution import cell_id_of, execution_of
from nemotron_magic.panels.asking import Asking
from nemotron_magic.panels.background import in_thread, later
from nemotron_magic.panels.controls import table
from nemotron_magic.panels.desk import Desk
from nemotron_magic.panels.figures import figures
from nemotron_magic.panels.models import offered
from nemotron_magic.panels.preview import preview
from nemotron_magic.panels.sheet import Sheet
from nemotron_magic.panels.still import Still
from nemotron_magic.panels.talk import talk
from nemotron_magic.panels.widget import PanelWidget
from nemotron_magic.quantities import in_usd
from nemotron_magic.turns import MAIN

__all__ = ["Panel"]

_VIEW = "application/vnd.jupyter.widget-view+json"


class Panel:
    """A panel that is open until it is closed.

    Parameters
    ----------
    last_cell : callable
        Gives the number of the last cell that has ended.
    closed : callable
        Called when it has closed.
    ended : callable
        Called when one of its questions has been answered, or will not be.
    comm : Comm, optional
        In place of the kernel's own.

    Attributes
    ----------
    cell_id : str
        The cell that opened it; empty where no front end tells.
    execution : object
        Which run of that cell it was.
    """

    def __init__(
        self,
        desk: Desk,
        last_cell: Callable[[], int],
        closed: Callable[[Panel], None],
        ended: Callable[[Panel], None],
        comm: Any = None,
    ) -> None:
        self._desk = desk
        self._closed = closed
        self._ended = ended
        self.cell_id = cell_id_of(desk.shell)
        self.execution = execution_of(desk.shell)
        self._mark = f"nm-panel-{uuid.uuid4().hex[:12]}"
        self._sheet = Sheet(desk.config, self._refresh)
        self._widget = PanelWidget(
            table=table(),
            state=self._sheet.state(),
            mark=self._mark,
            cell_id=self.cell_id,
            **({} if comm is None else {"comm": comm}),
        )
        self._still = Still(
            self._mark,
            desk.session,
            self._sheet.config_lines,
            desk.shell.display_pub.publish,
            # Without a kernel nothing that is shown can be shown anew.
            later if getattr(desk.shell, "kernel", None) else lambda wait_s, work: None,
        )
        self._asking = Asking(desk, self._say, last_cell, self._answered)
        self._is_closed = False
        self._widget.listen(self._hear, self.close)
        self._doings = self._what_it_does()

    def show(self) -> None:
        """Show the panel in the cell that runs now, and its state as text beside it."""
        model_id = self._widget.model_id
        view = {"version_major": 2, "version_minor": 0, "model_id": model_id}
        bundle = {_VIEW: view, "text/plain": "A panel of %nemotron"}
        self._desk.shell.display_pub.publish(bundle)
        self._still.show()

    def close(self) -> None:
        """Take the panel off the page, and leave nothing behind; twice is once."""
        if self._is_closed:
            return
        self._is_closed = True
        self._asking.stop()
        self._sheet.close()
        self._still.close()
        self._widget.layout.close()
        self._widget.close()
        self._closed(self)

    def tell_news(self) -> None:
        """Let the page know that there is more to show than it was told."""
        self._say("news")
        self._still.touch()

    def _what_it_does(self) -> dict[str, Callable[[dict[str, Any]], None]]:
        """Give what each message of the page asks for."""
        return {
            "set": self._set,
            "reset": lambda said: self._sheet.reset(str(said.get("name") or "")),
            "models": lambda said: in_thread(self._list_models),
            "talk": self._show_talk,
            "ask": lambda said: self._asking.ask(*_typed(said)),
            "continue": lambda said: self._asking.go_on(_typed(said)[1]),
            "stop": lambda said: self._asking.stop(),
            "forget": self._forget,
            "preview": self._preview,
            "prices": lambda said: in_thread(lambda: self._look_up_prices(said)),
            "usage": self._show_usage,
            "balance": lambda said: in_thread(self._ask_balance),
            "close": lambda said: self.close(),
        }

    def _hear(self, said: dict[str, Any]) -> None:
        """Do what the page asks for; an error becomes a line in it."""
        doing = str(said.get("do"))
        try:
            if doing in self._doings:
                self._doings[doing](said)
        except NemotronError as error:
            self._say("problem", text=str(error), about=doing)

    def _say(self, kind: str, **what: Any) -> None:
        # After it was closed there is nobody to tell.
        if self._widget.comm is not None:
            self._widget.send({"kind": kind, **what})

    def _answered(self) -> None:
        self._still.touch()
        self._ended(self)

    def _refresh(self) -> None:
        self._widget.state = self._sheet.state()
        self._still.touch()

    def _set(self, said: dict[str, Any]) -> None:
        error = self._sheet.set(said["name"], said.get("value"))
        # Also after an error: the page waits for it before it sends the next value.
        self._say("heard", view=said.get("view"), name=said["name"], error=error)

    def _list_models(self) -> None:
        try:
            models, problem = self._desk.session.models(self._desk.settings()), ""
        except NemotronError as error:
            models, problem = [], error.what
        self._say("models", models=offered(models), problem=problem)

    def _show_talk(self, said: dict[str, Any]) -> None:
        self._tell_talk(said)
        self._asking.again()

    def _tell_talk(self, said: dict[str, Any]) -> None:
        _, thread = _typed(said)
        session = self._desk.session
        self._say("talk", **talk(session.threads, thread, session.cut_off(thread)))

    def _preview(self, said: dict[str, Any]) -> None:
        question, settings = self._asking.question(*_typed(said))
        self._say("preview", **preview(self._desk.session, question, settings))

    def _look_up_prices(self, said: dict[str, Any]) -> None:
        self._list_models()
        self._hear({**said, "do": "preview"})

    def _show_usage(self, said: dict[str, Any]) -> None:
        self._desk.settings()  # the ledger is the one that is set
        self._say("usage", **figures(self._desk.session.ledger))

    def _ask_balance(self) -> None:
        session = self._desk.session
        try:
            endpoint = session.endpoint(self._desk.settings())
            left = session.client.balance_usd(endpoint, session.key(endpoint))
            known = "unknown" if left is None else in_usd(left)
            told = f"{known} left at {endpoint.netloc}; charges are booked a bit later."
        except NemotronError as error:
            told = f"The balance cannot be had: {error.what}"
        self._say("balance", text=told)

    def _forget(self, said: dict[str, Any]) -> None:
        _, thread = _typed(said)
        self._desk.session.reset(thread)
        self._tell_talk(said)


def _typed(said: dict[str, Any]) -> tuple[str, str]:
    """Give the question and the conversation that a page names."""
    text, thread = said.get("text") or "", said.get("thread") or ""
    return str(text), str(thread).strip() or MAIN
