"""Choose how a reply is shown, by front end and place in the cell."""

from __future__ import annotations

import ast
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeGuard
from uuid import uuid4

from nemotron_magic.context.cells import execution_of, request_of, source_of
from nemotron_magic.core import events
from nemotron_magic.core.text import one_line
from nemotron_magic.display import page
from nemotron_magic.display.reply import document
from nemotron_magic.markdown import to_html
from nemotron_magic.session.reply import Reply

_RUNNERS = ("run_line_magic", "run_cell_magic")
_CONSOLES_FROM = (5, 3)
"""The version of the protocol that clients in Python name; those of pages name 5.2."""


class _MagicPosition(NamedTuple):
    """Where a question stands."""

    is_first: bool  # nothing ran before it: the cell has no other output yet
    is_bare: bool  # it is the only one, and IPython displays its value
    is_named: bool  # the last expression is another one, which may be its value


def _magic_position(source: str) -> _MagicPosition:
    """Find the question in a cell's source after IPython's transforms."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        tree = ast.Module([], [])
    first, last = (tree.body[at] if tree.body else None for at in (0, -1))
    assigned = isinstance(first, ast.Assign | ast.AnnAssign | ast.Expr)
    value = last.value if isinstance(last, ast.Expr) else None
    return _MagicPosition(
        is_first=assigned and _is_question(getattr(first, "value", None)),
        is_bare=[*filter(_is_question, ast.walk(tree))] == [value],
        is_named=value is not None and not _is_magic(value),
    )


def _is_question(node: object) -> bool:
    first = node.args[:1] if _is_magic(node) else []
    return [getattr(one, "value", None) for one in first] == ["nemotron"]


def _is_magic(node: object) -> TypeGuard[ast.Call]:
    function = node.func if isinstance(node, ast.Call) else None
    return isinstance(function, ast.Attribute) and function.attr in _RUNNERS


def _shows_once(shell: Any) -> bool:
    """Return whether what is shown now cannot be rendered again."""
    from IPython.core.displaypub import CapturingDisplayPublisher

    if isinstance(shell.display_pub, CapturingDisplayPublisher):  # of `%%capture`
        return True
    # An `Output` of theirs ignores every update in JupyterLab.
    widgets = sys.modules.get("ipywidgets.widgets.widget")
    made = [*getattr(widgets, "_instances", {}).values()]
    request = execution_of(shell) if made else ""
    return any(getattr(one, "msg_id", "") == request for one in made)


class _FinalRenderer(page.NotebookRenderer):
    """Shows a reply when it is whole, for runs that nobody watches."""

    def watch(self, event: events.Event) -> None:
        """Show nothing yet."""


FrontEnd = Literal["terminal", "console", "page", "headless"]


class DisplayManager:
    """Everything that is shown in one shell; where its displays go."""

    def __init__(self, shell: Any, environ: Mapping[str, str]) -> None:
        self._shell = shell
        self._environ = environ
        self.ticker = page.Ticker()
        self.code_of: page.CodeOf = lambda reply: None
        self._rendered: tuple[object, Reply | None] = (None, None)
        self._bare: page.Renderer | None = None
        self._owes_footer = False

    def show(self, display: page.Display, *, again: bool = False) -> None:
        """Make a display, or render the one of that id `again`."""
        # Looked up each time, because `%%capture` puts another in its place.
        self._shell.display_pub.publish(
            **display.message(), transient={"display_id": display.id}, update=again
        )

    def clear(self) -> None:
        """Let the cell's outputs go when the next one comes."""
        self._shell.display_pub.clear_output(wait=True)

    @property
    def front_end(self) -> FrontEnd:
        """What shows the outputs of the cell that runs now.

        A `page` shows HTML and lets it be rendered again; its client names the cell or
        is known otherwise. One that does not is a `console`, such as `jupyter console`,
        or `headless` if it can ask for no input. Without a kernel it is a `terminal`.
        """
        if getattr(self._shell, "kernel", None) is None:
            return "terminal"
        request = request_of(self._shell)
        is_colab = type(self._shell).__module__.startswith("google.colab")
        if "cellId" in request.get("metadata", {}) or is_colab:
            return "page"
        numbers = str(request.get("header", {}).get("version", "")).split(".")
        version = tuple(int(number) for number in numbers if number.isdecimal())
        if "JPY_SESSION_NAME" in self._environ and version < _CONSOLES_FROM:
            return "page"
        can_ask = request.get("content", {}).get("allow_stdin")
        return "console" if can_ask else "headless"

    def renderer(self) -> page.Renderer:
        """Return a renderer for a reply in the cell that runs now."""
        marker = execution_of(self._shell)
        place = _magic_position(source_of(self._shell))
        front = self.front_end
        if front == "headless" or (front == "page" and _shows_once(self._shell)):
            return self._on_page(_FinalRenderer)
        if front == "page":
            alone = place.is_first and self._rendered[0] != marker
            self._rendered = (marker, None)
            return self._on_page(page.NotebookRenderer, alone)
        from nemotron_magic.display.terminal import text_renderer

        is_console = front == "console"
        is_bare = place.is_bare and not is_console
        renderer = text_renderer(sys.stdout, is_console, with_footer=not is_bare)
        self._bare = renderer if is_bare else None
        return renderer

    def _on_page(
        self, kind: type[page.NotebookRenderer], alone: bool = False
    ) -> page.NotebookRenderer:
        return kind(self, alone, time.monotonic, self.ticker, self.code_of)

    def rendered(self, reply: Reply, renderer: page.Renderer) -> None:
        """Note that `renderer` has shown `reply` in the cell that runs now."""
        is_final = type(renderer) in (_FinalRenderer, page.Renderer)
        if is_final and _magic_position(source_of(self._shell)).is_named:
            return  # its cell may show it yet
        self._rendered = (execution_of(self._shell), reply)
        self._owes_footer = renderer is self._bare

    def show_value(self, reply: Reply) -> None:
        """Show a reply that is the value of a cell, unless its cell has rendered it."""
        marker, rendered = self._rendered
        is_rendered = rendered is reply and marker == execution_of(self._shell)
        if not is_rendered and self.front_end in ("page", "headless"):
            self._on_page(_FinalRenderer).finish(reply)
        elif not is_rendered or self._owes_footer:
            # A terminal has written "Out[3]: " by now.
            from nemotron_magic.display.terminal import print_footer, print_reply

            show = print_footer if is_rendered else print_reply
            show(reply, sys.stdout, self.front_end == "console")

    def live(self) -> Callable[[str, str, bool], None]:
        """Return what shows a Markdown, or its line, shown again until it is over."""
        shown_id, is_rendered, width = uuid4().hex, False, 0
        is_page = self.front_end == "page" and not _shows_once(self._shell)

        def render(markdown: str, line: str, is_over: bool) -> None:
            nonlocal is_rendered, width
            if is_page:
                self._show(markdown, shown_id, again=is_rendered)
                is_rendered = True
            elif is_over:
                print("\r" + " " * width, end="\r") if width else None
                self.show_markdown(markdown)
            elif self.front_end == "terminal" and sys.stdout.isatty():
                # What wraps could not be overwritten.
                line = one_line(line, shutil.get_terminal_size().columns - 1)
                print("\r" + line.ljust(width), end="", flush=True)
                width = len(line)

        return render

    def show_markdown(self, markdown: str) -> None:
        """Show a text of our own."""
        if self.front_end in ("page", "headless"):
            self._show(markdown, uuid4().hex)
        else:
            from nemotron_magic.display.terminal import print_markdown

            print_markdown(markdown, sys.stdout, self.front_end == "console")

    def _show(self, markdown: str, display_id: str, again: bool = False) -> None:
        display = page.Display(display_id, document(to_html(markdown)), markdown)
        self.show(display, again=again)
