"""A reply that was cut and gone on with has no seam."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from markdown_shapes import SHAPES
from seams import REPLIES, SEAMS

from nemotron_magic.markdown.join import join_replies, open_fence


@pytest.mark.parametrize("name", SEAMS)
def test_the_parts_are_joined(name: str) -> None:
    before, after, expected = SEAMS[name]

    assert join_replies(before, after) == expected


def test_the_corpus_is_large() -> None:
    assert len(SEAMS) >= 40


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_gone_on_with_at_any_character_is_the_whole(name: str) -> None:
    reply = REPLIES[name]

    for end in range(len(reply) + 1):
        assert join_replies(reply[:end], reply[end:]) == reply, reply[:end]


@pytest.mark.parametrize("name", REPLIES)
@pytest.mark.parametrize("phrase", ["", "Here is the rest:\n\n", "Continuing:\n"])
def test_a_fence_opened_again_anywhere_leaves_no_trace(name: str, phrase: str) -> None:
    reply = REPLIES[name]

    for end, mark, info, indent in inside_fences(reply):
        again = f"{phrase}{indent}{mark}{info}\n{reply[end:]}"
        assert join_replies(reply[:end], again) == reply, reply[:end]


def test_no_shape_of_text_has_a_seam() -> None:
    for text, _ in SHAPES.values():
        for end in range(0, len(text), 3):
            assert join_replies(text[:end], text[end:]) == text, text[:end]


def inside_fences(reply: str) -> Iterator[tuple[int, str, str, str]]:
    """Give all places in code, but those within the closing mark."""
    for end in range(len(reply)):
        fence = open_fence(reply[:end])
        last = reply[:end].rpartition("\n")[2].strip()
        if fence and not (last and not last.strip(fence.mark[0])):
            yield end, fence.mark, fence.info, fence.indent


@pytest.mark.parametrize("name", REPLIES)
def test_a_line_begun_again_is_there_once(name: str) -> None:
    """What is shorter may be a coincidence: `print(` within `print(`."""
    reply = REPLIES[name]
    tried = 0
    for end in range(len(reply)):
        start = reply.rfind("\n", 0, end) + 1
        line = reply[start:end]
        if len(line.strip()) >= 8 and len({c for c in line if c.isalnum()}) >= 4:
            tried += 1
            assert join_replies(reply[:end], reply[start:]) == reply, reply[:end]
    assert tried > 10


@pytest.mark.parametrize("name", REPLIES)
def test_the_line_before_written_again_is_there_once(name: str) -> None:
    reply = REPLIES[name]
    lines = reply.splitlines(keepends=True)
    for n, line in enumerate(lines):
        end = len("".join(lines[: n + 1]))
        if len({c for c in line if c.isalnum()}) >= 4 and len(line.strip()) >= 8:
            assert join_replies(reply[:end], line + reply[end:]) == reply, reply[:end]


def test_a_long_reply_is_joined_in_no_time() -> None:
    text = "a b c d e f g h\n" * 50_000

    assert join_replies(text, text) == text + text
