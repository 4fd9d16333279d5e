"""What happens in the forked copy of the kernel: guard it, run the cells, report.

Nothing here may return to the kernel's own code: the copy ends with `os._exit`.
"""

from __future__ import annotations

import asyncio
import builtins
import errno
import gc
import getpass
import json
import os
import re
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

from nemotron_magic.code.syntax import LIBRARIES, by_word, pattern, words
from nemotron_magic.code.trial.guards import (
    Guard,
    Place,
    libc,
    make_private_layer,
    number,
    use_one_openmp_thread,
)

_MOST_MESSAGE = 300  # characters of an error's message that are reported
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
# What an audit event means in words; the events are Python's own.
_WORDS = by_word(LIBRARIES["refused"])
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Caches of libraries, which do without where they may not write.
_CACHE = re.compile(r"__pycache__|/\.?cache/|/\.?(?:config/)?(?:matplotlib|ipython)\b")
# What libraries say of a refusal, where the error itself does not tell.
_SIGNS = pattern("sign_of_refusal")
_REFUSALS = {
    errno.EPERM, errno.EACCES, errno.EROFS, errno.EBADF, errno.ENOSYS, errno.ENOTSOCK,
    errno.ENOMEM, errno.EXDEV,
}  # fmt: skip


def run_in_child(
    shell: Any, cells: Sequence[str], place: Place, guards: Sequence[Guard], parent: int
) -> NoReturn:
    """Run cells in this forked process; write the verdict on each as JSON, and end."""
    try:
        _leave_kernel(parent)
        folder = os.getcwd()
        layer = folder if make_private_layer(place, folder) else ""
        own = replace(place, layer=layer)
        for guard in guards:
            guard(own)
        run = _Run(shell, own)
        for cell in cells:
            verdict = run.cell(cell)
            _answer(place, verdict)
            if "error" in verdict:
                break
    except BaseException as error:
        words = f"{type(error).__name__}: {error}"[:_MOST_MESSAGE]
        reason = f"the copy could not be guarded ({words})"
        for _ in cells:
            _answer(place, {"kind": "not tried", "reason": reason})
    finally:
        os._exit(0)


def _answer(place: Place, verdict: dict[str, Any]) -> None:
    data = json.dumps(verdict).encode() + b"\n"
    while data:
        data = data[os.write(place.answer, data) :]


def _leave_kernel(parent: int) -> None:
    """Cut what ties this copy to the kernel: its terminal, its signals, its death."""
    gc.freeze()  # a collection would copy every page that it looks at
    os.setsid()
    libc.prctl(_DIE_WITH_PARENT, number(signal.SIGKILL), *[number(0)] * 3)
    if os.getppid() != parent:
        os._exit(0)
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    use_one_openmp_thread()


class _Run:
    """Runs cells in the copy of the shell; nothing of it reaches the page."""

    def __init__(self, shell: Any, place: Place) -> None:
        """Take the place of all that shows, asks or stores; note what is refused."""
        self._shell = shell
        self._place = place
        self._refusals: list[str] = []
        self._raised: list[BaseException | None] = []
        os.environ["TMPDIR"] = tempfile.tempdir = place.temporary
        sys.dont_write_bytecode = True
        warnings.filterwarnings("ignore", message=".*fork.*")
        out = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (it stays open)
        sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = out  # type: ignore[misc]
        kernel = getattr(shell, "kernel", None)
        if kernel is not None:
            kernel.session.send = _nothing
            kernel.raw_input = kernel.getpass = self._refuse_input
        builtins.input = getpass.getpass = self._refuse_input
        shell.ask_exit = lambda *args: self._refusals.append("ends the kernel")
        shell.showtraceback = lambda *_, **__: self._raised.append(sys.exc_info()[1])
        shell.showsyntaxerror = _nothing
        shell.display_pub.publish = shell.display_pub.clear_output = _nothing
        for step in filter(partial(hasattr, shell.displayhook), words("showing")):
            setattr(shell.displayhook, step, _nothing)
        after = shell.events.callbacks.get("post_execute", [])
        self._draws: list[Callable[[], object]] = [
            one for one in after if getattr(one, "__module__", "")[:10] == "matplotlib"
        ]
        for callbacks in shell.events.callbacks.values():
            callbacks.clear()
        _run_jobs_in_turn()
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        sys.addaudithook(self._audit)

    def cell(self, source: str) -> dict[str, Any]:
        """Run one cell; return the verdict on it."""
        self._refusals.clear()
        self._raised.clear()
        begun_s = time.monotonic()
        error, value = self._ran(source)
        elapsed_s = round(time.monotonic() - begun_s, 4)
        verdict: dict[str, Any] = {"kind": "runs", "elapsed_s": elapsed_s}
        refusal = next(iter(self._refusals), "")
        if error is not None:
            refusal = refusal or next(filter(None, map(_refusal_of, _chain(error))), "")
            # Python 3.13 has private kinds of SyntaxError.
            kinds = [one.__name__ for one in type(error).__mro__]
            verdict["kind"] = "fails"
            verdict["error"] = next(one for one in kinds if one[0] != "_")
            verdict["message"] = _message(error)
            verdict["line"] = self._line(error)
        elif value is not None:
            verdict["value"] = _shape_of(value)
        if refusal:
            verdict |= {"kind": "not tried", "reason": f"it {refusal}"}
        return verdict

    def _ran(self, source: str) -> tuple[BaseException | None, object]:
        try:
            transformed, failure = self._shell.transform_cell(source), None
        except Exception:
            transformed, failure = source, sys.exc_info()
        try:
            result = self._loop.run_until_complete(
                self._shell.run_cell_async(
                    source,
                    store_history=False,
                    transformed_cell=transformed,
                    preprocessing_exc_tuple=failure,
                )
            )
            error = result.error_before_exec or result.error_in_exec
            if error is None:
                for draw in self._draws:
                    draw()
        except BaseException as raised:
            return raised, None
        if error is None:
            error = next((one for one in self._raised if one is not None), None)
        return error, result.result

    def _refuse_input(self, *args: object, **kwargs: object) -> NoReturn:
        self._refusals.append("asks for input")
        raise PermissionError("asks for input")

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        """Put refusals into words. It is no wall: libraries in C pass it by."""
        if event == "open":
            path, _, flags = (*args, 0, 0)[:3]
            if not isinstance(path, (str, bytes)):
                return
            name = os.path.basename(os.fsdecode(path))
            if isinstance(flags, int) and flags & _WRITES and self._is_outside(path):
                self._refusals.append(f"writes {name}")
            elif _is_in(os.path.realpath(os.fsdecode(path)), self._place.unreadable):
                self._refusals.append(f"reads {name}, which may be secret")
                raise PermissionError(name)
            return
        refusal = _WORDS.get(event, "")
        if refusal == "changes files":
            path = args[0] if args else ""
            # Libraries make their own folders again.
            is_there = event == "os.mkdir" and os.path.isdir(path)
            if not is_there and self._is_outside(path):
                self._refusals.append(refusal)
        elif refusal:
            self._refusals.append(refusal)
            raise PermissionError(refusal)

    def _is_outside(self, path: object) -> bool:
        if not isinstance(path, (str, bytes)):
            return False
        whole = os.path.abspath(os.fsdecode(path))
        inside = (self._place.temporary, self._place.layer or self._place.temporary)
        is_free = whole == os.devnull or _CACHE.search(whole)
        return not (is_free or _is_in(whole, inside))

    def _line(self, error: BaseException) -> int | None:
        """Return the line of the cell in which an error arose, from 1."""
        if isinstance(error, SyntaxError):
            return error.lineno
        frames = [*traceback.walk_tb(error.__traceback__)]
        own = (f for f, _ in frames if f.f_globals is self._shell.user_ns)
        name = next((frame.f_code.co_filename for frame in own), None)
        lines = [at for frame, at in frames if frame.f_code.co_filename == name]
        return lines[-1] if lines else None


def _is_in(path: str, folders: Sequence[str]) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in folders)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, what caused it, and the members of a group."""
    found = [error]
    for one in found:  # it grows
        yield one
        following = (one.__cause__, one.__context__, *getattr(one, "exceptions", ()))
        for more in following:
            is_new = all(more is not known for known in found)
            if isinstance(more, BaseException) and is_new and len(found) < 30:
                found.append(more)


def _refusal_of(error: BaseException) -> str:
    """Return why an error means that the code was not really tried; empty if not."""
    if isinstance(error, MemoryError):
        return "needs more memory than a trial may take"
    if isinstance(error, KeyboardInterrupt):
        return "was interrupted"
    number = getattr(error, "errno", None)
    if isinstance(error, PermissionError) or number in _REFUSALS:
        name = getattr(error, "filename", None)
        where = f" ({os.path.basename(os.fsdecode(name))})" if name else ""
        return f"does what a trial may not{where}"
    if isinstance(error, BlockingIOError) or _SIGNS.search(_message(error)):
        return "does what a trial may not"
    return ""


def _shape_of(value: object) -> str:
    """Return the type of a value and its shape, with nothing of its content."""
    kind = type(value).__name__
    shape = getattr(value, "shape", None)
    if isinstance(value, (list, dict, set)):
        shape = (len(value),)
    if isinstance(shape, tuple) and all(isinstance(one, int) for one in shape):
        of = "of " if len(shape) == 1 else ""
        return f"{kind} {of}{' × '.join(map(str, shape))}".strip()
    return kind


def _message(error: BaseException) -> str:
    try:
        text = error.msg if isinstance(error, SyntaxError) else error
        return str(text)[:_MOST_MESSAGE]
    except Exception:
        return ""


def _nothing(*args: object, **kwargs: object) -> None:
    """Do nothing, in place of what would show something."""


def _run_jobs_in_turn() -> None:
    """Let joblib start no process, neither to work nor to count processors."""
    os.environ["LOKY_MAX_CPU_COUNT"] = "1"
    joblib = sys.modules.get("joblib.parallel")
    if joblib is not None:
        with suppress(Exception):
            joblib.DEFAULT_BACKEND = "sequential"  # type: ignore[attr-defined]
            joblib.parallel_config(backend="sequential").__enter__()
