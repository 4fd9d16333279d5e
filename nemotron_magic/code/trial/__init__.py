"""Try code on a forked copy of this kernel before it is inserted.

The copy has the user's own data; its writes, its network and its processes are refused,
and it ends after the last cell. The kernel, its files and its connections stay as they
were. Linux only.
"""

from __future__ import annotations

import ast
import json
import os
import platform
import re
import select
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Literal, TypeVar

from nemotron_magic.code import syntax
from nemotron_magic.code.syntax import Namespace
from nemotron_magic.core.text import one_line

_T = TypeVar("_T")

_PREFIX = "nemotron-trial-"
_POLL_S, _STUCK_S = 0.05, 0.8
_MOST_ANSWER = 1 << 16  # bytes


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
        runs = f"runs ({self.elapsed_s:.2f} s){gives}"
        came = runs if self.kind == "runs" else f"fails: {self.raised}"
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
    ) -> Generator[None, None, list[Verdict]]:
        """Try cells one after another in one copy; return a verdict for each.

        It yields once, when the copy runs: from then on any thread may wait for it.
        `tick` is told every 50 ms how many seconds it has taken, `before_s` is how long
        such a cell took when it last ran, `reason` why nothing can be tried now. Raise
        KeyboardInterrupt if the user stops it; the copy has ended then.
        """
        reason = reason or unsupported() or self._reason(cells)
        if not reason and before_s > self.limit_s:
            reason = f"the cell took {before_s:.0f} s when it last ran"
        verdicts: list[Verdict] = []
        if not reason and cells:
            verdicts, reason = yield from self._tried(cells, tick)
        if verdicts and verdicts[-1].kind != "runs":
            reason = "the code before it did not run to its end"
        missing = len(cells) - len(verdicts)
        return verdicts + [Verdict("not tried", reason)] * missing

    def _reason(self, cells: Sequence[str]) -> str:
        sources = []
        for cell in cells:
            with suppress(Exception):  # the user's own transformer, or bad syntax
                sources.append(self.shell.transform_cell(cell))
        reason = reason_not_to_try(sources, self.shell.user_ns)
        return f"it {reason}" if reason else ""

    def _tried(
        self, cells: Sequence[str], tick: Callable[[float], None]
    ) -> Generator[None, None, tuple[list[Verdict], str]]:
        """Fork, wait; return what the copy wrote, and why it wrote no more."""
        # Here and not above: most sessions try nothing.
        from nemotron_magic.code.trial.child import run_in_child
        from nemotron_magic.code.trial.guards import GUARDS, Place

        # Each end is to be closed once: its number may soon be another's.
        reader, writer = os.pipe()
        with (
            FileIO(reader, "rb") as ours,
            FileIO(writer, "wb") as theirs,
            tempfile.TemporaryDirectory(
                prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True
            ) as folder,
        ):
            place = Place(
                temporary=os.path.realpath(folder),
                answer=theirs.fileno(),
                unreadable=self._hidden(),
                time_s=self.limit_s,
                # Half of what is free, but neither little nor much.
                memory_bytes=max(256 << 20, min(2 << 30, _memory()[0] // 2)),
            )
            guards, parent = self.guards or GUARDS, os.getpid()
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):
                    stream.flush()
            # Of threads, Python warns from 3.12 on.
            with warnings.catch_warnings(action="ignore"):
                child = os.fork()
            if child == 0:
                run_in_child(self.shell, cells, place, guards, parent)
            theirs.close()
            data, reason = yield from _watched(child, ours.fileno(), self.limit_s, tick)
        verdicts = [one for line in data.split(b"\n") if (one := _verdict(line))]
        return verdicts[: len(cells)], reason or "the copy ended without a word"

    def _hidden(self) -> tuple[str, ...]:
        home = Path.home()
        paths = [*(home / one for one in syntax.words("secrets")), *self.unreadable]
        secret = [path.resolve() for path in paths if path.exists()]
        needed = [Path(one or ".").resolve() for one in (*sys.path, sys.prefix, ".")]
        return tuple(
            str(path)
            for path in secret
            if not any(one.is_relative_to(path) for one in needed)
        )


def finished(steps: Generator[None, None, _T]) -> _T:
    """Return what comes of steps that are taken from here on without a break."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def _verdict(line: bytes) -> Verdict | None:
    """Return what a copy wrote of one cell; None if the code wrote it, or half."""
    with suppress(ValueError, RecursionError, TypeError):
        found = Verdict(**json.loads(line))
        is_kind = found.kind in ("runs", "fails", "not tried")
        return found if is_kind and isinstance(found.elapsed_s, float) else None
    return None


def unsupported() -> str:
    """Return why this system can try nothing; empty if it can."""
    if sys.platform != "linux":
        return "trials need Linux"
    from nemotron_magic.code.trial.guards import MACHINES, landlock_version

    if platform.machine() not in MACHINES:
        return "trials need an x86_64 or aarch64 machine"
    if landlock_version() < 3:
        return "trials need landlock, which Linux has from 6.2 on unless it is off"
    return ""


def sweep() -> None:
    """Remove what trials of kernels that were killed have left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with suppress(OSError):
            is_ours = folder.stat().st_uid == os.getuid() and not folder.is_symlink()
            if is_ours and owner.isdecimal() and not Path(f"/proc/{owner}").exists():
                for barred in folder.glob("work/work"):  # of a private layer
                    barred.chmod(0o700)
                shutil.rmtree(folder, ignore_errors=True)


def _watched(
    child: int, pipe: int, limit_s: float, tick: Callable[[float], None]
) -> Generator[None, None, tuple[bytes, str]]:
    """Wait for a copy; return what it wrote, and why it did not come to its end."""
    begun_s = moved_s = time.monotonic()
    data, reason, spent = b"", "", ""
    try:
        yield
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


def _end(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGXCPU:
            return "it took longer than a trial may"
        return f"it ended its process ({signal.Signals(number).name})"
    return f"it ended its process (exit {os.WEXITSTATUS(status)})"


def _spent_in_locks(process: int) -> str:
    """Return the time a process spent if all its threads wait for locks, else empty."""
    from nemotron_magic.code.trial.guards import FUTEX

    folder = Path(f"/proc/{process}")
    with suppress(OSError):
        calls = [one.read_text().split()[:1] for one in folder.glob("task/*/syscall")]
        spent = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
        return " ".join(spent) if all(one == [str(FUTEX)] for one in calls) else ""
    return ""


_ADDRESS = re.compile(r"\b(?!file:|sqlite:)[a-z][a-z0-9+.-]{1,20}://", re.IGNORECASE)
_SHELL = {"system", "getoutput", "getoutput_split"}
# Magics, and what they do that a copy may not.
_OF_MAGIC = syntax.by_word(syntax.LIBRARIES["untried_magics"])
# Modules whose objects are connections, or are of no use without one.
_CONNECTIONS = re.compile(rf"(?:{'|'.join(syntax.words('connections'))})(?:\.|$)")
_NO_CONNECTION = re.compile(rf"(?:{'|'.join(syntax.words('no_connections'))})$")
_ON_A_GPU = ("jax", "tensorflow", "cupy", "cudf", "numba.cuda.cudadrv.driver")
_LEAST_FREE = 1 << 30  # bytes


def reason_not_to_try(sources: Sequence[str], namespace: Namespace) -> str:
    """Return why transformed code cannot be tried in a copy; empty if it may be."""
    names: set[str] = set()
    for source in sources:
        # Of what cannot be read, the trial tells.
        tree = syntax.try_to_parse(source) or ast.Module([], [])
        names |= syntax.names_in(tree)
        reasons = [_OF_MAGIC.get(name, "") for name, *_ in syntax.magics(tree)]
        reasons += map(_reason_in, ast.walk(tree))
        if any(reasons):
            return next(filter(None, reasons))
    reached = dict(_reached(names, namespace))
    return _held(reached) or _not_copied(reached)


def _reason_in(node: ast.AST) -> str:
    match node:
        case ast.Constant(str(text)) if _ADDRESS.search(text):
            return "reads from the network"
        case ast.Call(ast.Attribute(ast.Call(ast.Name("get_ipython")), called)) if (
            called in _SHELL
        ):
            return "runs a shell command"
    return ""


def _reached(names: set[str], namespace: Namespace) -> Iterator[tuple[str, object]]:
    """Yield the values of names, and of those that the user's functions read."""
    waiting, seen = list(names), set(names)
    while waiting:
        name = waiting.pop()
        if name not in namespace:
            continue
        value = namespace[name]
        yield name, value
        if isinstance(value, FunctionType) and value.__globals__ is namespace:
            more = set(value.__code__.co_names) - seen
            waiting += more
            seen |= more


def _held(reached: Namespace) -> str:
    """Return which value is a connection, or holds one as an attribute or item."""
    for name, value in reached.items():
        if _is_connection(value) or any(map(_is_connection, _parts(value))):
            return f"uses the connection {name}"
    return ""


def _parts(value: object) -> list[object]:
    if type(value) in (list, tuple, set):
        return list(value)[:20]  # type: ignore[call-overload, no-any-return]
    if type(value) is dict:
        return list(value.values())[:20]
    if type(value).__module__ == "__main__":
        with suppress(AttributeError):
            return list(object.__getattribute__(value, "__dict__").values())[:20]
    return []


def _is_connection(value: object) -> bool:
    kind = type(value)
    if isinstance(value, type) or not _CONNECTIONS.match(str(kind.__module__)):
        return False
    return not _NO_CONNECTION.search(kind.__qualname__)


def _not_copied(reached: Namespace) -> str:
    """Return what a copy does not have, or has too little of, to run."""
    homes = {_home(value) for value in reached.values()}
    if "polars" in homes and any(one.startswith("polars-") for one in _threads()):
        return "uses polars, whose threads do not survive in a copy"
    is_used = getattr(sys.modules.get("torch.cuda"), "is_initialized", None)
    if callable(is_used) and is_used():
        return "shares the kernel's GPU"
    if library := next((one for one in _ON_A_GPU if one in sys.modules), ""):
        return f"shares the kernel's GPU ({library} is loaded)"
    free, total = _memory()
    is_short = total > 0 and free < _LEAST_FREE + total // 10
    return "needs memory, of which too little is free" if is_short else ""


def _home(value: object) -> str:
    """Return the top-level package that a value, or a module, comes from."""
    if isinstance(value, ModuleType):
        return value.__name__.partition(".")[0]
    made = value if isinstance(value, (type, FunctionType)) else type(value)
    return str(getattr(made, "__module__", "")).partition(".")[0]


def _threads() -> Iterator[str]:
    for path in Path("/proc/self/task").glob("*/comm"):
        with suppress(OSError):
            yield path.read_text()


def _memory() -> tuple[int, int]:
    """Return how many bytes this machine has free, and has; 0 if that is not known."""
    with suppress(OSError, KeyError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        sizes = {line.split(":")[0]: int(line.split()[1]) << 10 for line in lines}
        return sizes["MemAvailable"], sizes["MemTotal"]
    return 0, 0
