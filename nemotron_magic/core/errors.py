"""Errors, one class for each thing the user can do about it."""

from __future__ import annotations

import re
import traceback
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from nemotron_magic.core import public
from nemotron_magic.core.text import strip_controls

ASK_AGAIN = "Ask again for another try"
"""What to do when nothing of a reply has arrived."""

GO_ON = "Go on with: %nemotron continue"
"""What to do when some of it has."""

_LINE_ENDS = re.compile(r"[\n\t\x85\u2028\u2029]+")


@public
@dataclass(eq=False, repr=False)
class NemotronError(Exception):
    """Base class: one to three lines that say what happened, why, and what to do.

    Parameters
    ----------
    what : str
        What happened, one line.
    why : str
        The reason, in the service's own words where it gave any; may be empty.
    hint : str
        What to type or do next; may be empty.
    status : int, optional
        The HTTP status, where there was one.
    request_id : str, optional
        The service's id of the request (`x-inference-id`), to quote to its support.
    retry_after_s : float, optional
        The wait that the service asked for, in seconds.
    final : bool
        Whether the same request would fail again at once, so that no retry helps.

    Attributes
    ----------
    reply : str or None
        What had arrived when the error came; None if nothing had.
    rows : Rows or None
        The answers so far, where a run over rows was stopped.
    verbose : bool
        Whether a notebook shows the whole traceback instead of the three lines.
    """

    what: str
    why: str = ""
    hint: str = ""
    _: KW_ONLY
    status: int | None = None
    request_id: str | None = None
    retry_after_s: float | None = None
    final: bool = False
    reply: str | None = field(default=None, init=False)
    rows: Any = field(default=None, init=False)
    verbose: bool = field(default=False, init=False)

    def __init_subclass__(cls) -> None:
        if cls.__module__ == __name__:
            public(cls)

    def __post_init__(self) -> None:
        super().__init__(self.what, self.why, self.hint)

    def __str__(self) -> str:
        quoted = f"(request id {self.request_id})" if self.request_id else ""
        lines = (self.what, f"{self.why} {quoted}".strip(), self.hint)
        # What was typed, or sent by a service, may hold a line end or worse.
        shown = (_LINE_ENDS.sub(" ", strip_controls(one)) for one in lines if one)
        return "\n".join(shown)

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows in place of a traceback."""
        if self.verbose:
            return "".join(traceback.format_exception(self)).splitlines()
        first, *others = str(self).splitlines()
        return [f"{type(self).__name__}: {first}", *others]


class InputError(NemotronError):
    """What was typed or set cannot be sent; nothing was: change it."""


class LimitError(NemotronError):
    """It may cost more than a limit allows, nothing was sent: raise it, or ask less."""


class AuthenticationError(NemotronError):
    """The key is missing, malformed or not accepted: give another."""


class CreditError(NemotronError):
    """The account or the key may not spend: top up, verify it, or lift its limit."""


class ModelError(NemotronError):
    """The model does not exist, is retired, or is not served: choose another."""


class RequestError(NemotronError):
    """The service read the request and refused it: change it."""


class RateLimitError(NemotronError):
    """Too many requests, or a quota is used up: wait."""


class ServiceError(NemotronError):
    """The service, or something in front of it, failed: try again later."""


class ConnectError(NemotronError):
    """Check the network: nothing reached the service, so none of it was billed."""


class InvalidAnswerError(NemotronError):
    """The answer came, is billed, and is not of the form that was asked for."""


class OutcomeUnknownError(NemotronError):
    """The request was sent and no whole answer came back; it may have been billed."""


class InterruptedByUser(NemotronError):
    """The user stopped it; what had arrived is kept."""
