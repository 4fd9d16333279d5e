"""What servers were seen to write: read for what it says, or told as not read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from service.in_the_wild import IN_THE_WILD
from wire import DONE, ELSEWHERE, STOP, Told, delta, event, hear, say

from nemotron_magic.client.client import Client, Request
from nemotron_magic.client.http_errors import RequestInfo
from nemotron_magic.client.response import gap_limit
from nemotron_magic.core.endpoint import Endpoint
from nemotron_magic.core.errors import (
    AuthenticationError,
    CreditError,
    NemotronError,
    OutcomeUnknownError,
    RequestError,
    ServiceError,
)
from nemotron_magic.core.events import Damaged, Notice, Text, Truncated
from nemotron_magic.core.settings import Settings
from nemotron_magic.core.usage import Usage

SAID = "x = 12.5, y = 7"
THINKS = sorted(set(IN_THE_WILD) - {"workers-ai", "tgi", "vercel", "perplexity"})
TELLS_COST = ("vercel", "xai", "perplexity")


def choice(**fields: Any) -> bytes:
    return event({"choices": [fields]})


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("dialect", IN_THE_WILD)
def test_a_reply_is_whole_whoever_writes_it(
    ask: Any, dialect: str, stream: bool
) -> None:
    told: Told = ask(
        f"rehearsal: think\nrehearsal: say {SAID}",
        dialect=dialect,
        settings={"stream": stream},
    )

    assert told.error is None
    assert told.reply is not None
    assert (told.text, told.reply.finish_reason) == (SAID, "stop")
    assert told.reply.reasoning.startswith("The question begins with")
    assert told.reply.is_whole
    assert told.notices == []
    assert told.reply.usage.completion_tokens
    assert (told.reply.cost_usd is not None) == (dialect in TELLS_COST)


@pytest.mark.parametrize("dialect", ["gemini", "mistral", "tgi"])
def test_a_cut_reply_is_told_as_one_in_whatever_words(ask: Any, dialect: str) -> None:
    told = ask("rehearsal: length 50", dialect=dialect, settings={"max_tokens": 5})

    assert told.reply.finish_reason == "length"


# ---- texts


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("0.005", "0.005"),
        ("3.10", "3.10"),
        ("1E5", "1E5"),
        ("-7", "-7"),
        ("true", "true"),
        ('["a", "b"]', "ab"),
        ('["a", 1, {"text": 2.50}]', "a12.50"),
        ('{"text": "a"}', "a"),
        ('{"type": "text", "text": {"value": "a"}}', "a"),
        ('{"parts": [{"text": "a"}, {"text": "b"}]}', "ab"),
    ],
)
@pytest.mark.parametrize("name", ["delta", "message"])
def test_text_is_read_in_every_shape(name: str, content: str, said: str) -> None:
    body = f'data: {{"choices": [{{"{name}": {{"content": {content}}}}}]}}\n\n'
    heard = hear(say("is "), body.encode(), say("!"), STOP, DONE)
    heard = heard if name == "delta" else hear(body.encode(), STOP, DONE)

    assert str(heard.reply) == (f"is {said}!" if name == "delta" else said)
    assert heard.reply.is_whole


@pytest.mark.parametrize(
    "chunks",
    [
        [choice(delta="a"), choice(delta="b")],
        [choice(text="a"), choice(text="b")],
        [event({"content": False, "text": "a"}), event({"text": "b"})],
        [choice(text="a", delta={"role": "assistant"}), choice(text="b", delta={})],
        [choice(delta={"text": "a"}), choice(delta={"text": "b"})],
        [choice(message={"content": "a"}), choice(message={"content": "b"})],
        [event({"choices": {"delta": {"content": "ab"}}})],
        [event({"choices": {"0": {"delta": {"content": "ab"}}}})],
        [choice(delta={"output_text": "a"}), choice(delta={"parts": ["b"]})],
        [delta(content="a").strip() + delta(content="b").removeprefix(b"data: ")],
        [delta(content="a"), delta(content="b").removeprefix(b"data: ")],
        [event({"response": "ab"})],
        [event({"response": "a"}), event({"response": "b"})],
        [event({"result": "a"}), event({"result": "b", "finish_reason": "normal"})],
        [event({"message": {"content": "a"}}), event({"message": {"content": "b"}})],
        [event({"token": {"text": "a"}}), event({"token": {"text": "b"}}),
         event({"token": {"text": "</s>", "special": True}, "generated_text": "ab"})],
        [event([{"choices": [{"delta": {"content": "ab"}}]}])],
        [b'data: data: {"choices": [{"delta": {"content": "ab"}}]}\n\n'],
        [b'data: {"choices": [{"delta": {"content": "a\tb"}}]}\n\n'],
    ],
)  # fmt: skip
def test_text_is_read_wherever_it_stands(chunks: list[bytes]) -> None:
    heard = hear(*chunks, STOP, DONE)

    assert str(heard.reply).replace("\t", "") == "ab"
    assert heard.reply.is_whole
    assert not [one for one in heard.events if isinstance(one, Notice)]


@pytest.mark.parametrize(
    "lost",
    [
        delta(content={"odd": [1]}),
        delta(content=[{"type": "image_url", "image_url": {"url": "x"}}]),
        delta(content=[{"type": "text", "text": {"runs": 7}}]),
        delta(content={"type": ["text"]}),
        delta(content=[{"type": {"name": "image"}, "image_url": "x"}]),
        delta(reasoning={"odd": "x"}),
        b'data: {"choices": [{"delta": {"content": "b\n\n',
    ],
)
def test_what_cannot_be_read_is_told_and_the_reply_is_not_whole(lost: bytes) -> None:
    heard = hear(say("a"), lost, say("c"), STOP, DONE)

    assert str(heard.reply) == "ac"
    assert heard.events[-1] == Damaged()
    assert any(isinstance(one, Notice) for one in heard.events)
    assert (heard.reply.is_whole, heard.reply.metadata.ending) == (False, "damaged")


@pytest.mark.parametrize("message", [{"content": "ab"}, {"content": [{"text": "ab"}]}])
def test_a_message_after_deltas_adds_no_text(message: Any) -> None:
    heard = hear(say("a", "b"), choice(message=message, finish_reason="stop"), DONE)

    assert str(heard.reply) == "ab"


def test_a_message_after_reasoning_alone_is_the_answer() -> None:
    whole = {"content": "a", "reasoning_content": "hm"}
    heard = hear(delta(reasoning_content="hm"), choice(message=whole), STOP, DONE)

    assert (str(heard.reply), heard.reply.reasoning) == ("a", "hm")


@pytest.mark.parametrize("indexes", [(0, 1, 2, 3), (1, 1, 1, 1), (7, 3, 0, 9)])
def test_one_answer_was_asked_for_whatever_its_number(indexes: tuple[int, ...]) -> None:
    pieces = [delta(index=i, content=t) for i, t in zip(indexes, "abcd", strict=True)]
    heard = hear(*pieces, delta("stop", indexes[-1]), DONE)

    assert (str(heard.reply), heard.reply.choices) == ("abcd", ("abcd",))


def test_answers_that_nobody_asked_for_are_told() -> None:
    both = [{"index": n, "message": {"content": t}} for n, t in enumerate("ab")]
    heard = hear(json.dumps({"choices": both}).encode())

    assert str(heard.reply) == "a"
    assert Notice("1 more answer came than asked for; the first is shown") in (
        heard.events
    )


SHAPES: dict[str, list[Any]] = {
    "gemini": [
        *({"candidates": [{"content": {"parts": [{"text": t}]}}]} for t in "ab"),
        {"candidates": [{"content": {"parts": []}, "finishReason": "STOP"}]},
    ],
    "gemini as a list": [
        [{"candidates": [{"content": {"parts": [{"text": t}]}}]} for t in "ab"],
        [{"candidates": [{"finishReason": "STOP"}]}],
    ],
    "cohere": [
        {"type": "message-start", "delta": {"message": {"content": []}}},
        *({"type": "content-delta", "delta": {"message": {"content": {"text": t}}}}
          for t in "ab"),
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}},
    ],
    "cohere v1": [
        *({"event_type": "text-generation", "text": t} for t in "ab"),
        {"event_type": "stream-end", "response": {"text": "ab"}},
    ],
    "responses": [
        {"type": "response.created", "response": {"output": [], "error": None}},
        *({"type": "response.output_text.delta", "delta": t} for t in "ab"),
        {"type": "response.output_text.done", "text": "ab"},
        {"type": "response.completed", "response": {
            "text": {"format": {"type": "text"}}, "status": "completed",
            "output": [{"type": "message", "content": [{"text": "ab"}]}]}},
    ],
    "responses, only what is done": [
        {"type": "response.output_text.done", "text": "ab"},
        {"type": "response.completed", "response": {
            "status": "completed", "output": [{"content": [{"text": "ab"}]}]}},
    ],
    "anthropic": [
        {"type": "message_start", "message": {"content": [], "stop_reason": None}},
        {"type": "content_block_start", "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "delta": {"type": "text_delta", "text": t}}
          for t in "ab"),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ],
    "bedrock": [
        *({"contentBlockDelta": {"delta": {"text": t}}} for t in "ab"),
        {"messageStop": {"stopReason": "end_turn"}},
    ],
    "titan": [{"outputText": "a"}, {"outputText": "b", "completionReason": "FINISH"}],
    "llama": [{"generation": "a"}, {"generation": "b", "stop_reason": "stop"}],
    "llama.cpp": [{"content": "a", "stop": False}, {"content": "b", "stop": True}],
    "baidu": [{"result": "a", "is_end": False}, {"result": "b", "is_end": True}],
    "dashscope": [
        {"output": {"choices": [{"message": {"content": t}, "finish_reason": f}]}}
        for t, f in (("a", "null"), ("b", "stop"))
    ],
    "dify": [{"event": "message", "answer": "ab"}, {"event": "message_end"}],
    "vercel": [{"type": "text-delta", "delta": t} for t in "ab"] + [{"type": "finish"}],
    "wrapped": [
        {"code": 0, "message": "ok",
         "data": {"choices": [{"delta": {"content": "ab"}}]}},
        {"code": 0, "data": {"choices": [{"delta": {}, "finish_reason": "stop"}]}},
    ],
}  # fmt: skip
BODIES: dict[str, Any] = {
    "gemini": {"candidates": [{"content": {"parts": [{"text": "ab"}]},
                               "finishReason": "STOP"}]},
    "anthropic": {"type": "message", "content": [{"type": "text", "text": "ab"}],
                  "stop_reason": "end_turn"},
    "bedrock": {"output": {"message": {"content": [{"text": "ab"}]}},
                "stopReason": "end_turn"},
    "titan": {"results": [{"outputText": "ab", "completionReason": "FINISH"}]},
    "replicate": {"status": "succeeded", "output": ["a", "b"]},
    "predictions": {"predictions": ["ab"], "done": True},
    "responses": {"object": "response", "status": "completed", "error": None,
                  "text": {"format": {"type": "text"}}, "reasoning": {"effort": None},
                  "output": [{"type": "message", "content": [{"text": "ab"}]}]},
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream_of_another_protocol_is_read(shape: str) -> None:
    heard = hear(*map(event, SHAPES[shape]))

    assert (heard.error, str(heard.reply)) == (None, "ab")
    assert (heard.reply.finish_reason, heard.reply.is_whole) == ("stop", True)
    assert not [one for one in heard.events if isinstance(one, Notice)]


@pytest.mark.parametrize("shape", BODIES)
def test_a_body_of_another_protocol_is_read(shape: str) -> None:
    heard = hear(json.dumps(BODIES[shape]).encode())

    assert (heard.error, str(heard.reply), heard.reply.is_whole) == (None, "ab", True)


@pytest.mark.parametrize(
    "chunks",
    [
        [{"kind": "piece", "payload": {"txt": "a"}}],
        [{"choices": [{"delta": {"txt": "a"}}]}],
        [{"choices": [{"piece": "a"}]}],
        [{"chunk": {"words": "a"}}, {"stop_reason": "end_turn"}],
        [{"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}}]}],
        [{"type": "content_block_start", "content_block": {"type": "tool_use"}},
         {"type": "message_delta", "delta": {"stop_reason": "tool_use"}}],
        [{"usage": {"prompt_tokens": 3}, "pieces": [{"a": "b" * 200}]},
         {"choices": [{"delta": {}, "finish_reason": "stop"}]}],
    ],
)  # fmt: skip
def test_a_stream_that_cannot_be_read_is_not_told_as_empty(chunks: list[Any]) -> None:
    heard = hear(*map(event, chunks), DONE)
    began = json.dumps(chunks[0])

    assert isinstance(heard.error, OutcomeUnknownError)
    assert heard.error.what == "models.example.org sent a reply that cannot be read"
    assert heard.error.why[:90].rstrip("…") in f"it began: {began}"
    assert len(heard.error.why) <= 91
    assert "%config Nemotron.base_url" in heard.error.hint


def test_a_reply_without_a_word_whose_end_is_told_is_no_fault() -> None:
    filtered = {"choices": [], "prompt_filter_results": [{"index": 0}]}
    heard = hear(event(filtered), delta("content_filter", content=""), DONE)

    assert (heard.error, heard.reply.finish_reason) == (None, "content_filter")


def test_a_failure_within_a_response_is_an_error() -> None:
    failed = {"status": "failed", "output": [], "error": {"message": "died"}}
    heard = hear(
        event({"type": "response.output_text.delta", "delta": "a"}),
        event({"type": "response.failed", "response": failed}),
    )

    assert isinstance(heard.error, ServiceError)
    assert (heard.error.why, str(heard.reply)) == ("it said: died", "a")


# ---- texts that grow

GROWN = ("The", "The cat", "The cat", "The cat sat.")


@pytest.mark.parametrize(
    "write",
    [
        lambda text: choice(message={"content": text}),
        lambda text: choice(message={"content": [{"text": text}]}),
        lambda text: choice(text=text),
        lambda text: choice(delta={"content": text}),
        lambda text: event({"result": text}),
        lambda text: event({"output": {"text": text}}),
        lambda text: event({"candidates": [{"content": {"parts": [{"text": text}]}}]}),
    ],
)
def test_a_text_that_comes_anew_each_time_is_read_once(write: Any) -> None:
    heard = hear(*map(write, GROWN), STOP, DONE)

    assert (str(heard.reply), heard.reply.is_whole) == (GROWN[-1], True)


@given(st.text(min_size=3, max_size=40), st.lists(st.integers(1, 40), max_size=6))
def test_a_growing_text_is_read_wherever_it_is_cut(text: str, at: list[int]) -> None:
    grown = [text[:end] for end in sorted([*at, len(text)])]
    heard = hear(*(choice(message={"content": one}) for one in grown), STOP)

    assert str(heard.reply) == text


@given(st.lists(st.text("ab", min_size=1, max_size=3), max_size=6))
def test_pieces_lose_nothing_unless_they_grow_twice(pieces: list[str]) -> None:
    grows = len(pieces) > 2 and all(b.startswith(a) for a, b in pairwise(pieces[:3]))
    heard = hear(say(*pieces), STOP)

    assert grows or str(heard.reply) == "".join(pieces)


def test_reasoning_and_tags_may_grow_as_well() -> None:
    grown = [("h", ""), ("hm", ""), ("hm", "4"), ("hm", "42")]
    fields = [{"reasoning_content": r, "content": c} for r, c in grown]
    apart = hear(*(choice(message=one) for one in fields), STOP)
    tags = ("<th", "<think>hm", "<think>hm</think>4", "<think>hm</think>42")
    tagged = hear(*(choice(message={"content": text}) for text in tags), STOP)

    for heard in (apart, tagged):
        assert (str(heard.reply), heard.reply.reasoning) == ("42", "hm")


@pytest.mark.parametrize(
    "pieces",
    [("ha", "ha", "!"), ("1", "10"), ("1", "10", " x"), ("1", "10", "10", "0"), ("a",)],
)
def test_pieces_that_begin_alike_are_pieces(pieces: tuple[str, ...]) -> None:
    assert str(hear(say(*pieces), STOP).reply) == "".join(pieces)


def test_whole_messages_that_repeat_are_pieces_once_they_differ() -> None:
    pieces = [choice(message={"content": text}) for text in ("ha", "ha", "!")]

    assert str(hear(*pieces, STOP).reply) == "haha!"


def test_a_text_that_is_rewritten_as_it_grows_is_not_whole() -> None:
    grown = [choice(message={"content": text}) for text in ("a", "ab", "axcd")]
    heard = hear(*grown, STOP)

    assert (str(heard.reply), heard.reply.metadata.ending) == ("abcd", "damaged")


# ---- ends


class Clock:
    """A clock that a body moves on as it comes."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def body(self, *pieces: bytes | float) -> Iterator[bytes]:
        for piece in pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                self.now_s += piece


def asked(*pieces: bytes | float, **settings: Any) -> list[Any]:
    clock = Clock()
    response = httpx.Response(200, content=clock.body(*pieces))
    client = Client(httpx.MockTransport(lambda request: response), clock_s=clock)
    values = Settings({"model": "m", "base_url": ELSEWHERE.base_url, **settings})
    request = Request(ELSEWHERE, ({"role": "user", "content": "Hi"},), values)
    return list(client.stream(request))


def test_a_reason_in_every_chunk_ends_nothing() -> None:
    pieces = [delta("stop", content=text) for text in ("a", "b", "c")]
    events = asked(pieces[0], 20.0, pieces[1], 20.0, pieces[2], DONE)

    assert "".join(e.text for e in events if isinstance(e, Text)) == "abc"
    assert not [one for one in events if isinstance(one, Truncated | Notice)]


def test_text_after_a_reason_lifts_the_limit_again() -> None:
    events = asked(say("a"), STOP, 3.0, say("b"), 30.0, say("c"), STOP, DONE)

    assert "".join(e.text for e in events if isinstance(e, Text)) == "abc"
    assert Truncated() not in events


@pytest.mark.parametrize("reason", ["stop", "STOP", "eos_token"])
def test_text_after_a_reason_and_then_an_end_is_truncated(reason: str) -> None:
    heard = hear(say("a"), delta(reason), say("b"))

    assert heard.events[-1] == Truncated()
    assert not heard.reply.is_whole


@pytest.mark.parametrize("reason", ["null", "", "None", "FINISH_REASON_UNSPECIFIED"])
def test_no_reason_is_no_end(reason: str) -> None:
    heard = hear(delta(reason, content="a"))

    assert heard.events[-1] == Truncated()
    assert heard.reply.finish_reason is None


REASONS = {
    "length": ["MAX_TOKENS", "max_tokens", "model_length", "max_output_tokens",
               "Length", "maxPredictedTokensReached"],
    "stop": ["STOP", "eos_token", "stop_sequence", "end_turn", "eos", "COMPLETE",
             "<|eot_id|>", "FinishReason.STOP", "stop_token"],
    "content_filter": ["SAFETY", "recitation", "BLOCKLIST", "PROHIBITED_CONTENT",
                       "guardrail_hit", "refusal"],
    "tool_calls": ["tool_use", "TOOL_CALLS"],
    "something_else": ["something_else"],
    "error": ["error", "CANCELLED", "abort"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "means"), [(word, to) for to, words in REASONS.items() for word in words]
)
def test_a_reason_means_the_same_in_other_words(reason: str, means: str) -> None:
    assert hear(say("a"), delta(reason), DONE).reply.finish_reason == means


@pytest.mark.parametrize("done", ["[done]", '"[DONE]"', "DONE", "[DONE] bye"])
def test_an_end_may_be_written_otherwise(done: str) -> None:
    heard = hear(say("a"), f"data: {done}\n\n".encode(), say("b"))

    assert (str(heard.reply), heard.reply.metadata.ending) == ("a", "complete")


@pytest.mark.parametrize("word", ["ping", "keep-alive", "heartbeat", "null", '"ok"'])
def test_a_word_that_keeps_the_connection_alive_is_no_loss(word: str) -> None:
    heard = hear(say("a"), f"data: {word}\n\n".encode(), say("b"), STOP, DONE)

    assert (str(heard.reply), heard.reply.is_whole) == ("ab", True)


def test_a_reason_may_have_another_name() -> None:
    ends = choice(index=0, delta={}, stop_reason="end_turn")

    assert hear(say("a"), ends).reply.finish_reason == "stop"


# ---- errors


@pytest.mark.parametrize(
    ("chunk", "kind", "why"),
    [
        ({"base_resp": {"status_code": 7, "status_msg": "died"}}, ServiceError, "died"),
        ({"choices": None, "error_type": "x", "error_message": "died"},
         ServiceError, "died"),
        ({"choices": [], "error_code": 17, "error_msg": "died"}, ServiceError, "died"),
        ({"error": "died", "error_type": "generation"}, ServiceError, "died"),
        ({"choices": [{"index": 0, "delta": {}, "error": {"message": "died"}}]},
         ServiceError, "died"),
        ({"detail": "died"}, ServiceError, "died"),
        ({"err_code": 5, "err_msg": "died"}, ServiceError, "died"),
        ({"success": False, "message": "died"}, ServiceError, "died"),
        ({"success": False, "errors": [{"code": 5, "message": "died"}]},
         ServiceError, "died"),
        ([{"error": {"code": 401, "message": "bad key", "status": "X"}}],
         AuthenticationError, "bad key"),
        ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
         CreditError, "insufficient balance"),
        ({"error": {"message": "no", "code": "context_length_exceeded"}},
         RequestError, "no"),
        ({"object": "error", "message": "died", "code": 0}, ServiceError, "died"),
    ],
)  # fmt: skip
def test_an_error_in_the_stream_is_read_in_every_shape(
    chunk: Any, kind: type[NemotronError], why: str
) -> None:
    heard = hear(say("a"), event(chunk), say("b"), STOP)

    assert type(heard.error) is kind
    assert heard.error.why == f"it said: {why}"
    assert str(heard.reply) == "a"


@pytest.mark.parametrize(
    "fields",
    [
        {"error": {}},
        {"error": []},
        {"error": {"code": 0, "message": "Success"}},
        {"error": {"code": "200", "message": "OK"}},
        {"error_code": 0, "error_msg": "", "error_message": None},
        {"base_resp": {"status_code": 0, "status_msg": "success"}},
        {"errors": [], "success": True},
        {"detail": None, "status": "ok", "message": "done"},
    ],
)
def test_what_says_that_all_is_well_is_no_error(fields: Any) -> None:
    chunk = {"choices": [{"index": 0, "delta": {"content": "a"}}], **fields}
    heard = hear(event(chunk), STOP, DONE)

    assert (heard.error, str(heard.reply)) == (None, "a")
    assert heard.reply.is_whole


# ---- reasoning


def test_thoughts_in_parts_are_reasoning_and_progress() -> None:
    thought = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]
    answer = [{"type": "text", "text": "yes"}]
    heard = hear(delta(content=thought), delta(content=answer), STOP)

    assert (str(heard.reply), heard.reply.reasoning) == ("yes", "hm")


def test_a_closing_tag_after_reasoning_is_no_part_of_the_answer() -> None:
    heard = hear(delta(reasoning_content="hm"), say("</thi", "nk>\n\nyes"), STOP)

    assert (str(heard.reply), heard.reply.reasoning) == ("yes", "hm")


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning": "It is 4."},
        {"reasoning_content": "It is 4."},
        {"content": "<think>It is 4.</think>"},
        {"content": "<thought>It is 4."},
        {"content": [{"type": "thinking", "thinking": "It is 4."}]},
    ],
)
def test_a_reply_that_is_all_reasoning_is_told_with_where_to_read_it(
    fields: dict[str, Any],
) -> None:
    heard = hear(delta(**fields), STOP, DONE)
    (notice,) = (one for one in heard.events if isinstance(one, Notice))

    assert (str(heard.reply), heard.reply.reasoning) == ("", "It is 4.")
    assert "_nemotron.reasoning" in notice.text


def test_a_thought_beside_an_answer_or_a_cut_one_needs_no_word() -> None:
    both = hear(delta(reasoning="hm"), say("4"), STOP)
    cut = hear(delta(reasoning="hm"), delta("length"))

    assert not [one for one in (*both.events, *cut.events) if isinstance(one, Notice)]


# ---- figures


@pytest.mark.parametrize(
    ("chunk", "usage"),
    [
        ({"choices": [{"index": 0, "usage": {"prompt_tokens": 3}}]}, Usage(3)),
        ({"x_groq": {"id": "r", "usage": {"completion_tokens": 4}}}, Usage(None, 4)),
        ({"usage": {"input_tokens": 3, "output_tokens": 4}}, Usage(3, 4)),
        ({"usage": {"prompt_tokens": "3", "completion_tokens": "4"}}, Usage(3, 4)),
        ({"usage": {"cost": {"total_cost": 0.5}}}, Usage(cost_usd=0.5)),
        ({"usage": {"cost_in_usd_ticks": 5_000_000_000}}, Usage(cost_usd=0.5)),
        ({"usage": {"estimated_cost": "0.5"}}, Usage(cost_usd=0.5)),
        ({"usage": {"cost": {"total": 0.5}}}, Usage(cost_usd=0.5)),
        ({"usage": {"tokens": {"input_tokens": 3}}, "cost": 0.5},
         Usage(3, cost_usd=0.5)),
        ({"prompt_eval_count": 3, "eval_count": 4}, Usage(3, 4)),
        ({"usageMetadata": {"promptTokenCount": 3}}, Usage(3)),
        ({"usage": [{"prompt_tokens": 3}]}, Usage(3)),
        ({"usage": [{"prompt_tokens": 3, "completion_tokens": 1},
                    {"completion_tokens": 3}]}, Usage(3, 4)),
        ({"data": {"meta": {"usage": {"prompt_tokens": 3}}}}, Usage(3)),
        ({"usage": {"total": {"prompt_tokens": 3}, "cost": 0.5}},
         Usage(3, cost_usd=0.5)),
        ({"choices": [{"message": {"usage": [{"prompt_tokens": 3}]}}]}, Usage(3)),
        ({"type": "message_delta", "delta": {"usage": {"output_tokens": 4}}},
         Usage(None, 4)),
        ({"metadata": {"usage": {"inputTokens": 3, "outputTokens": 4}}}, Usage(3, 4)),
        ({"tokens_evaluated": 3, "tokens_predicted": 4}, Usage(3, 4)),
        ({"account": {"usage": {"total_cost": 30}}}, Usage()),
        ({"usage": {"prompt_tokens": 3, "so_far": {"eval_count": 9, "cost": 5}}},
         Usage(3)),
        ({"usage": {"cost": 0, "is_byok": True,
                    "cost_details": {"upstream_inference_cost": 0.5}}},
         Usage(cost_usd=0.5)),
        ({"usage": {"prompt_tokens": 3, "cost": 0, "is_byok": True}}, Usage(3)),
    ],
)  # fmt: skip
def test_figures_are_read_wherever_they_stand(chunk: Any, usage: Usage) -> None:
    assert hear(say("a"), STOP, event(chunk), DONE).reply.usage == usage


def test_a_cost_is_read_from_the_header_of_a_proxy() -> None:
    body = {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}
    headers = {"x-litellm-response-cost": "3.5e-06"}
    response = httpx.Response(200, json=body, headers=headers)
    client = Client(httpx.MockTransport(lambda request: response))
    values = Settings({"model": "m", "base_url": ELSEWHERE.base_url})
    request = Request(ELSEWHERE, ({"role": "user", "content": "Hi"},), values)
    told = [one for one in client.stream(request) if hasattr(one, "usage")]

    assert [one.usage for one in told] == [Usage(cost_usd=3.5e-06)]


# ---- tools


def test_calls_without_numbers_are_kept_apart() -> None:
    calls = [{"id": i, "function": {"name": i, "arguments": "{}"}} for i in ("a", "b")]
    whole = hear(delta(tool_calls=calls), STOP).reply.metadata.tool_calls
    apart = hear(*(delta(tool_calls=[one]) for one in calls), STOP)

    assert [(c.name, c.arguments) for c in whole] == [("a", "{}"), ("b", "{}")]
    assert apart.reply.metadata.tool_calls == whole


def test_pieces_of_a_call_without_number_or_id_go_on_with_it() -> None:
    pieces = [{"id": "a", "function": {"name": "f", "arguments": '{"x"'}},
              {"function": {"arguments": ": 1}"}}]  # fmt: skip
    heard = hear(*(delta(tool_calls=[one]) for one in pieces), STOP)
    (call,) = heard.reply.metadata.tool_calls

    assert (call.name, call.arguments) == ("f", '{"x": 1}')


def test_silence_before_a_reply_is_borne_longer_than_within_one() -> None:
    with pytest.raises(OutcomeUnknownError, match="no new text came for 120 s"):
        asked(b": loading\n\n", 130.0, b": loading\n\n", 1.0)


@pytest.mark.parametrize(
    ("base_url", "has_begun", "stream", "name"),
    [
        ("https://models.example.org", False, True, "progress_timeout_s"),
        ("https://models.example.org", True, True, "gap_timeout_s"),
        ("http://127.0.0.1:8000", False, True, "total_timeout_s"),
        ("http://0.0.0.0:8000", False, True, "total_timeout_s"),
        ("http://model.localhost:1234", True, True, "gap_timeout_s"),
        ("https://models.example.org", True, False, "total_timeout_s"),
    ],
)
def test_a_silence_is_limited_by_where_and_when_it_is(
    base_url: str, has_begun: bool, stream: bool, name: str
) -> None:
    settings = Settings({"model": "m", "stream": stream})
    about = RequestInfo(Endpoint.read(base_url), "m")

    assert gap_limit(settings, about, has_begun) == name


def test_a_damaged_reply_is_asked_for_anew(ask: Any) -> None:
    told = ask(fault="bad-json-chunk", settings={"cache": "on"})
    again = told.session.ask("Hello")

    assert told.reply.metadata.ending == "damaged"
    assert (again.metadata.recalled, told.asked) == (None, 2)
