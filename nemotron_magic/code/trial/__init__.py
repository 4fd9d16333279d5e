"""Try code on a forked copy of this kernel before it is inserted.

The copy has the user's own data; its writes, its network and its processes are refused,
and it ends after the last cell. The kernel, its files and its connections stay as they
were. Linux only.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, Literal

from nemotron_magic.core.text import one_line

_PREFIX = "nemotron-trial-"
_POLL_S, _STUCK_S = 0.05, 0.8
_MOST_ANSWER = 1 << 16  # bytes
_SECRETS = (
    ".ssh", ".aws", ".gnupg", ".kube", ".netrc", ".pgpass", ".git-credentials",
    ".pypirc", ".docker", ".azure", ".config/gcloud", ".config/gh",
    ".local/share/keyrings",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a cell; what met a refusal, a limit or a lock is "not tried"."""

    kind: Literal["runs", "fails", "not tried"]
    reason: str = ""  # why it was not tried, as what the code does: "writes x.csv"
    elapsed_s: float = 0.0
    value: str = ""  # what kind of value the cell has, without its content
    error: str = ""
    message: str = ""
    line: int | None = None  # of the cell, in which it was raised, from 1

    def __str__(self) -> str:
        if self.kind == "not tried":
            return f"Not tried: {self.reason}."
        gives = f", gives {self.value}" if self.value else ""
        came = f"fails: {self.raised}"
        if self.kind == "runs":
            came = f"runs ({self.elapsed_s:.2f} s){gives}"
        return f"Tried on a copy of this kernel: {came}. Nothing of yours was changed."

    @property
    def raised(self) -> str:
        """The error on one line, with the line of the cell."""
        at = f", line {self.line}" if self.line else ""
        return one_line(f"{self.error} {self.message}".strip(), 120) + at


@dataclass
class Trials:
    """Tries cells in copies of one kernel, one trial at a time."""

    shell: Any  # the kernel's InteractiveShell
    unreadable: Sequence[Path] = ()  # beside the usual homes of secrets
    limit_s: float = 10.0
    guards: Sequence[Callable[[Any], None]] | None = None  # else all there are

    def run(
        self,
        cells: Sequence[str],
        tick: Callable[[float], None] = lambda s: None,
        before_s: float = 0.0,
        reason: str = "",
    ) -> list[Verdict]:
        """Try cells one after another in one copy; return a verdict for each.

        `tick` is told every 50 ms how many seconds it has taken, `before_s` is how long
        such a cell took when it last ran, `reason` why nothing can be tried now. Raise
        KeyboardInterrupt if the user stops it; the copy has ended then.
        """
        reason = reason or unsupported() or self._reason(cells)
        if not reason and before_s > self.limit_s:
            reason = f"the cell took {before_s:.0f} s when it last ran"
        outcomes: list[dict[str, Any]] = []
        if not reason and cells:
            outcomes, reason = self._tried(cells, tick)
        verdicts = [_verdict(one) for one in outcomes if "guard" not in one]
        if verdicts and verdicts[-1].kind != "runs":
            reason = "the code before it did not run to its end"
        missing = len(cells) - len(verdicts)
        return verdicts + [Verdict("not tried", reason)] * missing

    def _reason(self, cells: Sequence[str]) -> str:
        # Here and not above, like the child: most sessions try nothing.
        from nemotron_magic.code.trial.precheck import reason_not_to_try

        sources = []
        for cell in cells:
            with suppress(Exception):  # the user's own transformer, or bad syntax
                sources.append(self.shell.transform_cell(cell))
        reason = reason_not_to_try(sources, self.shell.user_ns)
        return f"it {reason}" if reason else ""

    def _tried(
        self, cells: Sequence[str], tick: Callable[[float], None]
    ) -> tuple[list[dict[str, Any]], str]:
        """Fork, wait; return what the copy wrote, and why it wrote no more."""
        from nemotron_magic.code.trial.child import run_in_child
        from nemotron_magic.code.trial.guards import GUARDS, Place

        # Each end is to be closed once: its number may soon be another's.
        reader, writer = os.pipe()
        with (
            FileIO(reader, "rb") as ours,
            FileIO(writer, "wb") as theirs,
            _temporary() as folder,
        ):
            place = Place(
                temporary=folder,
                answer=theirs.fileno(),
                unreadable=self._hidden(),
                time_s=self.limit_s,
                memory_bytes=_spare_memory(),
            )
            guards, parent = self.guards or GUARDS, os.getpid()
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):
                    stream.flush()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of threads, from Python 3.12 on
                child = os.fork()
            if child == 0:
                run_in_child(self.shell, cells, place, guards, parent)
            theirs.close()
            data, reason = _watched(child, ours.fileno(), self.limit_s, tick)
        outcomes = [one for line in data.split(b"\n") if (one := _outcome(line))]
        if outcomes and "guard" in outcomes[-1]:
            reason = f"the copy could not be guarded ({outcomes[-1]['guard']})"
        return outcomes, reason or "the copy ended without a word"

    def _hidden(self) -> tuple[str, ...]:
        home = Path.home()
        paths = [*(home / one for one in _SECRETS), *self.unreadable]
        needed = [Path(one or ".").resolve() for one in (*sys.path, sys.prefix, ".")]
        return tuple(
            str(path.resolve())
            for path in paths
            if path.exists()
            and not any(one.is_relative_to(path.resolve()) for one in needed)
        )


def _verdict(outcome: Mapping[str, Any]) -> Verdict:
    elapsed_s = float(outcome["elapsed_s"])
    if outcome.get("refused"):
        return Verdict("not tried", f"it {outcome['refused']}", elapsed_s)
    if "error" not in outcome:
        return Verdict("runs", "", elapsed_s, str(outcome.get("value", "")))
    error, message = str(outcome["error"]), str(outcome["message"])
    return Verdict("fails", "", elapsed_s, "", error, message, outcome["line"])


def unsupported() -> str:
    """Return why this system can try nothing; empty if it can."""
    if sys.platform != "linux":
        return "trials need Linux"
    from nemotron_magic.code.trial.guards import landlock_version
    from nemotron_magic.code.trial.system_calls import is_known_machine

    if not is_known_machine():
        return "trials need an x86_64 or aarch64 machine"
    if landlock_version() < 3:
        return "trials need landlock, which Linux has from 6.2 on unless it is off"
    return ""


def _spare_memory() -> int:
    """Return how many bytes a copy may take: half of what is free, 2 GB at most."""
    from nemotron_magic.code.trial.precheck import free_and_total_memory

    return max(256 << 20, min(2 << 30, free_and_total_memory()[0] // 2))


@contextmanager
def _temporary() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")
    try:
        yield os.path.realpath(folder)
    finally:
        _remove(Path(folder))


def _remove(folder: Path) -> None:
    """Remove the folder of a trial; that of its private layer bars its owner."""
    for barred in folder.glob("work/work"):
        with suppress(OSError):
            barred.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove what trials of kernels that were killed have left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with suppress(OSError):
            is_ours = folder.stat().st_uid == os.getuid() and not folder.is_symlink()
            if is_ours and owner.isdecimal() and not Path(f"/proc/{owner}").exists():
                _remove(folder)


def _watched(
    child: int, pipe: int, limit_s: float, tick: Callable[[float], None]
) -> tuple[bytes, str]:
    """Wait for a copy; return what it wrote, and why it did not come to its end."""
    begun_s = moved_s = time.monotonic()
    data, reason, spent = b"", "", ""
    try:
        while len(data) < _MOST_ANSWER:
            now_s, before = time.monotonic(), spent
            elapsed_s, spent = now_s - begun_s, _spent_in_locks(child)
            moved_s = moved_s if spent and spent == before else now_s
            if select.select([pipe], [], [], _POLL_S)[0]:
                piece = os.read(pipe, _MOST_ANSWER)
                if not piece:
                    break
                data += piece
            elif elapsed_s > limit_s:
                reason = f"it took longer than {limit_s:.0f} s"
                break
            # The holder of a lock in another thread was not copied.
            elif now_s - moved_s > _STUCK_S:
                reason = "it waits for a lock that is held in the kernel"
                break
            tick(elapsed_s)
    finally:
        with suppress(OSError):
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    return data, reason or _end(status)


def _outcome(line: bytes) -> dict[str, Any]:
    """Return what a copy wrote of one cell; nothing if the code wrote it, or half."""
    with suppress(ValueError, RecursionError, KeyError, TypeError):
        found = dict(json.loads(line))
        if "guard" in found or isinstance(found["elapsed_s"], float):
            is_whole = "error" not in found or {"message", "line"} <= found.keys()
            return found if is_whole else {}
    return {}


def _end(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return "it took longer than a trial may"
        return f"it ended its process ({signal.Signals(number).name})"
    return f"it ended its process (exit {os.WEXITSTATUS(status)})"


def _spent_in_locks(process: int) -> str:
    """Return the time a process spent if all its threads wait for locks, else empty."""
    from nemotron_magic.code.trial.system_calls import FUTEX

    folder = Path(f"/proc/{process}")
    try:
        calls = [one.read_text().split()[:1] for one in folder.glob("task/*/syscall")]
        spent = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
    except OSError:
        return ""
    return " ".join(spent) if all(one == [str(FUTEX)] for one in calls) else ""
