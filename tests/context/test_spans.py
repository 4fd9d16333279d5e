"""Places to take out of a text: merged, and replaced by marks of their kind."""

from __future__ import annotations

import pytest

from nemotron_magic.context.secrets.values import (
    MASK,
    Passage,
    Span,
    merge_spans,
    placeholder,
    replace_spans,
)


def span(start: int, end: int, kind: str = "k") -> Span:
    return Span(start, end, kind)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], []),
        ([span(3, 5)], [(3, 5)]),
        ([span(3, 5), span(0, 2)], [(0, 2), (3, 5)]),
        ([span(0, 3), span(3, 5)], [(0, 3), (3, 5)]),
        ([span(0, 4), span(3, 5)], [(0, 5)]),
        ([span(0, 9), span(3, 5)], [(0, 9)]),
        ([span(3, 5), span(0, 9)], [(0, 9)]),
        ([span(0, 4), span(2, 6), span(5, 8), span(9, 10)], [(0, 8), (9, 10)]),
    ],
)
def test_places_that_overlap_are_one_and_others_stay_apart(
    spans: list[Span], expected: list[tuple[int, int]]
) -> None:
    assert [(one.start, one.end) for one in merge_spans(spans)] == expected


@pytest.mark.parametrize("named_first", [span(0, 4, "a"), span(2, 6, "a")])
def test_the_first_that_was_named_names_the_whole(named_first: Span) -> None:
    others = [
        one for one in (span(0, 4, "b"), span(2, 6, "b")) if one[0] != named_first[0]
    ]

    assert merge_spans([named_first, *others]) == [span(0, 6, "a")]


def test_of_three_that_overlap_the_first_that_was_named_names_all() -> None:
    spans = [span(4, 8, "first"), span(0, 3, "second"), span(2, 5, "third")]

    assert merge_spans(spans) == [span(0, 8, "first")]


def test_what_stands_between_secrets_stays() -> None:
    spans = [span(0, 2, "a"), span(5, 6, "b"), span(6, 7, "c")]

    assert (
        replace_spans("xx = yz!", spans) == "[redacted:a] = [redacted:b][redacted:c]!"
    )
    assert replace_spans("all", []) == "all"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("A [redacted:a-1] B", f"a {MASK * 14} b"),
        ("[REDACTED:A]", MASK * 12),
        (
            "[redacted:] [redacted:a b] [redacted:",
            "[redacted:] [redacted:a b] [redacted:",
        ),
        ("İ", "i"),
        ("", ""),
    ],
)
def test_rules_see_small_letters_and_no_placeholders(text: str, seen: str) -> None:
    masked = Passage(text).masked

    assert masked == seen
    assert len(masked) == len(text)


def test_a_placeholder_says_the_kind() -> None:
    assert placeholder("key") == "[redacted:key]"
