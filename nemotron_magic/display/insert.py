"""Put code of a reply into cells. Nothing is run, none of the user's replaced unasked.

A front end takes only the first cell that a run gives it, and only if the run ended
well (JupyterLab), so further cells wait in a queue.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from html import escape
from importlib import metadata
from pathlib import Path
from typing import Any

from nemotron_magic.code.cells import CodeCell, cells_of, join_cells
from nemotron_magic.code.check import check
from nemotron_magic.code.effects import effects_of
from nemotron_magic.code.syntax import Finding, format_findings
from nemotron_magic.code.trial import Trials, Verdict, finished, unsupported
from nemotron_magic.code.visibility import escape_bidi
from nemotron_magic.core.text import one_line, plural
from nemotron_magic.display import WORDS, input_error
from nemotron_magic.markdown.html import line_html
from nemotron_magic.markdown.parser import as_block
from nemotron_magic.session.reply import Reply

_MOST_CODE_BYTES = 20_000  # more has no button: it stands in the file once more
_LABEL_CHARS = 40
HIDDEN = "lm-Widget lm-mod-hidden hidden"
"""Classes that the page of an export hides, where it shows tags as text."""
# From these on, a page asks before a button of an untrusted file does anything.
_ASKS_FIRST = {"jupyterlab": (4, 5, 7), "notebook": (7, 5, 6)}
_NOTICES = WORDS["code"]
COMMAND = _NOTICES["command"]

_version = cache(metadata.version)


def may_insert(choice: str, version_of: Callable[[str], str] = _version) -> bool:
    """Return whether replies carry buttons that put their code into cells."""
    for name, least in _ASKS_FIRST.items() if choice == "auto" else ():
        with suppress(metadata.PackageNotFoundError):
            release = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", version_of(name))
            if release and tuple(map(int, release.groups())) >= least:
                return True
    return choice == "on"


@dataclass(slots=True)
class ReplyCode:
    """What a page shows of the code of one reply, beside the code itself."""

    cells: Sequence[CodeCell]
    remarks: Callable[[CodeCell], Sequence[str]]
    cells_in: Callable[[str], Sequence[CodeCell]]
    has_buttons: bool
    _placed: set[int] = field(default_factory=set, init=False)
    _pressable: int = field(default=0, init=False)

    def below(self, code: str, language: str) -> str:
        """Return what stands below a block: a button for each cell that it makes."""
        sources = {one.source for one in self.cells_in(as_block(code, language))}
        here = {c.source: c for c in reversed(self._left()) if c.source in sources}
        self._placed |= {cell.number for cell in here.values()}
        return self._html([*here.values()], "Insert")

    def rest(self) -> str:
        """Return buttons for what no block makes as it stands."""
        return self._html(self._left(), "Insert: {}")

    def command(self) -> str:
        """Return what to type where there is no button to press."""
        kind = "nm-elsewhere" if self._pressable == len(self.cells) else "nm-instead"
        return f'<span class="{kind}"> · {COMMAND}</span>' if self.cells else ""

    def _left(self) -> list[CodeCell]:
        return [cell for cell in self.cells if cell.number not in self._placed]

    def _html(self, cells: Sequence[CodeCell], label: str) -> str:
        lines = (line for cell in cells for line in self.remarks(cell))
        notes = "".join(f'<p class="nm-notice">{line_html(one)}</p>' for one in lines)
        buttons = "".join(self._button(cell, label) for cell in cells)
        row = f'<div class="nm-act {HIDDEN}">{buttons}</div>'
        return notes + row if buttons else notes

    def _button(self, cell: CodeCell, label: str) -> str:
        """Return a button by which the page itself puts a cell below, and runs nothing.

        Without the style sheet, as in an untrusted file, nothing of it is seen.
        """
        source = cell.source.rstrip("\n")
        size = len(source.encode("utf-8", "replace"))
        if not self.has_buttons or size > _MOST_CODE_BYTES:
            return ""
        self._pressable += 1
        commands = ["notebook:insert-cell-below", "notebook:replace-selection"]
        arguments = json.dumps({"commands": commands, "args": {"text": source}})
        which = f"block {cell.number}" if len(self.cells) > 1 else "the code"
        label = label.format(one_line(source.partition("\n")[0], _LABEL_CHARS))
        return (
            '<button class="nm-insert" style="display:none"'
            f' aria-label="Insert {which} as a cell below" title="{escape(label)}"'
            ' data-commandlinker-command="apputils:run-all-enabled"'
            f' data-commandlinker-args="{escape(arguments)}"></button>'
        )


@dataclass(frozen=True, slots=True)
class InsertOptions:
    """What is to become of the code of a reply."""

    inserts: bool = False
    replaces: bool = False
    before: str = ""  # the cell that it corrects
    repairs: int = 0  # so often at most, what is wrong with it is sent back
    tries: bool = False
    repairs_failures: bool = False  # what a trial raised may hold what the code read


@dataclass
class CodeInserter:
    """Puts code into the cells of a shell; trials may not read what is `unreadable`."""

    shell: Any
    takes_cells: Callable[[], bool]
    unreadable: Sequence[Path] = ()
    _waiting: tuple[CodeCell, ...] = field(default=(), init=False)
    _next: int = field(default=0, init=False)
    _verdicts: dict[str, Verdict] = field(default_factory=dict, init=False)
    _has_told: bool = field(default=False, init=False)

    def findings(self, reply: Reply) -> tuple[Finding, ...]:
        """Return what keeps the code that would be put in from running here."""
        cells = [one for one in self._cells(reply)[:1] if one.language == "python"]
        return self._check(cells[0].source) if cells else ()

    def forget_trials(self) -> None:
        """Say no more what came of trying the code of an earlier reply."""
        self._verdicts = {}

    def try_code(
        self,
        reply: Reply,
        is_asked: bool,
        tick: Callable[[float], None],
        before_s: float = 0.0,
        reason: str = "",
    ) -> Generator[None, None, tuple[Finding, ...]]:
        """Try the code of a reply on a copy of the kernel; return what its cell raised.

        It yields once the copy runs, which another thread may wait for. What the
        static check finds for certain needs no copy. `reason` says why not now,
        `before_s` how long the cell took that it corrects.
        """
        self._verdicts = {}
        sources = [c.source for c in self._cells(reply) if c.language == "python"]
        if not sources or self._check(sources[0]):
            return ()
        if not is_asked and unsupported():  # which is said once a session
            has_told, self._has_told = self._has_told, True
            if has_told:
                return ()
        yield from self._try(sources, tick, before_s, reason)
        first = self._verdicts[sources[0]]
        return (Finding("trial", first.raised),) if first.kind == "fails" else ()

    def sent_back(self, reply: Reply, notice: str) -> Reply:
        """Return a reply whose code is sent back, with what was found."""
        self._waiting, self._next = self._cells(reply), 0
        remarks = self._remarks(self._waiting[0]) if self._waiting else ()
        return _with(reply, [notice], remarks=remarks)

    def finished(self, reply: Reply, job: InsertOptions, notice: str = "") -> Reply:
        """Put the code of a reply in, if the job says so; return the reply so told.

        That of one that was broken off waits: the page takes no cell of a failed run.
        """
        cells = self._cells(reply)
        is_broken = reply.metadata.ending in ("interrupted", "failed")
        if cells or not is_broken:  # else that of the reply before it still waits
            self._waiting, self._next = cells, 0
        if not job.inserts or (is_broken and not cells):
            return reply
        if not cells:
            return _with(reply, [_NOTICES["none"]])
        source = cells[0].source
        diff = diff_html(job.before, source) if job.before else ""
        more: dict[str, Any] = {"appended": diff, "remarks": self._remarks(cells[0])}
        notices = [notice] if notice else []
        if job.before and not diff:
            notices.append(_NOTICES["same"])
        if is_broken or not self.takes_cells():
            notices.append(_NOTICES["broken" if is_broken else "headless"])
            return _with(reply, notices, **more)
        self._next = 1
        self.shell.set_next_input(source.rstrip("\n"), replace=job.replaces)
        where = "in place of this cell" if job.replaces else "in the cell below"
        left = len(cells) - 1
        wait = plural(left, "more block waits", "more blocks wait")
        placed = f"code {where}" + (f", {wait}: %nemotron code" if left else "")
        return _with(reply, notices, inserted=source, placed=placed, **more)

    def code_of(self, reply: Reply, insert_button: str) -> ReplyCode:
        """Return what a page shows of the code of a reply, as that setting says."""
        cells, about = self._cells(reply), reply.metadata

        def remarks(cell: CodeCell) -> Sequence[str]:
            # Of what is in a cell already, or was sent back, the reply itself tells.
            remarks = () if cell.source == about.inserted else self._remarks(cell)
            return [one for one in remarks if one not in about.remarks]

        return ReplyCode(cells, remarks, self._cells, may_insert(insert_button))

    def insert(self, which: str, tries: bool = False) -> str:
        """Put in code that waits, the next, a number or `all`; return what to say."""
        if not self.takes_cells():
            raise input_error("no_page")
        if not self._waiting:
            raise input_error("no_code")
        count = len(self._waiting)
        if which.lower() == "all":
            cell, *left = join_cells(self._waiting)
            done = plural(count - len(left), "block is", "blocks are")
            more = f" {len(left)} with a magic of their own wait." if left else ""
            self._waiting, self._next = tuple(left), 0
        else:
            number, more = int(which or self._next + 1), ""
            if not which and number > count:
                raise input_error("no_more_code")
            if not 1 <= number <= count:
                raise input_error("no_such_code", count=count, number=number)
            cell, self._next = self._waiting[number - 1], max(self._next, number)
            done = f"Block {number} of {count} is"
        is_new = cell.language == "python" and cell.source not in self._verdicts
        if tries and is_new and not self._check(cell.source):
            finished(self._try([cell.source]))
        self.shell.set_next_input(cell.source.rstrip("\n"), replace=False)
        return "\n\n".join([f"{done} in the cell below.{more}", *self._remarks(cell)])

    def _try(
        self,
        sources: Sequence[str],
        tick: Callable[[float], None] = lambda s: None,
        before_s: float = 0.0,
        reason: str = "",
    ) -> Generator[None, None, None]:
        trials = Trials(self.shell, unreadable=self.unreadable)
        try:
            verdicts = yield from trials.run(sources, tick, before_s, reason)
        except KeyboardInterrupt:  # the reply is paid for: it stays
            verdicts = [Verdict("not tried", "you stopped it")] * len(sources)
        self._verdicts.update(zip(sources, verdicts, strict=True))

    def _cells(self, reply: str) -> tuple[CodeCell, ...]:
        """Return the code of a reply with all that hides in it shown."""
        magics = self.shell.magics_manager.magics["cell"]
        found = ((c, *escape_bidi(c.source)) for c in cells_of(str(reply), magics))
        return tuple(replace(c, source=s, warnings=w) for c, s, w in found)

    def _check(self, source: str) -> tuple[Finding, ...]:
        return check(source, self._names(), self.shell.transform_cell)

    def _names(self) -> dict[str, object]:
        return {**self.shell.user_ns_hidden, **self.shell.user_ns}

    def _remarks(self, cell: CodeCell) -> tuple[str, ...]:
        """Return what code does outside Python, and what else is odd, a line each."""
        effects = effects_of(cell.source, self.shell.transform_cell, self._names())
        checked = str(self._verdicts.get(cell.source, ""))
        if not checked and cell.language == "python":
            checked = format_findings(self._check(cell.source))
        lines = (effects, " · ".join(filter(None, [*cell.warnings, checked])))
        return tuple(filter(None, lines))


def diff_html(before: str, after: str) -> str:
    """Return a unified diff of two cells as a fenced block; empty if they are equal."""
    old, new = (cell.strip("\n").splitlines() for cell in (before, after))
    names = ("the cell", "the new cell")
    text = "\n".join(difflib.unified_diff(old, new, *names, lineterm="", n=2))
    return as_block(text, "diff") if text else ""


def _with(reply: Reply, notices: Sequence[str], **more: Any) -> Reply:
    all_notices = (*reply.metadata.notices, *notices)
    return Reply(reply, replace(reply.metadata, notices=all_notices, **more))
