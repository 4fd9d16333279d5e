"""What came of the rows of a run: each reply read, paid for and recorded.

A reply that is no answer has one repair round; a row that was refused waits for another
turn; what would meet every other row, too, stops the run.
"""

from __future__ import annotations

import json
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from nemotron_magic.client.client import Client, Request
from nemotron_magic.client.http_errors import retries_allowed
from nemotron_magic.client.models import Model
from nemotron_magic.context.prompt import Message
from nemotron_magic.context.redact import MessageRedactor
from nemotron_magic.core import errors
from nemotron_magic.core.endpoint import Endpoint, Key
from nemotron_magic.core.errors import NemotronError
from nemotron_magic.core.text import one_line
from nemotron_magic.core.usage import Usage
from nemotron_magic.session.budget import dearest, estimate_cost_usd
from nemotron_magic.session.reply import Reply
from nemotron_magic.session.rows.engine import Ended
from nemotron_magic.session.rows.governor import Governor, Lease
from nemotron_magic.session.rows.task import RowTask
from nemotron_magic.session.structured import asking
from nemotron_magic.session.structured.asking import RUNGS, Rung
from nemotron_magic.storage.ledger import Allow, Ledger
from nemotron_magic.storage.records import CallRecord
from nemotron_magic.storage.rows import AnswerRecord, RowState, RowStore

_ATTEMPTS = 6
_PATIENCE_S = 600.0
_LAST_ROWS_S = 90.0  # longer than a limit a minute would hold them up
_SAME_REFUSALS = 3
_ENOUGH_ROWS = 20
_TRIAL_ROWS = 5
_LONGEST_REPLY = 2_048
_LONGEST_KEPT = 8_000
_LEDGER_S = 2.0
_MINUTE_S = 60.0
_HOW_ON = {
    RowState.INVALID: "Mend the instruction or --as; go on: run it again with "
    "--again errors",
    RowState.UNKNOWN: "Go on: run it again; those that may have been billed are asked "
    "with --again billed",
    RowState.REFUSED: "Go on: run it again; those that were refused are asked, too",
}
"""What to do when most rows end so."""

_OF_USAGE = ("prompt_tokens", "completion_tokens", "cost_usd")
_LIMIT = errors.RateLimitError
_BUSY = (_LIMIT, errors.ServiceError, errors.ConnectError)
_SYSTEMIC = (
    *(errors.AuthenticationError, errors.CreditError),
    *(errors.ModelError, errors.LimitError),
)
"""What would meet every other row, too."""


@dataclass(slots=True)
class PendingRow:
    """A row on its way: what it has cost so far, and what is asked next."""

    key: bytes
    at: int
    attempts: int = 0
    refusals: int = 0
    is_claimed: bool = False
    unfit: Mapping[str, Any] = field(default_factory=dict)  # what is being repaired
    lease: Lease | None = None
    rung: Rung = "json_schema"
    messages: tuple[Message, ...] = ()
    request: Request | None = None
    usage: Usage = field(default_factory=Usage)
    began_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Means:
    """What a session has to send with."""

    client: Client
    endpoint: Endpoint
    key: Callable[[], Key | None]
    redactor: MessageRedactor
    ledger: Ledger
    store: RowStore
    notebook: str
    is_rehearsal: bool
    rung: Rung
    learn: Callable[[Rung], None]
    clock_s: Callable[[], float]
    now_s: Callable[[], float]

    @property
    def are_free(self) -> bool:
        """Whether a rehearsal answers, the session's own or one started elsewhere."""
        return self.is_rehearsal or self.client.is_rehearsal(self.endpoint)


class RunAccounting:
    """The ledger's record of each minute of a run, written every two seconds."""

    def __init__(self, means: Means, record: CallRecord, allow: Allow) -> None:
        self._ledger, self._record, self._clock_s = means.ledger, record, means.clock_s
        self._written_s = means.clock_s()
        self._begin(allow)

    def _begin(self, allow: Allow | None) -> None:
        self._open = self._ledger.begin(self._record, allow)
        self._usage, self._open_usd = Usage(), 0.0
        self._is_estimated = self._is_billed = False
        self._began_s = self._clock_s()

    def add(self, usage: Usage, is_estimated: bool, open_usd: float) -> None:
        """Count what a reply took, or what a lost one may have taken at most."""
        self._usage += usage
        self._open_usd += open_usd
        self._is_billed = True
        self._is_estimated = self._is_estimated or is_estimated

    def write(self, is_over: bool = False) -> None:
        """Write down what there is, if it is time."""
        now_s = self._clock_s()
        if not is_over and now_s - self._written_s < _LEDGER_S:
            return
        self._written_s = now_s
        is_old = is_over or now_s - self._began_s >= _MINUTE_S
        ending = "complete" if self._is_billed else "failed"
        figures: Any = self._usage.as_dict()
        cost_usd = self._usage.cost_usd
        known = replace(
            self._open,
            **figures,
            ending=ending if is_old else "started",
            attempts=1,
            may_cost=self._open.may_cost and (self._is_billed or not is_old),
            most_usd=(cost_usd or 0.0) + self._open_usd,
            tokens_are_estimated=self._open_usd > 0,
            cost_is_estimated=self._is_estimated and cost_usd is not None,
            elapsed_s=now_s - self._began_s,
        )
        self._ledger.finish(self._open, known)
        self._open = known
        if is_old and not is_over:
            self._begin(None)


class Answers:
    """What is known of the rows of a run; `unwritten` is not on disk yet.

    `waiting` are the rows to be asked, by `rung` and with `max_tokens`; `asked` has the
    cost of each row that came to an end, `failed` the place and the reason of each that
    has no answer.
    """

    def __init__(
        self, task: RowTask, means: Means, governor: Governor, run: str
    ) -> None:
        self.found: dict[bytes, AnswerRecord] = {}
        self.unwritten: dict[bytes, AnswerRecord] = {}
        self.waiting: deque[PendingRow] = deque()
        self.rung: Rung = means.rung
        self.max_tokens = task.max_tokens
        self.asked: dict[bytes, float | None] = {}
        self.failed: list[tuple[int, str]] = []
        self.answered = 0
        self.last: deque[tuple[int, bytes]] = deque(maxlen=3)
        self.served: Counter[str] = Counter()
        self.stopped: NemotronError | None = None
        self.why_wait = ""
        self._task, self._means, self._governor = task, means, governor
        self._run, self._outages = run, 0
        self._priced: Model | None = None
        self._replies, self._refusals = Counter[str](), Counter[str]()
        self._ends = Counter[RowState]()
        self._good_s = means.clock_s()

    @property
    def done(self) -> int:
        """How many rows have come to an end."""
        return self.answered + len(self.failed)

    def begin(self, record: CallRecord, allow: Allow, models: Iterable[Model]) -> None:
        """Get ready to count what rows cost, unless `allow` raises."""
        self._accounting = RunAccounting(self._means, record, allow)
        self._priced = dearest(models, {"model": self._task.settings.model})

    def end(self, row: PendingRow, ended: Ended) -> None:
        """Take in what came of a request."""
        reply, error = ended.reply, ended.error
        if error is None and reply is not None and reply.metadata.ending == "complete":
            self._answer(row, reply)
        elif error is None:
            self.lose(row, "the service ended the reply early", reply)
        elif ended.is_accepted or _may_be_billed(error):
            self.lose(row, error.what, reply)
            if isinstance(error, _SYSTEMIC):
                self.stopped = self.stopped or error
        else:
            self._refuse(row, error)

    def write(self, is_over: bool = False) -> None:
        """Write down what came of rows, and what they cost, if it is time."""
        if self.unwritten:
            self._means.store.put(self._task.hash, self.unwritten.values())
            self.unwritten.clear()
        self._accounting.write(is_over)

    def lose(self, row: PendingRow, why: str, reply: Reply | None = None) -> None:
        """Take in that an answer was lost: the row may have been billed."""
        self._pay(row, reply)
        billed = "" if "been billed" in why else "; it may have been billed"
        self._write(row, RowState.UNKNOWN, error=one_line(f"{why}{billed}", 200))
        self._fail(row, why)

    def refuse(self, row: PendingRow, why: str) -> None:
        """Take in that a row cannot be sent."""
        self._write(row, RowState.REFUSED, error=why)
        self._fail(row, why)

    def give_back(self, row: PendingRow) -> None:
        """End the lease of a row that was not billed."""
        if row.lease is not None:
            self._governor.unsent(row.lease)
            row.lease = None

    def _answer(self, row: PendingRow, reply: Reply) -> None:
        self._pay(row, reply)
        self._refusals.clear()
        self._outages = 0
        self._good_s = self._means.clock_s()
        model = reply.metadata.served_model
        self.served.update([model] if model else [])
        served = model if model and model != self._task.settings.model else None
        reading = asking.read_reply(reply, self._task.fields)
        if not reading.is_blocked:
            self._judge(row, reading.is_json or reading.value is not None)
        if reading.value is not None:
            note = reading.note or ("asked again" if row.unfit else None)
            kept = {"value": _ENCODER.encode(reading.value), "note": note}
            self._write(row, RowState.ANSWERED, served_model=served, **kept)
            self.answered += 1
        else:
            error = f"invalid: {reading.error}"
            kept = {"value": str(reply)[:_LONGEST_KEPT], "error": error}
            self._write(row, RowState.INVALID, served_model=served, **kept)
            is_last = row.unfit or reading.is_blocked or self.stopped is not None
            if not is_last and self._repair(row, reply, reading.error):
                row.is_claimed, row.unfit = True, kept
                self.waiting.appendleft(row)
                return
            self._fail(row, error)
        self.asked[row.key] = row.usage.cost_usd
        self.last.append((row.at, row.key))

    def _repair(self, row: PendingRow, reply: Reply, why: str) -> bool:
        """Prepare the one round that a bad reply has; return whether there is one."""
        known = reply.metadata
        if known.finish_reason == "length":
            is_own = "max_tokens" in self._task.settings.values
            if is_own or self.max_tokens >= _LONGEST_REPLY:
                return False
            thinks = known.reasoning or known.usage.reasoning_tokens
            more = _LONGEST_REPLY if thinks else 4 * self.max_tokens
            self.max_tokens = min(more, _LONGEST_REPLY)
            return True
        messages = self._task.messages(self._task.text(row.at), self.rung)
        row.messages = asking.repair_messages(messages, reply, why, self._task.fields)
        return True

    def _judge(self, row: PendingRow, is_formed: bool) -> None:
        """Ask for a weaker form if two of the first replies have none of it."""
        if row.rung != self.rung:
            return
        self._replies["all"] += 1
        self._replies["bad"] += not is_formed
        if self._replies["all"] <= _TRIAL_ROWS and self._replies["bad"] == 2:
            self._step_down(row.rung)
        elif is_formed and self._replies["all"] == 1:
            self._means.learn(self.rung)

    def _step_down(self, rung: Rung) -> bool:
        """Ask for a weaker form than one that did no good; return whether there is."""
        weaker = RUNGS[RUNGS.index(rung) + 1 :]
        if weaker and self.rung == rung:
            self.rung = weaker[0]
            self._replies.clear()
        return bool(weaker)

    def _refuse(self, row: PendingRow, error: NemotronError) -> None:
        """Take in a refusal: none of it is billed, but an earlier answer may be."""
        is_limit, is_busy = isinstance(error, _LIMIT), isinstance(error, _BUSY)
        wait_s = error.retry_after_s
        why = one_line(f"{error.what}: {error.why}".rstrip(": "), 300)
        state = RowState.INVALID if row.unfit else RowState.REFUSED
        if row.unfit:
            why = one_line(f"{row.unfit['error']}; asked again: {why}", 300)
            row.is_claimed = True
        self._write(row, state, **{**row.unfit, "error": why})
        if row.lease is not None and is_busy and not error.final:
            self.why_wait = error.what
            # Before any answer, it is the service and not the row.
            is_odd = row.refusals and self.answered
            is_new = self._governor.refuse(row.lease, wait_s) and not is_odd
            self._outages = 0 if is_limit else self._outages + is_new
            row.lease = None
        self.give_back(row)
        row.refusals += not is_limit
        if asking.is_format_refusal(error) and self._step_down(row.rung):
            row.messages = ()
            self.waiting.appendleft(row)
            return
        waited_s = self._means.clock_s() - self._good_s
        is_patient = waited_s + (wait_s or 0.0) < _PATIENCE_S
        is_up = self._outages < _ATTEMPTS and is_patient
        may_retry = is_busy and is_up and not error.final
        # It may be the row that is refused: then it holds up no other.
        are_last = not self._governor.in_flight and all(map(_is_odd, self.waiting))
        is_hopeless = are_last and waited_s >= _LAST_ROWS_S
        if may_retry and row.refusals < _ATTEMPTS and not is_hopeless:
            (self.waiting.append if _is_odd(row) else self.waiting.appendleft)(row)
            return
        self._refusals[error.what] += 1
        is_same = not self.answered and self._refusals[error.what] >= _SAME_REFUSALS
        self._fail(row, why)
        is_systemic = is_same or isinstance(error, _SYSTEMIC)
        if is_systemic or (is_busy and not (may_retry and self.answered)):
            self.stopped = self.stopped or error

    def _pay(self, row: PendingRow, reply: Reply | None) -> None:
        """Count what a reply took, by the service's word or else by the catalogue."""
        usage = Usage() if reply is None else reply.usage
        is_estimated = usage.cost_usd is None
        if is_estimated:
            usage = replace(usage, cost_usd=estimate_cost_usd(self._priced, usage))
        row.usage += usage
        open_usd, are_free = 0.0, self._means.are_free
        if row.lease is not None:
            open_usd = row.lease.reserved_usd if usage.cost_usd is None else 0.0
            self._governor.end(row.lease, usage.cost_usd)
            row.lease = None
        known = replace(usage, cost_usd=None) if are_free else usage
        self._accounting.add(known, is_estimated and not are_free, open_usd)

    def _fail(self, row: PendingRow, why: str) -> None:
        """Count an error; stop the run when most rows end so."""
        self.failed.append((row.at, why))
        self._ends[self.found[row.key].state] += 1
        done = self.done
        if done < _ENOUGH_ROWS or 2 * len(self.failed) <= done or self.stopped:
            return
        common = Counter(_kind(why) for _, why in self.failed).most_common(3)
        shown = {_kind(why): (why, at) for at, why in reversed(self.failed)}
        causes = (
            f"{many} × {one_line(shown[kind][0], 80)} (row {shown[kind][1]})"
            for kind, many in common
        )
        self.stopped = errors.ServiceError(
            f"{len(self.failed)} of {done} rows failed, so the run was stopped",
            "; ".join(causes),
            _HOW_ON[max(self._ends, key=self._ends.__getitem__)],
        )

    def _write(self, row: PendingRow, state: RowState, **more: str | None) -> None:
        record = self.record(row, state, **more)
        self.found[row.key] = self.unwritten[row.key] = record

    def record(self, row: PendingRow, state: RowState, **more: Any) -> AnswerRecord:
        """Return how a row stands now, to be recorded."""
        more |= {name: getattr(row.usage, name) for name in _OF_USAGE}
        now_s, run = self._means.now_s(), self._run
        return AnswerRecord(row.key, state, now_s, row.attempts, run=run, **more)


def _is_odd(row: PendingRow) -> bool:
    """Return whether a row was refused so often that it may be for what it is."""
    return bool(row.refusals) or row.attempts > _ATTEMPTS


def _kind(why: str) -> str:
    """Return a cause without what it quotes of a row."""
    return re.sub(r"“[^”]*”?|'[^']*'?|\d+", "…", why)


def _may_be_billed(error: NemotronError) -> bool:
    is_failure = isinstance(error, errors.ServiceError) and not retries_allowed(error)
    return is_failure or isinstance(error, errors.OutcomeUnknownError)


_ENCODER = json.JSONEncoder(
    ensure_ascii=False,
    default=lambda one: one.value if isinstance(one, Enum) else one.isoformat(),
)
