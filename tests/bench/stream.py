"""What a streamed reply costs between the socket and `Reply`: time and memory.

    python tests/bench/stream.py

The server is a process of its own that sends all at once, so that only the client's
work counts: its processor time for each event, against the least that can be done,
which is to read the socket and call `json.loads`. The goal is at most twice that for a
body that is not chunked. Also: what we add to the time until the first text is there,
and how much memory is used at most when the same text comes in ten times as many
events, which should make no difference.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from statistics import median
from urllib.parse import urlsplit

import httpx
from paced import MODEL, event

from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.core.events import Event, Text

QUESTION = {"role": "user", "content": "Why?"}
READ_BYTES = 65536

Ask = Callable[[str], str]


@cache
def response(framing: str, events: int, chars: int) -> bytes:
    """Give the whole response of a server, head and body."""
    words = ("word, " * chars)[:chars]
    one = event({"role": "assistant", "content": words})
    sent = [one] * events + [b"data: [DONE]\n\n"]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    if framing == "chunked":
        sent = [b"%x\r\n%b\r\n" % (len(one), one) for one in [*sent]] + [b"0\r\n\r\n"]
        head += b"Transfer-Encoding: chunked\r\n"
    return head + b"Connection: close\r\n\r\n" + b"".join(sent)


def serve() -> None:
    """Answer `POST /FRAMING/EVENTS/CHARS/v1/chat/completions` until stopped."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            with connection:
                _answer(connection)


def _answer(connection: socket.socket) -> None:
    with connection.makefile("rb") as request:
        framing, events, chars = request.readline().decode().split("/")[1:4]
        length = 0
        while line := request.readline().strip().lower():
            name, _, value = line.partition(b":")
            length = int(value) if name == b"content-length" else length
        request.read(length)
    try:
        connection.sendall(response(framing, int(events), int(chars)))
    except ConnectionError:
        return  # The client has what it wanted.


@dataclass(frozen=True)
class Server:
    """Where the server listens."""

    port: int

    def url(self, framing: str, events: int, chars: int = 6) -> str:
        """Give the base URL that answers with so many events of so many characters."""
        return f"http://127.0.0.1:{self.port}/{framing}/{events}/{chars}/v1"


@contextmanager
def serving() -> Iterator[Server]:
    """Run the server in a process of its own."""
    command = [sys.executable, __file__, "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(int(process.stdout.readline()))
        finally:
            process.kill()


def text_of(reads: Iterator[bytes]) -> Iterator[str]:
    """Do the least that gives the text: split at blank lines and read the JSON."""
    rest = b""
    for data in reads:
        *sent, rest = (rest + data).split(b"\n\n")
        for one in sent:
            if one != b"data: [DONE]":
                yield json.loads(one[6:])["choices"][0]["delta"]["content"]


def raw_text(url: str) -> Iterator[str]:
    """Ask without a library."""
    place = urlsplit(url)
    body = json.dumps({"model": MODEL, "messages": [QUESTION], "stream": True}).encode()
    head = f"POST {place.path}/chat/completions HTTP/1.1\r\nHost: {place.netloc}\r\n"
    with socket.create_connection((place.hostname, place.port)) as connection:
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        connection.sendall(head.encode() + length + body)
        first = connection.recv(READ_BYTES).partition(b"\r\n\r\n")[2]
        reads = iter(partial(connection.recv, READ_BYTES), b"")
        yield from text_of(_after(first, reads))


def _after(first: bytes, reads: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from reads


def httpx_text(client: httpx.Client, url: str) -> Iterator[str]:
    """Ask with httpx alone."""
    body = {"model": MODEL, "messages": [QUESTION], "stream": True}
    with client.stream("POST", f"{url}/chat/completions", json=body) as response:
        yield from text_of(response.iter_bytes())


def our_text(
    client: Client, url: str, watch: Callable[[Event], None] = lambda _: None
) -> str:
    """Ask as a session does."""
    session = Session(client=client, base_url=url, environ={}, model=MODEL, system="")
    return session.ask(QUESTION["content"], watch=watch)


@contextmanager
def clients() -> Iterator[dict[str, Ask]]:
    """Give all ways of asking that are installed, the least one first."""
    ours = Client()
    with httpx.Client() as bare:
        ways: dict[str, Ask] = {
            "socket, json.loads": lambda url: "".join(raw_text(url)),
            "httpx, json.loads": lambda url: "".join(httpx_text(bare, url)),
            "nemotron_magic": lambda url: our_text(ours, url),
        }
        if find_spec("openai"):
            ways["openai"] = _openai()
        yield ways
        ours.close()


def _openai() -> Ask:
    from openai import OpenAI

    def ask(url: str) -> str:
        with (
            OpenAI(base_url=url, api_key="none") as client,
            client.chat.completions.create(
                model=MODEL, messages=[QUESTION], stream=True
            ) as sent,
        ):
            return "".join(one.choices[0].delta.content or "" for one in sent)

    return ask


def cpu_s(ask: Ask, url: str) -> float:
    """Give the processor time that one reply takes us."""
    started_s = time.process_time()
    ask(url)
    return time.process_time() - started_s


def costs_s(
    ways: dict[str, Ask], url: str, events: int, rounds: int
) -> dict[str, float]:
    """Give the median processor time for one event, in seconds, of each way."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, ask in ways.items():
            seconds = cpu_s(ask, url) / events
            # The first round is not counted: it imports and connects.
            taken[name] += [seconds] if number else []
    return {name: median(seconds) for name, seconds in taken.items()}


def first_text_s(server: Server, rounds: int) -> tuple[float, float]:
    """Give the median time to the first text, over a raw socket and with us."""
    url = server.url("close", 1)
    raw, ours = [], []
    with our_client() as client:
        for _ in range(rounds):
            started_s = time.perf_counter()
            next(words := raw_text(url))
            raw.append(time.perf_counter() - started_s)
            words.close()
            ours.append(our_first_s(client, url))
    return median(raw), median(ours)


@contextmanager
def our_client() -> Iterator[Client]:
    """Give a client of ours."""
    client = Client()
    yield client
    client.close()


def our_first_s(client: Client, url: str) -> float:
    """Give the time until our first text is there."""
    seen: list[float] = []
    started_s = time.perf_counter()
    our_text(client, url, partial(_note_text, seen))
    return seen[0] - started_s


def _note_text(seen: list[float], event: Event) -> None:
    if type(event) is Text:
        seen.append(time.perf_counter())


def peak_bytes(server: Server, events: int, chars: int) -> tuple[int, int]:
    """Give the most memory that was in use while a reply came, and its length."""
    client = Client()
    our_text(client, server.url("close", 1))  # Imports what is needed.
    tracemalloc.start()
    try:
        text = our_text(client, server.url("close", events, chars))
        return tracemalloc.get_traced_memory()[1], len(text)
    finally:
        tracemalloc.stop()
        client.close()


def print_costs(server: Server, events: int = 5_000, rounds: int = 5) -> None:
    """Print what one event costs, each way."""
    with clients() as ways:
        least_s = 0.0
        for framing in ("close", "chunked"):
            if framing == "chunked":
                del ways["socket, json.loads"]
            print(f"CPU for each event, {framing:<10}{'µs':>9}{'ratio':>8}")
            url = server.url(framing, events)
            for name, seconds in costs_s(ways, url, events, rounds).items():
                least_s = least_s or seconds
                print(f"  {name:<28}{seconds * 1e6:9.1f}{seconds / least_s:8.1f}")
    if "openai" not in ways:
        print("  For a row of openai: pip install --group bench")


def main() -> None:
    """Print the tables."""
    with serving() as server:
        print_costs(server)
        raw_s, ours_s = first_text_s(server, rounds=100)
        added_ms = (ours_s - raw_s) * 1e3
        print(f"first text: {added_ms:.1f} ms later than over a raw socket")
        print(f"{'memory at most':<30}{'KB':>9}{'KB of text':>12}")
        for events, chars in ((10_000, 60), (100_000, 6)):
            peak, text = peak_bytes(server, events, chars)
            name = f"{events:,} events of {chars}"
            print(f"  {name:<28}{peak / 1e3:9.0f}{text / 1e3:12.0f}")


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()
