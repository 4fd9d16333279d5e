"""All faults by name."""

from __future__ import annotations

from collections.abc import Mapping

from .midstream import MIDSTREAM
from .response import Response
from .statuses import STATUSES, Status
from .transport import TRANSPORT
from .turn import Fault, Turn


def _by_status(status: Status) -> Fault:
    def act(turn: Turn) -> Response:
        return status.response(turn.place)

    note = status.note if status.status < 300 else f"{status.status} {status.note}"
    return Fault(note, act)


FAULTS: Mapping[str, Fault] = {
    **{name: _by_status(status) for name, status in STATUSES.items()},
    **MIDSTREAM,
    **TRANSPORT,
}


def fault_named(name: str) -> tuple[Fault, str]:
    """Give the fault of this name, and what stands after a colon in it.

    Raises
    ------
    ValueError
        If there is none, or what stands there is no number.
    """
    head, _, argument = name.partition(":")
    if head not in FAULTS:
        raise ValueError(f"no fault is called {head!r}; there are {', '.join(FAULTS)}")
    fault = FAULTS[head]
    if argument and not fault.takes_url:
        float(argument)
    return fault, argument
