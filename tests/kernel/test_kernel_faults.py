"""Kernels that share a ledger, die in mid-reply, or whose ledger is spoilt."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from service import Address, serve
from shells import Kernel

from nemotron_magic.storage.ledger import Ledger, open_ledger

Begin = Callable[..., Kernel]


@pytest.fixture
def begin(tmp_path: Path, loops_closed: None) -> Iterator[Begin]:
    """Begin a kernel whose data are in `home`, and load the extension."""
    kernels: list[Kernel] = []

    def kernel(url: Address, home: Path = tmp_path / "home") -> Kernel:
        folder = tmp_path / f"kernel-{len(kernels)}"
        folder.mkdir()
        environ = {"AIMLAPI_API_BASE": str(url), "NEMOTRON_MAGIC_HOME": str(home)}
        kernels.append(Kernel(folder, **environ))
        kernels[-1].run("%load_ext nemotron_magic")
        return kernels[-1]

    yield kernel
    for one in kernels:
        one.close()


def ledger_in(home: Path) -> Ledger:
    return open_ledger("on", {"NEMOTRON_MAGIC_HOME": str(home)})


def texts(messages: list[dict[str, Any]]) -> str:
    """Give what a page has been told to show, without its tags."""
    data = [message["content"].get("data", {}) for message in messages]
    html = " ".join(str(one.get("text/html", "")) for one in data)
    return re.sub("(?s)<style>.*?</style>|<[^>]*>", "", html)


def until(is_so: Callable[[], bool], limit_s: float = 10) -> bool:
    end_s = time.monotonic() + limit_s
    while not is_so() and time.monotonic() < end_s:
        time.sleep(0.05)
    return is_so()


def test_two_kernels_at_once_lose_no_call(begin: Begin, tmp_path: Path) -> None:
    words = {name: [f"{name}{n}" for n in range(8)] for name in ("a", "b")}
    with serve() as url:
        kernels = {name: begin(url) for name in words}
        asked = {
            name: kernel.run_all([f"%nemotron rehearsal: say {w}" for w in words[name]])
            for name, kernel in kernels.items()
        }
        cells = {name: finished() for name, finished in asked.items()}
    said = {
        name: [cell.outputs[0]["data"]["text/plain"] for cell in outcomes]
        for name, outcomes in cells.items()
    }
    with closing(ledger_in(tmp_path / "home")) as ledger:
        totals = ledger.of_all()

    assert said == words
    assert (totals.calls, totals.pending) == (16, 0)


def test_a_kernel_killed_in_mid_reply_leaves_what_was_painted_and_its_row(
    begin: Begin, tmp_path: Path
) -> None:
    painted: list[dict[str, Any]] = []
    with serve(fault="stall-mid-stream", fault_times=1) as url:
        kernel = begin(url)

        def kill(message: dict[str, Any]) -> None:
            painted.append(message)
            if "Rehearsal" in texts(painted):
                kernel.signal(signal.SIGKILL)
                raise InterruptedError

        with pytest.raises(InterruptedError):
            kernel.run("%nemotron rehearsal: length 40", during=kill)
        assert until(lambda: not url.server._open)  # the connection was seen to end
        after = begin(url).run("%nemotron rehearsal: say Hello")
    with closing(ledger_in(tmp_path / "home")) as ledger:
        totals, calls = ledger.of_all(), ledger.last()

    assert after.outputs[0]["data"]["text/plain"] == "Hello"
    assert (totals.calls, totals.pending, totals.unknown_cost) == (2, 1, 1)
    assert sorted(call.ending for call in calls) == ["complete", "started"]


def corrupt(home: Path) -> None:
    home.mkdir()
    (home / "ledger.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff\0nonsense" * 500)


def corrupt_cache(home: Path) -> None:
    home.mkdir()
    (home / "replies.sqlite").write_bytes(
        b"SQLite format 3\0" + b"\xff\0nonsense" * 500
    )


def a_file_in_its_place(home: Path) -> None:
    home.write_text("no folder")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (corrupt, "ledger.sqlite was corrupt; it is ledger.sqlite.corrupt-"),
        (corrupt_cache, "replies.sqlite was corrupt; it is replies.sqlite.corrupt-"),
        (a_file_in_its_place, "counted in memory: the ledger"),
    ],
    ids=["corrupt ledger", "corrupt cache", "no folder"],
)
def test_files_that_are_spoilt_cost_one_line_and_no_reply(
    begin: Begin, tmp_path: Path, spoil: Callable[[Path], None], told: str
) -> None:
    home = tmp_path / "spoilt"
    spoil(home)
    with serve() as url:
        kernel = begin(url, home)
        outcomes = [kernel.run("%nemotron --cache rehearsal: say Hello")]
        outcomes.append(kernel.run("%nemotron --fresh --cache rehearsal: say Hello"))

    first, second = [texts(outcome.messages) for outcome in outcomes]
    assert [o.outputs[0]["data"]["text/plain"] for o in outcomes] == ["Hello"] * 2
    assert told in first
    assert told not in second


SALES = "month,sales\n1,20\n"


def a_table(path: Path) -> None:
    path.write_text(SALES)


def a_link_to_a_table(path: Path) -> None:
    path.with_name("all-sales.csv").write_text(SALES)
    path.symlink_to("all-sales.csv")


@pytest.mark.parametrize(
    ("put", "why"),
    [
        (a_table, "nemotron_magic did not make it"),
        (Path.touch, "nemotron_magic did not make it"),
        (a_link_to_a_table, "it is a link"),
        (os.mkfifo, "it is a pipe or a device"),
    ],
    ids=["table", "empty", "link", "pipe"],
)
def test_a_file_of_the_users_is_no_place_for_ledger_or_export(
    begin: Begin, tmp_path: Path, put: Callable[[Path], None], why: str
) -> None:
    folder = tmp_path / "kernel-0"
    with serve() as url:
        kernel = begin(url)
        put(folder / "sales.csv")
        before = sorted(folder.iterdir())
        kernel.run("%config Nemotron.ledger = 'sales.csv'")
        asked = [kernel.run(f"%nemotron rehearsal: say {n}") for n in "ab"]
        exported = kernel.run("%nemotron usage: export sales.csv")

    told = [texts(outcome.messages) for outcome in asked]
    assert [f"sales.csv cannot be used ({why})" in one for one in told] == [True, False]
    assert exported.status == "error"
    assert "cannot write sales.csv: " in exported.error
    assert sorted(folder.iterdir()) == before
    for path in folder.glob("*sales.csv"):
        assert not path.is_file() or path.read_text() in ("", SALES)
