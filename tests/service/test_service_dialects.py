from __future__ import annotations

import gzip

import pytest

from service import DIALECTS, serve
from service.http_reader import begin, body, decode, post, raw
from service.in_the_wild import IN_THE_WILD

TEXT = "Hello, world! ñ 日本 😊\n\n- a\n- b\n"
ALTERED = {
    "reasoning-only",
    "tool-calls",
    "refusal",
    "reasoning-for-answer",
    "think-tags",
    "orphan-close",
    "json-instead",
    "padded-json",
    "gzip",
}
REASONED = {"openrouter", "aimlapi-openrouter", "reasoning-content", "reasoning-bare"}
UNFINISHED = {"content-filter", "finish-unknown", "finish-error"}
SAME = sorted(set(DIALECTS) - ALTERED - set(IN_THE_WILD))


def ask(dialect, *, stream=True, **parameters):
    with serve(dialect=dialect) as url:
        return post(url, body(f"rehearsal: say {TEXT}", stream=stream, **parameters))


@pytest.mark.parametrize("dialect", SAME)
def test_every_dialect_streams_the_same_text(dialect):
    got = ask(dialect)

    assert got.headers["Content-Type"] == "text/event-stream"
    assert got.seen.content == TEXT
    assert bool(got.seen.reasoning) == (dialect in REASONED)
    assert (got.seen.bad, got.seen.errors) == (0, [])
    if dialect not in UNFINISHED:
        assert got.seen.finish == "stop"


@pytest.mark.parametrize("dialect", sorted(set(SAME) - {"sse-instead"}))
def test_every_dialect_answers_json_with_the_same_text(dialect):
    got = ask(dialect, stream=False)

    assert got.headers["Content-Type"].startswith("application/json")
    assert got.content == TEXT


@pytest.mark.parametrize(
    ("dialect", "done"),
    [
        ("aimlapi", False),
        ("aimlapi-done", True),
        ("aimlapi-together", True),
        ("aimlapi-openrouter", True),
        ("aimlapi-anthropic", False),
        ("vllm", True),
        ("llamacpp", True),
        ("litellm", True),
        ("no-done", False),
        ("done-space", True),
        ("reasoning-content", False),
        ("done-no-newline", True),
    ],
)
def test_a_stream_ends_with_done_or_not(dialect, done):
    assert ask(dialect).seen.done is done


def test_aimlapi_ends_with_usage_and_cost_in_a_chunk_without_choices():
    seen = ask("aimlapi").seen

    last = seen.chunks[-1]
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == -(-len(TEXT) // 4)
    assert last["meta"]["usage"].keys() == {"credits_used", "usd_spent"}
    assert seen.chunks[-2]["choices"][0] == {
        "index": 0,
        "delta": {},
        "finish_reason": "stop",
    }
    assert seen.chunks[0]["usage"] is None


def test_the_cost_may_stand_in_a_chunk_of_its_own():
    seen = ask("meta-own-chunk").seen

    assert seen.chunks[-1].keys() == {"meta"}
    assert seen.chunks[-2]["usage"]["total_tokens"] > 0
    assert seen.chunks[-2]["choices"][0]["finish_reason"] == "stop"


def test_the_cost_may_lack_its_dollars_or_be_missing():
    assert ask("credits-only").seen.meta["usage"].keys() == {"credits_used"}
    assert (ask("no-usage").seen.meta, ask("no-usage").seen.usage) == (None, None)


def test_anthropic_repeats_its_finish_without_a_delta():
    chunks = ask("aimlapi-anthropic").seen.chunks

    assert chunks[-1]["choices"] == [{"index": 0, "finish_reason": "stop"}]
    assert (chunks[-1]["usage"], chunks[-2]["usage"]["total_tokens"] > 0) == (
        None,
        True,
    )
    assert [bool(chunk["id"]) for chunk in chunks[:3]] == [True, False, False]
    assert "finish_reason" not in chunks[1]["choices"][0]
    assert chunks[1]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[0]["created"] < chunks[1]["created"]


def test_openrouter_sends_comments_details_and_a_cost():
    got = ask("openrouter")

    assert got.raw.startswith(b": OPENROUTER PROCESSING\n\n")
    delta = got.seen.chunks[1]["choices"][0]["delta"]
    assert delta["reasoning"] == delta["reasoning_details"][0]["text"]
    assert got.seen.usage["cost"] > 0
    assert got.seen.chunks[0]["provider"]
    assert "native_finish_reason" in got.seen.chunks[0]["choices"][0]


def test_openrouter_behind_aimlapi_serves_a_dated_model():
    seen = ask("aimlapi-openrouter").seen

    assert seen.chunks[0]["model"].endswith("-20230311")
    assert seen.meta["usage"]["usd_spent"] > 0


@pytest.mark.parametrize("dialect", ["vllm", "llamacpp", "litellm"])
def test_usage_comes_only_when_asked_for(dialect):
    assert ask(dialect).seen.usage is None
    assert ask(dialect, stream_options={"include_usage": True}).seen.usage


@pytest.mark.parametrize("dialect", ["vllm-old", "nvidia"])
def test_usage_grows_from_chunk_to_chunk(dialect):
    seen = ask(dialect).seen

    counts = [chunk["usage"]["completion_tokens"] for chunk in seen.chunks]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, -(-len(TEXT) // 4))


def test_litellm_leaves_null_out():
    assert b"null" not in ask("litellm").raw
    assert b"null" not in ask("litellm", stream=False).raw


def test_qwen_puts_null_content_beside_its_reasoning():
    seen = ask("reasoning-content").seen

    deltas = [chunk["choices"][0]["delta"] for chunk in seen.chunks if chunk["choices"]]
    assert deltas[1]["content"] is None
    assert deltas[1]["reasoning_content"]
    assert deltas[-2]["reasoning_content"] is None
    assert seen.chunks[0]["model"] == "nemotron-3-super-120b-a12b"


def test_think_tags_are_split_over_chunks():
    seen = ask("think-tags").seen

    pieces = [c["choices"][0]["delta"].get("content") for c in seen.chunks]
    assert pieces[1] == "<thi"
    assert "</think>" not in pieces
    assert seen.content.startswith("<think>The question")
    assert seen.content.endswith(f"</think>\n\n{TEXT}")


def test_an_orphan_close_has_no_opening():
    content = ask("orphan-close").seen.content

    assert "<think>" not in content
    assert content.endswith(f"\n</think>\n\n{TEXT}")


def test_two_tool_calls_come_in_fragments():
    seen = ask("tool-calls").seen

    assert seen.calls == {
        0: {"name": "get_weather", "arguments": '{"city":"Oslo"}'},
        1: {"name": "get_time", "arguments": "{}"},
    }
    assert (seen.content, seen.finish) == ("", "tool_calls")
    later = [c for c in seen.chunks if "tool_calls" in c["choices"][0]["delta"]][2]
    assert later["choices"][0]["delta"]["tool_calls"][0].keys() == {"index", "function"}


def test_a_refusal_stands_in_its_own_field():
    stream, whole = ask("refusal").seen, ask("refusal", stream=False).json

    assert stream.content == ""
    assert stream.refusal.startswith("I can't")
    assert whole["choices"][0]["message"]["refusal"] == stream.refusal


def test_reasoning_may_eat_the_whole_budget():
    seen = ask("reasoning-only").seen

    assert (seen.content, seen.finish, bool(seen.reasoning)) == ("", "length", True)


@pytest.mark.parametrize(
    ("dialect", "finish"),
    [
        ("content-filter", "content_filter"),
        ("finish-unknown", "odd_reason"),
        ("finish-error", "error"),
    ],
)
def test_a_reply_may_finish_otherwise(dialect, finish):
    assert ask(dialect).seen.finish == finish


@pytest.mark.parametrize(
    ("dialect", "sign", "absent"),
    [
        ("crlf", b"\r\n\r\n", None),
        ("cr", b"\r\r", b"\n"),
        ("bom", b"\xef\xbb\xbfdata: ", None),
        ("no-space", b'data:{"', b"data: "),
        ("multiline", b'data:  "choices"', None),
        ("escaped", b"\\ud83d\\ude0a", "😊".encode()),
        ("keepalive", b": ping\ndata: ", None),
        ("keepalive-id", b"id: 2\n\n", None),
        ("fields", b"event: message\nid: 0\nfoo: bar\ndata: ", None),
        ("odd-chunks", b'"delta":null', None),
        ("openai", b'"obfuscation"', None),
        ("llamacpp", b'"timings"', None),
        ("aimlapi", "😊".encode(), b"[DONE]"),
    ],
)
def test_a_dialect_spells_its_events_in_its_way(dialect, sign, absent):
    got = ask(dialect)

    assert sign in got.raw
    assert absent is None or absent not in got.raw


def test_the_end_may_lack_its_newline():
    assert ask("done-no-newline").raw.endswith(b"data: [DONE]")
    assert ask("done-space").raw.endswith(b"data: [DONE] \n\n")


def test_a_reply_may_come_in_one_chunk():
    contents = [
        c["choices"][0]["delta"].get("content") for c in ask("one-chunk").seen.chunks
    ]

    assert contents == ["", TEXT, None]


@pytest.mark.parametrize("dialect", ["json-instead", "padded-json"])
def test_json_may_come_though_a_stream_was_asked_for(dialect):
    got = ask(dialect)

    assert got.headers["Content-Type"].startswith("application/json")
    assert got.content == TEXT
    assert got.raw[:1].isspace() == (dialect == "padded-json")


def test_a_stream_may_come_though_json_was_asked_for():
    assert ask("sse-instead", stream=False).seen.content == TEXT


def test_a_compressed_stream_decodes_to_the_same_text():
    got = ask("gzip")

    assert got.headers["Content-Encoding"] == "gzip"
    assert decode(gzip.decompress(got.raw)).content == TEXT


def test_a_compressed_stream_can_be_read_as_it_comes():
    import zlib

    prompt = f"rehearsal: fault stall-mid-stream\nrehearsal: say {TEXT}"
    with serve(dialect="gzip") as url:
        connection, response = begin(url, body(prompt, stream=True))
        unpacker = zlib.decompressobj(wbits=31)
        text = b""
        while b"Hell" not in text:
            text += unpacker.decompress(response.read1(1000))
        connection.close()
        response.close()

    assert b"finish_reason" in text
    assert b'"stop"' not in text


@pytest.mark.parametrize("dialect", ["aimlapi", "crlf", "bom"])
def test_one_byte_at_a_time_is_the_same_stream(dialect):
    with serve(dialect=dialect, slice=1) as url:
        asked = body(f"rehearsal: say {TEXT}", stream=True)
        got, bare = post(url, asked), raw(url, asked)

    assert got.seen.content == TEXT
    assert bare.count(b"\r\n1\r\n") > 500
