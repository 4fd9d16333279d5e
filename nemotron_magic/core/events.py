"""What happens during a call, in the order in which it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nemotron_magic.core.usage import Usage


class Event:
    """Base class of all that may happen during a call."""

    __slots__ = ()


@dataclass(slots=True, frozen=True)
class Sent(Event):
    """A request is on its way; each attempt is a `Sent` of its own."""

    client_request_id: str
    model: str


@dataclass(slots=True, frozen=True)
class Answered(Event):
    """The service's headers are here."""

    status: int
    request_id: str | None = None


@dataclass(slots=True, frozen=True)
class ModelInfo(Event):
    """The ids of the model and the completion, from the first chunk that has them."""

    model: str
    completion_id: str = ""


@dataclass(slots=True, frozen=True)
class CacheHit(Event):
    """The reply is from the cache on `disk` or in the `notebook`; `asked_at` in UTC."""

    source: str
    usage: Usage
    asked_at: str = ""


@dataclass(slots=True)
class Piece(Event):
    """A piece of some text; not frozen because it is made once for every token."""

    text: str
    choice: int = 0


class Text(Piece):
    """A piece of the answer."""

    __slots__ = ()


class Reasoning(Piece):
    """A piece of the model's thinking, which is not part of its answer."""

    __slots__ = ()


class Refusal(Piece):
    """A piece of the model's refusal."""

    __slots__ = ()


@dataclass(slots=True, frozen=True)
class TextWasReasoning(Event):
    """All text so far was reasoning: a `</think>` came without its opening tag."""

    reasoning: str
    choice: int = 0


@dataclass(slots=True, frozen=True)
class ToolCall(Event):
    """A fragment of a tool call; fragments of one `index` belong together."""

    index: int
    call_id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True, frozen=True)
class Logprobs(Event):
    """Log-probabilities of the tokens just received, as the service gave them."""

    content: tuple[dict[str, Any], ...]
    choice: int = 0


@dataclass(slots=True, frozen=True)
class Finish(Event):
    """Why the model stopped: `stop`, `length`, `content_filter`, `tool_calls`, …."""

    reason: str
    choice: int = 0


@dataclass(slots=True, frozen=True)
class Truncated(Event):
    """The stream ended before the model said that it was done."""


@dataclass(slots=True, frozen=True)
class Damaged(Event):
    """Something of the reply could not be read; what came is not all of it."""


@dataclass(slots=True, frozen=True)
class UsageReport(Event):
    """Figures so far; a later report replaces what an earlier one said."""

    usage: Usage


@dataclass(slots=True, frozen=True)
class Retry(Event):
    """The request failed in a way that allows another try, after a wait."""

    why: str
    delay_s: float
    attempt: int

    @property
    def words(self) -> str:
        """What is shown to the user, without a wait too short to notice."""
        wait = f" in {self.delay_s:.0f} s" if self.delay_s >= 0.5 else ""
        return f"{self.why}; trying again{wait} …"


@dataclass(slots=True, frozen=True)
class Notice(Event):
    """Something the user should know that is no error, one line."""

    text: str


@dataclass(slots=True, frozen=True)
class Trying(Event):
    """The code of the reply is being tried on a copy of the kernel."""

    elapsed_s: float

    @property
    def words(self) -> str:
        """What the user is told meanwhile."""
        return f"trying … {self.elapsed_s:.0f} s"


EventCallback = Callable[[Event], None]
