"""What a streaming reply costs the wire and the kernel: IOPub bytes, messages, CPU.

    python tests/bench/display.py

A reply of headings, lists, tables, code and formulae is painted at 100 tokens a second
(on a clock of our own) and as fast as it goes; the messages are serialised and signed
as a kernel does it. The goal is at most 40 bytes for each byte of the reply, however
long it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.session import Session
from paced import CHARS_PER_TOKEN, reply_text

from nemotron_magic.core.events import Text
from nemotron_magic.display.page import Display, NotebookRenderer, Publisher
from nemotron_magic.session.reply import ReplyAccumulator


@dataclass
class Wire:
    """Counts what would be sent to a notebook."""

    messages: int = 0
    bytes: int = 0
    _session: Session = field(default_factory=lambda: Session(key=b"k" * 36))

    def __post_init__(self) -> None:
        metadata = {"cellId": "0" * 36, "deletedCells": [], "recordTiming": False}
        self._parent = self._session.msg("execute_request", metadata=metadata)

    def show(self, display: Display, *, again: bool = False) -> None:
        content = {
            **display.message(),
            "transient": {"display_id": display.id},
        }
        self._send("update_display_data" if again else "display_data", content)

    def clear(self) -> None:
        self._send("clear_output", {"wait": True})

    def _send(self, kind: str, content: dict[str, Any]) -> None:
        message = self._session.msg(kind, content, parent=self._parent)
        self.messages += 1
        self.bytes += sum(len(part) for part in self._session.serialize(message))


@dataclass(frozen=True)
class Result:
    """One reply painted."""

    tokens: int
    bytes_per_byte: float
    messages: int
    cpu_s: float


def measure(tokens: int, gap_s: float | None) -> Result:
    """Paint a reply, a token every `gap_s` seconds, or as fast as it goes."""
    wire = Wire()
    started_s = time.process_time()
    chars = paint(tokens, gap_s, wire)
    cpu_s = time.process_time() - started_s
    return Result(tokens, wire.bytes / chars, wire.messages, cpu_s)


def paint(tokens: int, gap_s: float | None, publisher: Publisher) -> int:
    """Paint a reply as `measure` does; give how many characters it has."""
    text = reply_text(tokens)
    ticks = _ticks(gap_s)
    now_s = [0.0]
    clock_s: Callable[[], float] = time.monotonic if ticks is None else lambda: now_s[0]
    draft = ReplyAccumulator()
    painter = NotebookRenderer(publisher, True, clock_s, _never)
    for start in range(0, len(text), CHARS_PER_TOKEN):
        if ticks is not None:
            now_s[0] = next(ticks)
        event = Text(text[start : start + CHARS_PER_TOKEN])
        draft.add(event)
        painter.watch(event)
    painter.finish(draft.reply())
    return len(text)


def _never(call: Callable[[], bool]) -> None:
    """Stand in for the thread that paints when a stream stalls; these do not."""


def _ticks(gap_s: float | None) -> Iterator[float] | None:
    return None if gap_s is None else (n * gap_s for n in range(1, 10**9))


def main(sizes: tuple[int, ...] = (2_000, 8_000, 32_000)) -> list[Result]:
    """Print the table; give its rows."""
    results = []
    print(f"{'pace':<14}{'tokens':>8}{'bytes/byte':>12}{'messages':>10}{'CPU, s':>9}")
    for name, gap_s in (("100 tokens/s", 0.01), ("at full speed", None)):
        for size in sizes:
            row = measure(size, gap_s)
            results.append(row)
            print(
                f"{name:<14}{row.tokens:>8,}{row.bytes_per_byte:>12.1f}"
                f"{row.messages:>10,}{row.cpu_s:>9.2f}"
            )
    return results


if __name__ == "__main__":
    main()
