"""What a panel costs: kernel time and messages to open, and messages while it asks.

    python tests/bench/panel.py

A real kernel opens panels with ipywidgets imported before, once in the very moment in
which the extension has loaded and once when it has got ready, as between two cells.
The goals: under 150 ms of kernel time, at most 28 messages and 26 kB for the first one.
Then a reply is asked for in a panel: 2,000 tokens are to take about 150 messages.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.extend(str(Path(__file__).parents[1] / name) for name in ("", "support"))

from service import serve
from shells import Kernel

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
    """One reply asked for in a panel, all messages counted."""

    tokens: int
    seconds: float
    messages: int
    kilobytes: float


def streamed(tokens: int, tokens_per_s: int = 200) -> Streamed:
    """Ask in a panel and count what the page is sent until the reply is there."""
    with TemporaryDirectory() as folder, serve() as url:
        kernel = Kernel(Path(folder), AIMLAPI_API_BASE=str(url))
        try:
            kernel.run("%load_ext nemotron_magic")
            opened = kernel.run("%nemotron panel")
            text = f"rehearsal: length {tokens}\nrehearsal: slow {tokens_per_s}"
            kernel.change(_id_of(opened, "Question"), value=text)
            started_s = time.monotonic()
            begun = kernel.press(_id_of(opened, "Send"))
            sent = [*begun.messages, *_until_answered(kernel)]
        finally:
            kernel.close()
    comm = [m for m in sent if m["msg_type"].startswith("comm_")]
    size = sum(len(json.dumps(m["content"])) for m in comm)
    return Streamed(tokens, time.monotonic() - started_s, len(comm), size / 1000)


def _id_of(opened: Any, label: str) -> str:
    opens = (m["content"] for m in opened.messages if m["msg_type"] == "comm_open")
    labels = {c["data"]["state"].get("description"): c["comm_id"] for c in opens}
    return str(labels[label])


def _until_answered(kernel: Kernel) -> Iterator[dict[str, Any]]:
    """Yield what comes until the panel says that the reply is there."""
    while True:
        message = kernel.client.get_iopub_msg(timeout=60)
        yield message
        if "Answered." in str(message["content"]):
            return


def main() -> None:
    """Print the tables."""
    for tokens in (500, 2_000):
        print(streamed(tokens))
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
