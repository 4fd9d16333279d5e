"""The estimate of tokens errs on the high side, and not by much."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemotron_magic.context.prompt import estimate_tokens


def bench() -> ModuleType:
    path = Path(__file__).parent.parent / "bench" / "tokens.py"
    spec = importlib.util.spec_from_file_location("bench_tokens", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BENCH = bench()
TEXTS = BENCH.texts()

# Counted by Llama 3's and Mistral's Tekken's vocabularies, the larger of the two: the
# first 1,500 characters of each text of the benchmark.
COUNTED = [
    ("table", 1009),
    ("Markdown table", 667),
    ("JSON", 859),
    ("numbers", 1406),
    ("log", 1016),
    ("Chinese", 1385),
    ("Japanese", 1139),
    ("Korean", 820),
    ("German", 434),
    ("Russian", 473),
    ("emoji", 3842),
    ("blanks", 91),
]
SHORT = [
    ("", 0),
    ("hello", 1),
    ("1234567", 7),
    ("def f(x):\n    return x+1\n", 10),
    ("日本語のテキスト", 6),
    ("😀👍🏽", 12),
    (" " * 24 + "x", 2),
    ("\0" * 50, 50),
    ("\n" * 300, 75),
    ("a" * 1200, 600),
    ("\r\n" * 50, 100),
]


@pytest.mark.parametrize(("kind", "tokens"), COUNTED)
def test_an_estimate_is_no_lower_than_the_truth_and_little_higher(
    kind: str, tokens: int
) -> None:
    share = estimate_tokens(TEXTS[kind][:1500]) / tokens

    assert 0.98 <= share <= (2.2 if kind == "blanks" else 1.6)


@pytest.mark.parametrize(("text", "tokens"), SHORT, ids=lambda one: repr(one)[:20])
def test_a_short_or_strange_text_is_not_estimated_too_low(
    text: str, tokens: int
) -> None:
    assert tokens <= estimate_tokens(text) <= 2.5 * tokens + 25


def test_an_empty_text_takes_nothing() -> None:
    assert estimate_tokens("") == 0


@given(st.text(st.characters()))
def test_any_text_has_an_estimate_near_what_its_bytes_allow(text: str) -> None:
    most = len(text.encode("utf-8", "surrogatepass"))

    assert 0 <= estimate_tokens(text) <= 4 * most + 4


@given(st.text(), st.text())
def test_two_texts_take_about_what_each_takes(first: str, second: str) -> None:
    whole = estimate_tokens(first + second)

    assert whole <= 1.5 * (estimate_tokens(first) + estimate_tokens(second)) + 10


@pytest.mark.skipif(
    not (importlib.util.find_spec("tiktoken") and BENCH.vocabularies()),
    reason="needs tiktoken and llama-models or mistral-common, the extra bench",
)
def test_few_texts_are_estimated_too_low() -> None:
    counts = list(BENCH.vocabularies().values())

    found = [one for text in TEXTS.values() for one in BENCH.shares(text, counts)]

    assert sum(one < 0.98 for one in found) < 0.01 * len(found)


@pytest.mark.parametrize(
    "unit", ["a", "a ", "=", "=-", "\n ", "1", "Aa", "é", "漢", "b9", "\t", "😀", "zx"]
)
def test_a_hard_text_takes_about_as_long_as_an_ordinary_one(unit: str) -> None:
    ordinary = min(BENCH.scan_ratio(TEXTS["prose"][:50_000]) for _ in range(2))
    size = 50_000 // len(unit)

    split = max(BENCH.seconds(str.split, TEXTS["prose"][:50_000]), 1e-6)
    assert BENCH.seconds(estimate_tokens, unit * size) < 4 * ordinary * split + 0.02
