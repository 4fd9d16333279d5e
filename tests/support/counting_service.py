"""A service that counts what it was asked of each row, and answers as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PRICE_USD = 0.00002
Answer = tuple[int, dict[str, str], Any]
"""Status, further headers, and the body: a text is a reply's."""


def good(row: str, body: dict[str, Any]) -> Answer:
    """Return what fits the schema that was asked for."""
    wanted = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    names = wanted.get("properties", {"tone": {}})
    values = {name: _value(one, row) for name, one in names.items()}
    return 200, {}, json.dumps(values)


def _value(schema: dict[str, Any], row: str) -> Any:
    if "enum" in schema:
        return next(
            (one for one in schema["enum"] if str(one) in row), schema["enum"][0]
        )
    kinds = {"integer": 3, "number": 0.5, "boolean": True, "array": []}
    kind = schema.get("type", "string")
    return None if isinstance(kind, list) else kinds.get(kind, f"about {row[-20:]}")


class CountingService:
    """Counts requests by row, and how many were under way at once.

    Attributes
    ----------
    asked, answered : Counter
        Requests and replies by what stands behind the instruction.
    spent_usd : float
        What it has billed.
    times : list of float
        When requests came.
    bodies, headers : list
        What they were.
    """

    def __init__(
        self,
        answer: Callable[[str, dict[str, Any]], Answer] = good,
        wait_s: float = 0.0,
        price_usd: float | None = PRICE_USD,
    ) -> None:
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.spent_usd = 0.0
        self.times: list[float] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.under_way = self.most_under_way = 0
        self.answer, self.wait_s, self.price_usd = answer, wait_s, price_usd
        self.gate = threading.Event()
        self.gate.set()
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                self._write(200, {}, outer.page(self.path))

            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                raw = self.rfile.read(size)
                body = json.loads(raw)
                row = body["messages"][-1]["content"].rpartition("\n\n")[2]
                with outer._lock:
                    outer.asked[row] += 1
                    outer.times.append(time.monotonic())
                    outer.bodies.append(raw)
                    outer.headers.append(dict(self.headers))
                    outer.under_way += 1
                    outer.most_under_way = max(outer.most_under_way, outer.under_way)
                try:
                    outer.gate.wait(30)
                    threading.Event().wait(outer.wait_s)
                    self._tell(row, outer.answer(row, body), body)
                finally:
                    with outer._lock:
                        outer.under_way -= 1

            def _tell(self, row: str, answer: Answer, body: Any) -> None:
                status, headers, told = answer
                if status != 200:
                    outer.refused[row] += 1
                    told = {"error": {"message": told or "no"}}
                    self._write(status, headers, told)
                    return
                with outer._lock:
                    outer.answered[row] += 1
                    outer.spent_usd += outer.price_usd or 0.0
                if outer.price_usd is not None:
                    headers = {"x-aimlapi-usd-spent": f"{outer.price_usd}", **headers}
                self._write(200, headers, completion(told, body))

            def _write(self, status: int, headers: dict[str, str], page: Any) -> None:
                data = json.dumps(page).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(data)

        class Server(ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def page(self, path: str) -> Any:
        """Return the catalogue."""
        price = {"prompt": "0.0000001", "completion": "0.0000004"}
        return {"data": [{"id": "m", "context_length": 32_000, "pricing": price}]}

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def completion(told: Any, body: dict[str, Any]) -> dict[str, Any]:
    """Return a reply as a whole."""
    reason, text = told if isinstance(told, tuple) else ("stop", told)
    own = text if isinstance(text, dict) else {"content": text}
    message = {"role": "assistant", **own}
    return {
        "id": "c-1",
        "object": "chat.completion",
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {"prompt_tokens": 50, "completion_tokens": 10, "total_tokens": 60},
    }
