"""What `%nemotron` does once it is typed: a command, or a question and its reply."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemotron_magic.context.secrets.held import Held
from nemotron_magic.errors import InputError, Interrupted, NemotronError
from nemotron_magic.grammar import Invocation, parse
from nemotron_magic.key import Unshown
from nemotron_magic.ledger import Ledger, open_ledger
from nemotron_magic.notebook.asking import Asker
from nemotron_magic.notebook.commands import COMMANDS, Command, card, flags, preview
from nemotron_magic.notebook.displays import Displays
from nemotron_magic.notebook.gather import Gatherer
from nemotron_magic.notebook.history import NO_IDS, Recorder
from nemotron_magic.notebook.own_file import OwnFile
from nemotron_magic.notebook.paint import Canvas
from nemotron_magic.notebook.saved import Saved
from nemotron_magic.reply import Reply
from nemotron_magic.session import Session
from nemotron_magic.settings import Settings

if TYPE_CHECKING:
    from nemotron_magic.panels.opening import Panels

__all__ = ["Runner"]


class Runner:
    """One notebook's conversation.

    Parameters
    ----------
    shell : InteractiveShell
        Whose variables and outputs are used.
    config : Nemotron
        The settings as traits.
    recorder : Recorder or None
        What has been listening to the cells, where IPython keeps no outputs.
    displays : Displays or None
        What has been listening to displays, in a kernel.
    ids : mapping of int to str
        Which cell each run was of, as far as the front end told.
    held : Held, optional
        What has been looking at variables after each cell.

    Attributes
    ----------
    session : Session
        The conversation.
    canvas : Canvas
        Where outputs go.
    asker : Asker
        What asks questions.
    """

    def __init__(
        self,
        shell: Any,
        config: Any,
        recorder: Recorder | None,
        displays: Displays | None,
        ids: Mapping[int, str] = NO_IDS,
        held: Held | None = None,
    ) -> None:
        held = held or Held(shell.user_ns)
        self.session = Session(held=held.secrets)
        self._environ = Unshown(os.environ)
        self.canvas = Canvas(shell, self._environ)
        self._shell = shell
        self._config = config
        self._rehearsal: Any = None
        self._panels: Panels | None = None
        self._base_url_before = ""
        self._ledgers: dict[tuple[str, str], Ledger] = {}
        self._own_file = OwnFile(shell, self._environ, ids)
        self.session.books.saved = Saved(self._own_file.path).find
        self._name = uuid.uuid4().hex
        gatherer = Gatherer(shell, self._own_file.path, recorder, displays, ids)
        self.asker = Asker(shell, self.session, gatherer, self.canvas)

    def run(self, line: str, cell: str | None) -> Reply | None:
        """Do what was typed; give the reply, if it was a question.

        Raises
        ------
        NemotronError
            When it cannot be done; what had arrived of a reply is shown and kept.
        """
        call = parse(self._as_typed(line), cell, COMMANDS, self.session.hide)
        settings = self._config.snapshot(call.values, **call.extra)
        self._keep_books(settings)
        if call.help:
            self._show(flags())
        elif cell is None and not line.strip():
            self._show(card(self, settings, COMMANDS))
        elif call.command and self._ran(call, settings):
            pass
        elif call.preview:
            question = self.asker.question(call, settings)
            asked = self.session.prepared(question, settings)
            beside = "" if question.text.strip() else " with a question"
            heading = f"What would be sent{beside}"
            self._show(preview(self.session, asked, settings, heading))
        else:
            return self.asker.reply(call, settings)
        return None

    def model_names(self) -> list[str]:
        """Give the models to offer on Tab; asks the service once, briefly."""
        settings = self._config.snapshot()
        endpoint = self.session.endpoint(settings)
        client = self.session.client
        try:
            known = client.listed(endpoint) or client.models(
                endpoint, self.session.key(endpoint), timeout_s=2.0
            )
        except NemotronError:
            return [settings.model]
        return [model.name for model in known]

    def start_rehearsal(self) -> str:
        """Ask the stand-in from now on; give its base URL."""
        if self._rehearsal is None:
            from nemotron_magic import rehearsal

            self._rehearsal = rehearsal.start()
        if not self._rehearses(self._config.base_url):
            self._base_url_before = self._config.base_url
            self._config.base_url = str(self._rehearsal.url)
        return str(self._config.base_url)

    def stop_rehearsal(self) -> str:
        """Ask the service again; give its base URL."""
        if self._rehearses(self._config.base_url):
            self._config.base_url = self._base_url_before
        if self._rehearsal is not None:
            self._rehearsal.stop()
            self._rehearsal = None
        return self.session.endpoint(self._config.snapshot()).base_url

    def _rehearses(self, base_url: object) -> bool:
        """Tell whether questions to `base_url` go to the stand-in."""
        return self._rehearsal is not None and base_url == str(self._rehearsal.url)

    def open_panel(self, comm: Any = None) -> None:
        """Show a panel in the cell that runs now.

        Parameters
        ----------
        comm : Comm, optional
            In place of the kernel's own.
        """
        if self._panels is None:
            from nemotron_magic.panels.desk import Desk
            from nemotron_magic.panels.opening import Panels

            self._panels = Panels(
                Desk(
                    self._shell,
                    self._config,
                    self.session,
                    self.asker.questions.aside,
                    self.asker.coder,
                    self._keep_books,
                    self.canvas.ticker,
                )
            )
        self._panels.open(comm)

    def close(self) -> None:
        """Let go of panels, of connections and of the stand-in."""
        if self._panels is not None:
            self._panels.close()
        self.canvas.ticker.close()
        self.stop_rehearsal()
        self.session.close()
        for ledger in self._ledgers.values():
            ledger.close()

    def _keep_books(self, settings: Settings) -> None:
        """Write calls down where the setting says; a rehearsal's are not kept."""
        rehearses = self._rehearses(settings["base_url"])
        # Another session: what a rehearsal takes is no money.
        name = f"{self._name}-rehearsal" if rehearses else self._name
        where = "off" if rehearses else str(settings["ledger"])
        if (where, name) not in self._ledgers:
            opened = open_ledger(where, self._environ, name)
            self._ledgers[where, name] = opened
        self.session.books.ledger = self._ledgers[where, name]
        self.session.books.notebook = Path(self._own_file.path()).name

    def _show(self, markdown: str) -> None:
        self.canvas.show_markdown(markdown)

    def _ran(self, call: Invocation, settings: Settings) -> bool:
        """Run a command; tell whether it was one that does not ask the model."""
        command = COMMANDS[call.command]
        _refuse(call, command)
        if command.run is None:
            return False
        try:
            shown = command.run(self, call.text, settings)
        except KeyboardInterrupt:
            raise Interrupted("stopped by you") from None
        if shown:
            self._show(shown)
        return True

    def _as_typed(self, line: str) -> str:
        """Give back the blanks at the line's end, which IPython takes off."""
        raw = (self._shell.history_manager.input_hist_raw or [""])[-1]
        typed = next((t for t in raw.splitlines() if t.rstrip().endswith(line)), "")
        blanks = typed[len(typed.rstrip()) :]
        return line + blanks if line.strip() and not line.endswith(" ") else line


def _refuse(call: Invocation, command: Command) -> None:
    """Refuse what a command has no use for: it may have been meant as a question."""
    has_text = call.text.strip() and not command.takes and call.command != "login"
    has_cell = call.cell.strip() and not command.takes_cell
    if has_text or has_cell:
        raise InputError(
            f"{call.command} takes no {'text' if has_text else 'cell below it'}",
            todo=f"To ask it, put -- before it: %nemotron -- {call.command} …",
        )
    if call.preview and command.run is not None:
        raise InputError(
            f"{call.command} asks the model nothing, so there is nothing to preview",
            todo=f"Type: %nemotron {call.command}",
        )
