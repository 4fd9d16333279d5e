"""How a rehearsal is to behave, checked when it is set up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from .dialects import DIALECTS
from .faults import fault_named
from .request import Record
from .response import Framing

LOOPBACK = ("127.0.0.1", "localhost", "::1")
CHAT_PATH = "/chat/completions"

_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `service.serve` takes; it is explained there."""

    port: int = 0
    host: str = "127.0.0.1"
    key: str | None = field(default=None, repr=False)
    tokens_per_s: float | None = None
    dialect: str = "aimlapi"
    status: int = 200
    retired: bool = False
    unknown_model: Literal["accept", "404", "404-empty", "400"] = "404"
    fault: str | Sequence[str] | None = None
    fault_times: int | None = None
    faulty_path: str = CHAT_PATH
    body: Iterable[bytes] | None = field(default=None, repr=False)
    content_type: str = "text/event-stream"
    framing: Framing = "chunked"
    slice: int | None = None
    delay_s: float = 0.0
    extra_models: int = 0
    balance_usd: float = 10.0
    on_request: Callable[[Record], None] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.port <= _LAST_PORT:
            raise ValueError(f"a port lies in 0 to {_LAST_PORT:,}, got {self.port}")
        if self.host not in LOOPBACK:
            allowed = ", ".join(LOOPBACK)
            raise ValueError(
                f"a rehearsal listens at {allowed} only, got {self.host!r}"
            )
        check_dialect(self.dialect)
        for name in self.faults:
            fault_named(name)

    @property
    def faults(self) -> tuple[str, ...]:
        """The faults to come, in their order."""
        if isinstance(self.fault, str):
            return (self.fault,)
        return tuple(self.fault or ())

    def fault_at(self, turn: int) -> str | None:
        """Give the fault for the turn of this number, counted from 0, or None.

        A single fault stays, or happens ``fault_times`` times; of a sequence each
        happens once.
        """
        if isinstance(self.fault, str):
            stays = self.fault_times is None or turn < self.fault_times
            return self.fault if stays else None
        return self.faults[turn] if turn < len(self.faults) else None


def check_dialect(name: str) -> None:
    """Refuse a dialect that there is not.

    Raises
    ------
    ValueError
        Naming those that there are.
    """
    if name not in DIALECTS:
        known = ", ".join(DIALECTS)
        raise ValueError(f"no dialect is called {name!r}; there are {known}")
