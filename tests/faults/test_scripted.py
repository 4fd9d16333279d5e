"""The server that plays faults is met by nobody but the one who asks."""

from __future__ import annotations

from contextlib import ExitStack

from matrix import GOOD
from scripted import Player


def test_it_listens_where_no_kernel_can_have_been() -> None:
    with ExitStack() as stack:
        ports = {stack.enter_context(Player([], GOOD)).port for _ in range(20)}

    assert len(ports) == 20
    assert ports <= set(range(20_000, 32_000))
