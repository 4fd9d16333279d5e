"""One run over rows: leases out, events in, and each answer kept as it comes.

It alone decides and writes: which row goes next, what it may cost, and that it is on
disk as sent before it goes. Whoever sends is told what, and tells what came of it.
"""

from __future__ import annotations

import json
import math
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from queue import Empty, SimpleQueue
from typing import Any

from nemotron_magic.client.client import Client, Request
from nemotron_magic.client.deadline import InterruptGuard
from nemotron_magic.client.models import Model
from nemotron_magic.client.retry import retries_allowed
from nemotron_magic.context.prompt import Message
from nemotron_magic.context.redact import MessageRedactor
from nemotron_magic.context.tokens import estimate_tokens
from nemotron_magic.core.endpoint import Endpoint, Key
from nemotron_magic.core.errors import (
    AuthenticationError,
    ConnectError,
    CreditError,
    InputError,
    InterruptedByUser,
    LimitError,
    ModelError,
    NemotronError,
    OutcomeUnknownError,
    RateLimitError,
    ServiceError,
)
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import format_usd, one_line, plural
from nemotron_magic.core.usage import Usage
from nemotron_magic.session.budget import (
    Budget,
    dearest,
    estimate_cost,
    estimate_cost_usd,
)
from nemotron_magic.session.reply import Reply
from nemotron_magic.session.rows.engine import (
    Ended,
    Engine,
    Events,
    RowRequest,
    Threads,
)
from nemotron_magic.session.rows.frame import Estimate, Progress, Row, Rows
from nemotron_magic.session.rows.governor import Governor, Lease
from nemotron_magic.session.rows.task import (
    RowsQuestion,
    RowTask,
    Table,
    is_missing,
    read_table,
    text_of,
)
from nemotron_magic.session.structured.ladder import (
    RUNGS,
    Rung,
    is_format_refusal,
    repair_messages,
)
from nemotron_magic.session.structured.reading import read_value
from nemotron_magic.session.structured.specs import parse_fields
from nemotron_magic.storage.ledger import Ledger
from nemotron_magic.storage.records import CallRecord, Totals
from nemotron_magic.storage.rows import AnswerRecord, RowState, RowStore, TaskRecord

__all__ = [
    "AGAIN",
    "Means",
    "Run",
    "spread",
]

AGAIN: Mapping[str, tuple[RowState, ...]] = {
    "errors": (RowState.INVALID,),
    "billed": (RowState.SENT, RowState.UNKNOWN),
    "all": (RowState.INVALID, RowState.SENT, RowState.UNKNOWN),
}
"""What may be asked again, by the word for it."""

_GRACE_S = 5.0
_TICK_S = 0.1
_MANY, _BATCH_S = 32, 0.003
_REPAINT_S = 0.25
_LEDGER_S = 2.0
_MINUTE_S = 60.0
_ATTEMPTS = 6
_PATIENCE_S = 600.0
_SAME_REFUSALS = 3
_ENOUGH_ROWS = 20
_TRIAL_ROWS = 5
_MOST_AT_ONCE = 256
_LONGEST_REPLY = 2_048
_LONGEST_KEPT = 8_000
_SYSTEMIC = (AuthenticationError, CreditError, ModelError, LimitError)


@dataclass(slots=True)
class _Row:
    """A row on its way: what it has cost so far, and what is asked next."""

    key: bytes
    at: int
    attempts: int = 0
    refusals: int = 0
    is_repaired: bool = False
    is_claimed: bool = False
    lease: Lease | None = None
    rung: Rung = "json_schema"
    messages: tuple[Message, ...] = ()
    request: Request | None = None
    usage: Usage = field(default_factory=Usage)
    began_s: float = 0.0


class _Books:
    """The ledger's row of each minute, brought up to date every two seconds."""

    def __init__(
        self, ledger: Ledger, record: CallRecord, clock_s: Callable[[], float]
    ) -> None:
        self._ledger = ledger
        self._record = record
        self._clock_s = clock_s
        self._open: CallRecord | None = None
        self._began_s = self._written_s = clock_s()
        self._usage, self._open_usd = Usage(), 0.0
        self._is_estimated = self._is_billed = False

    def allow(self, allow: Callable[[Totals, Totals], None]) -> None:
        """Begin, unless that raises."""
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

    def turn(self, is_over: bool = False) -> None:
        """Write down what there is, if it is time."""
        now_s = self._clock_s()
        if self._open is None or (not is_over and now_s - self._written_s < _LEDGER_S):
            return
        self._written_s = now_s
        is_old = is_over or now_s - self._began_s >= _MINUTE_S
        cost_usd = self._usage.cost_usd
        ending = "complete" if self._is_billed else "failed"
        known = replace(
            self._open,
            ending=ending if is_old else "started",
            attempts=1,
            may_cost=self._open.may_cost and (self._is_billed or not is_old),
            most_usd=(cost_usd or 0.0) + self._open_usd,
            tokens_are_estimated=self._open_usd > 0,
            prompt_tokens=self._usage.prompt_tokens,
            completion_tokens=self._usage.completion_tokens,
            reasoning_tokens=self._usage.reasoning_tokens,
            cached_tokens=self._usage.cached_tokens,
            cost_usd=cost_usd,
            cost_is_estimated=self._is_estimated and cost_usd is not None,
            elapsed_s=now_s - self._began_s,
        )
        self._ledger.finish(self._open, known)
        self._open = known
        if is_old and not is_over:
            self.allow(lambda session, today: None)


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


class Run:
    """One run: ask what is left of a task, within limits, and keep each answer."""

    def __init__(
        self,
        means: Means,
        question: RowsQuestion,
        settings: Settings,
        watch: Callable[[Progress], object],
    ) -> None:
        _check(question)
        self._means, self._settings, self._watch = means, settings, watch
        self._question = question
        self._name = question.name or "rows"
        self._table = table = read_table(question.values, question.sample is not None)
        unsent = question.label if isinstance(question.label, str) else None
        self._labels = _labels_of(question.label, table)
        self._task = task = RowTask.of(
            question.instruction,
            table,
            parse_fields(question.as_),
            settings,
            means.endpoint.base_url,
            unsent,
        )
        at_once = question.at_once
        self._at_once, rpm, tpm = at_once, question.rpm, question.tpm
        self._states = [state for word in question.again for state in AGAIN[word]]
        self._run = uuid.uuid4().hex[:8]
        self._clock_s = means.clock_s
        self._began_s, self._began_at_s = means.clock_s(), means.now_s()
        self.keys: list[bytes] = []
        self._first: dict[bytes, int] = {}
        self._chars: dict[bytes, int] = {}
        self._found: dict[bytes, AnswerRecord] = {}
        self._waiting: deque[_Row] = deque()
        self._under_way: dict[bytes, _Row] = {}
        self._elsewhere: set[bytes] = set()
        self._writes: dict[bytes, AnswerRecord] = {}
        self._events: Events = SimpleQueue()
        self._engine: Engine = self._engine_of(question.engine)
        self._governor = Governor(at_once, clock_s=means.clock_s, rpm=rpm, tpm=tpm)
        self._key: Key | None = None
        self._redact = means.redactor.of_now(settings)
        self._models: tuple[Model, ...] = ()
        self._rung = means.rung
        self._fields: dict[tuple[Rung, int], Mapping[str, Any]] = {}
        self._replies = Counter[str]()
        self._max_tokens = task.max_tokens
        self._refusals = Counter[str]()
        self._failed: list[tuple[int, str]] = []
        self._asked: dict[bytes, float | None] = {}
        self._answered = self._redacted = self._wanted = 0
        self._took_s = 0.0
        self._last: deque[tuple[int, bytes]] = deque(maxlen=3)
        self._served: Counter[str] = Counter()
        self._stopped: NemotronError | None = None
        self._ends_s = math.inf
        self._painted_s = -math.inf
        self._good_s = self._began_s

    def _engine_of(self, client: Any) -> Engine:
        if client is None:
            return Threads(self._means.client, self._events)
        from nemotron_magic.session.rows.cluster import Cluster

        return Cluster(client, self._events, self._run)

    # ---- before

    @property
    def size(self) -> int:
        """How many rows there are."""
        return self._table.size

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that go out."""
        return self._task.names

    def most_usd(self, request: Request) -> float | None:
        """Return what a row costs at most by the prices that are listed."""
        self._models = self._means.client.listed(self._means.endpoint)
        estimate = self._estimate(request)
        return estimate.most_usd if estimate else None

    def name_rows(self) -> None:
        """Read each row once, and learn which are equal or empty."""
        for at in range(self._table.size):
            text = self._task.text(at)
            key = self._task.key(text) if text else b""
            self.keys.append(key)
            if key and key not in self._first:
                self._first[key], self._chars[key] = at, len(text)

    def _choose(self) -> None:
        """Choose what to ask: all, or some spread over the rows that have a truth."""
        means, task, sample = self._means, self._task, self._question.sample
        record = TaskRecord(
            task.hash,
            self._name,
            means.endpoint.base_url,
            self._settings.model,
            task.instruction,
            task.fields.prompt_line(),
            self._table.size,
        )
        known = means.store.begin(record)
        self._found = {key: known[key] for key in self._first if key in known}
        keys = list(self._first)
        if sample is not None:
            labels, first = self._labels, self._first
            labeled = [
                key for key in keys if labels and not is_missing(labels[first[key]])
            ]
            keys = spread(labeled or keys, sample)
        for key in keys:
            one = self._found.get(key)
            if one is None:
                self._waiting.append(_Row(key, self._first[key]))
            elif one.state in (RowState.REFUSED, *self._states):
                # What it has cost stays its cost.
                figures = (one.prompt_tokens, one.completion_tokens, None, None)
                spent = Usage(*figures, one.cost_usd)
                again = _Row(key, self._first[key], one.attempts, usage=spent)
                self._waiting.append(again)
        self._wanted = len(self._waiting)

    def first_request(self) -> Request:
        """Return what would be sent for the first row that has any text."""
        texts = ((at, self._task.text(at)) for at in range(self._table.size))
        at = next((at for at, text in texts if text), 0)
        return self._request(_Row(b"", at))

    # ---- the run

    def go(self) -> None:
        """Ask, until all is asked or something stops it."""
        self.name_rows()
        self._choose()
        with InterruptGuard() as guard:
            if self._waiting:
                with guard.released():
                    self._open_books()
                try:
                    self._drive(guard)
                finally:
                    self._close()
            self._find_elsewhere(guard)
        if self._asked:
            self._paint(is_over=True)

    def _open_books(self) -> None:
        """Learn the prices, and what may be spent."""
        means, settings = self._means, self._settings
        self._key = means.key()
        budget, why = Budget.of(settings), ""
        if not means.client.listed(means.endpoint):
            try:
                means.client.models(means.endpoint, self._key)
            except InterruptedByUser:
                raise
            except NemotronError as error:
                why = error.what
        self._models = means.client.listed(means.endpoint)
        if budget.are_set:
            estimate = self._estimate(self.first_request())
            budget.check_call(estimate, settings.model, why)
            self._redacted = 0

        def allow(session: Totals, today: Totals) -> None:
            budget.check_budgets(None, session, today, means.ledger.unknown_day)
            spent = (0.0, session.most_usd, today.most_usd)
            limits = (budget.call_usd, budget.session_usd, budget.day_usd)
            left = [
                limit - used
                for limit, used in zip(limits, spent, strict=True)
                if limit is not None
            ]
            self._governor.budget_usd = min(left, default=None)

        record = CallRecord(
            may_cost=not means.are_free,
            model=settings.model,
            thread=f"rows: {self._name}",
            notebook=means.notebook,
            endpoint=means.endpoint.base_url,
            request_hash=self._task.hash,
        )
        self._books = _Books(means.ledger, record, means.clock_s)
        self._books.allow(allow)

    def _drive(self, guard: InterruptGuard) -> None:
        while self._waiting or self._under_way:
            wait_s = self._lease()
            self._write()
            if not self._under_way and not self._may_go_on(wait_s):
                break
            for one in self._come(min(wait_s, _TICK_S)):
                self._end(one)
            self._books.turn()
            self._look_at(guard)
            self._paint()

    def _may_go_on(self, wait_s: float) -> bool:
        """Return whether anything will ever be sent, now that nothing is under way."""
        if self._stopped is not None or not self._waiting:
            return False
        if wait_s == math.inf:
            spent, most = self._governor.spent_usd, self._governor.budget_usd or 0.0
            self._stopped = LimitError(
                f"the budget of {format_usd(most)} has no room for another row",
                f"{format_usd(spent)} spent, {plural(len(self._waiting), 'row')} left",
                "Allow more: --max-cost …, and run it again: what is answered is kept",
            )
            return False
        return True

    def _lease(self) -> float:
        """Send what may be sent now; return the seconds until more may be."""
        leased: list[tuple[_Row, Request]] = []
        wait_s = math.inf
        while self._waiting and self._stopped is None:
            row = self._waiting[0]
            if self._governor.in_flight >= self._governor.slots:
                break
            request = row.request or self._request(row)
            if too_long := self._too_long(request):
                self._waiting.popleft()
                refused = AnswerRecord(row.key, RowState.REFUSED, error=too_long)
                self._write_down(refused)
                self._fail(row, too_long)
                continue
            tokens, most_usd = 0, None
            if self._question.tpm or self._governor.budget_usd is not None:
                estimate = self._estimate(request)
                if estimate:
                    tokens = estimate.prompt_tokens + estimate.reply_tokens
                    most_usd = estimate.most_usd
            lease = self._governor.take(tokens, most_usd)
            if not isinstance(lease, Lease):
                row.request, wait_s = request, lease
                break
            row.lease, row.request = lease, None
            leased.append((self._waiting.popleft(), request))
        if leased:
            self._send(leased)
        # All of them may be under way elsewhere, and others wait.
        return wait_s if self._under_way or not leased else 0.0

    def _send(self, leased: list[tuple[_Row, Request]]) -> None:
        """Write rows down as sent, each unless another kernel has, and send them."""
        now_s = self._means.now_s()
        records = {
            row.key: AnswerRecord(
                row.key,
                RowState.SENT,
                now_s,
                row.attempts + 1,
                prompt_tokens=row.usage.prompt_tokens,
                completion_tokens=row.usage.completion_tokens,
                cost_usd=row.usage.cost_usd,
                run=self._run,
            )
            for row, _ in leased
        }
        own = [records[row.key] for row, _ in leased if row.is_claimed]
        others = [records[row.key] for row, _ in leased if not row.is_claimed]
        done = [*self._writes.values(), *own]
        self._writes.clear()
        claimed = self._means.store.claim(
            self._task.hash, others, self._states, self._began_at_s, done
        )
        taken = {one.key for one in (*own, *claimed)}
        requests = []
        for row, request in leased:
            if row.key not in taken:
                self._give_back(row)
                self._elsewhere.add(row.key)
                continue
            row.attempts += 1
            row.is_claimed = False
            row.began_s = self._clock_s()
            self._under_way[row.key] = row
            self._found[row.key] = record = records[row.key]
            requests.append(RowRequest(row.key, request, record.request_id()))
        self._engine.send(requests, len(self._under_way))

    def _come(self, wait_s: float) -> Iterator[Ended]:
        """Yield what has happened, after a wait for the first of it."""
        with suppress(Empty):
            yield self._events.get(timeout=max(wait_s, 0.001))
            if len(self._under_way) > _MANY:  # several at once cost less than each
                time.sleep(_BATCH_S)
            for _ in range(2 * self._at_once):
                yield self._events.get_nowait()

    def _look_at(self, guard: InterruptGuard) -> None:
        """Stop when the user does: what is under way may land, until asked twice."""
        now_s = self._clock_s()
        if guard.is_pressed:
            guard.is_pressed = False
            if isinstance(self._stopped, InterruptedByUser):
                self._ends_s = now_s
            self._stopped = InterruptedByUser("stopped by you")
        if self._stopped is not None:
            self._ends_s = min(self._ends_s, now_s + _GRACE_S)
        if now_s >= self._ends_s:
            self._drop()

    def _drop(self) -> None:
        """Let go of what is under way: it may have been billed."""
        self._engine.stop()
        unsent = [
            row
            for row in self._under_way.values()
            if row.attempts == 1 and not self._engine.has_begun(row.key)
        ]
        self._means.store.release(self._task.hash, [row.key for row in unsent])
        for row in self._under_way.values():
            if row in unsent:
                self._found.pop(row.key, None)
                self._give_back(row)
            else:
                self._lost(row, "no answer within the time of a stop")
        self._under_way.clear()

    def _close(self) -> None:
        """Settle what is open; nothing of it may be lost whatever went wrong."""
        if self._under_way:
            self._drop()
        self._engine.close()
        self._write()
        self._books.turn(is_over=True)

    def _find_elsewhere(self, guard: InterruptGuard) -> None:
        """Take the answers to rows that another kernel is asking now."""
        until_s = self._clock_s() + _GRACE_S
        while not (self._stopped or guard.is_pressed or self._clock_s() > until_s):
            doubtful = {k for k, r in self._found.items() if r.state == RowState.SENT}
            doubtful |= self._elsewhere
            if not doubtful:
                return
            known = self._means.store.find(self._task.hash)
            ours = (self._run, self._began_at_s)
            alive = {
                one.run
                for one in known.values()
                if one.run != ours[0] and one.changed_s >= ours[1]
            }
            self._found |= {key: known[key] for key in doubtful & set(known)}
            open_ = [self._found[key] for key in doubtful if key in self._found]
            if not any(r.state == RowState.SENT and r.run in alive for r in open_):
                return
            time.sleep(_TICK_S)

    # ---- one row

    def _request(self, row: _Row) -> Request:
        """Return what is sent for a row, without the secrets in it."""
        row.rung = self._rung
        messages = row.messages
        if not messages:
            messages = self._task.messages(self._task.text(row.at), self._rung)
        form = (self._rung, self._max_tokens)
        if form not in self._fields:
            wanted = self._task.request_fields(*form)
            self._fields[form] = self._redact((), wanted).fields
        redacted = self._redact(messages, {})
        self._redacted += 0 if row.attempts else len(redacted.found)
        return Request(
            self._means.endpoint,
            redacted.messages,
            self._settings,
            self._key,
            self._fields[form],
        )

    def _sent(self, at: int) -> str:
        values = [text_of(column[at]) for column in self._task.columns]
        told: Message = {"role": "user", "content": " · ".join(values)}
        return str(self._redact((told,), {}).messages[0]["content"])

    def _too_long(self, request: Request) -> str:
        """Return what is wrong with a row that the model cannot read as a whole."""
        models = (m for m in self._models if m.goes_by(self._settings.model))
        most = next((m.context_tokens for m in models), None)
        text = request.messages[-1]["content"]
        if not most or len(text) < most:  # a token has a character at least
            return ""
        tokens = estimate_tokens(text)
        why = f"about {tokens:,} tokens, and the model reads {most:,}"
        return f"too long: {why}" if tokens > most else ""

    def _estimate(self, request: Request) -> Any:
        return estimate_cost(self._models, request.body())

    def _end(self, ended: Ended) -> None:
        """Take in what came of a request."""
        row = self._under_way.pop(ended.key, None)
        if row is None:  # it was dropped
            return
        self._took_s += self._clock_s() - row.began_s
        reply, error = ended.reply, ended.error
        if error is None and reply is not None and reply.metadata.ending == "complete":
            self._answer(row, reply)
        elif error is None:
            self._lost(row, "the service ended the reply early", reply)
        elif ended.is_accepted or not _is_unbilled(error):
            self._lost(row, error.what, reply)
            self._stop_for(error)
        else:
            self._refuse(row, error)

    def _answer(self, row: _Row, reply: Reply) -> None:
        known = reply.metadata
        self._pay(row, reply)
        self._refusals.clear()
        self._good_s = self._clock_s()
        if known.served_model:
            self._served[known.served_model] += 1
        fields = self._task.fields
        reading = read_value(reply, fields, known.finish_reason, known.reasoning)
        record = self._record(row, reply)
        if reading.value is not None:
            text = json.dumps(reading.value, ensure_ascii=False, default=_plain)
            note = reading.note or ("asked again" if row.is_repaired else None)
            done = replace(record, state=RowState.ANSWERED, value=text, note=note)
            self._done(row, done)
            self._judge(row, True)
            return
        raw = str(reply)[:_LONGEST_KEPT]
        error = f"invalid: {reading.error}"
        invalid = replace(record, state=RowState.INVALID, value=raw, error=error)
        self._judge(row, reading.is_json)
        if (
            self._stopped is None
            and not row.is_repaired
            and self._repair(row, reply, reading.error)
        ):
            row.is_repaired = row.is_claimed = True
            self._write_down(invalid)
            self._waiting.appendleft(row)
            return
        self._done(row, invalid)

    def _repair(self, row: _Row, reply: Reply, why: str) -> bool:
        """Prepare the one round that a bad reply has; return whether there is one."""
        known = reply.metadata
        if known.finish_reason == "length":
            thinks = bool(known.reasoning or known.usage.reasoning_tokens)
            more = max(4 * self._max_tokens, _LONGEST_REPLY if thinks else 0)
            is_own = "max_tokens" in self._task.settings.values
            if is_own or self._max_tokens >= _LONGEST_REPLY:
                return False
            self._max_tokens = min(more, _LONGEST_REPLY)
            return True
        text = self._task.text(row.at)
        messages = self._task.messages(text, self._rung)
        row.messages = repair_messages(messages, reply, why, self._task.fields)
        return True

    def _judge(self, row: _Row, is_formed: bool) -> None:
        """Ask for a weaker form if two of the first replies have none of it."""
        if row.rung != self._rung:
            return
        self._replies["all"] += 1
        self._replies["bad"] += not is_formed
        if self._replies["all"] <= _TRIAL_ROWS and self._replies["bad"] == 2:
            self._is_weaker(row.rung)
        elif is_formed and self._replies["all"] == 1:
            self._means.learn(self._rung)

    def _is_weaker(self, rung: Rung) -> bool:
        """Ask for a weaker form than one that did no good; return whether there is."""
        weaker = RUNGS[RUNGS.index(rung) + 1 :]
        if weaker and self._rung == rung:
            self._rung = weaker[0]
            self._replies.clear()
        return bool(weaker)

    def _refuse(self, row: _Row, error: NemotronError) -> None:
        """Take in a refusal: nothing of the row is billed."""
        is_busy = isinstance(error, RateLimitError | ServiceError | ConnectError)
        self._write_down(
            replace(
                self._found[row.key],
                state=RowState.REFUSED,
                error=one_line(error.what, 200),
            )
        )
        if row.lease is not None and is_busy and not error.final:
            self._governor.refuse(row.lease, error.retry_after_s)
            row.lease = None
        self._give_back(row)
        row.refusals += not isinstance(error, RateLimitError)
        if is_format_refusal(error) and self._is_weaker(row.rung):
            row.messages = ()
            self._waiting.appendleft(row)
            return
        is_waiting = self._clock_s() - self._good_s < _PATIENCE_S
        if is_busy and not error.final and is_waiting and row.refusals < _ATTEMPTS:
            self._waiting.appendleft(row)
            return
        self._refusals[error.what] += 1
        is_same = not self._answered and self._refusals[error.what] >= _SAME_REFUSALS
        self._fail(row, one_line(f"{error.what}: {error.why}".rstrip(": "), 300))
        if is_same or error.final or is_busy:
            self._stopped = self._stopped or error
        self._stop_for(error)

    def _stop_for(self, error: NemotronError) -> None:
        """Stop the whole run for what would meet every other row, too."""
        if isinstance(error, _SYSTEMIC):
            self._stopped = self._stopped or error

    def _lost(self, row: _Row, why: str, reply: Reply | None = None) -> None:
        """Take in that an answer was lost: the row may have been billed."""
        self._pay(row, reply)
        billed = "" if "been billed" in why else "; it may have been billed"
        error = one_line(f"{why}{billed}", 200)
        known = self._found[row.key]
        self._write_down(replace(known, state=RowState.UNKNOWN, error=error))
        self._fail(row, why)

    def _pay(self, row: _Row, reply: Reply | None) -> None:
        """Count what a reply took, by the service's word or else by the catalogue."""
        usage = reply.usage if reply else Usage()
        is_estimated = usage.cost_usd is None
        if is_estimated:
            model = dearest(self._models, {"model": self._settings.model})
            usage = replace(usage, cost_usd=estimate_cost_usd(model, usage))
        row.usage += usage
        known, lease = usage, row.lease
        if self._means.are_free:
            known, is_estimated = replace(usage, cost_usd=None), False
        is_known = lease is None or usage.cost_usd is not None
        open_usd = 0.0 if is_known or lease is None else lease.reserved_usd
        self._books.add(known, is_estimated, open_usd)
        if row.lease is not None:
            self._governor.end(row.lease, usage.cost_usd)
            row.lease = None

    def _record(self, row: _Row, reply: Reply) -> AnswerRecord:
        served = reply.metadata.served_model
        return replace(
            self._found[row.key],
            prompt_tokens=row.usage.prompt_tokens,
            completion_tokens=row.usage.completion_tokens,
            cost_usd=row.usage.cost_usd,
            served_model=served if served != self._settings.model else None,
        )

    def _done(self, row: _Row, record: AnswerRecord) -> None:
        self._write_down(record)
        self._asked[row.key] = record.cost_usd
        self._last.append((row.at, row.key))
        if record.state == RowState.ANSWERED:
            self._answered += 1
        else:
            self._fail(row, record.error or "")

    def _fail(self, row: _Row, why: str) -> None:
        """Count an error; stop the run when most rows end so."""
        self._failed.append((row.at, why))
        done = self._answered + len(self._failed)
        if done < _ENOUGH_ROWS or 2 * len(self._failed) <= done or self._stopped:
            return
        common = Counter(why for _, why in self._failed).most_common(3)
        shown = {why: at for at, why in reversed(self._failed)}
        causes = (
            f"{many} × {one_line(why, 80)} (row {shown[why]})" for why, many in common
        )
        self._stopped = ServiceError(
            f"{len(self._failed)} of {done} rows failed, so the run was stopped",
            "; ".join(causes),
            "Mend the instruction or --as; go on: run it again with --again errors",
        )

    def _give_back(self, row: _Row) -> None:
        if row.lease is not None:
            self._governor.unsent(row.lease)
            row.lease = None

    def _write_down(self, record: AnswerRecord) -> None:
        record = replace(record, changed_s=self._means.now_s())
        self._found[record.key] = self._writes[record.key] = record

    def _write(self) -> None:
        if self._writes:
            self._means.store.put(self._task.hash, self._writes.values())
            self._writes.clear()

    # ---- what is told

    def _paint(self, is_over: bool = False) -> None:
        now_s = self._clock_s()
        if not is_over and now_s - self._painted_s < _REPAINT_S:
            return
        self._painted_s = now_s
        try:
            self._watch(self._progress(now_s))
        except Exception:
            # The rows are paid for, whatever becomes of showing it.
            self._watch = bool

    def _progress(self, now_s: float) -> Progress:
        done = self._answered + len(self._failed)
        elapsed_s = max(now_s - self._began_s, 0.001)
        costs = [cost for cost in self._asked.values() if cost is not None]
        cost_usd = sum(costs) if costs else None
        about = cost_usd / len(costs) * self._wanted if cost_usd else None
        hold_s = self._governor.hold_s - now_s
        left = self._wanted - done
        return Progress(
            done=done,
            wanted=self._wanted,
            errors=len(self._failed),
            a_second=done / elapsed_s,
            at_once=self._governor.slots,
            cost_usd=cost_usd,
            about_usd=about,
            left_s=left * elapsed_s / done if done else None,
            waiting=f"waiting {math.ceil(hold_s)} s: the service is busy"
            if hold_s > 0.5
            else "",
            last=tuple(self._row_at(at, key) for at, key in self._last),
        )

    def _row_at(self, at: int, key: bytes) -> Row:
        one = self._found[key]
        is_answer = one.state == RowState.ANSWERED and one.value
        value = json.loads(one.value) if is_answer and one.value else None
        return Row(at, value, one.error or "", cost_usd=one.cost_usd)

    def rows(self, again: Callable[[], Rows]) -> Rows:
        """Return what there is; `again` asks the rest."""
        elapsed_s = self._clock_s() - self._began_s
        asked = [(self._chars[key], cost) for key, cost in self._asked.items()]
        if not asked:
            known = ((self._chars[k], one.cost_usd) for k, one in self._found.items())
            asked = [*known]
        done = self._answered + len(self._failed)
        a_row_s = self._took_s / done if done else 0.0
        duration_s = a_row_s * len(self._first) / self._at_once
        if rpm := self._question.rpm:
            duration_s = max(duration_s, len(self._first) * 60 / rpm)
        many = len(self._first)
        filled = sum(map(bool, self.keys))
        return Rows(
            asked=done,
            equal=filled - many,
            unique=many,
            elapsed_s=elapsed_s,
            at_once=self._at_once,
            redacted=self._redacted,
            estimate=Estimate.of(asked, sum(self._chars.values()), many, duration_s),
            stopped=self._stopped,
            details={
                "task": self._task.hash,
                "run": self._run,
                "is_rehearsal": self._means.are_free,
                "model": self._settings.model,
                "served_models": dict(self._served),
                "instruction": self._task.instruction,
                "fields": self._task.fields.prompt_line(),
                "form": self._rung,
                "columns": [*self._task.names],
            },
            _table=self._table,
            _fields=self._task.fields,
            _keys=self.keys,
            _found=self._found,
            _labels=self._labels,
            _again=again,
            _sent=self._sent,
        )


def _check(question: RowsQuestion) -> None:
    """Raise InputError for a figure out of its range."""
    if not 1 <= question.at_once <= _MOST_AT_ONCE:
        raise InputError(
            f"at_once must lie in [1, {_MOST_AT_ONCE}], got {question.at_once}",
            hint="More is no faster: a service lets few through",
        )
    for name in ("rpm", "tpm", "sample"):
        value = getattr(question, name)
        if value is not None and not value > 0:
            raise InputError(f"{name} must be above 0, got {value}")
    for word in question.again:
        if word not in AGAIN:
            raise InputError(
                f"again takes {', '.join(AGAIN)}, got {one_line(str(word), 40)}",
                hint="errors: unusable answers; billed: rows without an answer",
            )


def _labels_of(label: Any, table: Table) -> Sequence[Any]:
    """Return the truth of each row; raise InputError if no column has that name."""
    if label is None:
        return ()
    if isinstance(label, str):
        if label not in table.names:
            raise InputError(
                f"there is no column {one_line(label, 40)} with the truth",
                hint=f"There are: {one_line(', '.join(table.names), 200)}",
            )
        return table.column(table.names.index(label))
    truth = read_table(label)
    if truth.size != table.size or len(truth.names) != 1:
        raise InputError(
            f"label has {truth.size:,} values, and there are {table.size:,} rows"
        )
    return truth.column(0)


def _is_unbilled(error: NemotronError) -> bool:
    """Return whether a request that failed so was turned away."""
    if isinstance(error, OutcomeUnknownError):
        return False
    if isinstance(error, ServiceError):
        return retries_allowed(error) > 0
    return True


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value.isoformat()


def spread(items: Sequence[bytes], many: int) -> list[bytes]:
    """Return some items, evenly spread.

    >>> spread([b"a", b"b", b"c", b"d"], 2)
    [b'b', b'd']
    """
    if many >= len(items):
        return [*items]
    step = len(items) / many
    return [items[int((n + 0.5) * step)] for n in range(many)]
