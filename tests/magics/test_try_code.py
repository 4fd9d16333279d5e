"""Code is tried on a copy of the kernel before it is inserted, where that was asked."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from reply_page import text_of
from scripted_replies import Replies
from shells import LOAD, Kernel, Outcome, asked_in_a_panel, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="trials need Linux")

SALES = (
    "import pandas as pd\nsales = pd.DataFrame({'region': ['N', 'S'], 'usd': [1, 2]})"
)


@pytest.fixture(scope="module")
def replies() -> Iterator[Replies]:
    service = Replies()
    yield service
    service.close()


@pytest.fixture(scope="module")
def kernel(
    replies: Replies, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kernel]:
    begin = f"{SALES}\n{LOAD}\n%config Nemotron.context = 'none'"
    folder = tmp_path_factory.mktemp("try")
    with running(folder, begin, AIMLAPI_API_BASE=replies.url) as kernel:
        yield kernel


def words(done: Outcome) -> str:
    """Return what a cell shows, without its markup and styles."""
    html = "".join(
        str(one.get("data", {}).get("text/html", "")) for one in done.outputs
    )
    return done.text + text_of(html)


def block(*codes: str) -> str:
    return "\n\n".join(f"```python\n{code}\n```" for code in codes)


def test_what_runs_on_a_copy_is_said_to_and_nothing_has_changed(
    kernel: Kernel, replies: Replies
) -> None:
    replies.replies = [block("total = sales.usd.sum()\nsales.assign(x=total)")]
    done = kernel.run("%nemotron --code --try --fresh total")

    assert done.next_cell == "total = sales.usd.sum()\nsales.assign(x=total)"
    assert "Tried on a copy of this kernel: runs (" in words(done)
    assert "gives DataFrame 2 × 3. Nothing of yours was changed." in words(done)
    assert kernel.run("print('total' in globals())").text == "False\n"


def test_what_fails_is_inserted_with_its_verdict(
    kernel: Kernel, replies: Replies
) -> None:
    replies.replies = [block("x = 1\nsales.usd['Region']")]
    done = kernel.run("%nemotron --code --try --fresh by region")

    assert done.next_cell == "x = 1\nsales.usd['Region']"
    assert "fails: KeyError 'Region', line 2." in words(done)


def test_what_the_static_check_knows_for_certain_is_not_tried(
    kernel: Kernel, replies: Replies
) -> None:
    replies.replies = [block("print(slaes)")]
    done = kernel.run("%nemotron --code --try --fresh print")

    assert "slaes is not defined (sales?)" in words(done)
    assert "ried" not in words(done)


def test_a_failure_is_sent_back_only_with_the_flag(
    kernel: Kernel, replies: Replies
) -> None:
    wrong, right = block("int('1,' + '200')"), block("int('1,200'.replace(',', ''))")
    replies.replies, replies.bodies = [wrong, right], []
    kernel.run("%config Nemotron.repair = 2")
    kernel.run("%nemotron --code --try --fresh number")
    kernel.run("%config Nemotron.repair = 0")
    by_setting = len(replies.bodies)
    replies.replies, replies.bodies = [wrong, right], []
    done = kernel.run("%nemotron --code --try --repair 2 --fresh number")
    back = replies.bodies[-1]["messages"][-1]["content"]

    assert by_setting == 1
    assert len(replies.bodies) == 2
    assert "invalid literal for int() with base 10: '1,200', line 1" in back
    assert "Sent back to be corrected, 1 of at most 2." in words(done)
    assert done.next_cell == "int('1,200'.replace(',', ''))"
    assert "runs (" in words(done)


def test_a_secret_that_was_raised_is_not_sent_back(
    kernel: Kernel, replies: Replies, tmp_path: Path
) -> None:
    key = "sk-proj-" + "aB3dE5fG7hJ9kL1mN3pQ5rS7"
    (tmp_path / "notes.txt").write_text(key)
    wrong = block(f"raise ValueError(open('{tmp_path}/notes.txt').read())")
    replies.replies, replies.bodies = [wrong, block("1")], []
    kernel.run("%nemotron --code --try --repair 1 --fresh read it")

    assert len(replies.bodies) == 2
    assert key not in json.dumps(replies.bodies)


def test_all_blocks_are_tried_in_order_and_each_has_its_verdict(
    kernel: Kernel, replies: Replies
) -> None:
    replies.replies = [block("n = 1", "n += 1\nn", "n / 0", "n")]
    first = kernel.run("%nemotron --code --try --fresh count")
    others = [kernel.run("%nemotron code") for _ in range(3)]

    assert "Tried on a copy of this kernel: runs" in words(first)
    assert "gives int" in words(others[0])
    assert "ZeroDivisionError division by zero, line 1" in words(others[1])
    assert "Not tried: the code before it did not run to its end." in words(others[2])


def test_code_that_waits_is_tried_before_it_is_inserted(
    kernel: Kernel, replies: Replies
) -> None:
    replies.replies = [block("sales.usd.max()", "sales.usd['x']", "2 + 3")]
    kernel.run("%nemotron --fresh the highest?")
    first = kernel.run("%nemotron --try code")
    second = kernel.run("%nemotron --try code")
    third = kernel.run("%nemotron code")

    assert "Tried on a copy of this kernel: runs" in words(first)
    assert first.next_cell == "sales.usd.max()"
    assert "fails: KeyError 'x', line 1" in words(second)
    assert "ried" not in words(third)


def test_the_setting_tries_code_but_no_plain_question(
    kernel: Kernel, replies: Replies
) -> None:
    replies.replies = [block("sales.usd.max()")]
    kernel.run("%config Nemotron.try_code = 'on'")
    plain = kernel.run("%nemotron --fresh the highest?")
    code = kernel.run("%nemotron --code --fresh the highest")
    without = kernel.run("%nemotron --code --try=off --fresh the highest")
    kernel.run("%config Nemotron.try_code = 'off'")

    assert "ried" not in words(plain)
    assert "Tried on a copy of this kernel: runs" in words(code)
    assert "ried" not in words(without)


def test_the_flag_is_for_code(kernel: Kernel, replies: Replies) -> None:
    replies.bodies = []
    done = kernel.run("%nemotron --try why is it so?")

    assert done.status == "error"
    assert "--try is for code, and this question asks for none" in done.error
    assert replies.bodies == []


def test_tasks_are_tried_too(kernel: Kernel, replies: Replies) -> None:
    replies.replies = [block("sales['usd'].sum()")]
    kernel.run("sales['USD'].sum()")
    done = kernel.run("%nemotron --try fix", cell_id="cell-2")

    assert "Tried on a copy of this kernel: runs" in words(done)


@pytest.mark.extended  # it sleeps for as long
def test_a_cell_that_took_long_is_not_tried(kernel: Kernel, replies: Replies) -> None:
    replies.replies = [block("time.sleep(0.1)")]
    kernel.run("import time")
    kernel.run("time.sleep(10.2)", cell_id="cell-3", limit_s=60)
    done = kernel.run("%nemotron --try doc", cell_id="cell-4")

    assert "Not tried: the cell took 10 s when it last ran." in words(done)


def test_a_stop_ends_the_trial_and_keeps_the_reply(
    kernel: Kernel, replies: Replies
) -> None:
    replies.replies = [block("import time\ntime.sleep(60)")]
    seen: list[str] = []

    def stop(message: dict[str, Any]) -> None:
        if "trying" in json.dumps(message["content"], default=str) and not seen:
            seen.append("trying")
            kernel.interrupt()

    done = kernel.run("%nemotron --code --try --fresh wait", during=stop)

    assert seen == ["trying"]
    assert done.elapsed_s < 8
    assert "Not tried: you stopped it." in words(done)
    assert "time.sleep(60)" in kernel.run("print(_nemotron.code)").text


def test_our_own_folders_cannot_be_read(kernel: Kernel, replies: Replies) -> None:
    outcome = kernel.run("import os; print(os.environ['NEMOTRON_MAGIC_HOME'])")
    home = Path(outcome.text.strip())
    home.mkdir(exist_ok=True)
    (home / "kept").write_text("a reply")
    replies.replies = [block(f"open('{home}/kept').read()")]
    done = kernel.run("%nemotron --code --try --fresh read")

    assert "Not tried: it reads kept, which may be secret." in words(done)


def test_the_panel_shows_the_verdict_beside_a_block(
    kernel: Kernel, replies: Replies
) -> None:
    replies.replies = [block("sales.usd.min()")]
    kernel.run("%nemotron reset\n%config Nemotron.try_code = 'on'")
    tried = str(asked_in_a_panel(kernel))
    kernel.run("%nemotron reset\n%config Nemotron.try_code = 'off'")
    untried = str(asked_in_a_panel(kernel))

    assert "Tried on a copy of this kernel: runs" in tried
    assert "Tried on a copy" not in untried


@pytest.mark.parametrize("code", ["import time\ntime.sleep(60)", "while 1:\n    1"])
def test_a_stop_in_the_panel_ends_the_trial_and_keeps_the_reply(
    kernel: Kernel, replies: Replies, code: str
) -> None:
    def press_stop(ids: dict[str, str]) -> None:
        kernel.begin_press(ids["Stop"])

    replies.replies = [block(code)]
    kernel.run("%nemotron reset\n%config Nemotron.try_code = 'on'")
    begun_s = time.monotonic()
    page = str(asked_in_a_panel(kernel, "trying …", then=press_stop))
    stopped_s = time.monotonic() - begun_s
    kernel.run("%config Nemotron.try_code = 'off'")
    kept = kernel.run("print(_nemotron.metadata.ending, _nemotron.code, sep=chr(10))")

    assert stopped_s < 8
    assert "Not tried: you stopped it." in page
    assert kept.text == f"complete\n{code}\n\n"


def test_cells_run_while_a_panel_tries_code(kernel: Kernel, replies: Replies) -> None:
    replies.replies = [block("import time\ntime.sleep(2)\n'slept'")]
    kernel.run("%nemotron reset\n%config Nemotron.try_code = 'on'")
    ran: list[float] = []

    def run(ids: dict[str, str]) -> None:
        ran.append(kernel.run("6 * 7", "cell-5").elapsed_s)

    page = str(asked_in_a_panel(kernel, "trying …", then=run))
    kernel.run("%config Nemotron.try_code = 'off'")

    assert ran[0] < 1.5
    assert "runs (2.0" in page
