"""One panel: what its page asks for, and who does it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from nemotron_magic.errors import NemotronError
from nemotron_magic.panels.background import in_thread
from nemotron_magic.panels.controls import table
from nemotron_magic.panels.desk import Desk
from nemotron_magic.panels.models import offered
from nemotron_magic.panels.sheet import Sheet
from nemotron_magic.panels.widget import PanelWidget

__all__ = ["Panel"]


class Panel:
    """A panel that is open until it is closed.

    Parameters
    ----------
    closed : callable
        Called when it has closed.
    comm : Comm, optional
        In place of the kernel's own.
    """

    def __init__(
        self, desk: Desk, closed: Callable[[Panel], None], comm: Any = None
    ) -> None:
        self._desk = desk
        self._closed = closed
        self._mark = f"nm-panel-{uuid.uuid4().hex[:12]}"
        self._sheet = Sheet(desk.config, self._refresh)
        self._widget = PanelWidget(
            table=table(),
            state=self._sheet.state(),
            mark=self._mark,
            **({} if comm is None else {"comm": comm}),
        )
        self._widget.listen(self._hear)
        self._doings: dict[str, Callable[[dict[str, Any]], None]] = {
            "set": self._set,
            "reset": lambda said: self._sheet.reset(str(said.get("name") or "")),
            "models": lambda said: in_thread(self._list_models),
            "close": lambda said: self.close(),
        }

    @property
    def model_id(self) -> str:
        """By what a page knows it."""
        return str(self._widget.model_id)

    def close(self) -> None:
        """Take the panel off the page, and leave nothing behind."""
        self._sheet.close()
        self._widget.layout.close()
        self._widget.close()
        self._closed(self)

    def _hear(self, said: dict[str, Any]) -> None:
        """Do what the page asks for; an error becomes a line in it."""
        try:
            self._doings[said["do"]](said)
        except NemotronError as error:
            self._say("problem", text=str(error))

    def _say(self, kind: str, **what: Any) -> None:
        self._widget.send({"kind": kind, **what})

    def _refresh(self) -> None:
        self._widget.state = self._sheet.state()

    def _set(self, said: dict[str, Any]) -> None:
        error = self._sheet.set(said["name"], said.get("value"))
        # Also after an error: the page waits for it before it sends the next value.
        self._say("heard", view=said.get("view"), name=said["name"], error=error)

    def _list_models(self) -> None:
        settings = self._desk.config.snapshot()
        try:
            models, problem = self._desk.session.models(settings), ""
        except NemotronError as error:
            models, problem = [], error.what
        self._say("models", models=offered(models), problem=problem)
