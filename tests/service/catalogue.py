"""The models that the rehearsal lists, with prices that are invented.

The shape of the rows follows https://docs.aimlapi.com/api-references/service-endpoints/
complete-model-list as of 2026-08-21, with its traps: two ways to write a price,
rows without one, one id under two types. Which Nemotrons are live, which retired,
follows https://docs.aimlapi.com/api-references/model-database of the same day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .prices import PRICE_DIALECTS, Price
from .request import Json
from .response import Response, dumps, json_response, to_bytes

CREDITS_PER_USD = 2_000_000
"""From https://docs.aimlapi.com/faq/how-can-i-track-my-funds, 2026-08-21."""

CHAT = "openai/chat-completions"
SEED_MODEL = "nvidia/Llama-3.1-Nemotron-70B-Instruct-HF"
RETIRED = (
    SEED_MODEL,
    "nvidia/llama-3.1-nemotron-70b-instruct",
    "nvidia/nemotron-nano-12b-v2-vl",
    "nvidia/nemotron-nano-9b-v2",
    "nvidia/nemotron-3-nano-omni-30b-a3b-reasoning",
    "nvidia/llama-3.3-nemotron-super-49b-v1.5",
)
EXTRA_PREFIX = "rehearsal/"
INVENTED = "Listed by the rehearsal; its price is invented."
SECTIONS = ("pricing", "modalities", "capabilities")


UNLISTED_PRICE = Price(1.11, 2.22)


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the catalogue; ``dialect`` names the way its price is written."""

    id: str
    name: str
    developer: str
    price: Price
    dialect: str = "origin"
    context: int = 1_000_000
    type: str = CHAT
    aliases: tuple[str, ...] = ()


def _nemotron(tail: str, name: str, price: Price, dialect: str = "origin") -> Model:
    return Model(f"nvidia/{tail}", name, "NVIDIA", price, dialect, aliases=(tail,))


MODELS = (
    _nemotron("nemotron-3-ultra-550b-a55b", "Nemotron 3 Ultra", Price(5.55, 6.66)),
    _nemotron("nemotron-3-super-120b-a12b", "Nemotron 3 Super", Price(3.33, 4.44)),
    _nemotron(
        "nemotron-3-nano-30b-a3b", "Nemotron 3 Nano", Price(0.11, 0.22), "measure"
    ),
    _nemotron("nemotron-3.5-lightning", "Nemotron 3.5 Lightning", Price(0.33, 0.44)),
    Model(
        "alibaba/qwen3-32b",
        "Qwen3 32B",
        "Alibaba",
        Price(7.77, 8.88),
        "per-one",
        131072,
    ),
    Model("openai/gpt-4o", "GPT-4o", "OpenAI", Price(1.23, 4.56), "variants", 128_000),
    Model(
        "openai/gpt-4o",
        "GPT-4o",
        "OpenAI",
        Price(1.23, 4.56),
        "measure",
        128_000,
        type="openai/responses",
    ),
    Model(
        "anthropic/claude-opus-4-6",
        "Claude 4.6 Opus",
        "Anthropic",
        Price(9.87, 6.54),
        "variable",
        200_000,
        aliases=("anthropic/claude-opus-4.6",),
    ),
    Model("deepseek/deepseek-v3", "DeepSeek V3", "DeepSeek", Price(0.1, 0.2), "absent"),
)


def find(name: str) -> Model | None:
    """Give the chat model of this id or alias, in whatever case, or None."""
    return next((m for m in MODELS if m.type == CHAT and _answers_to(m, name)), None)


def is_listed(name: str) -> bool:
    """Tell whether a model can be asked; so can all that `listing` adds."""
    return find(name) is not None or name.startswith(EXTRA_PREFIX)


def credits_for(model: str, prompt_tokens: int, completion_tokens: int) -> int:
    """Give what a reply costs by this price list, in whole credits."""
    found = find(model)
    price = found.price if found else UNLISTED_PRICE
    millionths = prompt_tokens * price.prompt + completion_tokens * price.completion
    return round(millionths * CREDITS_PER_USD / 1_000_000)


def _answers_to(model: Model, name: str) -> bool:
    return name.lower() in {n.lower() for n in (model.id, *model.aliases)}


# ---- rows


def _row(model: Model, sections: Iterable[str]) -> Json:
    info = {
        "name": model.name,
        "developer": model.developer,
        "description": INVENTED,
        "contextLength": model.context,
        "url": "",
    }
    row: Json = {"id": model.id, "aliases": list(model.aliases), "type": model.type}
    row |= {"info": info, "tags": ["playground:chat"]}
    return row | {name: value for name in sections for value in _section(model, name)}


def _section(model: Model, name: str) -> list[Any]:
    """Give the section in a list, or an empty list where the row has none."""
    if name == "modalities":
        return [{"input": ["text"], "output": ["text"]}]
    if name == "capabilities":
        return [["streaming", "tools"]]
    write = PRICE_DIALECTS.get(model.dialect)
    return [write(model.price)] if write else []


def _openai_row(model: Model) -> Json:
    owner = model.developer.lower()
    return {
        "id": model.id,
        "object": "model",
        "created": 1_756_000_000,
        "owned_by": owner,
    }


def _extra(count: int) -> tuple[Model, ...]:
    return tuple(
        Model(f"{EXTRA_PREFIX}model-{n:04}", f"Model {n}", "Rehearsal", Price(0.1, 0.2))
        for n in range(count)
    )


# ---- answers


def listing(
    query: Mapping[str, list[str]],
    *,
    seen: str = "",
    extra: int = 0,
    openai: bool = False,
) -> Response:
    """Answer ``GET /v1/models``.

    Parameters
    ----------
    query
        ``include``, ``details``, ``id``, ``type``, ``tags``, ``capabilities``; others
        and unknown values are ignored.
    seen
        The request's If-None-Match: if nothing changed, the answer is an empty 304.
    extra
        This many rows more, to see what a long list does.
    openai
        Whether rows have OpenAI's shape (vLLM, llama.cpp, NVIDIA, LiteLLM).
    """
    sections = _sections(query)
    chosen = [m for m in MODELS + _extra(extra) if _is_chosen(m, query)]
    if openai:
        rows = [_openai_row(m) for m in chosen if m.type == CHAT]
    else:
        rows = [_row(m, sections) for m in chosen]
    body = {"object": "list", "data": rows}
    tag = _etag(body)
    if tag == seen:
        return Response(status=304, headers=(("ETag", tag),), framing="length")
    return json_response(body, headers=(("ETag", tag),))


def one(name: str) -> Response | None:
    """Answer ``GET /model/{id}``, or None if there is no such model."""
    found = find(name)
    body = found and {"object": "model", "data": _row(found, SECTIONS)}
    return json_response(body) if body else None


def _words(query: Mapping[str, list[str]], name: str) -> set[str]:
    values = ",".join(query.get(name, ())).lower().split(",")
    return {value for value in values if value}


def _sections(query: Mapping[str, list[str]]) -> tuple[str, ...]:
    asked = _words(query, "include")
    if "all" in asked or _words(query, "details") & {"true", "1"}:
        return SECTIONS
    return tuple(name for name in SECTIONS if name in asked)


def _is_chosen(model: Model, query: Mapping[str, list[str]]) -> bool:
    traits = {
        "id": {n.lower() for n in (model.id, *model.aliases)},
        "type": {model.type},
        "tags": {"playground:chat"},
        "capabilities": {"streaming", "tools"},
    }
    return all(_words(query, n) & has for n, has in traits.items() if _words(query, n))


def _etag(body: Json) -> str:
    content = to_bytes(dumps(body))
    return f'W/"{len(content):x}-{hashlib.sha256(content).hexdigest()[:16]}"'
