"""One run over rows: leases out, events in, and each answer kept as it comes.

It alone decides and writes: which row goes next, what it may cost, and that it is on
disk as sent before it goes. Whoever sends is told what, and tells what came of it.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from numbers import Integral, Real
from queue import Empty, SimpleQueue
from typing import Any

from nemotron_magic.client.client import Request
from nemotron_magic.client.deadline import InterruptGuard
from nemotron_magic.client.models import Model
from nemotron_magic.context.prompt import Message
from nemotron_magic.context.tokens import estimate_tokens
from nemotron_magic.core import errors
from nemotron_magic.core.endpoint import Key
from nemotron_magic.core.errors import InputError
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.text import format_usd, one_line, plural
from nemotron_magic.core.usage import Usage
from nemotron_magic.session import budget
from nemotron_magic.session.rows import frame, task
from nemotron_magic.session.rows.answers import Answers, Means, PendingRow
from nemotron_magic.session.rows.engine import Cluster, Ended, RowRequest, Threads
from nemotron_magic.session.rows.governor import Governor, Lease
from nemotron_magic.session.structured.asking import Rung
from nemotron_magic.session.structured.specs import parse_fields
from nemotron_magic.storage.records import CallRecord, Totals
from nemotron_magic.storage.rows import RowState, TaskRecord

AGAIN: Mapping[str, tuple[RowState, ...]] = {
    "errors": (RowState.INVALID,),
    "billed": (RowState.SENT, RowState.UNKNOWN),
    "all": (RowState.INVALID, RowState.SENT, RowState.UNKNOWN),
}
"""What may be asked again, by the word for it."""

_GRACE_S = 5.0
_TICK_S = 0.1
_REPAINT_S = 0.25
_MOST_AT_ONCE = 256


class Run:
    """One run: ask what is left of a task, within limits, and keep each answer."""

    def __init__(
        self,
        means: Means,
        question: task.RowsQuestion,
        settings: Settings,
        watch: Callable[[frame.Progress], object],
    ) -> None:
        _check(question)
        self._means, self._settings, self._watch = means, settings, watch
        self._question, self._name = question, question.name or "rows"
        table = task.read_table(question.values, question.sample is not None)
        unsent = question.label if isinstance(question.label, str) else None
        self._labels = _labels_of(question.label, table)
        asked, base_url = parse_fields(question.as_), means.endpoint.base_url
        what = (question.instruction, table, asked, settings, base_url, unsent)
        self.task = task.RowTask(*what)
        self._states = [state for word in question.again for state in AGAIN[word]]
        self._run = uuid.uuid4().hex[:8]
        self._clock_s = means.clock_s
        self._began_s, self._began_at_s = means.clock_s(), means.now_s()
        self.keys: list[bytes] = []
        self._first: dict[bytes, int] = {}
        self._chars: dict[bytes, int] = {}
        self._under_way: dict[bytes, PendingRow] = {}
        self._elsewhere: set[bytes] = set()
        self._events: SimpleQueue[Ended] = SimpleQueue()
        put, dask = self._events.put, question.engine
        sends = Threads(means.client, put) if dask is None else None
        self._engine = sends or Cluster(dask, put, self._run)
        limits = {"rpm": question.rpm, "tpm": question.tpm}
        self._governor = Governor(question.at_once, clock_s=means.clock_s, **limits)
        self._answers = Answers(self.task, means, self._governor, self._run)
        self._redact = means.redactor.of_now(settings)
        self._key: Key | None = None
        self._models: tuple[Model, ...] = ()
        self._most_tokens: int | None = None
        self._forms: dict[tuple[Rung, int], Mapping[str, Any]] = {}
        self._redacted = self._wanted = 0
        self._took_s, self._how_more = 0.0, ""
        self._ends_s, self._rendered_s = math.inf, -math.inf

    def most_usd(self, request: Request) -> float | None:
        """Return what a row costs at most by the prices that are listed."""
        self._learn_models()
        return self._most(request)[1]

    def _learn_models(self) -> None:
        self._models = self._means.client.listed(self._means.endpoint)
        own = (one for one in self._models if one.goes_by(self._settings.model))
        self._most_tokens = next((one.context_tokens for one in own), None)

    def _choose(self) -> None:
        """Choose what to ask: all, or some spread over the rows that have a truth."""
        for at in range(self.task.table.size):
            text = self.task.text(at)
            key = self.task.key(text) if text else b""
            self.keys.append(key)
            if key and key not in self._first:
                self._first[key], self._chars[key] = at, len(text)
        own, sample = self.task, self._question.sample
        base_url, model = self._means.endpoint.base_url, self._settings.model
        asked = (own.instruction, own.fields.prompt_line(), own.table.size)
        record = TaskRecord(own.hash, self._name, base_url, model, *asked)
        known = self._means.store.begin(record)
        answers, keys = self._answers, [*self._first]
        answers.found = {key: known[key] for key in keys if key in known}
        if sample is not None:
            labels, first = self._labels, self._first
            truths = {key: labels[first[key]] for key in keys if labels}
            labeled = [key for key in truths if not task.is_missing(truths[key])]
            keys = labeled or keys
            step, many = max(len(keys) / sample, 1.0), min(sample, len(keys))
            keys = [keys[int((n + 0.5) * step)] for n in range(many)]
        for key in keys:
            one = answers.found.get(key)
            if one is None:
                answers.waiting.append(PendingRow(key, self._first[key]))
            elif one.state in (RowState.REFUSED, *self._states):
                # What it has cost stays its cost.
                tokens = (one.prompt_tokens, one.completion_tokens)
                spent = Usage(*tokens, cost_usd=one.cost_usd)
                again = PendingRow(key, self._first[key], one.attempts, usage=spent)
                answers.waiting.append(again)
        self._wanted = len(answers.waiting)

    def first_request(self) -> Request:
        """Return what would be sent for the first row that has any text."""
        places = range(self.task.table.size)
        at = next((at for at in places if self.task.text(at)), 0)
        return self._request(PendingRow(b"", at))

    def go(self) -> None:
        """Ask, until all is asked or something stops it."""
        self._choose()
        with InterruptGuard() as guard:
            if self._answers.waiting:
                with guard.released():
                    self._begin()
                try:
                    self._drive(guard)
                finally:
                    self._close()
            self._find_elsewhere(guard)
        if self._answers.asked:
            self._render(is_over=True)

    def _begin(self) -> None:
        """Learn the prices, and what may be spent."""
        means, settings = self._means, self._settings
        self._key = means.key()
        limits, why = budget.Budget.of(settings), ""
        if not means.client.listed(means.endpoint):
            try:
                means.client.models(means.endpoint, self._key)
            except errors.InterruptedByUser:
                raise
            except errors.NemotronError as error:
                why = error.what
        self._learn_models()
        if limits.are_set:
            body = self.first_request().body()
            estimate = budget.estimate_cost(self._models, body)
            limits.check_call(estimate, settings.model, why)
            self._redacted = 0

        def allow(session: Totals, today: Totals) -> None:
            limits.check_budgets(None, session, today, means.ledger.unknown_day)
            left_usd, self._how_more = limits.least_left(session, today)
            self._governor.budget_usd = left_usd

        record = CallRecord(
            may_cost=not means.are_free,
            model=settings.model,
            thread=f"rows: {self._name}",
            notebook=means.notebook,
            endpoint=means.endpoint.base_url,
            request_hash=self.task.hash,
        )
        self._answers.begin(record, allow, self._models)

    def _drive(self, guard: InterruptGuard) -> None:
        while self._answers.waiting or self._under_way:
            wait_s = self._lease()
            self._answers.write()
            if not self._under_way and not self._may_go_on(wait_s):
                break
            for ended in self._come(min(wait_s, _TICK_S)):
                if row := self._under_way.pop(ended.key, None):  # else it was dropped
                    self._took_s += self._clock_s() - row.began_s
                    self._answers.end(row, ended)
            self._look_at(guard)
            self._render()

    def _may_go_on(self, wait_s: float) -> bool:
        """Return whether anything will ever be sent, now that nothing is under way."""
        answers, governor = self._answers, self._governor
        if answers.waiting and not answers.stopped and wait_s == math.inf:
            answers.stopped = errors.LimitError(
                f"the budget of {format_usd(governor.budget_usd or 0.0)} "
                "has no room for another row",
                f"{format_usd(governor.spent_usd)} spent, "
                f"{plural(len(answers.waiting), 'row')} left",
                f"{self._how_more}; then run it again: what is answered is kept",
            )
        return bool(answers.waiting) and answers.stopped is None

    def _lease(self) -> float:
        """Send what may be sent now; return the seconds until more may be."""
        answers, governor = self._answers, self._governor
        leased: list[tuple[PendingRow, Request]] = []
        wait_s = math.inf
        while answers.waiting and answers.stopped is None:
            if governor.in_flight >= governor.slots:
                break
            row = answers.waiting[0]
            request = row.request or self._request(row)
            if too_long := self._too_long(request):
                answers.waiting.popleft()
                answers.refuse(row, too_long)
                continue
            tokens, most_usd = 0, None
            if self._question.tpm or governor.budget_usd is not None:
                tokens, most_usd = self._most(request)
            lease = governor.take(tokens, most_usd)
            if not isinstance(lease, Lease):
                row.request, wait_s = request, lease
                break
            row.lease, row.request = lease, None
            leased.append((answers.waiting.popleft(), request))
        if leased:
            self._send(leased)
        # All of them may be under way elsewhere, and others wait.
        return wait_s if self._under_way or not leased else 0.0

    def _send(self, leased: list[tuple[PendingRow, Request]]) -> None:
        """Write rows down as sent, each unless another kernel has, and send them."""
        answers, records = self._answers, {}
        for row, _ in leased:
            row.attempts += 1
            records[row.key] = answers.record(row, RowState.SENT)
        own = [records[row.key] for row, _ in leased if row.is_claimed]
        others = [records[row.key] for row, _ in leased if not row.is_claimed]
        done = [*answers.unwritten.values(), *own]
        answers.unwritten.clear()
        claimed = self._means.store.claim(
            self.task.hash, others, self._states, self._began_at_s, done
        )
        taken = {one.key for one in (*own, *claimed)}
        requests = []
        for row, request in leased:
            if row.key not in taken:
                answers.give_back(row)
                self._elsewhere.add(row.key)
                continue
            row.is_claimed = False
            row.began_s = self._clock_s()
            self._under_way[row.key] = row
            answers.found[row.key] = record = records[row.key]
            requests.append(RowRequest(row.key, request, record.request_id()))
        if requests:
            self._engine.send(requests, len(self._under_way))

    def _come(self, wait_s: float) -> Iterator[Ended]:
        """Yield what has happened, after a wait for the first of it."""
        with suppress(Empty):
            yield self._events.get(timeout=max(wait_s, 0.001))
            for _ in range(2 * self._question.at_once):
                yield self._events.get_nowait()

    def _look_at(self, guard: InterruptGuard) -> None:
        """Stop when the user does: what is under way may land, until asked twice."""
        now_s = self._clock_s()
        answers = self._answers
        if guard.is_pressed:
            guard.is_pressed = False
            is_second = isinstance(answers.stopped, errors.InterruptedByUser)
            self._ends_s = now_s if is_second else self._ends_s
            answers.stopped = errors.InterruptedByUser("stopped by you")
        if answers.stopped is not None:
            self._ends_s = min(self._ends_s, now_s + _GRACE_S)
        if now_s >= self._ends_s:
            self._drop()

    def _drop(self) -> None:
        """Let go of what is under way: it may have been billed."""
        self._engine.stop()
        rows, begun = self._under_way, self._engine.begun
        unsent = [key for key in rows if rows[key].attempts == 1 and key not in begun]
        self._means.store.release(self.task.hash, unsent)
        for key, row in rows.items():
            if key in unsent:
                self._answers.found.pop(key, None)
                self._answers.give_back(row)
            else:
                self._answers.lose(row, "no answer within the time of a stop")
        self._under_way.clear()

    def _close(self) -> None:
        """Settle what is open; nothing of it may be lost whatever went wrong."""
        if self._under_way:
            self._drop()
        self._engine.close()
        self._answers.write(is_over=True)

    def _find_elsewhere(self, guard: InterruptGuard) -> None:
        """Take the answers to rows that another kernel is asking now."""
        answers, until_s = self._answers, self._clock_s() + _GRACE_S
        found = answers.found
        while not (answers.stopped or guard.is_pressed or self._clock_s() > until_s):
            doubtful = {k for k, r in found.items() if r.state == RowState.SENT}
            doubtful |= self._elsewhere
            if not doubtful:
                return
            known = self._means.store.find(self.task.hash)
            alive = {r.run for r in known.values() if r.changed_s >= self._began_at_s}
            alive.discard(self._run)
            found |= {key: known[key] for key in doubtful & known.keys()}
            records = (found[key] for key in doubtful & found.keys())
            if not any(r.state == RowState.SENT and r.run in alive for r in records):
                return
            time.sleep(_TICK_S)

    def _request(self, row: PendingRow) -> Request:
        """Return what is sent for a row, without the secrets in it."""
        row.rung = self._answers.rung
        own = self.task
        messages = row.messages or own.messages(own.text(row.at), row.rung)
        form = (row.rung, self._answers.max_tokens)
        if form not in self._forms:
            self._forms[form] = self._redact((), own.request_fields(*form)).fields
        redacted = self._redact(messages, {})
        self._redacted += 0 if row.attempts else len(redacted.found)
        endpoint, fields = self._means.endpoint, self._forms[form]
        return Request(endpoint, redacted.messages, self._settings, self._key, fields)

    def _sent(self, at: int) -> str:
        shown: Message = {"role": "user", "content": " · ".join(self.task.values(at))}
        return str(self._redact((shown,), {}).messages[0]["content"])

    def _too_long(self, request: Request) -> str:
        """Return what is wrong with a row that the model cannot read as a whole."""
        most, text = self._most_tokens or math.inf, request.messages[-1]["content"]
        # A token has a character at least.
        tokens = estimate_tokens(text) if len(text) >= most else 0
        why = f"too long: about {tokens:,} tokens, and the model reads {most:,}"
        return why if tokens > most else ""

    def _most(self, request: Request) -> tuple[int, float | None]:
        """Return the tokens a row may take, and what it costs at most, if known."""
        body = request.body()
        if estimate := budget.estimate_cost(self._models, body):
            return estimate.prompt_tokens + estimate.reply_tokens, estimate.most_usd
        sent = budget.estimate_usage(body, "").prompt_tokens or 0
        return sent + int(body.get("max_tokens") or 0), None

    def _render(self, is_over: bool = False) -> None:
        now_s = self._clock_s()
        if not is_over and now_s - self._rendered_s < _REPAINT_S:
            return
        self._rendered_s = now_s
        try:
            self._watch(self._progress(now_s))
        except Exception:
            # The rows are paid for, whatever becomes of showing it.
            self._watch = bool

    def _progress(self, now_s: float) -> frame.Progress:
        answers = self._answers
        done, left = answers.done, self._wanted - answers.done
        elapsed_s = max(now_s - self._began_s, 0.001)
        costs = [cost for cost in answers.asked.values() if cost is not None]
        cost_usd = sum(costs) if costs else None
        hold_s = max(self._governor.hold_s - now_s, 0.0)
        wait = f"waiting {frame.format_duration(hold_s)}: {answers.why_wait}"
        last = (frame.row_of(at, answers.found[key]) for at, key in answers.last)
        return frame.Progress(
            done=done,
            wanted=self._wanted,
            errors=len(answers.failed),
            a_second=done / elapsed_s,
            at_once=self._governor.slots,
            cost_usd=cost_usd,
            about_usd=cost_usd / len(costs) * self._wanted if cost_usd else None,
            left_s=left * elapsed_s / done if done else None,
            waiting=wait if hold_s > 0.5 else "",
            last=tuple(last),
        )

    def rows(self, again: Callable[[], frame.Rows]) -> frame.Rows:
        """Return what there is; `again` asks the rest."""
        answers, question, many = self._answers, self._question, len(self._first)
        costs = answers.asked or {k: one.cost_usd for k, one in answers.found.items()}
        asked = [(self._chars[key], cost) for key, cost in costs.items()]
        about = frame.Estimate.of(asked, sum(self._chars.values()), many)
        if answers.done:
            took_s = self._took_s / answers.done / question.at_once
            a_row_s = max(took_s, 60 / (question.rpm or math.inf))
            about = replace(about, duration_s=many * a_row_s)
        return frame.Rows(
            asked=answers.done,
            equal=sum(map(bool, self.keys)) - many,
            unique=many,
            elapsed_s=self._clock_s() - self._began_s,
            at_once=question.at_once,
            redacted=self._redacted,
            estimate=about,
            stopped=answers.stopped,
            details={
                "task": self.task.hash,
                "run": self._run,
                "is_rehearsal": self._means.are_free,
                "model": self._settings.model,
                "served_models": dict(answers.served),
                "instruction": self.task.instruction,
                "fields": self.task.fields.prompt_line(),
                "form": answers.rung,
                "columns": [*self.task.names],
            },
            _task=self.task,
            _keys=self.keys,
            _found=answers.found,
            _labels=self._labels,
            _again=again,
            _sent=self._sent,
        )


def _check(question: task.RowsQuestion) -> None:
    at_once = question.at_once
    if not (_is_number(at_once, Integral) and 1 <= at_once <= _MOST_AT_ONCE):
        what = f"at_once must be from 1 to {_MOST_AT_ONCE}, got {at_once!r}"
        raise InputError(what, hint="More is no faster: a service lets few through")
    for name, kind in {"rpm": Real, "tpm": Real, "sample": Integral}.items():
        value = getattr(question, name)
        if value is not None and not (_is_number(value, kind) and value > 0):
            noun = "a whole number" if kind is Integral else "a number"
            raise InputError(f"{name} must be {noun} above 0, got {value!r}")
    if odd := [word for word in question.again if word not in AGAIN]:
        what = f"again takes {', '.join(AGAIN)}, got {one_line(str(odd[0]), 40)}"
        hint = "errors: unusable answers; billed: rows without an answer"
        raise InputError(what, hint=hint)


def _is_number(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _labels_of(label: Any, table: task.Table) -> Sequence[Any]:
    """Return the truth of each row; raise InputError if no column has that name."""
    if label is None:
        return ()
    if isinstance(label, str):
        if label not in table.names:
            what = f"there is no column {one_line(label, 40)} with the truth"
            known = one_line(", ".join(table.names), 200)
            raise InputError(what, hint=f"There are: {known}")
        return table.column(table.names.index(label))
    truth = task.read_table(label)
    if truth.size != table.size or len(truth.names) != 1:
        there = f"there {'is' if table.size == 1 else 'are'}"
        rows = plural(table.size, "row")
        raise InputError(f"label has {plural(truth.size, 'value')}, and {there} {rows}")
    return truth.column(0)
