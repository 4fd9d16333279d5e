"""The catalogue as a panel offers it."""

from __future__ import annotations

from nemotron_magic.catalogue import Model
from nemotron_magic.panels.models import offered


def test_length_and_price_stand_beside_a_name() -> None:
    (row,) = offered([Model("nvidia/nemotron-x", (), 1_000_000, 0.1, 0.4)])

    assert row == {
        "name": "nvidia/nemotron-x",
        "about": "1M context · $0.1 in, $0.4 out",
        "nemotron": True,
    }


def test_what_is_not_known_is_called_so() -> None:
    rows = offered([Model("a"), Model("b", (), 4096), Model("c", (), None, 1, 2)])

    assert [row["about"] for row in rows] == [
        "context and price unknown",
        "4K context · price unknown",
        "context unknown · $1 in, $2 out",
    ]
