"""Text from elsewhere made harmless."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemotron_magic.text import LongText, one_line, well_formed, without_controls

ANY = st.text(st.characters(), max_size=80)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\x1b[31mb\x1b[0m", "ab"),
        ("a\x1b]8;;http://x\x1b\\b", "ab"),
        ("a\x1b]52;c;eA==\x07b", "ab"),
        ("a\x9b31mb", "ab"),
        ("a\x1bPq\x1b\\b", "ab"),
        ("a\rb\bc\x7f", "abc"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("a\u202eb\u2066c", "abc"),
        ("a\x1b", "a"),
        ("é😊", "é😊"),
    ],
)
def test_nothing_steers_the_terminal(text: str, left: str) -> None:
    assert without_controls(text) == left


@given(ANY)
def test_one_line_is_one_line(text: str) -> None:
    line = one_line(text, 20)

    assert len(line) <= 20
    assert line.splitlines() in ([], [line])
    assert line == one_line(line, 20)


@given(ANY)
def test_controls_are_gone_at_once(text: str) -> None:
    assert without_controls(without_controls(text)) == without_controls(text)


@pytest.mark.parametrize(
    ("text", "formed"),
    [
        ("\ud83d\ude0a", "😊"),
        ("a\ud83db", "a\ufffdb"),
        ("\ude0a\ud83d", "\ufffd\ufffd"),
        ("😊é", "😊é"),
    ],
)
def test_halves_of_a_character_are_joined_or_replaced(text: str, formed: str) -> None:
    assert well_formed(text) == formed


@given(ANY, ANY)
def test_well_formed_text_can_be_encoded(one: str, other: str) -> None:
    formed = well_formed(one + json.loads('"\\ud83d"') + other)

    assert formed.encode().decode() == formed


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=3)))
def test_a_long_text_is_the_sum_of_its_pieces(pieces: list[str]) -> None:
    text = LongText()
    for piece in pieces:
        text.add(piece)

    assert well_formed(str(text)) == well_formed("".join(pieces))
    assert bool(text) == any(pieces)
