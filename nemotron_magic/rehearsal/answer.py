"""What the rehearsal answers to a request, before any server's way of writing it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from . import prose
from .analyst import reply_about
from .catalogue import CREDITS_PER_USD, SEED_MODEL, credits_for
from .coding import correction, reply_to, request_of
from .request import Json
from .steering import Steering, attachments_of, question_of, steering_of, text_of
from .tables import table_of
from .tools import ToolCall, instance, tool_calls

CHARS_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 3
COMPLAINT = "That code cannot run in this notebook"
GO_ON = "Your reply was cut off."
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
        return sum(tokens(choice.reasoning) for choice in self.choices)

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


def tokens(text: str) -> int:
    """Count tokens as everybody does who has no tokenizer.

    >>> tokens("Hello, world!")
    4
    """
    return -(-len(text) // CHARS_PER_TOKEN)


def pieces(text: str) -> list[str]:
    """Split text into its tokens."""
    step = CHARS_PER_TOKEN
    return [text[start : start + step] for start in range(0, len(text), step)]


def _visible_tokens(choice: Choice) -> int:
    called = sum(tokens(call.name + call.arguments) for call in choice.tool_calls)
    return tokens(choice.content) + tokens(choice.refusal or "") + called


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


def prompt_tokens(messages: list[Mapping[str, Any]]) -> int:
    """Count what the messages take."""
    texts = [text_of(message.get("content")) for message in messages]
    return sum(tokens(text) + TOKENS_PER_MESSAGE for text in texts)


def _wants_reasoning(body: Mapping[str, Any]) -> bool:
    """Tell whether the request switches reasoning on, in one of the ways there are."""
    heads = [
        text_of(m.get("content")) for m in body["messages"] if m["role"] == "system"
    ]
    switch = any("detailed thinking on" in t or t.endswith("/think") for t in heads)
    return switch or bool(body.get("reasoning") or body.get("reasoning_effort"))


def _first_choice(
    body: Mapping[str, Any], steering: Steering, *, thinks: bool
) -> Choice:
    question = question_of(body["messages"])
    thought = prose.reasoning(question) if thinks or steering.think else ""
    calls = tool_calls(body)
    if calls:
        return Choice(
            index=0,
            content="",
            reasoning=thought,
            tool_calls=calls,
            finish="tool_calls",
        )
    text = _text(body, steering, question)
    if body.get("echo"):
        text = f"{question}\n\n{text}"
    return Choice(index=0, content=text, reasoning=thought)


def _text(body: Mapping[str, Any], steering: Steering, question: str) -> str:
    if question.startswith(GO_ON):
        return _rest(body)
    if question.startswith(COMPLAINT):
        before = text_of(body["messages"][-2].get("content"))
        return f"{prose.NO_MODEL}\n\n{correction(before, question)}"
    if steering.say is not None:
        return steering.say
    if steering.length_tokens is not None:
        return prose.long_text(steering.length_tokens * CHARS_PER_TOKEN)
    asked: Json = body.get("response_format") or {}
    if asked.get("type") == "json_object":
        return json.dumps(prose.as_json(body, question), ensure_ascii=False)
    if asked.get("type") == "json_schema":
        return json.dumps(instance(asked["json_schema"].get("schema") or {}))
    attached = attachments_of(body["messages"])
    request = request_of(question, attached)
    if request is not None:
        return f"{prose.NO_MODEL}\n\n{reply_to(request)}"
    table = table_of(attached)
    if table is not None and not steering.mistakes:
        return reply_about(table, question)
    mistakes = [f"Not understood: `{line}`" for line in steering.mistakes]
    return "\n\n".join([*mistakes, prose.describe(body, question)])


def _rest(body: Mapping[str, Any]) -> str:
    """Go on with the last reply, as far as it was cut out of one of ours."""
    *before, cut, _ = body["messages"]
    question = question_of(before)
    whole = _text({**body, "messages": before}, steering_of(question), question)
    begun = text_of(cut.get("content"))
    return whole.removeprefix(begun) if whole.startswith(begun) else whole


def _nth(body: Mapping[str, Any], first: Choice, index: int) -> Choice:
    label = f"*Choice {index + 1}.* " if index else ""
    choice = replace(first, index=index, content=label + first.content)
    return _limited(_stopped(choice, body.get("stop")), _most_tokens(body))


def _stopped(choice: Choice, stop: str | list[str] | None) -> Choice:
    marks = [stop] if isinstance(stop, str) else stop or []
    places = [choice.content.find(mark) for mark in marks if mark]
    ends = [place for place in places if place >= 0]
    return replace(choice, content=choice.content[: min(ends)]) if ends else choice


def _most_tokens(body: Mapping[str, Any]) -> int | None:
    set_ = [body.get("max_tokens"), body.get("max_completion_tokens")]
    limits = [int(limit) for limit in set_ if limit is not None]
    if not limits and body["model"] == SEED_MODEL:
        return SEED_MODEL_MAX_TOKENS
    return min(limits, default=None)


def _limited(choice: Choice, most_tokens: int | None) -> Choice:
    """Cut a choice to so many tokens; reasoning is paid from them first."""
    if most_tokens is None:
        return choice
    thought = choice.reasoning[: most_tokens * CHARS_PER_TOKEN]
    left_chars = (most_tokens - tokens(thought)) * CHARS_PER_TOKEN
    content = choice.content[:left_chars]
    if (thought, content) == (choice.reasoning, choice.content):
        return choice
    return replace(choice, reasoning=thought, content=content, finish="length")
