"""The ways in which servers were seen to write, each by its own oddities.

Most of them are said to speak OpenAI's protocol; the last ones speak another. What is
odd is a function over the chunks of a stream; a JSON body goes through it as the one
chunk that it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from .dialect import Dialect, Rewrite
from .request import Json


def each(change: Callable[[Json, Json, Json], None]) -> Rewrite:
    """Change each chunk, its first choice, and what that one brings, in place."""

    def rewrite(chunks: Iterator[Json]) -> Iterator[Json]:
        for chunk in chunks:
            choice = next(iter(chunk.get("choices") or []), {})
            change(chunk, choice, choice.get("delta") or choice.get("message") or {})
            yield chunk

    return rewrite


def _number(text: Any) -> Any:
    """Return the number that a text is, if it is written as numbers are."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError):
        return text
    return value if json.dumps(value) == text and value is not None else text


def _workers_ai(chunk: Json, choice: Json, piece: Json) -> None:
    piece["content"] = _number(piece.get("content"))
    chunk["p"] = "abdefghijklmnop"


def _gemini(chunk: Json, choice: Json, piece: Json) -> None:
    if choice:
        choice["finish_reason"] = (choice.get("finish_reason") or "stop").upper()
    thought = piece.pop("reasoning", None)
    if thought is not None:
        text = [{"text": piece["content"]}] if piece.get("content") else []
        piece["content"] = [{"text": thought, "thought": True}, *text]


def _mistral(chunk: Json, choice: Json, piece: Json) -> None:
    thought = piece.pop("reasoning", None)
    if thought is not None:
        text = [{"type": "text", "text": thought}]
        parts = [{"type": "thinking", "thinking": text}]
        if piece.get("content"):
            parts.append({"type": "text", "text": piece["content"]})
        piece["content"] = parts
    if choice.get("finish_reason") == "length":
        choice["finish_reason"] = "model_length"


def _moonshot(chunk: Json, choice: Json, piece: Json) -> None:
    if choice.get("finish_reason"):
        choice["usage"] = chunk.pop("usage")
    else:
        chunk.pop("usage", None)


def _minimax(chunks: Iterator[Json]) -> Iterator[Json]:
    texts = {"content": "", "reasoning_content": ""}
    for chunk in chunks:
        chunk["base_resp"] = {"status_code": 0, "status_msg": ""}
        for choice in chunk["choices"]:
            delta = choice.get("delta") or {}
            for name in texts:
                texts[name] += delta.get(name) or ""
            if choice.get("finish_reason") and "delta" in choice:
                del choice["delta"]
                choice["message"] = {"role": "assistant", **texts}
                chunk["object"] = "chat.completion"
        yield chunk


def _baidu(chunk: Json, choice: Json, piece: Json) -> None:
    chunk |= {"is_end": bool(choice.get("finish_reason")), "need_clear_history": False}
    chunk["error"] = {"code": 0, "message": "Success"}
    chunk["error_code"] = 0
    if choice.get("finish_reason") == "stop":
        choice["finish_reason"] = "normal"


def _tgi(chunks: Iterator[Json]) -> Iterator[Json]:
    for number, chunk in enumerate(chunks, start=1):
        for choice in chunk["choices"]:
            choice["index"] = number
            if choice.get("finish_reason") == "stop":
                choice["finish_reason"] = "eos_token"
        yield chunk


def _databricks(chunk: Json, choice: Json, piece: Json) -> None:
    thought = piece.pop("reasoning", None)
    parts: list[Json] = []
    if thought is not None:
        summary = [{"type": "summary_text", "text": thought, "signature": ""}]
        parts.append({"type": "reasoning", "summary": summary})
    if piece.get("content"):
        parts.append({"type": "text", "text": piece["content"]})
    if parts:
        piece["content"] = parts


def _lm_studio(chunk: Json, choice: Json, piece: Json) -> None:
    chunk["stats"] = {"tokens_per_second": 51.4, "stop_reason": "eosFound"}
    if choice.get("finish_reason") == "stop":
        choice["finish_reason"] = "eosFound"


def _together(chunk: Json, choice: Json, piece: Json) -> None:
    if "delta" in choice:
        choice["text"] = piece.get("content") or ""
        choice["seed"] = 7
        piece["token_id"] = 42
    if choice.get("finish_reason") == "stop":
        choice["finish_reason"] = "eos"


def _vercel(chunk: Json, choice: Json, piece: Json) -> None:
    if chunk.get("usage"):
        cost = f"{chunk['usage'].pop('cost'):.9f}"
        chunk["usage"] = {name: str(n) for name, n in chunk["usage"].items()} | {
            "cost": cost
        }
        piece["provider_metadata"] = {"gateway": {"cost": cost}}


def _xai(chunk: Json, choice: Json, piece: Json) -> None:
    if chunk.get("usage"):
        ticks = round(chunk["usage"].pop("cost") * 10_000_000_000)
        chunk["usage"] |= {"cost_in_usd_ticks": ticks, "num_sources_used": 0}


def _perplexity(chunks: Iterator[Json]) -> Iterator[Json]:
    said = ""
    for chunk in chunks:
        chunk |= {"citations": ["https://example.org"], "search_results": []}
        if chunk.get("usage"):
            cost = chunk["usage"].pop("cost")
            chunk["usage"]["cost"] = {"request_cost": 0.0, "total_cost": cost}
        for choice in chunk["choices"]:
            if "delta" in choice:
                said += choice["delta"].get("content") or ""
                choice["message"] = {"role": "assistant", "content": said}
        yield chunk


def native(write: Callable[[str, str, str, Json | None], Json]) -> Rewrite:
    """Write each chunk anew, from its thought, text, finish and usage."""

    def rewrite(chunks: Iterator[Json]) -> Iterator[Json]:
        for chunk in chunks:
            choice = next(iter(chunk.get("choices") or []), {})
            piece = choice.get("delta") or choice.get("message") or {}
            told = (piece.get("reasoning") or "", piece.get("content") or "")
            finish = choice.get("finish_reason") or ""
            yield write(*told, finish, chunk.get("usage"))

    return rewrite


def _counts(usage: Json | None, read: str, written: str) -> Json:
    if not usage:
        return {}
    return {read: usage["prompt_tokens"], written: usage["completion_tokens"]}


def _gemini_native(thought: str, text: str, finish: str, usage: Json | None) -> Json:
    parts = [{"text": thought, "thought": True}] if thought else []
    content = {"role": "model", "parts": [*parts, {"text": text}]}
    candidate = {"content": content, "finishReason": finish.upper() or None}
    counts = _counts(usage, "promptTokenCount", "candidatesTokenCount")
    return {"candidates": [candidate], "usageMetadata": counts}


def _anthropic(thought: str, text: str, finish: str, usage: Json | None) -> Json:
    counts = {"usage": _counts(usage, "input_tokens", "output_tokens")}
    stop = {"stop_reason": "end_turn"} if finish else {}
    parts = [{"type": "thinking", "thinking": thought}] if thought else []
    if text and finish:
        content = [*parts, {"type": "text", "text": text}]
        return {"type": "message", "content": content, **stop, **counts}
    if stop or usage:
        return {"type": "message_delta", "delta": stop, **counts}
    piece = {"type": "thinking_delta", "thinking": thought} if thought else {}
    piece = piece or {"type": "text_delta", "text": text}
    return {"type": "content_block_delta", "index": 0, "delta": piece}


def _responses(thought: str, text: str, finish: str, usage: Json | None) -> Json:
    if finish or usage:
        summary = [{"type": "summary_text", "text": thought}]
        output = [
            {"type": "reasoning", "summary": summary},
            {"type": "message", "content": [{"type": "output_text", "text": text}]},
        ]
        status = "completed" if finish else "in_progress"
        counts = _counts(usage, "input_tokens", "output_tokens")
        return {"status": status, "output": output, "error": None, "usage": counts}
    name = "reasoning_summary_text" if thought else "output_text"
    return {"type": f"response.{name}.delta", "delta": thought or text}


def _bedrock(thought: str, text: str, finish: str, usage: Json | None) -> Json:
    counts = {"usage": _counts(usage, "inputTokens", "outputTokens")}
    thoughts = {"reasoningContent": {"reasoningText": {"text": thought}}}
    if text and finish:
        content = [*([thoughts] if thought else []), {"text": text}]
        output = {"message": {"role": "assistant", "content": content}}
        return {"output": output, "stopReason": "end_turn", **counts}
    if finish:
        return {"messageStop": {"stopReason": "end_turn"}}
    if usage:
        return {"metadata": counts}
    return {"contentBlockDelta": {"delta": thoughts if thought else {"text": text}}}


def _dashscope(chunks: Iterator[Json]) -> Iterator[Json]:
    said = {"content": "", "reasoning_content": ""}
    for chunk in chunks:
        choice = next(iter(chunk.get("choices") or []), {})
        piece = choice.get("delta") or choice.get("message") or {}
        said = {name: text + (piece.get(name) or "") for name, text in said.items()}
        finish = choice.get("finish_reason") or "null"
        whole = {"message": {"role": "assistant", **said}, "finish_reason": finish}
        counts = _counts(chunk.get("usage"), "input_tokens", "output_tokens")
        yield {"output": {"choices": [whole]}, "usage": counts, "request_id": "r-1"}


SERVER = Dialect(note="", id_form="chatcmpl-{n:06}", usage="tail", openai_models=True)
COSTS = replace(SERVER, usage="finish", costs=True)

IN_THE_WILD: Mapping[str, Dialect] = {
    "workers-ai": replace(
        SERVER,
        note="Workers AI: pieces that look like numbers are JSON numbers",
        rewrite=each(_workers_ai),
    ),
    "gemini": replace(
        SERVER,
        note="Gemini's endpoint: a finish_reason in every chunk, thoughts as parts",
        reasoning="bare",
        usage="each",
        rewrite=each(_gemini),
    ),
    "mistral": replace(
        SERVER,
        note="Mistral: thinking as parts within parts, model_length",
        reasoning="bare",
        rewrite=each(_mistral),
    ),
    "moonshot": replace(
        SERVER,
        note="Moonshot: usage inside of the choice",
        reasoning="content",
        usage="finish",
        rewrite=each(_moonshot),
    ),
    "minimax": replace(
        SERVER,
        note="MiniMax: base_resp everywhere, the whole message in the last chunk",
        reasoning="content",
        rewrite=_minimax,
    ),
    "baidu": replace(
        SERVER,
        note="Baidu: an error that says Success, finish_reason normal",
        reasoning="content",
        rewrite=each(_baidu),
    ),
    "tgi": replace(
        SERVER,
        note="TGI: an index that rises with each chunk, eos_token",
        rewrite=_tgi,
    ),
    "databricks": replace(
        SERVER,
        note="Databricks: content as parts, reasoning as summaries among them",
        reasoning="bare",
        rewrite=each(_databricks),
    ),
    "lm-studio": replace(
        SERVER,
        note="LM Studio: stats, eosFound",
        reasoning="bare",
        rewrite=each(_lm_studio),
    ),
    "together": replace(
        SERVER,
        note="Together: the text beside the delta once more, eos",
        reasoning="bare",
        rewrite=each(_together),
    ),
    "vercel": replace(
        COSTS,
        note="Vercel's gateway: all figures as texts",
        rewrite=each(_vercel),
    ),
    "xai": replace(
        COSTS,
        note="xAI: the cost in ticks, ten billion to a dollar",
        reasoning="content",
        rewrite=each(_xai),
    ),
    "perplexity": replace(
        COSTS,
        note="Perplexity: all of the message so far in every chunk, cost.total_cost",
        rewrite=_perplexity,
    ),
    "gemini-native": replace(
        SERVER,
        note="Gemini's own protocol: candidates",
        reasoning="bare",
        usage="each",
        rewrite=native(_gemini_native),
    ),
    "anthropic-native": replace(
        SERVER,
        note="Anthropic's own protocol: blocks of messages",
        reasoning="bare",
        rewrite=native(_anthropic),
    ),
    "responses": replace(
        SERVER,
        note="OpenAI's Responses",
        reasoning="bare",
        rewrite=native(_responses),
    ),
    "bedrock": replace(
        SERVER,
        note="Bedrock's Converse",
        reasoning="bare",
        rewrite=native(_bedrock),
    ),
    "dashscope": replace(
        SERVER,
        note="DashScope's own protocol: all of the message so far in every chunk",
        reasoning="content",
        rewrite=_dashscope,
    ),
}
