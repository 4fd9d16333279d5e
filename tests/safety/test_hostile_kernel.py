"""A hostile reply in a real kernel: it stalls nothing, and its code hides nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from itertools import chain
from typing import Any

import pytest
from hostile_service import Answer, Service, serving
from shells import LOAD, Kernel, Outcome, asked_in_a_panel, running

ORDINARY = "def f(x: int) -> str:  # what it does\n    return f'{x + 1:>8}'\n" * 60
BLANKS = " " * 300
SLOW = {
    "autohotkey": "x := {a: 1}, y.z(%q%) ; c\n" * 3_000,
    "ragel": "action a { b } main := ((a|b)* c)* $!d;\n" * 3_000,
    "perl": ("<<A" + "a" * 180 + "\n") * 100,
    "csharp": "=pod\n/* (* {- <!-- --[[ #| <![CDATA[\n" + "\n" * 110 + "a\n" * 8_000,
    "yaml": "a: &a [*a, {b: 'c\n" * 4_000,
    "markdown": "```autohotkey\nx := {a: 1}\n" * 3_000,
}


class Links(HTMLParser):
    """What the page's command linker is told to put into cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if told := dict(attrs).get("data-commandlinker-args"):
            self.sources.append(json.loads(told)["args"]["text"])


@pytest.fixture(scope="module")
def hostile() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture(scope="module")
def kernel(
    tmp_path_factory: pytest.TempPathFactory, hostile: Service
) -> Iterator[Kernel]:
    begin = f"{LOAD}\n%config Nemotron.insert_button = 'on'"
    folder = tmp_path_factory.mktemp("kernel")
    with running(folder, begin, AIMLAPI_API_BASE=hostile.url) as kernel:
        yield kernel


def answer_with(service: Service, reply: str) -> None:
    message = {"message": {"content": reply}, "finish_reason": "stop"}
    service.answers["completions"] = Answer.json({"choices": [message]})


def fenced(language: str, code: str) -> str:
    return f"Look:\n\n`````{language}\n{code}\n`````\n"


def asked_in_a_cell(kernel: Kernel) -> tuple[Outcome, str]:
    outcome = kernel.run("%nemotron -c none what is it")
    shown = [one["data"]["text/html"] for one in outcome.outputs if "data" in one]
    return outcome, "".join(shown)


def shown_in_a_panel(kernel: Kernel) -> str:
    """Ask in a panel; return all HTML that its page was sent."""
    return "".join(chain(*map(outputs, asked_in_a_panel(kernel))))


def outputs(message: dict[str, Any]) -> list[str]:
    """Return the HTML of the outputs that a message tells a page to show."""
    state = message["content"].get("data", {}).get("state", {})
    return [output["data"]["text/html"] for output in state.get("outputs", ())]


@pytest.fixture(scope="module")
def ordinary_s(kernel: Kernel, hostile: Service) -> float:
    """How long a reply with a long block of ordinary code takes."""
    answer_with(hostile, fenced("python", ORDINARY * 5))
    return min(asked_in_a_cell(kernel)[0].elapsed_s for _ in range(3))


@pytest.mark.parametrize("language", SLOW)
def test_no_block_of_code_stalls_a_reply(
    kernel: Kernel, hostile: Service, ordinary_s: float, language: str
) -> None:
    code = SLOW[language]
    answer_with(hostile, fenced(language, code))
    outcome, html = asked_in_a_cell(kernel)

    assert outcome.status == "ok"
    assert code[:8] in unescape(re.sub("<[^>]*>", "", html))
    assert outcome.elapsed_s < 4 * ordinary_s + len(code) / 20_000


HIDDEN = {
    "three hundred blanks": (
        f"x = 1{BLANKS}; open('p', 'w')",
        "x = 1 ; open('p', 'w')",
    ),
    "blanks before an import": (
        f"x = 1{BLANKS}; import os  # end",
        "x = 1 ; import os  # end",
    ),
    "blanks in a call": (f"print(1,{BLANKS}open('p'))", "print(1, open('p'))"),
    "a mark of direction": ("x = 'a\u202eb'", "x = 'a\\u202eb'"),
    "an isolate": ("x = 'a\u2066b\u2069'", "x = 'a\\u2066b\\u2069'"),
    "no width": ("x = 'a\u200bb'", "x = 'a\\u200bb'"),
    "a braille blank": ("x = 'a\u2800b'", "x = 'a\\u2800b'"),
    "a Hangul filler": ("x = 'a\u3164b'", "x = 'a\\u3164b'"),
    "a note without a head": ("x = 'a\U0001d159b'", "x = 'a\\U0001d159b'"),
    "a blank hieroglyph": ("x = 'a\U00013441b'", "x = 'a\\U00013441b'"),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_panels_page_is_sent_code_of_which_nothing_is_out_of_sight(
    kernel: Kernel, hostile: Service, name: str
) -> None:
    code, in_sight = HIDDEN[name]
    answer_with(hostile, fenced("python", code))
    html = shown_in_a_panel(kernel)
    sources = Links(html).sources

    assert sources
    assert {one.splitlines()[0] for one in sources} == {in_sight}
    assert not set("\u202e\u2066\u200b\u2800\u3164\U0001d159\U00013441") & set(html)
    assert "line 1: " in html


def test_below_three_hundred_empty_lines_nothing_hides(
    kernel: Kernel, hostile: Service
) -> None:
    answer_with(hostile, fenced("python", "x = 1" + "\n" * 300 + "open('p', 'w')"))
    (source,) = set(Links(shown_in_a_panel(kernel)).sources)

    assert source.endswith("open('p', 'w')")
    assert source.count("\n") < 5
