"""Write an answer in the AI/ML API's shape: as one JSON body, or as a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .replies import Answer, Choice, tokens_of

Json = dict[str, Any]
"""A JSON object, as it lies on the wire."""

CREDITS_PER_USD = 2_000_000
"""From https://docs.aimlapi.com/faq/how-can-i-track-my-funds, 2026-08-21."""


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the catalogue; prices are invented, in USD for a million tokens."""

    id: str
    name: str
    prompt_usd: float
    completion_usd: float


MODELS = (
    Model("nvidia/nemotron-3-ultra-550b-a55b", "Nemotron 3 Ultra", 5.55, 6.66),
    Model("nvidia/nemotron-3-super-120b-a12b", "Nemotron 3 Super", 3.33, 4.44),
    Model("nvidia/nemotron-3-nano-30b-a3b", "Nemotron 3 Nano", 0.11, 0.22),
    Model("nvidia/nemotron-3.5-lightning", "Nemotron 3.5 Lightning", 0.33, 0.44),
)
UNLISTED = Model("", "", 1.11, 2.22)


def catalogue() -> Json:
    """Return the body of ``GET /v1/models``."""
    return {"object": "list", "data": [_row(model) for model in MODELS]}


def _row(model: Model) -> Json:
    def unit(origin: str, usd: float) -> Json:
        kind = {"type": "charge", "name": "token", "content": "text"}
        return {**kind, "origin": origin, "price": usd, "per": 1_000_000}

    info = {
        "name": model.name,
        "developer": "NVIDIA",
        "description": "Listed by the rehearsal; its price is invented.",
        "contextLength": 1_000_000,
        "url": "",
    }
    prices = [
        unit("provided", model.prompt_usd),
        unit("generated", model.completion_usd),
    ]
    return {
        "id": model.id,
        "aliases": [model.id.partition("/")[2]],
        "type": "openai/chat-completions",
        "info": info,
        "tags": ["playground:chat"],
        "pricing": {"kind": "fixed", "currency": "USD", "units": prices},
    }


def credits_used(answer: Answer) -> int:
    """Return what an answer costs by this price list, in whole credits."""
    model = next((m for m in MODELS if m.id == answer.model), UNLISTED)
    prompt = answer.prompt_tokens * model.prompt_usd
    completion = answer.completion_tokens * model.completion_usd
    return round((prompt + completion) * CREDITS_PER_USD / 1_000_000)


def completion(answer: Answer) -> Json:
    """Return the body of a reply that is not streamed."""
    choices = [
        {
            "index": choice.index,
            "message": {"role": "assistant", **_texts(choice), "refusal": None},
            "logprobs": None,
            "finish_reason": choice.finish,
        }
        for choice in answer.choices
    ]
    return {**_head(answer, "chat.completion"), "choices": choices, **_usage(answer)}


def stream(answer: Answer) -> Iterator[bytes]:
    """Yield the server-sent events of a streamed reply."""
    head = _head(answer, "chat.completion.chunk")
    for choice in answer.choices:
        for delta in _deltas(choice):
            yield _event({**head, "choices": [_delta(choice, delta)], "usage": None})
        end = _delta(choice, {}, choice.finish)
        yield _event({**head, "choices": [end], "usage": None})
    yield _event({**head, "choices": [], **_usage(answer)})


def to_bytes(value: Any) -> bytes:
    """Encode JSON as the service does; a lone surrogate becomes "?"."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", errors="replace")


def _event(chunk: Json) -> bytes:
    return b"data: " + to_bytes(chunk) + b"\n\n"


def _head(answer: Answer, kind: str) -> Json:
    return {
        "id": f"gen-{answer.created}-{answer.number:06}",
        "object": kind,
        "created": answer.created,
        "model": answer.model,
    }


def _usage(answer: Answer) -> Json:
    spent = credits_used(answer)
    usage = {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
    }
    cost = {"credits_used": spent, "usd_spent": spent / CREDITS_PER_USD}
    return {"usage": usage, "meta": {"usage": cost}}


def _texts(choice: Choice) -> Json:
    reasoning = {"reasoning": choice.reasoning} if choice.reasoning else {}
    return {"content": choice.content, **reasoning}


def _deltas(choice: Choice) -> Iterator[Json]:
    yield {"role": "assistant", "content": ""}
    for token in tokens_of(choice.reasoning):
        yield {"content": "", "reasoning": token}
    for token in tokens_of(choice.content):
        yield {"content": token}


def _delta(choice: Choice, delta: Mapping[str, Any], finish: str | None = None) -> Json:
    return {"index": choice.index, "delta": dict(delta), "finish_reason": finish}
