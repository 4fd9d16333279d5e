"""Importing what the first question needs, in the background and while nothing runs.

The first question would take 0.4 s longer than the next, nearly all of it in imports.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from threading import Event, Thread
from typing import Any

__all__ = ["WarmUp", "is_live"]

_PAUSE_S = 0.01
"""Between two steps, so that whoever types is not kept waiting."""

_SAMPLE = "A *word*, `code` and $x$.\n\n- one\n\n```python\nx = [1]\n```\n"


def is_live(shell: Any) -> bool:
    """Tell whether somebody, or a notebook, will type into this shell."""
    return getattr(shell, "kernel", None) is not None or hasattr(shell, "pt_app")


class WarmUp:
    """Does its steps in a thread, as long as no cell runs.

    Parameters
    ----------
    shell : InteractiveShell
        Whose cells it keeps out of the way of.
    steps : sequence of callable
        Short ones, since a cell that begins competes with the one that is being done.
    delay_s : float
        How long to wait before the first.
    """

    def __init__(
        self,
        shell: Any,
        steps: Sequence[Callable[[], object]] | None = None,
        delay_s: float = 0.1,
    ) -> None:
        self._shell = shell
        self._steps = _STEPS if steps is None else steps
        self._delay_s = delay_s
        self._is_idle, self._is_over = Event(), Event()
        self._thread = Thread(target=self._run, name="nemotron-warm-up", daemon=True)
        self._events = {"pre_run_cell": self._pause, "post_run_cell": self._go_on}

    @property
    def is_over(self) -> bool:
        """Whether all is done that will be."""
        return self._is_over.is_set()

    def begin(self) -> None:
        """Begin; no cell runs."""
        for name, call in self._events.items():
            self._shell.events.register(name, call)
        # A thread that imports while the interpreter ends may crash it.
        atexit.register(self.close)
        self._is_idle.set()
        self._thread.start()

    def close(self) -> None:
        """End it, done or not."""
        self._is_over.set()
        self._is_idle.set()
        for name, call in self._events.items():
            if call in self._shell.events.callbacks[name]:
                self._shell.events.unregister(name, call)
        atexit.unregister(self.close)
        if self._thread.is_alive():
            self._thread.join()

    def _pause(self, *_: Any) -> None:
        self._is_idle.clear()

    def _go_on(self, *_: Any) -> None:
        self._is_idle.set()
        if self.is_over:
            self.close()

    def _run(self) -> None:
        self._is_over.wait(self._delay_s)
        for step in self._steps:
            self._is_idle.wait()
            if self.is_over:
                return
            with suppress(Exception):  # the first question will tell
                step()
            self._is_over.wait(_PAUSE_S)
        self._is_over.set()


def _importing(name: str) -> Callable[[], object]:
    return lambda: import_module(f"nemotron_magic.{name}")


def _get_connections_ready() -> None:
    from nemotron_magic.client.http import get_ready

    get_ready()


def _render() -> None:
    from nemotron_magic.markdown import to_html
    from nemotron_magic.notebook.html import document

    document(to_html(_SAMPLE))


_STEPS: tuple[Callable[[], object], ...] = (
    _importing("session"),
    _importing("notebook.gather"),
    _importing("notebook.paint"),
    _importing("notebook.dispatch"),
    _importing("notebook.questions"),
    _importing("code.check"),
    _importing("code.hidden"),
    _importing("client"),
    _get_connections_ready,
    _importing("markdown.render"),
    _importing("markdown.sanitise"),
    _render,
)
