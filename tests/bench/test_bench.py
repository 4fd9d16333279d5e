"""Loading and reading stay near the least that they can cost, with room for noise."""

from __future__ import annotations

from collections.abc import Iterator

import load
import pytest
import stream
from lowest import best


@pytest.fixture(scope="module")
def server() -> Iterator[stream.Server]:
    with stream.serving() as server:
        yield server


def test_loading_takes_little_more_than_the_least_extension() -> None:
    def ratio() -> float:
        loads = load.measure({load.OURS: f"%load_ext {load.OURS}"}, rounds=3)
        return loads[load.OURS][0] / loads[load.EMPTY][0]

    assert best(ratio, 5) <= 5


def test_an_event_takes_little_more_than_its_json(server: stream.Server) -> None:
    def ratio() -> float:
        with stream.clients() as ways:
            costs_s = stream.costs_s(ways, server.url("close", 3000), 3000, rounds=3)
        return costs_s["nemotron_magic"] / costs_s["socket, json.loads"]

    assert best(ratio, 3) <= 3


def test_a_chunked_event_takes_little_more_than_with_bare_httpx(
    server: stream.Server,
) -> None:
    def ratio() -> float:
        url = server.url("chunked", 3000)
        with stream.clients() as ways:
            del ways["socket, json.loads"]
            costs_s = stream.costs_s(ways, url, 3000, rounds=3)
        return costs_s["nemotron_magic"] / costs_s["httpx, json.loads"]

    assert best(ratio, 3) <= 3


def test_memory_follows_the_text_and_not_the_events(server: stream.Server) -> None:
    few, _ = stream.peak_bytes(server, 2_000, 60)
    many, _ = stream.peak_bytes(server, 20_000, 6)

    assert many <= 1.5 * few


def test_the_first_text_comes_little_later(server: stream.Server) -> None:
    def ratio() -> float:
        raw_s, ours_s = stream.first_text_s(server, rounds=9)
        return ours_s / raw_s

    assert best(ratio, 30) <= 30
