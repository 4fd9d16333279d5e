"""Every error dialect, as the rehearsal plays it: told, kept, paid once, past."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playing import sections, written_down
from service.midstream import MIDSTREAM
from service.statuses import STATUSES
from wire import LIVE, ask_once

EXPECTED = sections(Path(__file__).with_name("expected_dialects.txt"))
BY_CLOCK = {"429-date"}
"""What asks to wait until a moment of today, so that no text can be expected."""

NAMES = [name for name in (*STATUSES, *MIDSTREAM) if name not in BY_CLOCK]


@pytest.mark.parametrize("name", NAMES)
def test_a_dialect_is_told_and_nothing_is_lost_or_paid_twice(
    name: str, served: Callable[..., Any], session_at: Callable[..., Any]
) -> None:
    url = served()
    question = f"rehearsal: fault {name}\nrehearsal: say Hello, world!"
    told = ask_once(session_at, url, question, {"model": LIVE})
    asked = told.asked
    after = str(told.session.ask("rehearsal: say And now?"))

    assert written_down(told.reply, told.error, asked, told.waits_s) == EXPECTED[name]
    assert (after, told.asked - asked) == ("And now?", 1)


def test_no_dialect_is_expected_that_there_is_not() -> None:
    assert list(EXPECTED) == NAMES
