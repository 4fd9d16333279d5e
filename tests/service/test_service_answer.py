from __future__ import annotations

import contextlib
import html
import io
import json
import re

import pytest

from nemotron_magic.context.prompt import ContextPart, FittedContext, render_prompt
from nemotron_magic.markdown import to_html
from service import serve
from service.catalogue import SEED_MODEL
from service.http_reader import MODEL, body, post

TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is | a *pipe*?"},
    {"role": "assistant", "content": "A tube that joins."},
    {"role": "user", "content": "continue with `<b>` please"},
]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
            },
        },
    }
    for name in ("get_weather", "get_time")
]


def ask(text="hello", *, dialect="aimlapi", **parameters):
    with serve(dialect=dialect) as url:
        return post(url, {**body(text), **parameters})


def test_a_reply_begins_by_saying_that_there_is_no_model():
    assert ask().content.startswith("**Rehearsal: no model is behind this reply.**")


def test_a_reply_shows_what_arrived():
    content = ask(messages=TALK, temperature=0.25).content

    assert "| 1 | system | 9 | Be brief. |" in content
    assert "| 2 | user | 19 | What is &#124; a \\*pipe\\*? |" in content
    assert "| 4 | user | 26 | continue with \\`&lt;b>\\` please |" in content
    assert "`temperature` 0.25" in content
    assert f"`{MODEL}`" in content
    assert "Earlier replies that came along: 1. The last begins: A tube" in content
    assert len(content) < 1_500


@pytest.mark.parametrize(
    "question",
    [
        "why is `sales['price']` an object column?",
        r"is \[x\] or \(x\), $x$ or [a](b) *better*?",
        "<b>1</b> | 2 ~~3~~ _4_ ![i](j) **5**",
    ],
)
def test_a_question_is_quoted_as_it_was_typed(question):
    quoted = to_html(ask(question).content).partition("<blockquote>")[2]
    quoted = quoted.partition("</blockquote>")[0].strip()
    # What keeps MathJax off is no change of the text.
    quoted = re.sub('<span class="nm-raw">(.)</span>', r"\1", quoted)

    assert re.fullmatch("<p>[^<>]*</p>", quoted)
    assert html.unescape(quoted[3:-4]) == question


def test_what_came_along_is_told_from_the_question():
    fitted = FittedContext(
        (
            ContextPart("cell", "cell 2", (("source", "print(1)"), ("printed", "1"))),
            ContextPart("value", "df", (("", "</Vertex>\n\nnot the question"),)),
        )
    )

    content = ask(render_prompt("is it | so?", fitted)).content

    assert "With the question came: cell 2 (source, output), value `df`." in content
    assert "> is it &#124; so?\n" in content


def test_a_direction_is_seen_behind_what_came_along():
    fitted = FittedContext((ContextPart("cell", "cell 2", (("source", "x = 1"),)),))

    assert ask(render_prompt("rehearsal: say hello", fitted)).content == "hello"


@pytest.mark.parametrize(
    "question", ["hello hello world", 'a "quote" \\ and\nmore', "ü😊"]
)
def test_the_program_in_a_reply_runs_and_prints(question):
    code = re.search(r"```python\n(.*?)```", ask(question).content, re.DOTALL)[1]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})

    assert f" x {question.split()[0].lower()}" in printed.getvalue()


def test_the_same_request_gets_the_same_reply():
    assert ask(seed=1).content == ask(seed=1).content


def test_tokens_and_cost_agree_with_the_price_list():
    got = ask("rehearsal: say " + "x" * 4000).json

    usage, spent = got["usage"], got["meta"]["usage"]
    assert usage["completion_tokens"] == 1000
    assert usage["total_tokens"] == usage["prompt_tokens"] + 1000
    usd = (usage["prompt_tokens"] * 3.33 + 1000 * 4.44) / 1e6
    assert spent["usd_spent"] == pytest.approx(usd, abs=1e-6)
    assert spent["credits_used"] == spent["usd_spent"] * 2_000_000


@pytest.mark.parametrize(
    ("parameters", "tokens", "finish"),
    [
        ({"max_tokens": 10}, 10, "length"),
        ({"max_tokens": 1}, 1, "length"),
        ({"max_completion_tokens": 7, "max_tokens": 9}, 7, "length"),
        ({"max_tokens": 1000}, 1000, "stop"),
        ({"max_tokens": 5000}, 1000, "stop"),
        ({}, 1000, "stop"),
        ({"model": SEED_MODEL}, 512, "length"),
        ({"model": SEED_MODEL, "max_tokens": 600}, 600, "length"),
    ],
)
def test_a_reply_is_as_long_as_max_tokens_allows(parameters, tokens, finish):
    got = ask("rehearsal: length 1000", **parameters).json

    assert got["usage"]["completion_tokens"] == tokens
    assert len(got["choices"][0]["message"]["content"]) == tokens * 4
    assert got["choices"][0]["finish_reason"] == finish


def test_reasoning_is_paid_from_max_tokens_first():
    message = ask("rehearsal: think", max_tokens=5).json["choices"][0]["message"]

    assert len(message["reasoning"]) == 20
    assert message["content"] == ""


@pytest.mark.parametrize("stop", ["c", ["z", "d", "c"]])
def test_a_reply_ends_before_a_stop_sequence(stop):
    got = ask("rehearsal: say abcd", stop=stop)

    assert (got.content, got.json["choices"][0]["finish_reason"]) == ("ab", "stop")


def test_n_choices_are_interleaved_and_kept_apart():
    seen = ask("rehearsal: say a longer text than one token", n=2, stream=True).seen

    assert seen.text[0] == "a longer text than one token"
    assert seen.text[1] == "*Choice 2.* " + seen.text[0]
    order = [c["choices"][0]["index"] for c in seen.chunks if c["choices"]]
    assert order[:6] == [0, 1, 0, 1, 0, 1]


def test_logprobs_are_there_when_asked_for():
    asked = {"logprobs": True, "top_logprobs": 3}
    whole = ask("rehearsal: say abcdefgh", **asked).json["choices"][0]["logprobs"]
    seen = ask("rehearsal: say abcdefgh", stream=True, **asked).seen

    assert [entry["token"] for entry in whole["content"]] == ["abcd", "efgh"]
    assert all(entry["logprob"] < 0 for entry in whole["content"])
    assert {len(entry["top_logprobs"]) for entry in whole["content"]} == {3}
    rows = [c["choices"][0]["logprobs"]["content"] for c in seen.chunks if c["choices"]]
    assert [e for row in rows for e in row] == whole["content"]


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("required", ["get_weather"]),
        ({"type": "function", "function": {"name": "get_time"}}, ["get_time"]),
        ("auto", []),
        ("none", []),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_tools_are_called_only_when_they_must_be(choice, names, stream):
    got = ask(tools=TOOLS, tool_choice=choice, stream=stream)

    if stream:
        calls, finish = list(got.seen.calls.values()), got.seen.finish
    else:
        message = got.json["choices"][0]["message"]
        calls = [c["function"] for c in message.get("tool_calls") or ()]
        finish = got.json["choices"][0]["finish_reason"]
    assert [call["name"] for call in calls] == names
    assert all(json.loads(c["arguments"]) == {"city": "rehearsal"} for c in calls)
    assert finish == ("tool_calls" if names else "stop")


def test_json_is_answered_when_it_is_asked_for():
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": "integer"},
            "tags": {"type": "array"},
            "kind": {"enum": ["b"]},
        },
    }
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}

    plain = json.loads(ask(response_format={"type": "json_object"}).content)
    shaped = json.loads(ask(response_format=form).content)
    assert plain["question"] == "hello"
    assert shaped == {"n": 1, "tags": ["rehearsal"], "kind": "b"}


def test_echo_puts_the_prompt_first():
    assert ask("hello there", echo=True).content.startswith(
        "hello there\n\n**Rehearsal"
    )


@pytest.mark.parametrize(
    "asked",
    [
        {"reasoning": {"effort": "low"}},
        {"reasoning_effort": "high"},
        {"messages": [{"role": "system", "content": "detailed thinking on"}, TALK[1]]},
        {"messages": [{"role": "system", "content": "Be kind. /think"}, TALK[1]]},
    ],
)
def test_reasoning_is_shown_when_switched_on_in_any_way(asked):
    got = ask(**asked).json

    assert got["choices"][0]["message"]["reasoning"]
    assert got["usage"]["completion_tokens_details"]["reasoning_tokens"] > 10


def test_excluded_reasoning_is_hidden_but_paid_for():
    got = ask(reasoning={"effort": "low", "exclude": True})

    assert "reasoning" not in got.json["choices"][0]["message"]
    assert got.json["usage"]["completion_tokens_details"]["reasoning_tokens"] > 10


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("rehearsal: say **a**", "**a**"),
        ("rehearsal: say", ""),
        ("first\nrehearsal: say a\n\n    b  \n", "a\n\n    b  \n"),
        ("Rehearsal:  say\n# a\nb\nrehearsal: end\ncontext", "# a\nb"),
        ("rehearsal: say a\u2028b\u0085c\x0bd😊", "a\u2028b\u0085c\x0bd😊"),
        ("rehearsal: think\nrehearsal: say x", "x"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_say_is_repeated_to_the_letter(prompt, text, stream):
    got = ask(prompt, stream=stream)

    assert (got.seen.content if stream else got.content) == text


def test_a_long_reply_holds_every_kind_of_markdown_and_no_section_twice():
    content = ask("rehearsal: length 3000").content

    for sign in ("## ", "- item", "|--:|", "```python", "$$", "> ", "😊"):
        assert sign in content
    sections = content.split("\n\n")
    assert len(set(sections)) == len(sections)


def test_only_the_last_user_message_directs():
    old = {"role": "user", "content": "rehearsal: say old"}

    assert "Rehearsal" in ask(messages=[old, TALK[2], TALK[3]]).content


def test_parts_of_text_direct_as_well():
    part = {"type": "text", "text": "rehearsal: say parts"}

    assert ask(messages=[{"role": "user", "content": [part]}]).content == "parts"


def test_a_prompt_chooses_the_dialect():
    seen = ask("rehearsal: dialect vllm\nrehearsal: say x", stream=True).seen

    assert (seen.content, seen.done, seen.usage) == ("x", True, None)


def test_a_prompt_chooses_a_fault_for_its_first_tries():
    prompt = body("rehearsal: fault 503 2\nrehearsal: say at last")
    with serve() as url:
        statuses = [post(url, prompt).status for _ in range(3)]
        other = post(url, body("rehearsal: fault 503 1"))

    assert statuses == [503, 503, 200]
    assert other.status == 503


def test_a_lone_surrogate_in_a_prompt_is_survived():
    assert ask("rehearsal: say a\ud83db").content == "a?b"
