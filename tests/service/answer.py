"""What the stand-in answers to a request, before any server's way of writing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nemotron_magic.rehearsal.replies import (
    count_tokens,
    cut_at_stop,
    prompt_tokens,
    question_of,
    reply_text,
    text_of,
)

from .catalogue import CREDITS_PER_USD, SEED_MODEL, credits_for
from .request import Json
from .steering import Steering
from .tools import ToolCall, tool_calls

SEED_MODEL_MAX_TOKENS = 512
"""The schema's default for that one model: https://docs.aimlapi.com, 2026-08-21."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of the n replies."""

    index: int
    content: str
    reasoning: str = ""
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All replies to a request, with what they took.

    ``stream``, ``wants_usage``, ``logprobs`` and ``top_logprobs`` are what the
    request asked for; ``created`` is in seconds since 1970.
    """

    number: int
    created: int
    model: str
    choices: tuple[Choice, ...]
    prompt_tokens: int
    stream: bool = False
    wants_usage: bool = False
    hides_reasoning: bool = False
    logprobs: bool = False
    top_logprobs: int = 0

    @property
    def reasoning_tokens(self) -> int:
        """Tokens of the reasoning; paid for, shown or not."""
        return sum(count_tokens(choice.reasoning) for choice in self.choices)

    @property
    def completion_tokens(self) -> int:
        """Tokens of all that was generated."""
        return self.reasoning_tokens + sum(_visible_tokens(c) for c in self.choices)

    @property
    def credits_used(self) -> int:
        """What the answer costs, in credits."""
        return credits_for(self.model, self.prompt_tokens, self.completion_tokens)

    @property
    def cost_usd(self) -> float:
        """What the answer costs, in USD."""
        return self.credits_used / CREDITS_PER_USD


def _visible_tokens(choice: Choice) -> int:
    called = sum(count_tokens(call.name + call.arguments) for call in choice.tool_calls)
    return count_tokens(choice.content) + count_tokens(choice.refusal or "") + called


def answer(
    body: Mapping[str, Any],
    steering: Steering,
    *,
    number: int,
    created: int,
    thinks: bool = False,
) -> Answer:
    """Answer a request body that passed the checks.

    Parameters
    ----------
    number
        Which answer of this server it is; its id is made from it.
    thinks
        Whether to reason though nobody asked.
    """
    options: Json = body.get("reasoning") or {}
    first = _first_choice(body, steering, thinks=thinks or _wants_reasoning(body))
    return Answer(
        number=number,
        created=created,
        model=body["model"],
        choices=tuple(_nth(body, first, n) for n in range(body.get("n") or 1)),
        prompt_tokens=prompt_tokens(body["messages"]),
        stream=bool(body.get("stream")),
        wants_usage=bool((body.get("stream_options") or {}).get("include_usage")),
        hides_reasoning=bool(options.get("exclude")),
        logprobs=bool(body.get("logprobs")),
        top_logprobs=int(body.get("top_logprobs") or 0),
    )


def _wants_reasoning(body: Mapping[str, Any]) -> bool:
    """Tell whether the request switches reasoning on, in one of the ways there are."""
    heads = [text_of(m) for m in body["messages"] if m["role"] == "system"]
    switch = any("detailed thinking on" in t or t.endswith("/think") for t in heads)
    return switch or bool(body.get("reasoning") or body.get("reasoning_effort"))


def _first_choice(
    body: Mapping[str, Any], steering: Steering, *, thinks: bool
) -> Choice:
    question = question_of(body["messages"])
    thought = reasoning_text(question) if thinks or steering.think else ""
    calls = tool_calls(body)
    if calls:
        return Choice(
            index=0,
            content="",
            reasoning=thought,
            tool_calls=calls,
            finish="tool_calls",
        )
    text = reply_text(body)
    if body.get("echo"):
        text = f"{question}\n\n{text}"
    return Choice(index=0, content=text, reasoning=thought)


def _nth(body: Mapping[str, Any], first: Choice, index: int) -> Choice:
    label = f"*Choice {index + 1}.* " if index else ""
    choice = replace(first, index=index, content=label + first.content)
    choice = replace(choice, content=cut_at_stop(choice.content, body.get("stop")))
    return _limited(choice, _most_tokens(body))


def _most_tokens(body: Mapping[str, Any]) -> int | None:
    set_ = [body.get("max_tokens"), body.get("max_completion_tokens")]
    limits = [int(limit) for limit in set_ if limit is not None]
    if not limits and body["model"] == SEED_MODEL:
        return SEED_MODEL_MAX_TOKENS
    return min(limits, default=None)


def reasoning_text(question: str) -> str:
    """Write what a model that thinks aloud would have thought."""
    asked = " ".join(question.split())[:40]
    return (
        f"The question begins with “{asked}”. There is no model here, so there is "
        "nothing to think about; but a trace has to be shown somewhere. First I list "
        "what arrived. Then I show a formula, a list and a program that runs."
    )


def cut_to_tokens(
    reasoning: str, content: str, most_tokens: int | None
) -> tuple[str, str]:
    """Cut both to a number of tokens; reasoning is paid from them first."""
    if most_tokens is None:
        return reasoning, content
    reasoning = reasoning[: most_tokens * 4]
    left_tokens = most_tokens - count_tokens(reasoning)
    return reasoning, content[: left_tokens * 4]


def _limited(choice: Choice, most_tokens: int | None) -> Choice:
    thought, content = cut_to_tokens(choice.reasoning, choice.content, most_tokens)
    if (thought, content) == (choice.reasoning, choice.content):
        return choice
    return replace(choice, reasoning=thought, content=content, finish="length")
