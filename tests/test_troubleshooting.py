"""README's table of errors: each text in it is one that the user really gets."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nemotron_magic.core.errors import NemotronError
from nemotron_magic.display.reply import notices

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
TABLE = README[README.index("## When something goes wrong") :].partition("\nSet ")[0]
ROWS = [row.strip("| ").split(" | ") for row in TABLE.splitlines() if "| " in row][1:]
SAYINGS = [saying for says, *_ in ROWS for saying in says.split(" / ")]
# What comes of faults of the network, held by tests/faults/ against real sockets.
OF_THE_NETWORK = (ROOT / "tests/faults/expected.txt").read_text("utf-8")

KEY = {"key": "right-key-1"}
NANO = {"model": "nvidia/nemotron-3-nano-30b-a3b"}
LIMIT = {"max_cost_usd": 1e-9}


@pytest.fixture
def said(served: Callable[..., Any], session_at: Callable[..., Any]) -> str:
    """Give the texts of errors that a rehearsal, or we ourselves, give rise to."""
    elsewhere = "https://api.example.org"

    def fault(name: str) -> Any:
        return served(fault=name)

    sessions = [
        session_at(elsewhere),
        session_at(served(**KEY), key="wrong-key-1"),
        session_at(served(), **NANO, **LIMIT),
        session_at(served(), model="openai/gpt-4o", **LIMIT),
        session_at(served(), cache="replay"),
        session_at(fault("402")),
        session_at(fault("403-key")),
        session_at(served(), model="no/such"),
        session_at(fault("400-context")),
        session_at(fault("429")),
    ]
    cut = session_at(served(), max_tokens=5).ask("Hello")
    return "\n".join([*map(_error, sessions), *notices(cut)])


def _error(session: Any) -> str:
    with pytest.raises(NemotronError) as raised:
        session.ask("Hello")
    return str(raised.value)


@pytest.mark.parametrize("saying", SAYINGS)
def test_each_text_of_the_table_is_said(saying: str, said: str) -> None:
    pattern = ".+".join(map(re.escape, saying.strip().split("…")))

    assert re.search(pattern, f"{said}\n{OF_THE_NETWORK}")


def test_the_table_has_what_there_is_to_do() -> None:
    assert len(ROWS) >= 10
    assert all(len(row) == 2 and row[1].strip() for row in ROWS)
