"""What a reply costs JupyterLab's page while it streams: main thread, longest task.

    python tests/bench/pages.py [TOKENS [CONTENDER ...]]

A real JupyterLab in Chromium, a reply of headings, lists, tables, code and formulae at
100 tokens a second. The main thread's time is Chromium's own account of all tasks of
the page (`TaskDuration`), in processor time, which a busy machine disturbs least, from
the moment the cell runs until two seconds after its end. A long task is one that takes
more than 50 ms of it; those of the last second are counted apart, because then all of
a reply that is not long becomes one output, and JupyterLab looks through it for
headings. The goals for 16,000 tokens: none, and at most 21 s in 160 s.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import paced
from contenders import ALL, OURS, Contender

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))

from lab_server import serve
from notebook_page import NotebookPage, chromium, missing

TOKENS_PER_S = 100
TAIL_S = 2.0
END_S = 1.0
LONG_S = 0.05
_TASK = "ThreadControllerImpl::RunTask"


@dataclass(frozen=True)
class Streamed:
    """One reply in a page, in seconds."""

    reply_s: float
    took_s: float
    main_thread_s: float
    long_tasks_s: list[float]  # those of more than 50 ms, while it streams
    end_tasks_s: list[float]  # and when it ends


def measure(
    contenders: Sequence[Contender], tokens: int, screenshots: Path | None = None
) -> dict[str, Streamed]:
    """Stream a reply to each contender, one after the other.

    Raises
    ------
    RuntimeError
        If JupyterLab or Chromium is not here.
    """
    if reason := missing():
        raise RuntimeError(reason)
    results: dict[str, Streamed] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        service = stack.enter_context(paced.serving())
        server = stack.enter_context(serve(folder, {"OPENAI_API_KEY": "none"}))
        browser = stack.enter_context(chromium())
        for one in contenders:
            page = browser.new_page()
            notebook = NotebookPage(server, page, f"{one.name}.ipynb", folder)
            results[one.name] = _streamed(notebook, one, service, tokens)
            if screenshots is not None:
                page.screenshot(path=screenshots / f"{one.name}-{tokens}.png")
            page.close()
            server.shut_down_kernels()
    return results


def _streamed(
    notebook: NotebookPage, one: Contender, service: paced.Paced, tokens: int
) -> Streamed:
    short, long = service.url(5), service.url(tokens, TOKENS_PER_S)
    cells = [one.load, one.point.replace("URL", short), one.ask]
    cells += [one.point.replace("URL", long), one.ask, "# the next cell"]
    notebook.open("lab", cells)
    for number in range(4):
        notebook.run(number)
        notebook.wait_idle()
    # A cell that becomes active gets a toolbar, which is no cost of ours.
    notebook.page.evaluate("nmPanel().content.activeCellIndex = 4")
    time.sleep(TAIL_S)
    session = notebook.page.context.new_cdp_session(notebook.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    browser = notebook.page.context.browser
    assert browser is not None
    browser.start_tracing(page=notebook.page, categories=["toplevel"])
    before_s, started_s = _main_thread_s(session), time.monotonic()
    notebook.run(4)
    notebook.wait_idle(limit_s=10 * tokens / TOKENS_PER_S + 60)
    took_s = time.monotonic() - started_s
    time.sleep(TAIL_S)
    main_thread_s = _main_thread_s(session) - before_s
    during, end = _long_tasks_s(browser.stop_tracing())
    return Streamed(tokens / TOKENS_PER_S, took_s, main_thread_s, during, end)


def _long_tasks_s(trace: bytes) -> tuple[list[float], list[float]]:
    """Give the long tasks of the page while the reply streamed, and at its end."""
    events = json.loads(trace)["traceEvents"]
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks = [
        event
        for event in events
        if event["name"] == _TASK and (event["pid"], event["tid"]) in mains
    ]
    end_us = max(task["ts"] for task in tasks) - (TAIL_S + END_S) * 1e6
    long = [task for task in tasks if task.get("tdur", 0) > LONG_S * 1e6]
    return (
        [task["tdur"] / 1e6 for task in long if task["ts"] < end_us],
        [task["tdur"] / 1e6 for task in long if task["ts"] >= end_us],
    )


def _main_thread_s(session: Any) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return {one["name"]: float(one["value"]) for one in metrics}["TaskDuration"]


def main(tokens: int = 2_000, *names: str) -> None:
    """Print the table."""
    chosen = [one for one in ALL if one.version and one.name in (names or OURS.name)]
    print(f"{'package':<20}{'main thread, s':>16}  long tasks, ms; at the end")
    for one in chosen:
        row = measure([one], tokens)[one.name]
        long, end = (
            " ".join(f"{seconds * 1e3:.0f}" for seconds in sorted(some)[-9:]) or "none"
            for some in (row.long_tasks_s, row.end_tasks_s)
        )
        print(f"{one.name:<20}{row.main_thread_s:>16.1f}  {long}; {end}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:])
