"""Write an answer in a dialect as a stream, event by event."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, cycle, zip_longest
from typing import Any

from nemotron_magic.rehearsal.replies import count_tokens, tokens_of

from .answer import Answer, Choice
from .completion import (
    call_fields,
    cost,
    identity,
    logprobs,
    native,
    reasoning_fields,
    usage,
    without_null,
)
from .dialect import Dialect
from .request import Json
from .response import STREAM_TYPE, Part, Pause, Response, dumps, to_bytes
from .tools import ToolCall

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Step:
    """One delta of one choice, and the token that it brings."""

    index: int
    delta: Mapping[str, Any]
    token: str = ""
    finish: str | None = None


def streamed(
    answer: Answer, dialect: Dialect, status: int, tokens_per_s: float | None
) -> Response:
    """Give the response that streams an answer."""
    return Response(
        status=status,
        headers=(("Content-Type", STREAM_TYPE), ("Cache-Control", "no-cache")),
        parts=stream_parts(answer, dialect, tokens_per_s),
        framing="chunked",
    )


def stream_parts(
    answer: Answer, dialect: Dialect, tokens_per_s: float | None
) -> Iterator[Part]:
    """Give the stream, one part an event, with pauses at the pace asked for."""
    if dialect.bom:
        yield BYTE_ORDER_MARK
    yield from (_spelled(line, dialect) for line in dialect.before)
    for chunk, line in zip(
        dialect.rewrite(_chunks(answer, dialect)), cycle(dialect.between)
    ):
        if line:
            yield _spelled(line, dialect)
        yield event(chunk, dialect)
        if tokens_per_s:
            yield Pause(1 / tokens_per_s)
    ends = (*dialect.after, dialect.done)
    yield from (_spelled(line, dialect) for line in ends if line)


def event(chunk: Json, dialect: Dialect) -> bytes:
    """Spell one event."""
    value = without_null(chunk) if dialect.drops_null else chunk
    if dialect.multiline:
        text = json.dumps(value, ensure_ascii=False, indent=1)
    else:
        text = json.dumps(value) if dialect.ascii else dumps(value)
    lines = (dialect.prefix + to_bytes(line) + b"\n" for line in text.split("\n"))
    return _spelled(b"".join(lines) + b"\n", dialect)


def _spelled(line: bytes, dialect: Dialect) -> bytes:
    return line.replace(b"\n", dialect.newline)


def _chunks(answer: Answer, dialect: Dialect) -> Iterator[Json]:
    generated = 0
    for position, step in enumerate(_interleaved(answer, dialect)):
        generated += count_tokens(step.token)
        yield {
            **_moment(answer, dialect, position),
            "choices": [_step_choice(step, answer, dialect)],
            **_usage_beside(step, answer, dialect, generated),
        }
    yield from _tail(answer, dialect)


def _interleaved(answer: Answer, dialect: Dialect) -> Iterator[Step]:
    """Give the choices' steps in turn, as a server does that makes them at once."""
    rows = zip_longest(*(_steps(c, answer, dialect) for c in answer.choices))
    return (step for step in chain.from_iterable(rows) if step)


def _steps(choice: Choice, answer: Answer, dialect: Dialect) -> Iterator[Step]:
    n = choice.index
    cut = (lambda text: [text] if text else []) if dialect.at_once else tokens_of
    yield Step(n, {**dialect.each, **dialect.first})
    for word in [] if answer.hides_reasoning else cut(choice.reasoning):
        empty = {"content": dialect.first.get("content")}
        fields = {**empty, **reasoning_fields(word, dialect)}
        yield Step(n, {**dialect.each, **fields}, word)
    for word in cut(choice.content):
        yield Step(n, {**dialect.each, "content": word, **dialect.beside}, word)
    for word in cut(choice.refusal or ""):
        yield Step(n, {**dialect.each, "refusal": word}, word)
    for delta in _call_deltas(choice.tool_calls):
        yield Step(n, {**dialect.each, "tool_calls": [delta]})
    yield Step(n, {**dialect.each, **dialect.last}, finish=choice.finish)


def _call_deltas(calls: tuple[ToolCall, ...]) -> Iterator[Json]:
    """Begin every call, then bring their arguments in fragments, in turn."""
    for position, call in enumerate(calls):
        yield {"index": position, **call_fields(call, "")}
    fragments = zip_longest(*(_fragments(n, call) for n, call in enumerate(calls)))
    yield from (delta for delta in chain.from_iterable(fragments) if delta)


def _fragments(position: int, call: ToolCall) -> Iterator[Json]:
    for piece in tokens_of(call.arguments):
        yield {"index": position, "function": {"arguments": piece}}


def _step_choice(step: Step, answer: Answer, dialect: Dialect) -> Json:
    choice: Json = {"index": step.index, "delta": dict(step.delta)}
    if answer.logprobs:
        choice["logprobs"] = logprobs(answer, [step.token] if step.token else [])
    if step.finish or dialect.finish_null:
        choice["finish_reason"] = step.finish
        choice |= native(step.finish, dialect)
    return choice


def _moment(answer: Answer, dialect: Dialect, position: int) -> Json:
    moment = identity(answer, dialect, "chat.completion.chunk")
    if dialect.drifts and position:
        moment |= {"id": "", "created": answer.created + 1}
    return moment


def _usage_beside(step: Step, answer: Answer, dialect: Dialect, generated: int) -> Json:
    if dialect.usage == "each":
        count = None if step.finish else generated
        return {"usage": usage(answer, dialect, count)}
    last = step.index == answer.choices[-1].index
    if dialect.usage == "finish" and step.finish and last:
        return {"usage": usage(answer, dialect)}
    return {"usage": None} if dialect.usage_null else {}


def _tail(answer: Answer, dialect: Dialect) -> Iterator[Json]:
    """Give what comes after the finish_reason."""
    moment = _moment(answer, dialect, position=1)
    asked = dialect.usage == "asked" and answer.wants_usage
    if dialect.usage == "tail" or asked:
        beside = cost(answer, dialect) if dialect.meta in ("tail", "credits") else {}
        yield {**moment, "choices": [], "usage": usage(answer, dialect), **beside}
    if dialect.meta == "own":
        yield cost(answer, dialect)
    if dialect.repeats_finish:
        again = [{"index": c.index, "finish_reason": c.finish} for c in answer.choices]
        yield {**moment, "choices": again, "usage": None}
