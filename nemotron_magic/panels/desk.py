"""What all panels of a notebook share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nemotron_magic.notebook.coder import Coder
from nemotron_magic.notebook.pace import Ticker
from nemotron_magic.session import Question, Session
from nemotron_magic.settings import Settings

__all__ = ["Desk"]


@dataclass(frozen=True, slots=True)
class Desk:
    """What all panels of a notebook share.

    Parameters
    ----------
    shell : InteractiveShell
        Whose cells, variables and displays are used.
    config : Nemotron
        The settings as traits.
    question : callable
        Returns the question of a text, its thread, settings and the newest cell that
        may be sent.
    coder : Coder
        Where the code of replies waits for `%nemotron code`.
    keep_books : callable
        Called with the settings of a call before it is made.
    ticker : Ticker
        Lets what was held back be painted.
    """

    shell: Any
    config: Any
    session: Session
    question: Callable[[str, str, Settings, int], Question]
    coder: Coder
    keep_books: Callable[[Settings], None]
    ticker: Ticker

    def settings(self) -> Settings:
        """Give the settings of a call that is to be made now.

        Raises
        ------
        InputError
            If two of them contradict each other.
        """
        settings: Settings = self.config.snapshot()
        self.keep_books(settings)
        return settings
