"""A service that gives the replies it is told to, in their turn."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from wire import DONE, STOP, event
from wire import say as told


class Replies:
    """A service that gives replies in their turn, the last one for ever."""

    def __init__(self) -> None:
        self.replies: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                outer.bodies.append(json.loads(self.rfile.read(size)))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                last = len(outer.replies) == 1
                reply = outer.replies[0] if last else outer.replies.pop(0)
                sizes = size // 4, len(reply) // 4
                names = "prompt_tokens", "completion_tokens"
                usage = event(
                    {"choices": [], "usage": dict(zip(names, sizes, strict=True))}
                )
                self.wfile.write(told(reply) + STOP + usage + DONE)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
