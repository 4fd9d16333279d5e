"""Rows in parallel: ours beside the raw limit, bare httpx, and two peers, in one run.

    python tests/bench/rows.py [--rows 1000] [--at-once 64] [--only NAME …] [--big]

A server in a process of its own answers each request after 200 ms. Each client runs in
a process of its own, one after the other: wall time in multiples of the ideal (rows /
at once x 200 ms), CPU for a row, and memory at the end. Bare httpx is what this machine
can do with threads, and httpcore is the engine below it. On Dask, two workers send, of
whom one is killed half way; its rows under way may have been billed and are not asked
again. Peers: `pip install chatlas 'openai>=2'`; what is not installed is left out.
`--big` asks 100,000 rows of a server that does not wait, for memory over the frame and
the size of the store.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import math
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WAIT_S = 0.2
TEXT = json.dumps({"tone": "good"})
REPLY = {
    "id": "c-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": TEXT},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 50, "completion_tokens": 10, "total_tokens": 60},
}
MODELS = {"object": "list", "data": [{"id": "m", "object": "model"}]}
INSTRUCTION = "What tone does it have?"


def answer(page: object) -> bytes:
    body = json.dumps(page).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


async def serve(wait_s: float) -> None:
    """Answer each request after a time, over connections that stay."""
    said, models = answer(REPLY), answer(MODELS)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        size = int(line.partition(b":")[2])
                await reader.readexactly(size)
                if size:
                    await asyncio.sleep(wait_s)
                writer.write(said if size else models)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def body_of(text: str) -> bytes:
    messages = [{"role": "user", "content": f"{INSTRUCTION}\n\n{text}"}]
    return json.dumps({"model": "m", "messages": messages}).encode()


def raw(url: str, texts: list[str], at_once: int) -> int:
    """Write bytes into sockets and read as many as come: the limit of this language."""
    port = int(url.split(":")[2].split("/")[0])
    rows = iter(texts)

    async def work() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        done = 0
        for text in rows:
            body = body_of(text)
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {port}\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            head_read = await reader.readuntil(b"\r\n\r\n")
            size = int(head_read.lower().partition(b"content-length: ")[2].split()[0])
            json.loads(await reader.readexactly(size))
            done += 1
        writer.close()
        return done

    async def run() -> int:
        return sum(await asyncio.gather(*(work() for _ in range(at_once))))

    return asyncio.run(run())


def httpx_threads(url: str, texts: list[str], at_once: int) -> int:
    """Ask with a bare httpx client for each thread."""
    import ssl

    import httpx

    context = ssl.create_default_context()
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)

    def client() -> httpx.Client:
        return httpx.Client(verify=context, limits=limits, timeout=60)

    def ask(client: httpx.Client, body: bytes) -> bytes:
        return client.post(f"{url}/chat/completions", content=body).content

    return in_threads(client, ask, texts, at_once)


def httpcore_threads(url: str, texts: list[str], at_once: int) -> int:
    """Ask with the engine of httpx alone: no client above it is faster."""
    import httpcore

    def ask(pool: httpcore.ConnectionPool, body: bytes) -> bytes:
        sent = pool.request("POST", f"{url}/chat/completions", content=body)
        return sent.content

    def pool() -> httpcore.ConnectionPool:
        return httpcore.ConnectionPool(max_connections=1)

    return in_threads(pool, ask, texts, at_once)


def in_threads(
    make: Callable[[], Any],
    ask: Callable[[Any, bytes], bytes],
    texts: list[str],
    at_once: int,
) -> int:
    rows, lock, done = iter(texts), threading.Lock(), [0] * at_once

    def work(number: int) -> None:
        with make() as client:
            while True:
                with lock:
                    text = next(rows, None)
                if text is None:
                    return
                json.loads(ask(client, body_of(text)))
                done[number] += 1

    threads = [threading.Thread(target=work, args=(n,)) for n in range(at_once)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return sum(done)


def ours(url: str, texts: list[str], at_once: int, **more: Any) -> int:
    from nemotron_magic import Session

    session = Session(base_url=url, model="m", environ=dict(os.environ))
    rows = session.map(
        INSTRUCTION, texts, as_="tone: good|bad", at_once=at_once, **more
    )
    session.close()
    return sum(row.value is not None or "billed" in row.error for row in rows)


def dask(url: str, texts: list[str], at_once: int) -> int:
    return ours(url, texts, at_once, engine=Cluster.client)


def dask_killed(url: str, texts: list[str], at_once: int) -> int:
    victims = list(Cluster.client.run(os.getpid).values())[:1]

    def kill(progress: Any) -> None:
        if progress.done > len(texts) / 2 and victims:
            os.kill(victims.pop(), signal.SIGKILL)

    return ours(url, texts, at_once, engine=Cluster.client, watch=kill)


def get_ready() -> None:
    """Import what a run needs: that is not part of it."""
    import nemotron_magic.session.rows.run  # noqa: F401


class Cluster:
    """Two workers on this machine, started before the clock is."""

    client: Any = None

    @classmethod
    def start(cls) -> None:
        import distributed

        options = {"threads_per_worker": 1, "dashboard_address": None}
        cls.client = distributed.Client(distributed.LocalCluster(2, **options))
        cls.client.run(get_ready)


def chatlas(url: str, texts: list[str], at_once: int) -> int:
    from chatlas import ChatOpenAICompletions, parallel_chat

    chat = ChatOpenAICompletions(base_url=url, api_key="x", model="m")
    prompts = [f"{INSTRUCTION}\n\n{text}" for text in texts]
    done = parallel_chat(chat, prompts, max_active=at_once, rpm=10**9)
    return len(asyncio.run(done))


def openai(url: str, texts: list[str], at_once: int) -> int:
    from openai import AsyncOpenAI

    async def run() -> int:
        slots = asyncio.Semaphore(at_once)
        async with AsyncOpenAI(base_url=url, api_key="x") as client:

            async def ask(text: str) -> bool:
                async with slots:
                    content = f"{INSTRUCTION}\n\n{text}"
                    messages = [{"role": "user", "content": content}]
                    reply = await client.chat.completions.create(
                        model="m", messages=messages
                    )
                    return bool(reply.choices[0].message.content)

            return sum(await asyncio.gather(*map(ask, texts)))

    return asyncio.run(run())


CLIENTS: dict[str, tuple[Callable[[str, list[str], int], int], str]] = {
    "raw asyncio": (raw, "asyncio"),
    "httpcore alone": (httpcore_threads, "httpcore"),
    "bare httpx": (httpx_threads, "httpx"),
    "nemotron_magic": (ours, "nemotron_magic"),
    "on Dask": (dask, "distributed"),
    "on Dask, killed": (dask_killed, "distributed"),
    "chatlas": (chatlas, "chatlas"),
    "openai": (openai, "openai"),
}


def client(name: str, url: str, rows: int, at_once: int) -> None:
    """Run one client here; print what it took."""
    run = CLIENTS[name][0]
    texts = [f"review {n}: a long, good soap" for n in range(rows)]
    if CLIENTS[name][1] in ("nemotron_magic", "distributed"):
        get_ready()
    if "Dask" in name:
        Cluster.start()

    before_mb = memory_mb()
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    done = run(url, texts, at_once)
    took = {
        "wall_s": time.perf_counter() - wall_s,
        "cpu_s": time.process_time() - cpu_s,
        "mb": memory_mb(),
        "more_mb": memory_mb() - before_mb,
        "done": done,
    }
    print(json.dumps(took))


def memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(
    name: str, url: str, rows: int, at_once: int, home: str
) -> dict[str, float]:
    """Run a client in a process of its own; return what it took."""
    done = subprocess.run(
        [sys.executable, __file__, "--client", name, url, str(rows), str(at_once)],
        env={**os.environ, "NEMOTRON_MAGIC_HOME": home, "HOME": home},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=1_200,
    )
    took: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if took["done"] != rows:
        raise RuntimeError(f"{name} answered {took['done']} of {rows} rows")
    return took


class Served:
    """The server in a process of its own."""

    def __init__(self, wait_s: float) -> None:
        command = [sys.executable, __file__, "--serve", str(wait_s)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}/v1"

    def __enter__(self) -> str:
        return self.url

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def compare(
    rows: int, at_once: int, names: list[str], wait_s: float = WAIT_S
) -> dict[str, dict[str, float]]:
    """Return what each client took for the same rows, by name."""
    ideal_s = math.ceil(rows / at_once) * wait_s
    found = {}
    for name in names:
        with Served(wait_s) as url, tempfile.TemporaryDirectory() as home:
            took = measure(name, url, rows, at_once, home)
            took["times"] = took["wall_s"] / ideal_s if ideal_s else math.nan
            took["row_ms"] = 1_000 * took["cpu_s"] / rows
            files = Path(home).rglob("rows.sqlite*")
            took["row_bytes"] = sum(one.stat().st_size for one in files) / rows
        found[name] = took
    return found


def there(names: list[str] | None) -> list[str]:
    """Return the clients that are installed, of those that are wanted."""
    return [
        name
        for name, (_, module) in CLIENTS.items()
        if (not names or name in names) and importlib.util.find_spec(module)
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--big", action="store_true")
    given = parser.parse_args()
    if given.big:
        (took,) = compare(100_000, 64, ["nemotron_magic"], wait_s=0).values()
        print(f"100,000 rows: {took['more_mb']:.0f} MB over the frame, store", end=" ")
        print(f"{took['row_bytes']:.0f} bytes a row, CPU {took['row_ms']:.2f} ms a row")
        return
    found = compare(given.rows, given.at_once, there(given.only))
    print(f"{given.rows:,} rows, {given.at_once} at once, {WAIT_S:g} s each")
    for name, took in found.items():
        figures = f"{took['times']:5.2f} x ideal  {took['row_ms']:5.2f} ms CPU a row"
        print(f"{name:16} {figures}  {took['mb']:4.0f} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(serve(float(sys.argv[2])))
    elif sys.argv[1:2] == ["--client"]:
        client(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    else:
        main()
