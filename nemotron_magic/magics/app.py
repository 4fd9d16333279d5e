"""The state of `%nemotron` in one shell."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from nemotron_magic.context.gather import ContextGatherer
from nemotron_magic.context.history import DisplayLog, History, Recorder
from nemotron_magic.context.notebook_file import own_file
from nemotron_magic.context.secrets.held import Held
from nemotron_magic.core.endpoint import SecretMapping
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.settings import Settings
from nemotron_magic.display.front_end import DisplayManager
from nemotron_magic.display.insert import CodeInserter, InsertOptions
from nemotron_magic.magics.questions import QuestionBuilder
from nemotron_magic.session.conversation import MAIN
from nemotron_magic.session.replay import NotebookReplyCache
from nemotron_magic.session.reply import Reply
from nemotron_magic.session.session import Session
from nemotron_magic.storage.files import user_folder
from nemotron_magic.storage.ledger import Ledger, Tally, open_ledger

if TYPE_CHECKING:
    from nemotron_magic.display.panel import PanelHost
    from nemotron_magic.display.panel.panel import Panel

_SPENT: WeakKeyDictionary[Any, tuple[str, dict[str, Tally]]] = WeakKeyDictionary()
"""The session of each shell and its cost: loading us again begins no other."""


class App:
    """One notebook's conversation, in `shell` with the traits `config`."""

    def __init__(
        self,
        shell: Any,
        config: Any,
        recorder: Recorder | None,
        displays: DisplayLog | None,
        ids: Mapping[int, str],
        held: Held,
        slow: Mapping[str, float],
    ) -> None:
        self.session = Session(held=held.secrets)
        self._environ = SecretMapping(os.environ)
        self.displays = DisplayManager(shell, self._environ)
        self.shell = shell
        self.config = config
        self._rehearsal: Any = None
        self._panels: PanelHost | None = None
        self._base_url_before = ""
        self._ledgers: dict[tuple[str, str], Ledger] = {}
        self._own_file = partial(own_file, shell, self._environ, ids)
        self.session.accounting.saved = NotebookReplyCache(self._own_file).find
        spent = _SPENT.setdefault(shell, (uuid.uuid4().hex, {}))
        self._name, self.session.accounting.tallies = spent
        gatherer = ContextGatherer(
            shell, self._own_file, History(shell, recorder, displays, ids)
        )
        folders = [user_folder(self._environ, kind) for kind in ("data", "cache")]
        self.inserter = CodeInserter(
            shell, lambda: self.displays.front_end != "headless", folders
        )
        self.questions = QuestionBuilder(shell, self.session, gatherer)
        self.slow = slow
        self.options_of: dict[str, InsertOptions] = {}
        code_of = self.inserter.code_of
        self.displays.code_of = lambda reply: code_of(reply, config.insert_button)
        self._printers = shell.display_formatter.ipython_display_formatter
        self._printers.for_type(Reply, self.displays.show_value)

    def model_names(self) -> list[str]:
        """Return the models to offer on Tab; asks the service once, briefly."""
        settings = self.config.snapshot()
        endpoint = self.session.endpoint(settings)
        client = self.session.client
        try:
            known = client.listed(endpoint) or client.models(
                endpoint, self.session.credentials.key(endpoint), timeout_s=2.0
            )
        except NemotronError:
            return [settings.model]
        return [model.name for model in known]

    def start_rehearsal(self) -> str:
        """Ask the rehearsal from now on; return its base URL."""
        if self._rehearsal is None:
            from nemotron_magic import rehearsal

            self._rehearsal = rehearsal.start()
        if not self.rehearses(self.config.base_url):
            self._base_url_before = self.config.base_url
            self.config.base_url = str(self._rehearsal.url)
        return str(self.config.base_url)

    def stop_rehearsal(self) -> None:
        """Ask the service again."""
        if self.rehearses(self.config.base_url):
            self.config.base_url = self._base_url_before
        if self._rehearsal is not None:
            self._rehearsal.stop()
            self._rehearsal = None

    def rehearses(self, base_url: object) -> bool:
        """Return whether questions to `base_url` go to the rehearsal."""
        return self._rehearsal is not None and base_url == str(self._rehearsal.url)

    def _asks_rehearsal(self, settings: Settings) -> bool:
        """Return whether a rehearsal that the user started elsewhere answered last."""
        with suppress(NemotronError):
            return self.session.client.is_rehearsal(self.session.endpoint(settings))
        return False

    def open_panel(self) -> Panel:
        """Show a panel in the cell that runs now."""
        from nemotron_magic.display.panel import PanelHost
        from nemotron_magic.display.panel.panel import Panel

        if self._panels is None:
            aside, ticker = self.questions.aside, self.displays.ticker
            shared = (self.shell, self.config, self.session, aside, self.inserter)
            self._panels = PanelHost(*shared, self.keep_books, ticker)
        panel = Panel(self._panels)
        panel.show()
        return panel

    def close(self) -> None:
        """Close panels, connections and the rehearsal."""
        if self._panels is not None:
            self._panels.close()
        self.displays.ticker.close()
        self.stop_rehearsal()
        self._printers.type_printers.pop(Reply, None)
        self.session.close()
        for ledger in self._ledgers.values():
            ledger.close()

    def keep_books(self, settings: Settings) -> None:
        """Write calls down where the setting says; a rehearsal's are not kept."""
        rehearses = self.rehearses(settings["base_url"])
        # Another session: what a rehearsal takes is no money.
        name = f"{self._name}-rehearsal" if rehearses else self._name
        where = "off" if rehearses else str(settings["ledger"])
        if (where, name) not in self._ledgers:
            self._ledgers[where, name] = open_ledger(where, self._environ, name)
        accounting = self.session.accounting
        accounting.is_rehearsal = rehearses or self._asks_rehearsal(settings)
        accounting.ledger = self._ledgers[where, name]
        accounting.notebook = Path(self._own_file()).name

    def last_reply(self, thread: str) -> str:
        """Return the last reply of a thread; empty without one."""
        turns = self.session.conversation.threads.get(thread or MAIN)
        return turns[-1].reply if turns else ""
