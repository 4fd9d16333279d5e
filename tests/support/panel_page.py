"""A panel without a page: what its user would see, and a way to do what they do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import ipywidgets
from reply_page import text_of

__all__ = ["PanelPage", "wait_for"]


def wait_for(what: Callable[[], Any], limit_s: float = 30) -> Any:
    """Return the first thing that is there; threads need their time."""
    end_s = time.monotonic() + limit_s
    while not (found := what()):
        assert time.monotonic() < end_s
        time.sleep(0.01)
    return found


@dataclass
class PanelPage:
    """One open panel."""

    panel: Any

    def widgets(self) -> Iterator[Any]:
        """Yield what is shown, from the top."""
        left = [self.panel.box]
        while left:
            widget = left.pop(0)
            yield widget
            left = [*getattr(widget, "children", ()), *left]

    def __getitem__(self, label: str) -> Any:
        """Return the control of this label; of two, the one further down."""
        return [w for w in self.widgets() if getattr(w, "description", "") == label][-1]

    def of_class(self, name: str) -> Any:
        return next(w for w in self.widgets() if name in w._dom_classes)

    def open(self, tab: str) -> None:
        toggle = next(w for w in self.widgets() if tab == getattr(w, "description", ""))
        toggle.value = not toggle.value

    def press(self, label: str) -> None:
        """Press a button, as far as it can be pressed."""
        button = self[label]
        assert not button.disabled, label
        button.click()

    def ask(self, text: str) -> None:
        """Begin to ask."""
        self["Question"].value = text
        self.press("Send")

    def is_busy(self) -> bool:
        return not self["Stop"].disabled

    def answered(self, text: str = "") -> str:
        """Ask, or wait for what is on its way; return what is said at the end."""
        if text:
            self.ask(text)
        wait_for(lambda: not self.is_busy())
        return self.status()

    def html(self) -> str:
        """Return the HTML of the conversation."""
        shown = ""
        for widget in self.of_class("nm-turns").children:
            if isinstance(widget, ipywidgets.Output):
                shown += "".join(one["data"]["text/html"] for one in widget.outputs)
            else:
                shown += widget.value
        return shown

    def text(self) -> str:
        """Return what is read of all HTML that is shown, but for the conversation."""
        htmls = (w.value for w in self.widgets() if isinstance(w, ipywidgets.HTML))
        return text_of("\n".join(htmls))

    def status(self) -> str:
        """Return what is said below the box."""
        return text_of(self.of_class("nm-status-line").value)
