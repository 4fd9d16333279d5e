"""The comparison with peers runs, and what README shows of it is what it prints."""

from __future__ import annotations

import re
from pathlib import Path

import live
import paced
import peers
import pytest
from contenders import ALL, OURS, Contender
from lowest import best

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
SECTION = README.partition("## How fast")[2].partition("\n## ")[0]


def test_the_readme_has_the_head_of_the_table() -> None:
    assert peers.head(list(ALL)) in SECTION
    assert "python tests/bench/peers.py" in SECTION


@pytest.mark.parametrize("row", peers.ROWS, ids=lambda row: row.name)
def test_the_readme_has_every_row_with_a_figure_of_ours(row: peers.Row) -> None:
    cells = {one.name: "FIGURE" for one in ALL}
    line = re.escape(peers.line(row, cells, list(ALL)))

    pattern = line.replace("FIGURE", r"[-\d][^|\n]*", 1).replace("FIGURE", r"[^|\n]+")
    assert re.search(f"^{pattern}$", SECTION, re.MULTILINE)


def test_the_readme_says_when_and_with_what_it_was_measured() -> None:
    said = re.search(r"^20\d\d-\d\d-\d\d, \d+ cores? of .+, Python 3\.", SECTION, re.M)

    assert said
    assert all(one.name in said.string[said.start() :] for one in ALL[1:])


def test_a_short_call_takes_little_more_than_to_show_markdown() -> None:
    def ratio() -> float:
        with paced.serving() as service:
            taken = live.short_calls([OURS], service.url(5), rounds=20)
        asked_s, shown_s = taken[OURS.name]
        return asked_s / shown_s

    assert best(ratio, 3) <= 3


@pytest.mark.parametrize(
    "one", [one for one in ALL if one.version], ids=lambda one: one.name
)
def test_what_is_compared_asks_and_shows_the_reply(one: Contender) -> None:
    with paced.serving() as service, live.kernel() as kernel:
        kernel.get_ready(one, service.url(5))
        ran = kernel.run(one.ask)

    assert ran.messages > 0
    assert ran.bytes > len(paced.reply_text(5))


def test_the_first_question_takes_little_more_than_the_next() -> None:
    def ratio() -> float:
        with paced.serving() as service:
            url = service.url(5)
            first_s, next_s = live.first_and_second_s(OURS, url, peers.IDLE_S)
        return first_s / next_s

    assert best(ratio, 8) <= 8


def test_the_server_keeps_its_pace_and_serves_whole_replies_as_late() -> None:
    with paced.serving() as service, live.kernel() as kernel:
        kernel.get_ready(OURS, service.url(30, 100))
        took_s = kernel.run(OURS.ask).seconds
        whole = f"%nemotron --no-stream {OURS.ask.removeprefix('%nemotron ')}"
        whole_s = kernel.run(whole).seconds
        kernel.run("assert len(_nemotron) == 120, len(_nemotron)")

    assert took_s >= 0.29
    assert whole_s >= 0.29
