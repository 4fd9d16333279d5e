"""The panel: settings, a place to ask and what it cost, as a widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemotron_magic.errors import InputError
from nemotron_magic.notebook.commands.command import Command
from nemotron_magic.settings import Settings

if TYPE_CHECKING:
    from nemotron_magic.notebook.runner import Runner

__all__ = ["PANEL"]


def _panel(runner: Runner, text: str, settings: Settings) -> None:
    if runner.canvas.front_end not in ("page", "headless"):
        raise InputError(
            "a panel needs a notebook page, and this is none",
            todo="Where things stand: %nemotron   Settings: %config Nemotron",
        )
    runner.open_panel()


PANEL = {
    "panel": Command("Settings, a place to ask and what it cost, to click.", _panel)
}
