"""What a fault may do to the process: memory, a fork, a clock that jumps."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from apart import found_by
from wire import DONE, ask_once, say

from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.core.errors import OutcomeUnknownError

HERE = Path(__file__).parent
FLOODS = {
    "a line of 100 MB": "the service sent one event larger than 16 MiB",
    "an event of 100 MB": "the service sent one event larger than 16 MiB",
    "a body of 100 MB": "sent more than a chat reply can be",
    "a bomb of 100 MB": "the service sent one event larger than 16 MiB",
    "an error of 100 MB": "refused the request (400)",
    "10,000 thoughts": "",
}


@pytest.mark.skipif(
    not os.access("/proc/self/clear_refs", os.W_OK), reason="Linux tells memory"
)
@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_takes_less_memory_than_three_times_the_cap(flood: str) -> None:
    found = found_by(HERE / "limited.py", flood)

    assert found["what"].endswith(FLOODS[flood])
    assert found["grown_mb"] < 3 * 16
    assert found["next"] == "Hello, world!"


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="no fork here"
)
def test_a_fork_has_connections_of_its_own(served: Callable[..., Any]) -> None:
    url = served()
    found = found_by(HERE / "forked.py", url)

    assert (found["first"], found["after"]) == ("first", "after")
    assert found["parent"] == [f"parent{n}" for n in range(20)]
    assert found["child"] == [f"child{n}" for n in range(20)]
    assert url.connections >= 2


def answering(body: Callable[[], Iterator[bytes]]) -> Client:
    return Client(
        httpx.MockTransport(lambda request: httpx.Response(200, content=body()))
    )


def test_what_came_before_the_memory_was_full_is_kept(
    session_at: Callable[..., Session],
) -> None:
    def body() -> Iterator[bytes]:
        yield say("Hello, ")
        raise MemoryError

    told = ask_once(session_at, "http://127.0.0.1:1", "Hi", {"client": answering(body)})

    assert isinstance(told.error, OutcomeUnknownError)
    assert told.error.what == "this process is out of memory"
    assert (told.text, told.reply.metadata.ending) == ("Hello, ", "failed")


def test_a_reply_that_only_goes_on_is_ended(session_at: Callable[..., Session]) -> None:
    def body() -> Iterator[bytes]:
        yield say("Hello, ")
        while True:
            yield b": " + b"x" * 2**20 + b"\n"

    told = ask_once(session_at, "http://127.0.0.1:1", "Hi", {"client": answering(body)})

    assert told.error.what == "the reply has no end: 256 MiB came"
    assert told.text == "Hello, "


def test_a_clock_that_jumps_changes_nothing(session_at: Callable[..., Session]) -> None:
    moments = iter([1.8e9, 0.0, 4e9, -5.0, 1.8e9] * 20)

    def body() -> Iterator[bytes]:
        yield say("Hello, ", "world!") + DONE

    client = Client(
        httpx.MockTransport(lambda request: httpx.Response(200, content=body())),
        now_s=lambda: next(moments),
    )
    settings = {"client": client, "now_s": lambda: next(moments)}
    told = ask_once(session_at, "http://127.0.0.1:1", "Hi", settings)

    assert told.text == "Hello, world!"
    assert 0 <= told.reply.metadata.elapsed_s < 5
