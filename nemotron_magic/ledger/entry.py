"""The row of one call while it runs: begun before it is sent, completed at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from nemotron_magic.errors import Interrupted, NemotronError
from nemotron_magic.ledger.book import Ledger
from nemotron_magic.ledger.call import Call
from nemotron_magic.ledger.totals import Totals
from nemotron_magic.reply import Details, Reply
from nemotron_magic.usage import believed_usd

__all__ = ["Entry"]


class Entry:
    """One call's row.

    Parameters
    ----------
    details : Details
        What is known before the call.
    log_text : bool
        Whether question and answer are kept, too.

    Attributes
    ----------
    details : Details
        What is known before the call.
    """

    def __init__(
        self,
        ledger: Ledger,
        details: Details,
        *,
        thread: str = "",
        notebook: str = "",
        log_text: bool = False,
    ) -> None:
        self.details = details
        self._ledger = ledger
        self._is_begun = False
        self._log_text = log_text
        self._begun = Call(
            model=details.model,
            thread=thread,
            notebook=notebook,
            endpoint=details.base_url,
            request_hash=details.request_hash,
            question=details.messages[-1]["content"] if log_text else None,
        )

    def begin(
        self,
        most_usd: float | None = None,
        allow: Callable[[Totals, Totals], None] | None = None,
    ) -> None:
        """Write the row, unless `allow` raises; see `Ledger.begin`."""
        self._write(replace(self._begun, most_usd=believed_usd(most_usd)), allow)

    def begin_recalled(self) -> None:
        """Write the row of a call that costs nothing: its reply was kept."""
        self._write(replace(self._begun, may_cost=False, is_cached=True))

    def _write(
        self, call: Call, allow: Callable[[Totals, Totals], None] | None = None
    ) -> None:
        self._begun = self._ledger.begin(call, allow)
        self._is_begun = True

    def news(self) -> str:
        """Give what the user should know of the ledger, once; else empty."""
        return self._ledger.news() if self._is_begun else ""

    def finish(
        self,
        reply: Reply,
        may_cost: bool,
        error: NemotronError | None = None,
    ) -> None:
        """Complete the row, if it was begun.

        Parameters
        ----------
        reply : Reply
            As it stands, however it ended.
        """
        if self._is_begun:
            self._ledger.finish(self._begun, self._ended(reply, may_cost, error))

    def _ended(self, reply: Reply, may_cost: bool, error: NemotronError | None) -> Call:
        known, usage = reply.details, reply.usage
        is_reported = usage.cost_usd is not None
        return replace(
            self._begun,
            served_model=known.served_model,
            ending=_ending(known, error),
            error="" if error is None else type(error).__name__,
            finish_reason=known.finish_reason,
            attempts=known.attempts,
            may_cost=may_cost,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            cached_tokens=usage.cached_tokens,
            cost_usd=usage.cost_usd if is_reported else known.estimated_usd,
            cost_is_estimated=not is_reported and known.estimated_usd is not None,
            elapsed_s=known.elapsed_s,
            first_text_s=known.first_text_s,
            request_id=known.request_id,
            client_request_id=known.client_request_id,
            completion_id=known.completion_id,
            answer=str(reply) if self._log_text else None,
        )


def _ending(known: Details, error: NemotronError | None) -> str:
    if error is None:
        return known.ending
    return "interrupted" if isinstance(error, Interrupted) else "failed"
