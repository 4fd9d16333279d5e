"""Text from elsewhere made harmless."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemotron_magic.core.text import (
    GrowingText,
    escape_invisible,
    one_line,
    sanitize_label,
    strip_controls,
    strip_hidden,
    visible,
    well_formed,
)

ANY = st.text(st.characters(), max_size=80)
HOSTILE = st.text(
    st.sampled_from(
        "ab é\x1b[31m]8;\x07\\\x9b\x90\x00\r\n\t\u200b\u200c\u200d\u202e\u2066\ufe0f"
        "\ufe01\u2800\u2801\u180b\u1820\U0001d159"
        "\ufeff\u2028\xad\U000e0041\U000e0100\ud83d\ude0am👩🔬می"
    ),
    max_size=40,
)


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
    assert strip_controls(text) == left


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a[U+001B][31mb"),
        ("a\x1b]52;c;eA==\x07b", "a[U+001B]]52;c;eA==[U+0007]b"),
        ("a\x1b]0;all that follows", "a[U+001B]]0;all that follows"),
        ("a\x9b31mb\x90q\x9c", "a[U+009B]31mb[U+0090]q[U+009C]"),
        ("paid\rfree\b\b", "paid[U+000D]free[U+0008 ×2]"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("a\u202eb\u2066c\u200b\u200b", "a[U+202E]b[U+2066]c[U+200B ×2]"),
        ("a\U000e0041\U000e0fffb", "ab"),
        ("a\u200db", "a[U+200D]b"),
        ("a\u200cم\u200db", "a[U+200C]م[U+200D]b"),
        ("\u200cم\u200d", "[U+200C]م[U+200D]"),
        ("a\xadb\u034fc\u3164", "a[U+00AD]b[U+034F]c[U+3164]"),
        ("a\u2800\u2800b \u2800", "a[U+2800 ×2]b [U+2800]"),
        (
            "\u2807\u2800\u2800\u280a \u2800\u2801",
            "\u2807\u2800\u2800\u280a \u2800\u2801",
        ),
        ("a\u115f\u1160\uffa0b", "a[U+115F][U+1160][U+FFA0]b"),
        ("a\U0001d159b\U00016fe4c\U0001bca0", "a[U+1D159]b[U+16FE4]c[U+1BCA0]"),
        ("a\u180bb \u1820\u180b", "a[U+180B]b \u1820\u180b"),
        ("a\U00013441\U00013430b", "a[U+13441][U+13430]b"),
        ("👩\u200d🔬 می\u200cخواهم ❤\ufe0f", "👩\u200d🔬 می\u200cخواهم ❤\ufe0f"),
        ("\ud83d", "\ufffd"),
    ],
)
def test_what_is_hidden_is_shown_by_its_number(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(HOSTILE, st.lists(st.integers(0, 40), max_size=8))
def test_a_text_is_as_visible_however_it_is_cut(text: str, cuts: list[int]) -> None:
    growing = GrowingText()
    places = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    pieces = [text[a:b] for a, b in pairwise(places)]

    shown = "".join([*map(growing.add, pieces), growing.end()])

    assert shown == visible(text)


@given(HOSTILE)
def test_a_text_cut_at_every_character_is_as_visible(text: str) -> None:
    growing = GrowingText()

    assert "".join([*map(growing.add, text), growing.end()]) == visible(text)


@given(HOSTILE)
def test_what_is_visible_steers_no_terminal_and_can_be_written(text: str) -> None:
    shown = visible(text)

    assert all(c.isprintable() or c in "\n\t\u200c\u200d\ufe0f\ufe01" for c in shown)
    assert shown.encode().decode() == shown
    assert visible(shown) == shown


def test_a_sign_stands_in_a_frame_of_html() -> None:
    assert escape_invisible("a\u202e{}", "<b>{}</b>") == "a<b>[U+202E]</b>{}"


def test_so_many_signs_are_told_by_number_and_no_more() -> None:
    text = "\u200b\u2060" * 3

    assert escape_invisible(text, most=2) == "[U+200B][U+2060]" + "\ufffd" * 4


def test_a_line_has_at_most_so_many_characters_with_a_sign_that_it_was_cut() -> None:
    assert one_line("a" * 300) == "a" * 300
    assert one_line("a" * 301) == "a" * 299 + "…"
    assert sanitize_label("a" * 201) == "a" * 199 + "…"


def test_an_escape_that_does_not_end_swallows_one_line_at_most() -> None:
    assert strip_controls("a\x1b]0;title\nb\x90x\nc") == "a\nb\nc"


@given(HOSTILE)
def test_what_cannot_be_seen_is_gone(text: str) -> None:
    assert strip_hidden(strip_hidden(text)) == strip_hidden(text)
    assert not {"\u202e", "\x1b", "\u200b", "\U000e0041"} & set(strip_hidden(text))


@given(ANY)
def test_one_line_is_one_line(text: str) -> None:
    line = one_line(text, 20)

    assert len(line) <= 20
    assert line.splitlines() in ([], [line])
    assert line == one_line(line, 20)


@given(ANY)
def test_controls_are_gone_at_once(text: str) -> None:
    assert strip_controls(strip_controls(text)) == strip_controls(text)


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
