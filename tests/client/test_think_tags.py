"""Reasoning between tags, wherever the tags are cut."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemotron_magic.client.think_tags import ThinkTags, may_start_inside
from nemotron_magic.session.reply import ReplyAccumulator


def told(pieces: list[str], orphans: bool = True) -> tuple[str, str]:
    """Give the answer and the reasoning."""
    tags, draft = ThinkTags(orphans), ReplyAccumulator()
    events = [event for piece in pieces for event in tags.feed(piece)]
    for event in [*events, *tags.close()]:
        draft.add(event)
    reply = draft.reply()
    return str(reply), reply.reasoning


CASES = {
    "tags": ("<think>plan</think>\n\nHello", "Hello", "plan"),
    "blanks before": ("\n <think>\nplan\n</think>Hello", "Hello", "plan"),
    "an empty thought": ("<think></think>Hello", "Hello", ""),
    "a lesser sign": ("<think>a </b> </thin </think>x", "x", "a </b> </thin "),
    "an unclosed thought": ("<think>plan", "", "plan"),
    "a thought that ends in half a tag": ("<think>plan</thi", "", "plan</thi"),
    "no tags": ("\n\nHello", "\n\nHello", ""),
    "half an opening tag": ("<thi", "<thi", ""),
    "another tag": ("<thinking>plan</thinking>Hello", "Hello", "plan"),
    "a third tag": ("<thought>a </think> b</thought> Hello", "Hello", "a </think> b"),
    "no tag of ours": ("<thinker>Hello", "<thinker>Hello", ""),
    "capitals": ("<THINK>plan</Think>\n\nHello", "Hello", "plan"),
    "blanks in a tag": ("<thinking >plan</ thinking\t>Hello", "Hello", "plan"),
    "more blanks": ("< Thought >a</think>b< /THOUGHT>c", "c", "a</think>b"),
    "half a tag with blanks": ("<think>a</THINK  ", "", "a</THINK  "),
    "no tag but a comparison": ("< 3 think> so", "< 3 think> so", ""),
    "a second block in capitals": ("<THINK>a</THINK>b\n<Think >c</think >d", "b\nd",
                                   "a\n\nc"),
    "an orphan in capitals": ("I plan.\n</ Think >\n\nHello", "Hello", "I plan."),
    "a second block at once": ("<think>a</think>\n<think>b</think>c", "c", "ab"),
    "a second block": (
        "<think>a</think>b\n  <thought>c</thought>\nd",
        "b\nd",
        "a\n\nc",
    ),
    "a second block in a fence": (
        "<think>a</think>b\n```\n<think>\n```\nd",
        "b\n```\n<think>\n```\nd",
        "a",
    ),
    "an orphan after its sentence": ("I plan.</think>\n\nHello", "Hello", "I plan."),
    "an orphan within a line": ("I plan.</think>Hello", "Hello", "I plan."),
    "an orphan after a blank": ("I plan. </think>\nHello", "Hello", "I plan."),
    "an orphan before a text": ("I plan\n</thinking>Hello", "Hello", "I plan"),
    "an orphan after its pair": (
        "Write <think>x</think>\nso",
        "Write <think>x</think>\nso",
        "",
    ),
    "in quotes": ("it is '</think>'\nso", "it is '</think>'\nso", ""),
    "a tag later": ("Use <think> first", "Use <think> first", ""),
    "a second pair": (
        "<think>a</think>b <think>c</think>",
        "b <think>c</think>",
        "a",
    ),
    "an orphan": ("plan\n</think>\n\nHello", "Hello", "plan"),
    "an orphan with crlf": ("plan\r\n</think>\r\nHello", "Hello", "plan"),
    "an orphan at the end": ("plan\n</think>", "", "plan"),
    "an orphan first": ("</think>\nHello", "Hello", ""),
    "an indented orphan": ("plan\n  </think>  \nHello", "Hello", "plan"),
    "an orphan after code": ("```\nx\n```\n</think>\nHello", "Hello", "```\nx\n```"),
    "in inline code": ("`</think>` ends it", "`</think>` ends it", ""),
    "in a sentence": ("it ends with </think>\nso", "it ends with </think>\nso", ""),
    "at the start of a sentence": ("a\n</think> ends it", "a\n</think> ends it", ""),
    "in a fence": ("```\n</think>\n```\nso", "```\n</think>\n```\nso", ""),
    "in tildes": ("~~~xml\n</think>\n~~~", "~~~xml\n</think>\n~~~", ""),
    "in an open fence": ("```\n</think>", "```\n</think>", ""),
    "blank": (" \n", " \n", ""),
    "nothing": ("", "", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_tags_are_read_wherever_they_are_cut(case: str) -> None:
    text, answer, reasoning = CASES[case]
    ways = [[text[:at], text[at:]] for at in range(len(text) + 1)]

    assert all(told(way) == (answer, reasoning) for way in [[text], list(text), *ways])


def test_an_orphan_counts_only_for_models_that_start_inside() -> None:
    text = "plan\n</think>\n\nHello"

    assert told([text], orphans=False) == (text, "")


@pytest.mark.parametrize(
    ("model", "may"),
    [
        ("nvidia/Llama-3.1-Nemotron-70B-Instruct-HF", True),
        ("alibaba/qwen3-32b", True),
        ("openai/gpt-4o", False),
    ],
)
def test_some_families_start_inside(model: str, may: bool) -> None:
    assert may_start_inside(model) is may


SCRAPS = st.sampled_from(
    [
        "<think>",
        "</think>",
        "< Think >",
        "</THINK\t>",
        "\n",
        "```",
        "a",
        " ",
        "<",
        "</",
        "think>",
        "\r\n",
        ".",
    ]
)


@given(st.lists(SCRAPS, max_size=15).map("".join), st.integers(0, 60))
def test_no_cut_changes_what_is_told(text: str, at: int) -> None:
    assert told(list(text)) == told([text]) == told([text[:at], text[at:]])


@given(st.lists(SCRAPS, max_size=15).map("".join))
def test_no_letter_of_an_answer_is_lost(text: str) -> None:
    answer, reasoning = told(list(text), orphans=False)
    left = [
        c
        for c in re.sub("(?i)<[ \t]*/?[ \t]*think[ \t]*>", "", text)
        if not c.isspace()
    ]

    assert all(letter in answer + reasoning for letter in set(left))


def test_an_answer_about_the_tag_takes_linear_time() -> None:
    begun_s = time.process_time()
    told(["use `</think>` so\n", "and so on\n" * 10] * 20_000)

    assert time.process_time() - begun_s < 2
