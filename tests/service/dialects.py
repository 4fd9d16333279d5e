"""The ways in which servers write one and the same reply, as a table.

Sources, all read on 2026-08-21: https://docs.aimlapi.com (its captured streams; where
``meta`` stands in a stream is not documented, so there are variants),
https://openrouter.ai/docs/api-reference/streaming and .../use-cases/reasoning-tokens,
and the sources of vLLM, llama.cpp's server and LiteLLM. "Together" is inferred from
one sample of the vendor's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from .answer import Choice
from .dialect import DONE, Dialect
from .in_the_wild import IN_THE_WILD
from .tools import stand_in_calls

PROCESSING = b": OPENROUTER PROCESSING\n\n"


def _tagged(choice: Choice) -> Choice:
    content = f"<think>{choice.reasoning}</think>\n\n{choice.content}"
    return replace(choice, content=content, reasoning="")


def _orphaned(choice: Choice) -> Choice:
    content = f"{choice.reasoning}\n</think>\n\n{choice.content}"
    return replace(choice, content=content, reasoning="")


def _refused(choice: Choice) -> Choice:
    refusal = "I can't help with that. (Rehearsed refusal.)"
    return replace(choice, content="", refusal=refusal)


def _calling(choice: Choice) -> Choice:
    calls = choice.tool_calls or stand_in_calls()
    return replace(choice, content="", tool_calls=calls, finish="tool_calls")


def _mistaken(choice: Choice) -> Choice:
    return replace(choice, reasoning=choice.content, content="")


def _only_thinking(choice: Choice) -> Choice:
    return replace(choice, content="", finish="length")


def _ending(finish: str) -> Callable[[Choice], Choice]:
    def end(choice: Choice) -> Choice:
        return replace(choice, finish=finish)

    return end


def _dated(model: str) -> str:
    return f"{model}-20230311"


def _without_vendor(model: str) -> str:
    return model.rpartition("/")[2]


AIMLAPI = Dialect(
    note="AI/ML API: usage and cost in a last chunk without choices, no [DONE]",
    meta="tail",
    done=b"",
)
OPENROUTER = Dialect(
    note="OpenRouter itself: comments, reasoning_details, usage with cost, [DONE]",
    each={"role": "assistant"},
    last={"content": ""},
    extra={"provider": "Rehearsal"},
    usage_null=False,
    native=True,
    costs=True,
    thinks=True,
    before=(PROCESSING, PROCESSING),
    openai_models=True,
)
PLAIN = Dialect(note="OpenAI's chunks as most servers write them", usage="none")
VLLM = Dialect(
    note="vLLM: usage when asked for, reasoning in `reasoning`, [DONE]",
    id_form="chatcmpl-rehearsal{n:06}",
    usage="asked",
    usage_null=False,
    reasoning="bare",
    message={"refusal": None, "annotations": None, "tool_calls": []},
    openai_models=True,
)
QWEN = Dialect(
    note="Reasoning in `reasoning_content`, null content beside it, no [DONE]",
    id_form="chatcmpl-rehearsal{n:06}",
    first={
        "content": None,
        "role": "assistant",
        "refusal": None,
        "reasoning_content": "",
    },
    each={"refusal": None},
    last={"content": "", "reasoning_content": None},
    beside={"reasoning_content": None},
    reasoning="content",
    thinks=True,
    done=b"",
    served=_without_vendor,
)

DIALECTS: Mapping[str, Dialect] = {
    "aimlapi": AIMLAPI,
    "aimlapi-done": replace(AIMLAPI, note="The same with [DONE]", done=DONE),
    "aimlapi-together": Dialect(
        note="AI/ML API through Together (inferred): tool_calls [] everywhere, no cost",
        id_form="npRehea-3NKUce-{n:016x}",
        each={"role": "assistant", "tool_calls": []},
        message={"tool_calls": []},
        usage="finish",
    ),
    "aimlapi-openrouter": replace(
        OPENROUTER,
        note="AI/ML API through OpenRouter: comments, reasoning_details, cost, [DONE]",
        costs=False,
        meta="tail",
        served=_dated,
        openai_models=False,
    ),
    "aimlapi-anthropic": Dialect(
        note="AI/ML API through Anthropic: a last chunk without delta",
        id_form="msg_rehearsal{n:06}",
        first={"content": "", "role": "assistant", "refusal": None},
        each={"role": "assistant", "refusal": None},
        last={"content": ""},
        finish_null=False,
        usage="finish",
        repeats_finish=True,
        drifts=True,
        done=b"",
        served=_without_vendor,
    ),
    "meta-own-chunk": replace(
        AIMLAPI,
        note="Usage on the finish chunk, cost in a chunk of nothing else, [DONE]",
        last={"content": ""},
        usage="finish",
        meta="own",
        done=DONE,
    ),
    "credits-only": replace(
        AIMLAPI, note="As aimlapi; the cost in credits only", meta="credits"
    ),
    "no-usage": replace(
        AIMLAPI, note="As aimlapi, without usage and cost", usage="none", meta="none"
    ),
    "openrouter": OPENROUTER,
    "vllm": VLLM,
    "vllm-old": replace(
        VLLM,
        note="vLLM of 2025: reasoning_content, usage on every chunk",
        usage="each",
        reasoning="content",
        message={"refusal": None},
    ),
    "llamacpp": Dialect(
        note="llama.cpp: null content first, timings, [DONE] without its newline",
        id_form="chatcmpl-rehearsal{n:06}",
        first={"role": "assistant", "content": None},
        extra={"system_fingerprint": "b0-rehearsal", "timings": {"predicted_n": 1}},
        usage="asked",
        usage_null=False,
        reasoning="content",
        message={},
        between=(b"", b": ping\n\n", b"data:\n\n"),
        done=b"data: [DONE]",
        openai_models=True,
    ),
    "nvidia": Dialect(
        note="integrate.api.nvidia.com: reasoning_content, usage growing on each chunk",
        id_form="chatcmpl-rehearsal{n:06}",
        usage="each",
        reasoning="content",
        openai_models=True,
    ),
    "litellm": Dialect(
        note="LiteLLM proxy: null fields left out, usage when asked for",
        id_form="chatcmpl-rehearsal{n:06}",
        usage="asked",
        reasoning="content",
        drops_null=True,
        openai_models=True,
    ),
    "openai": replace(
        PLAIN,
        note="OpenAI: service_tier, obfuscation, fingerprint; usage always",
        id_form="chatcmpl-rehearsal{n:06}",
        extra={
            "service_tier": "default",
            "system_fingerprint": "fp_rehearsal",
            "obfuscation": "aK3",
        },
        usage="tail",
    ),
    "reasoning-content": QWEN,
    "reasoning-bare": replace(
        PLAIN, note="Reasoning in `reasoning` alone", reasoning="bare", thinks=True
    ),
    "reasoning-only": replace(
        OPENROUTER,
        note="Reasoning ate the budget: no answer, finish_reason length",
        alter=_only_thinking,
    ),
    "reasoning-for-answer": replace(
        PLAIN,
        note="The answer came as reasoning, and no content (vllm-project/vllm#39103)",
        reasoning="content",
        alter=_mistaken,
    ),
    "think-tags": replace(
        PLAIN,
        note="Reasoning as <think>…</think> in the text, tags split over chunks",
        thinks=True,
        alter=_tagged,
    ),
    "orphan-close": replace(
        PLAIN,
        note="Reasoning in the text, with only its </think>",
        thinks=True,
        alter=_orphaned,
    ),
    "tool-calls": replace(
        PLAIN,
        note="Two tool calls at once, their arguments in fragments",
        first={"role": "assistant", "content": None},
        alter=_calling,
    ),
    "refusal": replace(PLAIN, note="`refusal` instead of content", alter=_refused),
    "content-filter": replace(
        PLAIN, note="finish_reason content_filter", alter=_ending("content_filter")
    ),
    "finish-unknown": replace(
        PLAIN, note="A finish_reason nobody knows", alter=_ending("odd_reason")
    ),
    "finish-error": replace(
        PLAIN, note="finish_reason error, without a word why", alter=_ending("error")
    ),
    "odd-chunks": replace(
        AIMLAPI,
        note="Null, missing and wrong fields between chunks; finish and usage repeated",
        between=(
            b"",
            b'data: {"choices":null}\n\n',
            b'data: {"choices":[{"index":0,"delta":null,"finish_reason":null}]}\n\n',
            b'data: {"choices":[{"index":0}],"usage":null}\n\n',
            b'data: {"id":"","choices":[{"index":0,"delta":{"content":null}}]}\n\n',
            b'data: {"created":1,"choices":[{"index":0,"delta":{"content":[]}}]}\n\n',
            b'data: {"choices":[{"index":0,"delta":{"content":""}}],"error":null}\n\n',
            b'data: {"meta":{}}\n\n',
        ),
        after=(
            b'data: {"choices":[{"index":0,"delta":{},"finish_reason":null}],'
            b'"usage":null}\n\n',
        ),
    ),
    "fields": replace(
        PLAIN,
        note="event:, id:, retry:, unknown fields, data without a colon or value",
        before=(b"retry: 3000\n\n", b"event: message\nid: 0\nfoo: bar\n"),
        between=(b"", b"data\n\n", b"data:\n\n", b"id: 7\nunknown\n"),
    ),
    "keepalive": replace(
        PLAIN,
        note="Comments before, between and after, with and without a blank line",
        before=(PROCESSING, PROCESSING),
        between=(b"", b": ping\n", b":\n\n"),
        after=(PROCESSING,),
    ),
    "keepalive-id": replace(
        PLAIN,
        note="id: and retry: lines with no data between chunks",
        between=(b"id: 1\n", b": ping\n\nid: 2\n\n", b"retry: 3000\n\n"),
    ),
    "crlf": replace(PLAIN, note="Lines end with CR LF", newline=b"\r\n"),
    "cr": replace(PLAIN, note="Lines end with CR", newline=b"\r"),
    "bom": replace(PLAIN, note="A byte order mark first", bom=True),
    "no-space": replace(
        PLAIN, note="No space after data:", prefix=b"data:", done=b"data:[DONE]\n\n"
    ),
    "multiline": replace(PLAIN, note="JSON over several data lines", multiline=True),
    "escaped": replace(PLAIN, note="Non-ASCII letters as \\u escapes", ascii=True),
    "one-chunk": replace(PLAIN, note="The whole reply in one chunk", at_once=True),
    "no-done": replace(PLAIN, note="Complete, without [DONE]", done=b""),
    "done-no-newline": replace(
        PLAIN, note="[DONE] with no newline after it", done=b"data: [DONE]"
    ),
    "done-space": replace(
        PLAIN, note="A space after [DONE]", done=b"data: [DONE] \n\n"
    ),
    "gzip": replace(AIMLAPI, note="As aimlapi, compressed piece by piece", gzip=True),
    "json-instead": replace(
        AIMLAPI, note="JSON though a stream was asked for", answers="json"
    ),
    "sse-instead": replace(
        AIMLAPI, note="A stream though JSON was asked for", answers="sse"
    ),
    "padded-json": replace(
        AIMLAPI,
        note="JSON with spaces and newlines before it",
        answers="json",
        padding=b" \n\n  \n",
    ),
    **IN_THE_WILD,
}
