"""Write an answer in a dialect as one JSON body, and the parts that streams share."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

from nemotron_magic.rehearsal.replies import tokens_of

from .answer import Answer, Choice
from .dialect import Dialect
from .request import Json
from .response import Headers, to_bytes
from .tools import ToolCall


def usage(
    answer: Answer, dialect: Dialect, completion_tokens: int | None = None
) -> Json:
    """Give the usage object; ``completion_tokens`` where it is not all of them."""
    done = answer.completion_tokens if completion_tokens is None else completion_tokens
    counts: Json = {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": done,
        "total_tokens": answer.prompt_tokens + done,
    }
    if answer.reasoning_tokens:
        thought = {"reasoning_tokens": answer.reasoning_tokens}
        counts["completion_tokens_details"] = thought
    if dialect.costs:
        detail = {"upstream_inference_cost": None}
        counts |= {"cost": answer.cost_usd, "cost_details": detail}
    return counts


def cost(answer: Answer, dialect: Dialect) -> Json:
    """Give the cost object, beside which ``usage`` stands."""
    spent: Json = {"credits_used": answer.credits_used}
    if dialect.meta != "credits":
        spent["usd_spent"] = answer.cost_usd
    return {"meta": {"usage": spent}}


def cost_headers(answer: Answer, dialect: Dialect) -> Headers:
    """Say the cost beside a JSON body; streams have no such headers.

    See https://docs.aimlapi.com/capabilities/request-tracing-and-cost, 2026-08-21.
    """
    if dialect.meta == "none":
        return ()
    return (
        ("x-aimlapi-credits-used", str(answer.credits_used)),
        ("x-aimlapi-usd-spent", f"{answer.cost_usd:.9f}"),
    )


# ---- as one body


def completion(answer: Answer, dialect: Dialect) -> Json:
    """Give the body of a reply that is not streamed."""
    body: Json = {
        **identity(answer, dialect, "chat.completion"),
        "choices": [_whole_choice(c, answer, dialect) for c in answer.choices],
    }
    if dialect.usage != "none":
        body["usage"] = usage(answer, dialect)
    if dialect.meta != "none":
        body |= cost(answer, dialect)
    (body,) = dialect.rewrite(iter([body]))
    return without_null(body) if dialect.drops_null else body


def identity(answer: Answer, dialect: Dialect, kind: str) -> Json:
    """Give the fields that say whose reply this is."""
    return {
        "id": dialect.id_form.format(n=answer.number, t=answer.created),
        "object": kind,
        "created": answer.created,
        "model": dialect.served(answer.model),
        **dialect.extra,
    }


def _whole_choice(choice: Choice, answer: Answer, dialect: Dialect) -> Json:
    return {
        "index": choice.index,
        "message": _message(choice, answer, dialect),
        "logprobs": logprobs(answer, tokens_of(choice.content)),
        "finish_reason": choice.finish,
        **native(choice.finish, dialect),
    }


def _message(choice: Choice, answer: Answer, dialect: Dialect) -> Json:
    message: Json = {"role": "assistant", "content": choice.content, **dialect.message}
    if choice.reasoning and not answer.hides_reasoning:
        message |= reasoning_fields(choice.reasoning, dialect)
    if choice.refusal is not None:
        message["refusal"] = choice.refusal
    if choice.tool_calls:
        calls = [call_fields(c, c.arguments) for c in choice.tool_calls]
        message |= {"content": None, "tool_calls": calls}
    return message


def native(finish: str | None, dialect: Dialect) -> Json:
    """Give the upstream's own finish_reason, where the dialect has it."""
    return {"native_finish_reason": finish} if dialect.native else {}


def reasoning_fields(text: str, dialect: Dialect) -> Json:
    """Give the fields that bring reasoning."""
    return REASONING[dialect.reasoning](text)


def _metadata(text: str) -> Json:
    detail = {"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}
    return {"reasoning": text, "reasoning_details": [detail]}


def _content_field(text: str) -> Json:
    return {"reasoning_content": text}


def _bare(text: str) -> Json:
    return {"reasoning": text}


REASONING: Mapping[str, Callable[[str], Json]] = {
    "details": _metadata,
    "content": _content_field,
    "bare": _bare,
}


def call_fields(call: ToolCall, arguments: str) -> Json:
    """Give the fields of a tool call, with these arguments of it."""
    function = {"name": call.name, "arguments": arguments}
    return {"id": call.id, "type": "function", "function": function}


# ---- token probabilities


def logprobs(answer: Answer, words: list[str]) -> Json | None:
    """Give made-up probabilities of these tokens, if they were asked for."""
    if not answer.logprobs:
        return None
    entries = [_logprob(word, answer.top_logprobs) for word in words]
    return {"content": entries, "refusal": []}


def _logprob(token: str, top: int) -> Json:
    """Make up a probability; the same token always gets the same one."""
    first = -(zlib.crc32(to_bytes(token)) % 1000 + 1) / 1000
    others = [_entry(f"{token}{n}", first - n) for n in range(1, top)]
    likeliest = [_entry(token, first), *others][:top]
    return {**_entry(token, first), "top_logprobs": likeliest}


def _entry(token: str, logprob: float) -> Json:
    return {"token": token, "logprob": logprob, "bytes": list(to_bytes(token))}


def without_null(value: Any) -> Any:
    """Leave out the null fields at every depth."""
    if isinstance(value, dict):
        return {k: without_null(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_null(member) for member in value]
    return value
