"""The estimate of tokens errs on the high side, and not by much."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from statistics import median
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemotron_magic.context.tokens import estimate_field_tokens, estimate_tokens


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

# Counted by Llama 3's vocabulary: the first 1,500 characters of each text of the
# benchmark.
COUNTED = [
    ("table", 668),
    ("Markdown table", 509),
    ("JSON", 701),
    ("numbers", 801),
    ("log", 738),
    ("Chinese", 1150),
    ("Japanese", 999),
    ("Korean", 820),
    ("German", 434),
    ("Russian", 473),
    ("emoji", 2842),
    ("blanks", 82),
]
SHORT = [
    ("", 0),
    ("hello", 1),
    ("1234567", 3),
    ("def f(x):\n    return x+1\n", 10),
    ("日本語のテキスト", 6),
    ("😀👍🏽", 8),
    (" " * 24 + "x", 2),
    ("\0" * 50, 50),
    ("\n" * 300, 10),
    ("ACGTTGCA" * 50, 250),
    ("\r\n" * 50, 13),
]


@pytest.mark.parametrize(("kind", "tokens"), COUNTED)
def test_an_estimate_is_no_lower_than_the_truth_and_little_higher(
    kind: str, tokens: int
) -> None:
    share = estimate_tokens(TEXTS[kind][:1500]) / tokens

    assert 0.98 <= share <= 1.45


# Counted by Llama 3's vocabulary, which knows few of these words as a whole.
UNKNOWN = [
    (
        "utlich zurückging. Der Datensatz hat dreihund"
        "ert Zeilen und zwölf Spalten, von denen zwei ",
        27,
    ),
    (
        "clx zsk wbs sdk ltp gvm tkj jft rkq rzd\ncwx s"
        "nz wcr vhv xml pvq zmj dsp qzw tqh njm zpv\nql",
        44,
    ),
    (
        "gen van der Berg, 82\nXiomara Papadopoulos, 26"
        "\nKrzysztof Papadopoulos, 31\nKrzysztof Okafor,",
        39,
    ),
    (
        "∃δωλ⇒β∇≤σγθ⇒÷φθ∂\nβ∇α⇒δωθ∃÷λ∈∃μ÷∫√λ∂≥±θ≥→∃∑∑≥÷"
        "λφ\nλσ∇∀ασ∈φ∞αγ√√λ≥α±θλθ∂≥∂≥≠βδσγ≤\n∀∈≤⇒≠σ≥β≠±μ",
        113,
    ),
    (
        "MRQ1HcvtQH4+a2Bbmegwbdp0imHgKa\nij9BWwJKFGzw2Y"
        "qY4c+ZlmH5Z72v3w5zN0IME/j11A9s4HnRuYc3bwe8uBK",
        68,
    ),
    (
        "TTCGATTAGACG\nCCTTTTCGGTAGGGCGTCGCTGTCTCTTACCA"
        "CATATGCCTCACGAGAGTTCTCCGCCTTCATAGGTGTG\nCCTAGA",
        49,
    ),
    (
        "3a0cd29195f98a04a571f28001f7532e02a4cb370f8e5"
        "eabf0086ee441e\na55277292db98eb8ea2986237c260c",
        52,
    ),
    (
        "La tabla tiene trescientas filas y doce "
        "columnas; en dos de ellas faltan valores.",
        23,
    ),
    (
        "comparison of pd_NA is explicit; if na_"
        "object2 is pd_NA or na_object3 is pd_NA",
        24,
    ),
    ("qty_ord_ln cst_no rgn_cd sku_nbr upc_dscr dlvry_dt invc_amt", 21),
    (
        "Tabela ma trzysta wierszy i dwanaście kolumn, z których dwie mają braki.",
        25,
    ),
]


@pytest.mark.parametrize(("text", "tokens"), UNKNOWN, ids=lambda one: repr(one)[:20])
def test_a_short_text_of_unknown_words_is_not_estimated_too_low(
    text: str, tokens: int
) -> None:
    assert 0.98 * tokens <= estimate_tokens(text) <= 1.4 * tokens


@pytest.mark.parametrize(("text", "tokens"), SHORT, ids=lambda one: repr(one)[:20])
def test_a_short_or_strange_text_is_not_estimated_too_low(
    text: str, tokens: int
) -> None:
    assert tokens <= estimate_tokens(text) <= 3 * tokens + 40


def test_signs_beyond_ascii_have_the_room_of_unknown_words() -> None:
    assert estimate_tokens("→→→→") == 10


def test_of_a_request_the_texts_beside_its_messages_count() -> None:
    body = {"model": "m" * 99, "messages": ["long"] * 99, "stream_options": {"a": "b"}}
    figures = {"temperature": 1.5, "stream": True, "seed": 3, "top_p": None}

    assert estimate_field_tokens({**body, **figures}) == 0
    assert estimate_field_tokens({**body, "stop": ["END"]}) > 3


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
    BENCH.llama_count() is None, reason="needs tiktoken and llama-models, group bench"
)
def test_no_text_is_estimated_too_low_and_hardly_any_much_too_high() -> None:
    found = [n for t in TEXTS.values() for n in BENCH.shares(t, BENCH.llama_count())]

    assert min(found) >= 0.98
    assert median(found) <= 1.15


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit", ["a", "a ", "=", "=-", "\n ", "1", "Aa", "é", "漢", "b9", "\t", "😀", "zx"]
)
def test_a_hard_text_takes_about_as_long_as_an_ordinary_one(unit: str) -> None:
    ordinary = min(BENCH.scan_ratio(TEXTS["prose"][:50_000]) for _ in range(2))
    size = 50_000 // len(unit)

    split = max(BENCH.seconds(str.split, TEXTS["prose"][:50_000]), 1e-6)
    assert BENCH.seconds(estimate_tokens, unit * size) < 4 * ordinary * split + 0.02


def test_a_limit_on_cost_counts_every_digit() -> None:
    figures = "\n".join(f"{n * 7919}" for n in range(100, 200))
    digits = sum(map(str.isdigit, figures))

    assert estimate_tokens(figures, digits_apart=True) >= digits + figures.count("\n")
    assert estimate_tokens(figures) < digits
