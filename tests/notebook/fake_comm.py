"""A comm without a kernel: what a panel sends, and a way to speak as its page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["FakeComm"]


@dataclass
class FakeComm:
    """One panel's line to its page."""

    comm_id: str = "comm-1"
    is_closed: bool = False
    messages: list[dict[str, Any]] = field(default_factory=list)
    _hear: Callable[[dict[str, Any]], None] = lambda message: None

    def on_msg(self, hear: Callable[[dict[str, Any]], None]) -> None:
        self._hear = hear

    def send(self, data: Any = None, metadata: Any = None, buffers: Any = None) -> None:
        self.messages.append(data)

    def close(self, *args: Any, **kwargs: Any) -> None:
        self.is_closed = True

    def say(self, do: str, **more: Any) -> None:
        """Send what the page's program would."""
        content = {"do": do, **more}
        data = {"method": "custom", "content": content}
        self._hear({"content": {"data": data}, "buffers": []})

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Give the messages of one kind that were sent to the page."""
        sent = (m["content"] for m in self.messages if m["method"] == "custom")
        return [content for content in sent if content["kind"] == kind]

    def state(self) -> dict[str, Any]:
        """Give the parameters as the page was last told them."""
        updates = [m["state"] for m in self.messages if m["method"] == "update"]
        return next(u["state"] for u in reversed(updates) if "state" in u)
