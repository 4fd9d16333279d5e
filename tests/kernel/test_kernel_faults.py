"""Kernels that share a ledger, die in mid-reply, or whose ledger is spoilt."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from reply_page import text_of
from service import Address, serve
from shells import Kernel

from nemotron_magic import rehearsal
from nemotron_magic.storage.ledger import Ledger, open_ledger

Begin = Callable[..., Kernel]


@pytest.fixture
def begin(tmp_path: Path, loops_closed: None) -> Iterator[Begin]:
    """Begin a kernel whose data are in `home`, and load the extension."""
    kernels: list[Kernel] = []

    def kernel(
        url: Address, home: Path = tmp_path / "home", prefix: Sequence[str] = ()
    ) -> Kernel:
        folder = tmp_path / f"kernel-{len(kernels)}"
        folder.mkdir()
        environ = {"AIMLAPI_API_BASE": str(url), "NEMOTRON_MAGIC_HOME": str(home)}
        kernels.append(Kernel(folder, prefix, **environ))
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
    return text_of(" ".join(str(one.get("text/html", "")) for one in data))


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


# ---- limits


def prices(home: Path) -> tuple[float, float]:
    """Return what the last call cost, and what it could have cost at most."""
    with closing(ledger_in(home)) as ledger:
        (call,) = ledger.last(1)
    return call.cost_usd or 0.0, call.most_usd or 0.0


@pytest.mark.parametrize("room", [0.5, 3.5])
def test_two_kernels_at_once_keep_one_daily_budget(
    begin: Begin, tmp_path: Path, room: float
) -> None:
    ask, home = "%nemotron --max-tokens 200 rehearsal: length 40", tmp_path / "home"
    with serve() as url:
        kernels = [begin(url), begin(url)]
        kernels[0].run(ask)
        spent_usd, most_usd = prices(home)
        budget_usd = spent_usd + room * most_usd
        limit = f"%config Nemotron.daily_budget_usd = {budget_usd!r}"
        asked = [kernel.run_all([limit, *[ask] * 12]) for kernel in kernels]
        # A refusal is an error, after which a kernel drops what is waiting.
        first = [finished()[1:] for finished in asked]
        last = [kernel.run(ask) for kernel in kernels]
        sent = len([r for r in url.requests if r.method == "POST"])
    with closing(ledger_in(home)) as ledger:
        totals = ledger.of_today()

    answered = [cell for cells in first for cell in cells if cell.outputs]
    assert totals.cost_usd <= budget_usd
    assert totals.pending == totals.unknown_cost == 0
    assert sent == totals.calls
    assert 1 <= sent <= 1 + len(answered)
    assert [cell.status for cell in last] == ["error", "error"]
    assert all("is left today; nothing was sent" in cell.error for cell in last)


def on_a_small_disk(home: Path, size: str = "400k") -> tuple[str, ...]:
    """Return the command that mounts a disk for one process alone; skip if none may."""
    home.mkdir(exist_ok=True)
    mount = f"mount -t tmpfs -o mode=700,size={size} tmpfs {home}"
    prefix = ("unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh")
    tried = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    if shutil.which("unshare") is None or tried.returncode:
        pytest.skip("no disk can be mounted here")
    return prefix


FILL = """
import contextlib, os
with open(os.environ["NEMOTRON_MAGIC_HOME"] + "/other", "wb", 0) as full:
    with contextlib.suppress(OSError):
        for _ in range(1000):
            full.write(bytes(4096))
"""
FREE = "os.remove(os.environ['NEMOTRON_MAGIC_HOME'] + '/other')"


@pytest.mark.parametrize("span", ["session", "daily"])
@pytest.mark.parametrize("when", ["before the first call", "between two calls"])
def test_a_budget_holds_on_a_disk_that_is_full(
    begin: Begin, tmp_path: Path, span: str, when: str
) -> None:
    home = tmp_path / "small"
    ask = "%nemotron --cache --max-tokens 200 rehearsal: say"
    with serve() as url:
        kernel = begin(url, home, on_a_small_disk(home))
        if when == "before the first call":
            kernel.run(FILL)
        first = kernel.run(f"{ask} one")
        if when == "between two calls":
            kernel.run(FILL)
        second = kernel.run(f"{ask} two")
        kernel.run(f"%config Nemotron.{span}_budget_usd = 1e-9")
        refused = [kernel.run(f"{ask} three")]
        kernel.run(FREE)
        refused.append(kernel.run(f"{ask} four"))
        sent = len([r for r in url.requests if r.method == "POST"])

    shown = [str(cell.outputs[-1]["data"]) for cell in (first, second)]
    warned = ["Spending is counted in memory: the ledger" in one for one in shown]
    assert [one.outputs[-1]["data"]["text/plain"] for one in (first, second)] == [
        "one",
        "two",
    ]
    assert warned == [when == "before the first call", when == "between two calls"]
    assert [one.status for one in refused] == ["error", "error"]
    assert sent == 2


# ---- Stop, when all has arrived


PRESS = """
import signal
def press(message):
    if "nemotron" in message["content"].get("metadata", {}):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    return message
get_ipython().display_pub.register_hook(press)
"""


@pytest.mark.parametrize(
    ("ask", "variable"),
    [
        ("%nemotron rehearsal: length 900", "_nemotron"),
        ("%nemotron -o told rehearsal: length 20", "told"),
        (
            "%%nemotron --fresh\nrehearsal: say one\n\n```python\nx = 1\n```",
            "_nemotron",
        ),
    ],
    ids=["long", "named", "code"],
)
def test_a_stop_at_the_last_painting_loses_nothing_of_the_reply(
    begin: Begin, ask: str, variable: str
) -> None:
    with serve() as url:
        kernel = begin(url)
        kernel.run(PRESS)
        stopped = kernel.run(ask)
        kernel.run("get_ipython().display_pub.unregister_hook(press)")
        known = f"{variable}.metadata.ending, len({variable}), len(_nemotron)"
        kept = kernel.run(f"print({known})")
        after = kernel.run("%nemotron rehearsal: say Hi")

    (shown,) = [one for one in stopped.outputs if one["output_type"] != "error"]
    text = shown["data"]["text/plain"]
    assert stopped.status == "error"
    assert "the reply had arrived and is kept" in stopped.error
    assert stopped.error.count("\n") <= 2
    assert " tokens · " in shown["data"]["text/html"]
    assert kept.text.split() == ["complete", f"{len(text)}", f"{len(text)}"]
    assert after.outputs[0]["data"]["text/plain"] == "Hi"


def test_a_second_stop_loses_nothing_of_what_the_first_one_left(begin: Begin) -> None:
    with serve(fault="stall-mid-stream", fault_times=1) as url:
        kernel = begin(url)
        kernel.run(PRESS)
        painted: list[dict[str, Any]] = []

        def press(message: dict[str, Any]) -> None:
            was_there = "Rehearsal" in texts(painted)
            painted.append(message)
            if "Rehearsal" in texts(painted) and not was_there:
                kernel.interrupt()

        stopped = kernel.run("%nemotron rehearsal: length 40", during=press)
        kernel.run("get_ipython().display_pub.unregister_hook(press)")
        kept = kernel.run("print(_nemotron.metadata.ending, len(_nemotron) > 20)")

    assert stopped.error.startswith("InterruptedByUser: stopped by you")
    assert kept.text.split() == ["interrupted", "True"]
    assert " → " in str(stopped.outputs[0]["data"])
    assert "~" in str(stopped.outputs[0]["data"])


# ---- rehearsals


def test_a_rehearsal_costs_nothing_and_says_what_it_would_be(
    begin: Begin, tmp_path: Path
) -> None:
    with serve() as url:
        kernel = begin(url)
        kernel.run("%nemotron rehearse")
        asked = [kernel.run(f"%nemotron --max-tokens 50 what is {n}?") for n in "ab"]
        usage = kernel.run("%nemotron usage")
        kernel.run("%config Nemotron.session_budget_usd = 1e-7")
        kernel.run("%nemotron rehearse: off")
        spent = kernel.run(
            "print(_nemotron.cost_usd, _nemotron.metadata.estimated_usd)"
        )
        assert url.requests == []
    with closing(ledger_in(tmp_path / "home")) as ledger:
        assert ledger.of_all().calls == 0

    shown = [texts(cell.messages) for cell in asked]
    assert [cell.status for cell in asked] == ["ok", "ok"]
    assert all("rehearsal, would be about $0.0" in one for one in shown)
    assert re.search(r"This session\D+2\D", texts(usage.messages))
    assert {*re.findall(r"\$[\d.]+", texts(usage.messages))} == {"$0"}
    cost, estimated = spent.text.split()
    assert (cost, float(estimated) > 0) == ("None", True)


def test_a_rehearsal_started_elsewhere_costs_nothing_from_the_first_reply_on(
    begin: Begin, tmp_path: Path
) -> None:
    with rehearsal.serve() as url:
        kernel = begin(url)
        asked = [kernel.run(f"%nemotron --max-tokens 50 what is {n}?") for n in "ab"]
        usage = kernel.run("%nemotron usage")
        balance = kernel.run("%nemotron balance")
        status = kernel.run("%nemotron")
    with closing(ledger_in(tmp_path / "home")) as ledger:
        total = ledger.of_all()

    shown = [texts(cell.messages) for cell in asked]
    assert all("rehearsal, would be about $0.0" in one for one in shown)
    assert {*re.findall(r"\$[\d.]+", texts(usage.messages))} == {"$0"}
    assert "The rehearsal has no account" in texts(balance.messages)
    assert "a rehearsal: no model answers" in texts(status.messages)
    assert (total.calls, total.cost_usd, total.unknown_cost) == (2, 0.0, 0)
