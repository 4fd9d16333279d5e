"""Everything that is fast about this package, against its peers, in one run.

    python -m pip install --group bench '.[demo]' && python tests/bench/peers.py

prints a table in Markdown. All read the same reply from the same server on this
machine; what is compared is measured in turn, so that a busy machine disturbs all
alike. With `--page 16000` the reply that streams into JupyterLab is so long, which
takes three minutes; `--page 0` leaves JupyterLab out. `--rounds 3` is quick.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

import live
import load
import paced
import pages
import reading
import stream
from contenders import ALL, OURS, Contender

IDLE_S = 3.0
TOKENS_SHOWN = 1_000
TOKENS_PER_S = 100
NOTHING_YET = ", shown after the end"


@dataclass(frozen=True)
class Row:
    """One thing that is measured.

    Attributes
    ----------
    name : str
        What it is, with its unit.
    goal : str
        What we want of it.
    measure : callable
        Gives a cell of the table for each contender's name.
    """

    name: str
    goal: str
    measure: Callable[[Run], dict[str, str]] = field(repr=False)


@dataclass(frozen=True)
class Run:
    """What is compared, and how thoroughly."""

    contenders: list[Contender]
    service: paced.Paced
    rounds: int
    page_tokens: int


def loading(run: Run) -> dict[str, str]:
    """Load each in fresh processes."""
    loads = {one.name: one.load for one in run.contenders}
    taken = load.measure(loads, run.rounds)
    least_s = taken[load.EMPTY][0]
    return {
        name: f"{taken[name][0] / least_s:,.1f} ({taken[name][0] * 1e3:,.1f} ms)"
        for name in loads
    }


def first_question(run: Run) -> dict[str, str]:
    """Ask a first and a second time in new kernels."""
    url, rounds = run.service.url(5), min(run.rounds, 3)
    taken: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for one in run.contenders:
            pair = live.first_and_second_s(one, url, IDLE_S)
            taken.setdefault(one.name, []).append(pair)
    return {
        name: f"{statistics.median(a / b for a, b in pairs):,.1f} "
        f"({statistics.median(a for a, _ in pairs) * 1e3:,.0f} ms)"
        for name, pairs in taken.items()
    }


def short_call(run: Run) -> dict[str, str]:
    """Ask again and again, and show Markdown in between."""
    url = run.service.url(5)
    taken = live.short_calls(run.contenders, url, 10 * run.rounds)
    return {
        name: f"{asked_s / shown_s:.1f} ({asked_s * 1e3:.1f} ms)"
        for name, (asked_s, shown_s) in taken.items()
    }


def first_text(run: Run) -> dict[str, str]:
    """Wait for the first text, in a process that does nothing else."""
    with stream.serving() as server:
        added = reading.first_text_added_s(server, 50 * run.rounds)
    return {name: f"{seconds * 1e3:.2f}" for name, seconds in added.items()}


def streaming(run: Run) -> dict[str, str]:
    """Read a long reply as fast as it comes."""
    with stream.serving() as server:
        costs = reading.event_costs(server, run.rounds)
    return {name: f"{ratio:,.1f}" for name, ratio in costs.items()}


def shown(run: Run) -> Iterator[tuple[Contender, live.Ran]]:
    """Show a reply of some length while it comes, in a kernel."""
    for one in run.contenders:
        with live.kernel() as kernel:
            kernel.get_ready(one, run.service.url(5))
            kernel.run(one.ask)
            kernel.point(one, run.service.url(TOKENS_SHOWN, TOKENS_PER_S))
            yield one, kernel.run(one.ask)


def sent(run: Run) -> dict[str, str]:
    """Count messages and bytes to the page."""
    size = len(paced.reply_text(TOKENS_SHOWN).encode())
    return {
        one.name: f"{ran.bytes / size:,.0f} ({ran.messages:,} messages)"
        if one.streams
        else NOTHING_YET.lstrip(", ")
        for one, ran in shown(run)
    }


def memory(run: Run) -> dict[str, str]:
    """Weigh a kernel before and after loading and asking."""
    cells: dict[str, str] = {}
    for one in run.contenders:
        with live.kernel() as kernel:
            before = kernel.resident_bytes()
            kernel.get_ready(one, run.service.url(5))
            for _ in range(5):
                kernel.run(one.ask)
            cells[one.name] = f"{(kernel.resident_bytes() - before) / 1e6:,.0f}"
    return cells


def page(run: Run) -> dict[str, str]:
    """Stream a reply into JupyterLab."""
    if not run.page_tokens or pages.missing():
        return {}
    chosen = [one for one in run.contenders if one is OURS or run.page_tokens <= 2_000]
    measured = pages.measure(chosen, run.page_tokens)
    return {
        one.name: f"{_page(measured[one.name])}{'' if one.streams else NOTHING_YET}"
        for one in chosen
    }


def _page(row: pages.Streamed) -> str:
    share, long = row.main_thread_s / row.took_s, row.long_tasks_s
    tasks = f"{len(long)}, up to {max(long) * 1e3:.0f} ms" if long else "none"
    return f"{share:.0%}, {tasks}"


ROWS = (
    Row("Load, CPU against an empty extension", "≤ 3", loading),
    Row("First question against the next ones", "least", first_question),
    Row("Short call against `display(Markdown(…))`", "≤ 1.5", short_call),
    Row("First text, ms later than over a raw socket", "≤ 0.4", first_text),
    Row("CPU for each event against `json.loads`", "≤ 2", streaming),
    Row("Bytes to the page for each byte of a reply", "≤ 40", sent),
    Row("Memory that it adds to a kernel, MB", "least", memory),
    Row(
        "JupyterLab's main thread as a reply streams; tasks over 50 ms",
        "≤ 13%, none",
        page,
    ),
)


def head(contenders: list[Contender]) -> str:
    """Give the first two lines of the table."""
    names = " | ".join(one.name for one in contenders)
    return f"| | goal | {names} |\n|:--|:--|{'--:|' * len(contenders)}"


def line(row: Row, cells: dict[str, str], contenders: list[Contender]) -> str:
    """Give one line of the table."""
    found = " | ".join(cells.get(one.name, "—") for one in contenders)
    return f"| {row.name} | {row.goal} | {found} |"


def setting(contenders: list[Contender]) -> str:
    """Say when, where and with what it was measured."""
    tools = ", ".join(f"{name} {version(name)}" for name in ("ipython", "ipykernel"))
    found = ", ".join(f"{one.name} {one.version}" for one in contenders[1:])
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores of {_processor()}, "
        f"{platform.system()}, Python {platform.python_version()}, {tools}; {found}."
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as told:
            names = (text.partition(":")[2] for text in told if "model name" in text)
            return next(names, "").strip() or platform.machine()
    except OSError:
        return platform.processor() or platform.machine()


def main(arguments: list[str]) -> None:
    """Print the table, line by line as it is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--page", type=int, default=2_000, metavar="TOKENS")
    chosen = parser.parse_args(arguments)
    contenders = [one for one in ALL if one.version]
    for one in ALL:
        if not one.version:
            print(f"{one.name} is not here: pip install --group bench", file=sys.stderr)
    print(head(contenders), flush=True)
    with paced.serving() as service:
        run = Run(contenders, service, chosen.rounds, chosen.page)
        for row in ROWS:
            print(line(row, row.measure(run), contenders), flush=True)
    print(f"\n{setting(contenders)}")


if __name__ == "__main__":
    main(sys.argv[1:])
