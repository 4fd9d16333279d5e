"""Errors, one class for each thing the user can do about it.

NemotronError
├── InputError           change what was typed or set; nothing was sent
├── LimitError           raise a limit, or ask for less; nothing was sent
├── AuthenticationError  give a (different) key
├── CreditError          top up, verify the account, or lift the key's limit
├── ModelError           choose another model
├── RequestError         the service refused this request: change it
├── RateLimitError       wait
├── ServiceError         the service failed: try again later
├── ConnectError         check the network; nothing reached the service
├── InvalidAnswerError   the answer is not of the form that was asked for; billed
├── OutcomeUnknownError  the answer was lost, or its making failed; may be billed
└── InterruptedByUser    the user stopped it
"""

from __future__ import annotations

import re
import traceback
from typing import Any

from nemotron_magic.core import public
from nemotron_magic.core.text import strip_controls

ASK_AGAIN = "Ask again for another try"
"""What to do when nothing of a reply has arrived."""

GO_ON = "Go on with: %nemotron continue"
"""What to do when some of it has."""

_LINE_ENDS = re.compile(r"[\n\t\x85\u2028\u2029]+")


@public
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

    reply: str | None = None
    rows: Any = None
    verbose: bool = False

    def __init_subclass__(cls) -> None:
        if cls.__module__ == __name__:
            public(cls)

    def __init__(
        self,
        what: str,
        why: str = "",
        hint: str = "",
        *,
        status: int | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
        final: bool = False,
    ) -> None:
        super().__init__(what, why, hint)
        self.what = what
        self.why = why
        self.hint = hint
        self.status = status
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.final = final

    def __str__(self) -> str:
        quoted = f"(request id {self.request_id})" if self.request_id else ""
        lines = (self.what, f"{self.why} {quoted}".strip(), self.hint)
        # What was typed, or sent by a service, may hold a line end or worse.
        return "\n".join(
            _LINE_ENDS.sub(" ", strip_controls(line)) for line in lines if line
        )

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows in place of a traceback."""
        if self.verbose:
            return "".join(traceback.format_exception(self)).splitlines()
        first, *others = str(self).splitlines()
        return [f"{type(self).__name__}: {first}", *others]


class InputError(NemotronError):
    """What was typed or set cannot be sent; nothing was."""


class LimitError(NemotronError):
    """It may cost more than a limit of the user's allows; nothing was sent."""


class AuthenticationError(NemotronError):
    """The key is missing, malformed or not accepted."""


class CreditError(NemotronError):
    """The account or the key may not spend: funds, verification, limits."""


class ModelError(NemotronError):
    """The model does not exist, is retired, or is not served."""


class RequestError(NemotronError):
    """The service read the request and refused it."""


class RateLimitError(NemotronError):
    """Too many requests, or a quota is used up."""


class ServiceError(NemotronError):
    """The service, or something in front of it, failed."""


class ConnectError(NemotronError):
    """The request did not reach the service, so it cannot have been billed."""


class InvalidAnswerError(NemotronError):
    """The answer came, is billed, and is not of the form that was asked for."""


class OutcomeUnknownError(NemotronError):
    """The request was sent and no whole answer came back; it may have been billed."""


class InterruptedByUser(NemotronError):
    """The user stopped it; what had arrived is kept."""
