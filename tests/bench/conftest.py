"""Kernels that are asked here leave loops behind, which are no fault of ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from shells import close_event_loops


@pytest.fixture(autouse=True)
def _loops_are_closed() -> Iterator[None]:
    yield
    close_event_loops()
