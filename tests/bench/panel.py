"""What a panel costs: kernel time and messages to open, and messages while it asks.

    python tests/bench/panel.py

A real kernel opens panels with ipywidgets imported before, once in the very moment in
which the extension has loaded and once when it has got ready, as between two cells.
The goals: under 150 ms of kernel time and at most 60 comm messages for the first one.
Then the same reply is painted in a cell and in a panel, which is to take no more
messages.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from display import Wire, paint
from shells import Kernel

from nemotron_magic.panels.stage import Stage

OPEN = """
import time
started_s = time.process_time()
get_ipython().run_line_magic("nemotron", "panel")
opening_s = time.process_time() - started_s
"""


@dataclass(frozen=True)
class Opened:
    """One panel opened in a real kernel."""

    kernel_s: float
    comm_messages: int
    messages: int
    kilobytes: float


def openings(bytecode: Path, number: int = 3, ready_s: float = 2.0) -> list[Opened]:
    """Open panels in a fresh kernel, `ready_s` seconds after the extension's cell.

    Parameters
    ----------
    bytecode : Path
        Where it is cached; the first kernel writes it, and takes longer.
    """
    with TemporaryDirectory() as folder:
        kernel = _kernel(Path(folder), bytecode)
        try:
            kernel.run("import ipywidgets\n%load_ext nemotron_magic")
            time.sleep(ready_s)
            return [_opened(kernel) for _ in range(number)]
        finally:
            kernel.close()


def _kernel(folder: Path, bytecode: Path) -> Kernel:
    """Run a kernel whose bytecode is cached, as that of what is installed is."""
    cached = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(bytecode)}
    return Kernel(folder, **cached)


def _opened(kernel: Kernel) -> Opened:
    outcome = kernel.run(OPEN)
    told = kernel.run("opening_s").outputs[0]["data"]["text/plain"]
    sent = [m for m in outcome.messages if m["msg_type"] != "status"]
    comm = [m for m in sent if m["msg_type"].startswith("comm_")]
    size = sum(len(json.dumps(m["content"])) for m in sent)
    return Opened(float(told), len(comm), len(sent), size / 1000)


@dataclass(frozen=True)
class Streamed:
    """One reply painted in a cell and in a panel, all messages counted."""

    tokens: int
    cell_messages: int
    panel_messages: int
    cell_bytes: int
    panel_bytes: int


class _Comm(Wire):
    """Counts what a panel sends over its comm."""

    def say(self, kind: str, **what: Any) -> None:
        content = {"method": "custom", "content": {"kind": kind, **what}}
        self._send("comm_msg", {"comm_id": "0" * 32, "data": content})


def streamed(tokens: int, gap_s: float | None) -> Streamed:
    """Paint a reply, a token every `gap_s` seconds, or as fast as it goes."""
    cell, comm = Wire(), _Comm()
    paint(tokens, gap_s, cell)
    paint(tokens, gap_s, Stage(comm.say))
    comm.say("ended", error="", stopped=False, cells=[], kept=True)
    # A cell's run is told, too: its input.
    return Streamed(tokens, cell.messages + 1, comm.messages, cell.bytes, comm.bytes)


def main() -> None:
    """Print the tables."""
    for gap_s in (0.01, None):
        for tokens in (500, 2_000, 8_000):
            print(streamed(tokens, gap_s))
    print(f"{'panel':<16}{'kernel, ms':>12}{'comm':>6}{'all':>6}{'kB':>8}")
    with TemporaryDirectory() as bytecode:
        openings(Path(bytecode))
        for name, ready_s in (("at once", 0.0), ("when ready", 2.0)):
            _print(name, openings(Path(bytecode), ready_s=ready_s))


def _print(name: str, opened: list[Opened]) -> None:
    for number, one in enumerate(opened, 1):
        print(
            f"{name:<12}{number:<4}{one.kernel_s * 1000:>12.0f}"
            f"{one.comm_messages:>6}{one.messages:>6}{one.kilobytes:>8.0f}"
        )


if __name__ == "__main__":
    main()
