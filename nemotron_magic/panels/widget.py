"""The widget: one comm for a whole panel, and the program that draws it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from nemotron_magic.markdown import stylesheet

__all__ = ["PanelWidget"]

_FRONT = Path(__file__).parent / "front"
_PROGRAM = (
    "elements",
    "link",
    "fields",
    "models",
    "parameters",
    "cells",
    "ask",
    "preview",
    "chart",
    "usage",
    "panel",
)
"""Files of one program, in the order in which they are joined."""


def _program() -> str:
    return "\n".join((_FRONT / f"{name}.js").read_text("utf-8") for name in _PROGRAM)


class PanelWidget(anywidget.AnyWidget):
    """A panel in a page.

    Attributes
    ----------
    table : list
        The controls, see `controls.Control`; it does not change.
    state : dict
        What the parameters show, see `Sheet.state`.
    cell_id : str
        The notebook's own id of the cell that opened it; empty if there is none.
    mark : str
        A class of its own for the panel's element, by which its stand-in in a saved
        notebook is hidden while there is a panel.
    """

    _esm = _program()
    _css = (_FRONT / "panel.css").read_text("utf-8") + stylesheet()
    table: Any = traitlets.List().tag(sync=True)
    state: Any = traitlets.Dict().tag(sync=True)
    cell_id: Any = traitlets.Unicode().tag(sync=True)
    mark: Any = traitlets.Unicode().tag(sync=True)

    def listen(
        self, hear: Callable[[dict[str, Any]], None], closed: Callable[[], None]
    ) -> None:
        """Hear what the page sends from now on, and when the widget is closed."""

        def look(change: Any) -> None:
            if change.new is None:
                closed()

        self.on_msg(lambda widget, content, buffers: hear(content))
        self.observe(look, names="comm")
