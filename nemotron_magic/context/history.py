"""What came of the cells that ran: their prints, results, displays and errors."""

from __future__ import annotations

import math
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from weakref import ref

from nemotron_magic.context import cells
from nemotron_magic.context.cells import Cell, cell_number, last_source
from nemotron_magic.context.describe.base import fold_base64, is_open, is_printed_table
from nemotron_magic.core.introspection import home
from nemotron_magic.core.text import cut_middle, strip_controls

# ---- what a cell printed and displayed, as it stands there in the end

_MOST_DISPLAYS, _MOST_DISPLAY_CHARS = 20, 4_000
_MOST_CHARS = 200_000
_TABLE = "[a table was displayed]"
_MARKDOWN_TABLE = re.compile(r"(?m)^[ |:]*+-[-: ]*+\|[-:| ]*+$")


def display_text(bundle: Mapping[str, Any]) -> str:
    """Return a displayed object as text; values that may be people's stay here."""
    text = str(bundle.get("text/plain", ""))
    if text.startswith("<IPython.core.display."):  # which says nothing
        written = (bundle.get(f"text/{kind}") for kind in ("markdown", "latex"))
        text = str(next(filter(None, written), text))
    text = fold_base64(strip_controls(text))
    is_html_table = "<table" in str(bundle.get("text/html", ""))[:5000]
    if is_html_table or _MARKDOWN_TABLE.search(text) or is_printed_table(text):
        return _TABLE
    if not is_open(text):
        text = "[what was displayed looks personal]"
    image = next((f" [{kind}]" for kind in bundle if kind.startswith("image/")), "")
    return text[:_MOST_DISPLAY_CHARS] + image


@dataclass
class _Display:
    """One display; `area` is the Output widget that it went to, which has its last."""

    area: str
    display_id: str
    text: str
    widget: str


@dataclass
class _Screen:
    """What stands below one cell: its displays, and how many of its prints are gone."""

    displays: list[_Display] = field(default_factory=list)
    cleared: int = 0
    waiting: int | None = None  # prints when the next output was said to clear the rest

    def clear(self) -> None:
        self.displays = [one for one in self.displays if one.area]
        self.cleared, self.waiting = self.waiting or 0, None

    def settle(self, prints: float) -> None:
        """Clear what waited for an output, if there is one of these many by now."""
        if self.waiting is not None and self.waiting < prints:
            self.clear()


class DisplayLog:
    """Listens to the displays of a kernel's cells, and to what clears them away.

    Not by the publisher's own hooks: those are of one thread, and progress bars show
    theirs from others.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._formatted: tuple[object, object] = (None, None)
        self._screens: dict[int, _Screen] = {}
        formatter, publisher = shell.display_formatter, shell.display_pub
        self._format, self._publish = formatter.format, publisher.publish
        self._clear_output = publisher.clear_output
        formatter.format, publisher.publish = self._hear_format, self._hear_display
        publisher.clear_output = self._hear_clear

    def close(self) -> None:
        """Stop listening, unless somebody else listens through this."""
        formatter, publisher = self._shell.display_formatter, self._shell.display_pub
        if publisher.publish == self._hear_display:
            formatter.format, publisher.publish = self._format, self._publish
            publisher.clear_output = self._clear_output

    def of(self, number: int, pieces: Sequence[str]) -> tuple[str, list[str]]:
        """Return what a cell displays by now, and what is left of its prints."""
        screen = self._screens.get(number, _Screen())
        screen.settle(len(pieces))
        displayed = "\n".join(filter(None, map(_live_text, screen.displays)))
        return displayed, list(pieces[screen.cleared :])

    def _hear_format(self, value: object, *args: Any, **kwargs: Any) -> Any:
        """Note which object a bundle is of, for as long as that is displayed."""
        bundles = self._format(value, *args, **kwargs)
        with suppress(TypeError):
            self._formatted = (bundles[0], ref(value))
        return bundles

    def _text(self, data: Mapping[str, Any]) -> str:
        """Return the text for a display: of a table, what is said of its object."""
        text, (bundle, value_of) = display_text(data), self._formatted
        value = value_of() if bundle is data and isinstance(value_of, ref) else None
        if text != _TABLE or value is None:
            return text
        # Here and not above: loading the extension is to stay light.
        from nemotron_magic.context.variables import Variables

        described = Variables(self._shell, "schema").described(value)
        return text if described.endswith("(not inspected)") else described

    def _hear_clear(self, wait: bool = False) -> None:
        if not _output_area(self._shell):
            prints, screen = len(_prints(self._shell)), self._screen()
            screen.settle(prints)
            screen.waiting = prints
            if not wait:
                screen.clear()
        self._clear_output(wait)

    def _hear_display(
        self, data: Mapping[str, Any], *args: Any, update: bool = False, **kwargs: Any
    ) -> None:
        display_id = str((kwargs.get("transient") or {}).get("display_id", ""))
        found = [one for screen in self._screens.values() for one in screen.displays]
        known = [one for one in found if display_id and one.display_id == display_id]
        # A reply is no output of its cell, and too long to be read at every repaint.
        is_new = not (update or cells.is_ours(last_source(self._shell)))
        text = self._text(data) if known or is_new else ""
        for one in known:
            one.text = text
        if is_new:
            area, screen = _output_area(self._shell), self._screen()
            if not area:
                screen.settle(math.inf)
            view = data.get("application/vnd.jupyter.widget-view+json", {})
            new = _Display(area, display_id, text, str(view.get("model_id", "")))
            others = [one for one in screen.displays if not area or one.area != area]
            # Of very many the last say what came of it.
            screen.displays = [*others, new][-_MOST_DISPLAYS:]
        self._publish(data, *args, update=update, **kwargs)

    def _screen(self) -> _Screen:
        return self._screens.setdefault(cell_number(self._shell), _Screen())


def _widgets() -> dict[str, Any]:
    module = sys.modules.get("ipywidgets.widgets.widget")
    return dict(getattr(module, "_instances", {}))


def _output_area(shell: Any) -> str:
    """Return the Output widget that takes what is shown now; "" for the cell's own."""
    request = cells.execution_of(shell)
    for name, widget in reversed(_widgets().items()):  # the inner one first
        if home(type(widget))[1] == "Output" and widget.msg_id == request:
            return name
    return ""


def _live_text(display: _Display) -> str:
    """Return the text of a display; that of a widget as it stands by now."""
    if not display.widget:
        return display.text
    widget = _widgets().get(display.widget)
    library, name = home(type(widget))
    # A closed one is gone; what an Output holds was heard with its own messages.
    if widget is None or name == "Output":
        return ""
    is_plain = library == "ipywidgets" and not hasattr(widget, "children")
    is_live = is_plain or (library, name) == ("tqdm", "TqdmHBox")
    return _as_seen(repr(widget)) if is_live else display.text


def _outputs_of(shell: Any, number: int) -> Sequence[Any]:
    """Return the outputs of a cell that IPython keeps, from 9.1 on."""
    found: dict[int, Sequence[Any]] = getattr(shell.history_manager, "outputs", {})
    return found.get(number, ())


def _prints(shell: Any, number: int | None = None) -> list[str]:
    """Return what a cell has printed, piece by piece; without a number, that of now."""
    if isinstance(sys.stdout, _Ear) and number is None:
        return sys.stdout.said
    kept = _outputs_of(shell, cell_number(shell) if number is None else number)
    return [one for out in kept for one in out.bundle.get("stream", ())]


class Heard(NamedTuple):
    """What a cell printed, piece by piece, and its traceback."""

    said: Sequence[str] = ()
    error: str = ""


class Recorder:
    """Listens to cells while they run, for IPython before 9.1 that keeps no outputs."""

    def __init__(self, shell: Any) -> None:
        self.heard: dict[int, Heard] = {}
        self._shell = shell
        self._ears: list[_Ear] = []
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)

    def close(self) -> None:
        """Stop listening."""
        self._shell.events.unregister("pre_run_cell", self._begin)
        self._shell.events.unregister("post_run_cell", self._end)
        self._take_off()

    def _begin(self, info: Any) -> None:
        if info.store_history:  # else within another, as those of `%%capture`
            self._take_off()
            said: list[str] = []
            self._ears = [_Ear("stdout", said), _Ear("stderr", said)]

    def _end(self, result: Any) -> None:
        has_history = result is not None and result.info.store_history
        if has_history and self._ears:
            error = result.error_before_exec or result.error_in_exec
            trace = "".join(traceback.format_exception(error)) if error else ""
            heard = Heard(self._ears[0].said, cut_middle(trace.rstrip(), _MOST_CHARS))
            self.heard[cell_number(self._shell)] = heard
            self._take_off()

    def _take_off(self) -> None:
        while self._ears:
            self._ears.pop().take_off()


class _Ear:
    """Stands in for a stream of `sys` and notes what is written to it."""

    def __init__(self, name: str, said: list[str]) -> None:
        self.said, self._name, self._chars = said, name, 0
        self._stream = getattr(sys, name)
        setattr(sys, name, self)

    def write(self, text: str) -> Any:
        """Write to the stream, and note it."""
        if self._chars < _MOST_CHARS:
            self.said.append(text[:_MOST_CHARS])
            self._chars += len(text)
        return self._stream.write(text)

    def take_off(self) -> None:
        """Put the stream back, unless somebody has put another one there."""
        if getattr(sys, self._name) is self:
            setattr(sys, self._name, self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


_MOVE = re.compile(r"([\r\n\b]|\x1b\[\d*[A-Z])")
_STYLE = re.compile(r"\x1b\[[\d;?]*[a-z]")  # takes no room


def _as_seen(printed: str) -> str:
    r"""Return what was printed as a terminal shows it in the end, as of a progress bar.

    >>> _as_seen("10%\r20%\nepoch 1\n\x1b[A\x1b[Kepoch 2")
    '20%\nepoch 2\n'
    """
    printed = _STYLE.sub("", printed.replace("\r\n", "\n"))
    if not _MOVE.search(printed.replace("\n", "")):
        return printed
    lines, row, column = [""], 0, 0
    for piece in _MOVE.split(printed):
        if piece in ("\n", "\r"):
            row, column = row + (piece == "\n"), 0
        elif piece == "\b":
            column = max(column - 1, 0)
        elif not piece.startswith("\x1b["):
            line, start = lines[row].ljust(column), column
            column += len(piece)
            lines[row] = f"{line[:start]}{piece}{line[column:]}"
        elif piece[-1] == "A":
            row = max(row - int(piece[2:-1] or 1), 0)
        elif piece[-1] in "JK":
            lines[row] = "" if piece[2:-1] == "2" else lines[row][:column]
        if row == len(lines):
            lines.append("")
    return "\n".join(map(str.rstrip, lines))


def _clean(text: str) -> str:
    return fold_base64(strip_controls(cut_middle(text, _MOST_CHARS)))


# ---- cells with all that came of them


class History:
    """The cells of one shell; `ids` has which cell each run was of, if that is told."""

    def __init__(
        self,
        shell: Any,
        recorder: Recorder | None = None,
        displays: DisplayLog | None = None,
        ids: Mapping[int, str] | None = None,
    ) -> None:
        self._shell, self._recorder, self._displays = shell, recorder, displays
        self.ids = {} if ids is None else ids

    @property
    def asking(self) -> Cell:
        """The cell that runs now, with its id where that is known."""
        number, cell_id = cell_number(self._shell), cells.cell_id_of(self._shell)
        return Cell(number, last_source(self._shell), cell_id=cell_id)

    def newest_first(self, last: int | None = None) -> Iterator[Cell]:
        """Yield the cells that ran, up to that numbered `last`, without outputs."""
        sources = self._shell.history_manager.input_hist_raw
        last = cell_number(self._shell) - 1 if last is None else last
        for number in range(min(last, len(sources) - 1), 0, -1):
            source, cell_id = sources[number], self.ids.get(number, "")
            if source.strip():
                yield Cell(
                    number, source, is_ours=cells.is_ours(source), cell_id=cell_id
                )

    def error_of(self, cell: Cell) -> str:
        """Return what a cell raised, as text; empty if it ended well."""
        if cell.is_ours:
            return ""
        if self._recorder is not None:
            return _clean(self._recorder.heard.get(cell.number, Heard()).error)
        found = self._shell.history_manager.exceptions.get(cell.number) or []
        errors = found if isinstance(found, list) else [found]
        lines = (line for error in errors for line in error["traceback"])
        return cut_middle(strip_controls("\n".join(lines)), _MOST_CHARS)

    def load(self, cell: Cell, describe: Callable[..., str]) -> Cell:
        """Return a cell with what came of it, its value as `describe` has it."""
        if cell.is_ours:
            return cell
        number, error = cell.number, self.error_of(cell)
        printed, result = self._outputs(number, failed=bool(error))
        values = self._shell.user_ns.get("Out") or {}
        if number in values:
            kept = _outputs_of(self._shell, number)
            shown = (o.bundle for o in kept if o.output_type == "execute_result")
            plain = str(next(shown, dict[str, Any]()).get("text/plain", ""))
            value = describe(values[number], plain=plain)
            result = "\n".join(filter(None, (result, value)))
        return replace(cell, printed=printed, result=result, error=error)

    def _outputs(self, number: int, failed: bool) -> tuple[str, str]:
        """Return what stands below a cell: its prints, and what it displayed."""
        heard = self._recorder and self._recorder.heard.get(number, Heard())
        pieces = [*heard.said] if heard else _prints(self._shell, number)
        displayed = ""
        if self._displays is not None:
            displayed, pieces = self._displays.of(number, pieces)
        printed = _as_seen("".join(pieces))
        # A kernel prints the traceback of a group, too; a terminal's own lines are the
        # value, and the traceback below its rule.
        ends = ["  + Exception Group Traceback"] * failed
        if heard:
            ends += ["-" * 75] * failed + [f"Out[{number}]: "]
        for end in ends:
            printed = printed.partition(end)[0]
        return _clean(printed), displayed
