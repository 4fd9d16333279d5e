"""The bytes of a streaming reply stay in proportion to it."""

from __future__ import annotations

import pytest
from display import measure
from saved import weights


@pytest.mark.parametrize("gap_s", [0.01, None], ids=["100 tokens/s", "full speed"])
def test_the_bytes_are_at_most_forty_times_the_reply_however_long(
    gap_s: float | None,
) -> None:
    short, long = measure(2_000, gap_s), measure(8_000, gap_s)

    assert short.bytes_per_byte < 40
    # At full speed a short one may be there in a moment, and painted once.
    assert long.bytes_per_byte < max(short.bytes_per_byte * 1.1, 12)


def test_a_saved_output_carries_little_style() -> None:
    style = {one.kind: one.style_bytes for one in weights()}

    assert style["plain reply"] <= 400
    assert style["card"] <= 400
    assert style["code and table"] <= 2_200
