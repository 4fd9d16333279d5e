"""What it costs to gather the context of a question, however much there is.

    python tests/bench/context.py

A kernel with many cells that ran and 200 MB of variables; the question takes along what
fits. The cost is to grow with what is sent, and not with what is there. So is that of
looking for secrets in variables.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from nemotron_magic import Session
from nemotron_magic.context.gather import ContextGatherer
from nemotron_magic.context.secrets.held import Held
from nemotron_magic.core.settings import Settings
from nemotron_magic.magics.parser import ParsedMagic
from nemotron_magic.magics.questions import QuestionBuilder


@dataclass
class Kernel:
    """As much of a shell as gathering looks at."""

    cells: int
    user_ns: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        numbers = range(1, self.cells + 1)
        sources = [f"total_{n} = df.groupby('k{n}')['v'].sum()" for n in numbers]
        printed = SimpleNamespace(
            output_type="out_stream", bundle={"stream": ["row after row\n"] * 20}
        )
        self.history_manager = SimpleNamespace(
            input_hist_raw=["", *sources, "%nemotron why?"],
            outputs={n: [printed] for n in numbers},
            exceptions={},
        )
        self.display_formatter = SimpleNamespace(formatters={})
        self.user_ns |= {
            "In": [""] * (self.cells + 2),
            "Out": {n: [n] * 50 for n in numbers},
            "big": bytearray(200_000_000),
        }

    def transform_cell(self, source: str) -> str:
        return source


def gather_s(cells: int, context: str = "auto", times: int = 9) -> float:
    """Give the median time to gather a question's context, in seconds."""
    kernel = Kernel(cells)
    taken: list[float] = []
    settings = Settings({"context": context, "base_url": "http://127.0.0.1:1"})
    for _ in range(times):
        gatherer = ContextGatherer(kernel, str)
        questions = QuestionBuilder(kernel, Session(environ={}), gatherer)
        started_s = time.perf_counter()
        questions.typed(ParsedMagic(text="why?"), settings)
        taken.append(time.perf_counter() - started_s)
    return statistics.median(taken)


def look_s(names: int, times: int = 9) -> float:
    """Give the median time to look for secrets in so many variables, in seconds."""
    kinds = (1, "word", 2.5, None, [1, 2, 3], {"a": 1, "b": [2]}, SimpleNamespace(n=1))
    held = Held({f"total_{n}": kinds[n % len(kinds)] for n in range(names)})
    held.look()
    taken: list[float] = []
    for _ in range(times):
        started_s = time.perf_counter()
        held.secrets()
        taken.append(time.perf_counter() - started_s)
    return statistics.median(taken)


def main(sizes: tuple[int, ...] = (100, 2_000, 10_000)) -> None:
    """Print the table."""
    gather_s(10)
    print(f"{'context':<8}" + "".join(f"{size:>9,} cells" for size in sizes))
    for context in ("auto", "all", "5"):
        times = [gather_s(size, context) for size in sizes]
        print(f"{context:<8}" + "".join(f"{1000 * t:>12.1f} ms" for t in times))
    print(f"to look at 2,000 variables for secrets: {1000 * look_s(2_000):.1f} ms")


if __name__ == "__main__":
    main()
