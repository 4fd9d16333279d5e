"""How soon the first text of a reply is there, and what each event of it costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from statistics import quantiles
from typing import Any

import stream
from contenders import ALL, CHATLAS, OPENAI, OURS, QUESTION

Read = Callable[[str], Iterator[str]]
RAW = "socket"
EVENTS = 5_000


@cache
def _openai(url: str) -> Any:
    from openai import OpenAI

    return OpenAI(base_url=url, api_key="none")


def openai_text(url: str) -> Iterator[str]:
    """Ask with the openai package."""
    asked = [{"role": "user", "content": QUESTION}]
    sent = _openai(url).chat.completions.create(
        model=stream.MODEL, messages=asked, stream=True
    )
    for chunk in sent:
        yield chunk.choices[0].delta.content or ""


@cache
def _chatlas(url: str) -> Any:
    from chatlas import ChatOpenAICompletions

    return ChatOpenAICompletions(base_url=url, api_key="none", model=stream.MODEL)


def chatlas_text(url: str) -> Iterator[str]:
    """Ask with chatlas."""
    chat = _chatlas(url)
    chat.set_turns([])
    yield from chat.stream(QUESTION, echo="none")


OTHERS: dict[str, Read] = {CHATLAS.name: chatlas_text, OPENAI.name: openai_text}


def _others() -> dict[str, Read]:
    installed = {one.name for one in ALL if one.version}
    return {name: read for name, read in OTHERS.items() if name in installed}


def first_text_added_s(server: stream.Server, rounds: int) -> dict[str, float]:
    """Give how much later than over a raw socket the first text is there, in seconds.

    Of what is measured in turn, what a quarter is faster than: a busy machine disturbs
    the others.
    """
    url, taken = server.url("close", 1), dict[str, list[float]]()
    with stream.our_client() as ours:
        ways: dict[str, Callable[[], float]] = {
            RAW: lambda: _first_s(stream.raw_text, url),
            OURS.name: lambda: stream.our_first_s(ours, url),
        }
        for name, read in _others().items():
            ways[name] = lambda read=read: _first_s(read, url)  # type: ignore[misc]
        for number in range(rounds + 2):
            for name, measure in ways.items():
                seconds = measure()
                taken.setdefault(name, []).extend([seconds] if number >= 2 else [])
    least_s = _quarter(taken.pop(RAW))
    return {name: _quarter(seconds) - least_s for name, seconds in taken.items()}


def _quarter(seconds: list[float]) -> float:
    return quantiles(seconds, n=4)[0]


def _first_s(read: Read, url: str) -> float:
    started_s = time.perf_counter()
    texts = read(url)
    while not next(texts):
        pass
    taken_s = time.perf_counter() - started_s
    for _ in texts:
        pass
    return taken_s


def event_costs(server: stream.Server, rounds: int) -> dict[str, float]:
    """Give how many times as much processor time an event takes as its JSON alone."""
    with ExitStack() as stack:
        ways = stack.enter_context(stream.clients())
        ways.pop("openai", None)
        for name, read in _others().items():
            ways[name] = lambda url, read=read: "".join(read(url))  # type: ignore[misc]
        costs = stream.costs_s(ways, server.url("close", EVENTS), EVENTS, rounds)
    least_s = costs["socket, json.loads"]
    return {name: seconds / least_s for name, seconds in costs.items()}
