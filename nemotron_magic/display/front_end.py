"""Choose how a reply is shown, by front end and place in the cell."""

from __future__ import annotations

import ast
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeGuard

from nemotron_magic.context.cells import execution_of, request_of, source_of
from nemotron_magic.core.events import Event
from nemotron_magic.display.page import (
    CodeOf,
    Display,
    NotebookRenderer,
    Publisher,
    Ticker,
    bundle,
    no_code,
)
from nemotron_magic.display.reply import document
from nemotron_magic.display.terminal import (
    print_footer,
    print_markdown,
    print_reply,
    text_painter,
)
from nemotron_magic.markdown import to_html
from nemotron_magic.session.reply import Reply

__all__ = [
    "DisplayManager",
    "FinalRenderer",
    "FrontEnd",
    "MagicPosition",
    "NullRenderer",
    "Renderer",
    "ShellPublisher",
    "front_end",
    "is_captured",
    "is_in_output_widget",
    "magic_position",
]


_RUNNERS = ("run_line_magic", "run_cell_magic")


@dataclass(frozen=True, slots=True)
class MagicPosition:
    """Where a question stands.

    Attributes
    ----------
    is_first : bool
        Nothing in the cell ran before it, so the cell has no other output yet.
    is_shown : bool
        One is the cell's last expression, so IPython will display its value.
    is_only : bool
        There is no other in the cell.
    is_named : bool
        The cell ends with an expression of the user's own, whose value it may be.
    """

    is_first: bool = False
    is_shown: bool = False
    is_only: bool = False
    is_named: bool = False


def magic_position(source: str) -> MagicPosition:
    r"""Find the question in a cell's source after IPython's transforms.

    >>> magic_position("get_ipython().run_line_magic('nemotron', 'why?')")
    MagicPosition(is_first=True, is_shown=True, is_only=True, is_named=False)
    >>> magic_position("x = get_ipython().run_line_magic('nemotron', 'why?')\nx")
    MagicPosition(is_first=True, is_shown=False, is_only=True, is_named=True)
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return MagicPosition()
    body = tree.body
    if not body:
        return MagicPosition()
    first, last = body[0], body[-1]
    assigned = isinstance(first, ast.Assign | ast.AnnAssign | ast.Expr)
    is_first = assigned and _is_question(getattr(first, "value", None))
    value = last.value if isinstance(last, ast.Expr) else None
    return MagicPosition(
        is_first,
        _is_question(value),
        sum(map(_is_question, ast.walk(tree))) == 1,
        value is not None and not _is_magic(value),
    )


def _is_question(node: object) -> bool:
    first = node.args[:1] if _is_magic(node) else []
    return [getattr(one, "value", None) for one in first] == ["nemotron"]


def _is_magic(node: object) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _RUNNERS
    )


def is_captured(shell: Any) -> bool:
    """Return whether displays are kept, as by `%%capture`, and not shown."""
    from IPython.core.displaypub import CapturingDisplayPublisher

    return isinstance(shell.display_pub, CapturingDisplayPublisher)


def is_in_output_widget(shell: Any) -> bool:
    """Return whether an `ipywidgets.Output` takes what is displayed now.

    JupyterLab's ignores every update of a display.
    """
    widgets = sys.modules.get("ipywidgets.widgets.widget")
    if widgets is None:
        return False
    request = execution_of(shell)
    made = [*getattr(widgets, "_instances", {}).values()]
    return any(getattr(one, "msg_id", "") == request for one in made)


class ShellPublisher:
    """Displays of a running shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def show(self, display: Display, *, again: bool = False) -> None:
        """Make a display, or paint the one of that id `again`."""
        # Looked up each time, because `%%capture` puts another in its place.
        self._shell.display_pub.publish(
            data=display.bundle(),
            metadata=display.metadata(),
            transient={"display_id": display.id},
            update=again,
        )

    def clear(self) -> None:
        """Let the cell's outputs go when the next one comes."""
        self._shell.display_pub.clear_output(wait=True)


FrontEnd = Literal["terminal", "console", "page", "headless"]


class Renderer(Protocol):
    """Shows one reply while it grows."""

    def watch(self, event: Event) -> None:
        """Show what `event` changes."""

    def finish(self, reply: Reply) -> None:
        """Show the reply as it stays."""

    def fail(self) -> None:
        """Show that there is none."""


class NullRenderer:
    """Paints nothing, for `--quiet`."""

    def watch(self, event: Event) -> None:
        """Wait for the end."""

    def finish(self, reply: Reply) -> None:
        """Paint nothing."""

    def fail(self) -> None:
        """Paint nothing."""


class FinalRenderer(NullRenderer):
    """Publishes a reply when it is whole, for runs that nobody watches."""

    def __init__(self, publisher: Publisher, code_of: CodeOf) -> None:
        self._publisher = publisher
        self._code_of = code_of

    def finish(self, reply: Reply) -> None:
        """Publish the reply."""
        shown = bundle(reply, self._code_of)
        self._publisher.show(Display(_new_id(), *shown))


def front_end(shell: Any, environ: Mapping[str, str]) -> FrontEnd:
    """Return what shows the outputs of the cell that runs now.

    `page` shows HTML and lets displays be painted again: JupyterLab, Notebook, VS Code
    and Colab, which name the cell or are known otherwise. `headless` runs save a
    notebook and can ask nobody for input. A kernel whose client can ask but names no
    cell is a `console` that shows text, such as `jupyter console`. Without a kernel it
    is a `terminal`.
    """
    if getattr(shell, "kernel", None) is None:
        return "terminal"
    request = request_of(shell)
    is_colab = type(shell).__module__.startswith("google.colab")
    if "cellId" in request.get("metadata", {}) or is_colab:
        return "page"
    is_served = "JPY_SESSION_NAME" in environ
    if is_served and _version(request) < _CONSOLES_FROM:
        return "page"
    can_ask = request.get("content", {}).get("allow_stdin")
    return "console" if can_ask else "headless"


_CONSOLES_FROM = (5, 3)
"""The version of the protocol that clients in Python name; those of pages name 5.2."""


def _version(request: Mapping[str, Any]) -> tuple[int, ...]:
    numbers = str(request.get("header", {}).get("version", "")).split(".")
    return tuple(int(number) for number in numbers if number.isdecimal())


class DisplayManager:
    """Everything that is shown in one shell."""

    def __init__(
        self,
        shell: Any,
        environ: Mapping[str, str],
        publisher: Publisher | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shell = shell
        self._environ = environ
        self._publisher = publisher or ShellPublisher(shell)
        self._clock_s = clock_s
        self.ticker = Ticker()
        self.code_of: CodeOf = no_code
        self._painted: tuple[object, Reply | None] = (None, None)
        self._bare: Renderer | None = None
        self._owes_footer = False

    @property
    def front_end(self) -> FrontEnd:
        """What shows the output of the cell that runs now."""
        return front_end(self._shell, self._environ)

    @property
    def _shows_html(self) -> bool:
        return self.front_end in ("page", "headless")

    @property
    def _shows_once(self) -> bool:
        """Whether what is shown now cannot be painted again."""
        return is_captured(self._shell) or is_in_output_widget(self._shell)

    def painter(self) -> Renderer:
        """Return a painter for a reply in the cell that runs now."""
        marker = execution_of(self._shell)
        place = magic_position(source_of(self._shell))
        front = self.front_end
        if front == "headless" or (front == "page" and self._shows_once):
            return FinalRenderer(self._publisher, self.code_of)
        if front == "page":
            alone = place.is_first and self._painted[0] != marker
            self._painted = (marker, None)
            return NotebookRenderer(
                self._publisher, alone, self._clock_s, self.ticker, self.code_of
            )
        is_console = front == "console"
        is_bare = not is_console and place.is_shown and place.is_only
        painter = text_painter(sys.stdout, is_console, with_footer=not is_bare)
        self._bare = painter if is_bare else None
        return painter

    def painted(self, reply: Reply, painter: Renderer) -> None:
        """Note that `painter` has shown `reply` in the cell that runs now."""
        is_quiet = isinstance(painter, NullRenderer)
        if is_quiet and magic_position(source_of(self._shell)).is_named:
            return  # its cell may show it yet
        self._painted = (execution_of(self._shell), reply)
        self._owes_footer = painter is self._bare

    def show_value(self, reply: Reply) -> None:
        """Show a reply that is the value of a cell, unless this cell has painted it."""
        marker, painted = self._painted
        if painted is reply and marker == execution_of(self._shell):
            # A terminal has written "Out[3]: " by now.
            if self._owes_footer:
                print_footer(reply, sys.stdout, sys.stdout.isatty())
        elif self._shows_html:
            FinalRenderer(self._publisher, self.code_of).finish(reply)
        else:
            print_reply(reply, sys.stdout, self.front_end == "console")

    def show_markdown(self, markdown: str) -> None:
        """Show a text of our own."""
        if self._shows_html:
            html = document(to_html(markdown))
            self._publisher.show(Display(_new_id(), html, markdown))
        else:
            print_markdown(markdown, sys.stdout, self.front_end == "console")


def _new_id() -> str:
    return uuid.uuid4().hex
