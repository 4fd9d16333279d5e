"""What the ledger takes, and whether it keeps what it said it had.

    python tests/bench/spending.py

First `%nemotron usage` on a ledger of a million calls. Then processes that write calls
side by side while one of them is killed, again and again: a call counts as acknowledged
once `Ledger.finish` has returned, and none of those may be missing.
"""

from __future__ import annotations

import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

from nemotron_magic.core.settings import Settings
from nemotron_magic.magics.commands.service import SERVICE
from nemotron_magic.storage.ledger import _ADD, _INSERT, Ledger, _values
from nemotron_magic.storage.records import CallRecord, Totals, local_day

NOON_S = 1_787_313_600.0
DAYS, MODELS = 730, 8
WRITERS = 4


def calls(many: int) -> Iterator[CallRecord]:
    """Give calls of two years and eight models, the newest last."""
    for number in range(many):
        started_s = NOON_S - (many - 1 - number) * DAYS * 86_400 / many
        yield CallRecord(
            started_s=started_s,
            day=local_day(started_s),
            session=f"session-{number // 50}",
            notebook="Sales.ipynb",
            thread="main",
            model=f"nvidia/nemotron-{number % MODELS}",
            ending="complete",
            prompt_tokens=900,
            completion_tokens=240,
            cost_usd=None if number % 17 == 0 else 0.0004,
            elapsed_s=2.5,
            first_text_s=0.4,
        )


def fill(path: Path, many: int) -> Ledger:
    """Make a ledger of `many` calls, in one go."""
    ledger = Ledger(path, now_s=lambda: NOON_S, session="session-0", mounts=str)
    counts: Counter[tuple[str, str, bool]] = Counter()
    for call in calls(many):
        for scope in (f"day:{call.day}", f"session:{call.session}"):
            counts[scope, call.model, call.cost_usd is None] += 1
    one = {call.cost_usd is None: Totals.of(call).figures() for call in calls(18)}
    sums = (
        (scope, model, *(number * figure for figure in one[is_unpriced]))
        for (scope, model, is_unpriced), number in counts.items()
    )

    def work(connection: sqlite3.Connection) -> None:
        connection.executemany(_INSERT, map(_values, calls(many)))
        connection.executemany(_ADD, sums)

    ledger.write(work)
    return ledger


def usage_s(ledger: Ledger, times: int = 9) -> float:
    """Give the median time of `%nemotron usage`, in seconds."""
    app = SimpleNamespace(
        session=SimpleNamespace(accounting=SimpleNamespace(ledger=ledger))
    )
    taken = []
    for _ in range(times):
        started_s = time.perf_counter()
        SERVICE["usage"](app, "", Settings())  # type: ignore[arg-type]
        taken.append(time.perf_counter() - started_s)
    return statistics.median(taken)


def begin_and_finish_s(ledger: Ledger, times: int = 50) -> float:
    """Give the median time that one call's two writes take, in seconds."""
    taken = []
    for _ in range(times):
        started_s = time.perf_counter()
        list(write(ledger, 1))
        taken.append(time.perf_counter() - started_s)
    return statistics.median(taken)


def write(ledger: Ledger, many: int) -> Iterator[int]:
    """Write calls; give the number of each once it is acknowledged."""
    for _ in range(many):
        begun = ledger.begin(CallRecord(model="m", thread="main"))
        ledger.finish(begun, replace(begun, ending="complete"))
        yield begun.number


def killed(
    path: Path, rows: int, chance: random.Random, writers: int = WRITERS
) -> tuple[int, int, int]:
    """Let processes write, kill one; give acknowledged rows, lost ones, rows in all."""
    command = [sys.executable, __file__, "--write", str(path), str(rows)]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for _ in range(writers)
    ]
    victim, last = chance.choice(started), chance.randrange(1, rows)
    told: set[int] = set()
    for line in victim.stdout or ():
        told.add(int(line))
        if len(told) == last:
            victim.send_signal(signal.SIGKILL)
    for process in started:
        out, _ = process.communicate()
        told |= {int(line) for line in out.split()}
    ledger = Ledger(path)
    kept = {call.number: call.ending for call in ledger.all()}
    assert not ledger.error, ledger.error
    assert ledger.of_all().calls == len(kept)
    lost = sum(kept.get(number) != "complete" for number in told)
    return len(told), lost, len(kept)


def main(rows: int = 5_000, rounds: int = 20, many: int = 1_000_000) -> None:
    """Print the tables."""
    with TemporaryDirectory() as folder:
        print(f"{'calls':>10} {'usage':>10} {'one call':>10} {'file':>10}")
        for size in (1_000, many):
            path = Path(folder) / f"{size}.sqlite"
            ledger = fill(path, size)
            usage, one = usage_s(ledger), begin_and_finish_s(ledger)
            megabytes = path.stat().st_size / 1e6
            print(
                f"{size:>10,} {1000 * usage:>7.1f} ms {1000 * one:>7.1f} ms "
                f"{megabytes:>7.1f} MB"
            )
        chance = random.Random(5)
        for number in range(rounds):
            path = Path(folder) / f"killed-{number}.sqlite"
            told, lost, kept = killed(path, rows, chance)
            print(f"{number + 1:>3}. {told:,} acknowledged, {lost} lost, {kept:,} rows")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        for number in write(Ledger(Path(sys.argv[2])), int(sys.argv[3])):
            print(number, flush=True)
    else:
        main()
