"""Every fault: what the user sees, what is kept, what was sent, and that it passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apart import found_by
from matrix import CA, ROWS, Row
from playing import outcome, played, sections

from nemotron_magic import Session
from nemotron_magic.client.client import Client

HERE = Path(__file__).parent
EXPECTED = sections(HERE / "expected.txt")
# Python 3.11.0 to 3.11.4 have other words for a handshake that is cut short.
OLDER_WORDS = (
    "TLS/SSL connection has been closed (EOF)",
    "EOF occurred in violation of protocol",
)
WAITING = [row.name for row in ROWS if row.waits]


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    CA.cert_pem.write_to_path(str(path))
    return path


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_fault_is_told_and_nothing_is_lost_or_paid_twice(
    row: Row,
    ca: Path,
    session_at: Callable[..., Session],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits_s: list[float] = []
    client = Client(
        sleep=waits_s.append,
        uniform=lambda low, high: high,
        resolve=row.resolve or (lambda host, port: None),
    )
    with played(row, ca) as (heard, place):
        for name, value in place.environ.items():
            monkeypatch.setenv(name, value)
        session = session_at(place.base_url, client, key="sk-a", **row.settings)
        told = outcome(session, row.question, heard, waits_s)
        before = heard.posts
        after = "Hello, world!" if row.lasts else str(session.ask("Hello again"))

    assert told.replace(*OLDER_WORDS) == EXPECTED[row.name]
    assert (after, heard.posts - before) == ("Hello, world!", not row.lasts)


def test_no_fault_is_expected_that_there_is_not() -> None:
    assert list(EXPECTED) == [row.name for row in ROWS]


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Wait in each fault with the limits of time as they are, and press stop."""
    ca = tmp_path_factory.mktemp("ca") / "ca.pem"
    found: dict[str, Any] = found_by(HERE / "interrupted_rows.py", ca)
    return found


@pytest.mark.parametrize("name", WAITING)
def test_a_fault_that_waits_can_be_interrupted_and_the_next_call_works(
    interrupted: dict[str, Any], name: str
) -> None:
    found = interrupted[name]
    kept = EXPECTED[name].partition("kept: ")[2].partition("\n")[0]
    has_text = not kept.startswith(("nothing", "''", "'Hello, world!'"))

    assert found["error"] == "InterruptedByUser"
    assert found["seconds"] < 1
    assert bool(found["kept"]) == has_text
    assert found["next"] == "Hello, world!"
