"""A live kernel, asked as a notebook asks it: what a cell takes, and what it sends."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from contenders import Contender
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

SHOW = 'display(Markdown("word, word, word"))'
RESIDENT = """
import os, resource
print(int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
"""
LIMIT_S = 60


@dataclass
class Ran:
    """What running a cell took: from execute to idle, and over the wire."""

    seconds: float = 0.0
    first_s: float = 0.0  # until it first showed something
    messages: int = 0
    bytes: int = 0
    printed: str = ""


class Live:
    """One kernel that runs."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client

    def run(self, code: str, limit_s: float = LIMIT_S) -> Ran:
        """Run a cell of its own.

        Raises
        ------
        RuntimeError
            If it fails.
        """
        content = {"code": code, "silent": False, "store_history": True}
        content |= {"user_expressions": {}, "allow_stdin": False, "stop_on_error": True}
        about = {"cellId": str(uuid.uuid4())}
        session = self._client.session
        message = session.msg("execute_request", content, metadata=about)
        ran, started_s = Ran(), time.perf_counter()
        self._client.shell_channel.send(message)
        self._until_idle(message["header"]["msg_id"], ran, started_s, limit_s)
        self._client.get_shell_msg(timeout=LIMIT_S)
        return ran

    def _until_idle(
        self, request: str, ran: Ran, started_s: float, limit_s: float
    ) -> None:
        socket, session = self._client.iopub_channel.socket, self._client.session
        while socket.poll(limit_s * 1000):
            frames = socket.recv_multipart()
            _, parts = session.feed_identities(frames)
            told = session.deserialize(parts)
            if told["parent_header"].get("msg_id") != request:
                continue
            kind, content = told["header"]["msg_type"], told["content"]
            if kind == "error":
                raise RuntimeError("\n".join(content["traceback"]))
            if kind == "status" and content["execution_state"] == "idle":
                ran.seconds = time.perf_counter() - started_s
                return
            if kind in ("status", "execute_input"):
                continue
            ran.first_s = ran.first_s or time.perf_counter() - started_s
            ran.printed += content.get("text", "")
            ran.messages += 1
            ran.bytes += sum(map(len, frames))
        raise RuntimeError(f"the cell did not end in {limit_s} s")

    def resident_bytes(self) -> int:
        """Give the memory that the kernel takes."""
        return int(self.run(RESIDENT).printed)

    def get_ready(self, one: Contender, url: str) -> None:
        """Load a contender, and point it at a base URL."""
        self.run(one.load)
        self.point(one, url)

    def point(self, one: Contender, url: str) -> None:
        """Point a contender at a base URL."""
        self.run(one.point.replace("URL", url))


@contextmanager
def kernel() -> Iterator[Live]:
    """Run a kernel with homes of its own and its bytecode cached."""
    with TemporaryDirectory() as folder:
        manager = KernelManager(kernel_name="python3")
        manager.kernel_cmd = [
            *(sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"),
            "--log-level=50",
        ]
        names = ("IPYTHONDIR", "HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
        environ = {k: v for k, v in os.environ.items() if k != _NO_BYTECODE}
        homes = {name: str(Path(folder) / name.lower()) for name in names}
        manager.start_kernel(
            env={**environ, **homes, "OPENAI_API_KEY": "none"},
            stderr=subprocess.DEVNULL,
        )
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=LIMIT_S)
            live = Live(client)
            live.run("from IPython.display import Markdown, display")
            yield live
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
            manager.cleanup_resources()
            client.context.destroy(linger=0)


_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


def first_and_second_s(one: Contender, url: str, idle_s: float) -> tuple[float, float]:
    """Give how long the first question takes, and the next ones, in a new kernel."""
    with kernel() as live:
        live.get_ready(one, url)
        time.sleep(idle_s)
        first, *later = [live.run(one.ask).seconds for _ in range(6)]
        return first, statistics.median(later)


def short_calls(
    contenders: Sequence[Contender], url: str, rounds: int
) -> dict[str, tuple[float, float]]:
    """Give the times of a short call and of `display(Markdown(...))`.

    In one kernel for each contender, all asked in turn. A quarter of the calls are
    faster than that: the others, a busy machine disturbs.
    """
    taken: dict[str, list[tuple[float, float]]] = {one.name: [] for one in contenders}
    with ExitStack() as stack:
        kernels = [(one, stack.enter_context(kernel())) for one in contenders]
        for one, live in kernels:
            live.get_ready(one, url)
        for number in range(rounds + 3):
            for one, live in kernels:
                pair = (live.run(one.ask).seconds, live.run(SHOW).seconds)
                taken[one.name] += [pair] if number >= 3 else []
    return {
        name: (
            _quarter([asked for asked, _ in pairs]),
            _quarter([shown for _, shown in pairs]),
        )
        for name, pairs in taken.items()
    }


def _quarter(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=4)[0]
