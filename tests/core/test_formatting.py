"""Quantities as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemotron_magic.core.text import format_usd, plural


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 calls"), (1, "1 call"), (2, "2 calls"), (1234567, "1,234,567 calls")],
)
def test_only_one_is_singular(number: int, shown: str) -> None:
    assert plural(number, "call") == shown


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0 replies"), (1, "1 reply"), (2, "2 replies")]
)
def test_a_noun_may_have_a_plural_of_its_own(number: int, shown: str) -> None:
    assert plural(number, "reply", "replies") == shown


@pytest.mark.parametrize(
    ("cost_usd", "shown"),
    [
        (0, "$0"),
        (0.00124, "$0.0012"),
        (0.0000345, "$0.000034"),
        (0.0009996, "$0.0010"),
        (0.0999, "$0.10"),
        (0.05, "$0.050"),
        (0.1, "$0.10"),
        (1.5, "$1.50"),
        (12345.678, "$12,345.68"),
        (-10.0, "-$10.00"),
        (-0.00124, "-$0.0012"),
    ],
)
def test_small_amounts_keep_two_digits_that_matter(cost_usd: float, shown: str) -> None:
    assert format_usd(cost_usd) == shown


@given(st.floats(0, 1e15))
def test_no_amount_but_nought_looks_like_nought(cost_usd: float) -> None:
    shown = format_usd(cost_usd)

    assert shown.startswith("$")
    if cost_usd >= 1e-12:
        assert any(digit in shown for digit in "123456789")
