"""Replies that are kept: found again, thrown away, and never another's."""

from __future__ import annotations

import json
import os
import random
import string
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemotron_magic.core.events import CacheHit, ToolCall
from nemotron_magic.core.usage import Usage
from nemotron_magic.display.reply import metadata
from nemotron_magic.session.reply import (
    CachedReply,
    Reply,
    ReplyAccumulator,
    ReplyMetadata,
    request_hash,
    saved_replies,
)
from nemotron_magic.storage.cache import Cache, open_cache

USAGE = Usage(812, 240, 7, None, 0.0004)
TOLD = ({"role": "user", "content": "why?"},)
DETAILS = ReplyMetadata(
    served_model="m",
    finish_reason="stop",
    reasoning="Hm.",
    usage=USAGE,
    asked_at="2026-08-21T12:00:00+00:00",
    request_hash="h-1",
)


def kept(text: str = "Because.") -> CachedReply:
    return CachedReply.of(Reply(text, DETAILS))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "r.sqlite", mounts=str, is_default=True)


# ---- requests


def named(**other: Any) -> str:
    request = {
        "base_url": "https://a.example/v1",
        "model": "m",
        "messages": TOLD,
        "parameters": {"temperature": 0.5, "seed": 1},
    }
    return request_hash(**{**request, **other})


@pytest.mark.parametrize(
    "other",
    [
        {"base_url": "https://b.example/v1"},
        {"model": "M"},
        {"messages": ({"role": "user", "content": "why? "},)},
        {"messages": ({"role": "system", "content": "why?"},)},
        {"messages": (*TOLD, *TOLD)},
        {"parameters": {"temperature": 0.5}},
        {"parameters": {"temperature": 0.5, "seed": 2}},
        {"parameters": {"temperature": 0.5, "seed": 1, "top_p": 1}},
    ],
)
def test_another_request_has_another_name(other: dict[str, Any]) -> None:
    assert named(**other) != named()


@pytest.mark.parametrize(
    "other",
    [
        {"parameters": {"seed": 1, "temperature": 0.5}},
        {"parameters": {"temperature": 0.5, "seed": 1, "stream": True}},
        {"parameters": {"temperature": 0.5, "seed": 1, "stream_options": {"a": 1}}},
        {"messages": ({"content": "why?", "role": "user"},)},
    ],
)
def test_the_same_request_has_the_same_name(other: dict[str, Any]) -> None:
    assert named(**other) == named()


def test_a_request_keeps_its_name_from_version_to_version() -> None:
    """Another name, and nobody finds again what they kept: give _FORMAT its reason."""
    assert named() == (
        "d19dd568940318d3e00121266d8932b3d26423218b5e111ca7d2b302bdfc5df3"
    )


def test_half_an_emoji_can_be_named() -> None:
    assert named(messages=({"role": "user", "content": "\ud83d"},)) != named()


# ---- kept


def test_a_reply_is_told_as_it_was_but_that_it_is_not_new() -> None:
    calls = (ToolCall(0, "c", "f", '{"a": 1}'),)
    details = replace(
        DETAILS,
        choices=("One", "Two"),
        refusal="No.",
        tool_calls=calls,
        logprobs=({"token": "x"},),
    )
    draft = ReplyAccumulator(ReplyMetadata(model="asked"))
    again = CachedReply.from_json(CachedReply.of(Reply("One", details)).to_json())
    assert again is not None
    for event in again.events():
        draft.add(event)
    reply = draft.reply()

    assert (reply, reply.choices) == ("One", ("One", "Two"))
    assert (reply.reasoning, reply.metadata.refusal) == ("Hm.", "No.")
    assert (reply.metadata.tool_calls, reply.metadata.logprobs) == (
        calls,
        ({"token": "x"},),
    )
    assert (reply.finish_reason, reply.model) == ("stop", "m")
    assert reply.usage == Usage(0, 0, 0, 0, 0.0)
    assert reply.metadata.recalled == CacheHit("disk", USAGE, DETAILS.asked_at)
    assert reply.metadata.attempts == 0


@given(st.text())
def test_any_text_comes_back_as_it_was(text: str) -> None:
    again = CachedReply.from_json(kept(text).to_json())

    assert again is not None
    assert again.texts == (text,)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "{}", "[]", "null", "[" * 100_000),
        *('{"texts": 1}', '{"texts": [], "usage": 3}'),
    ],
)
def test_what_cannot_be_read_is_not_there(text: str) -> None:
    assert CachedReply.from_json(text) is None


@pytest.mark.parametrize(
    ("text", "known", "is_whole"),
    [
        ("a", {}, True),
        ("a", {"finish_reason": "length"}, True),
        ("", {"tool_calls": (ToolCall(0),), "finish_reason": "tool_calls"}, True),
        ("", {}, False),
        (" \n", {}, False),
        ("a", {"finish_reason": None}, False),
        ("a", {"finish_reason": "content_filter"}, False),
        ("a", {"finish_reason": "error"}, False),
        ("a", {"ending": "truncated"}, False),
        ("a", {"ending": "interrupted"}, False),
        ("a", {"ending": "failed"}, False),
    ],
)
def test_only_a_whole_reply_may_be_kept(
    text: str, known: dict[str, Any], is_whole: bool
) -> None:
    assert Reply(text, replace(DETAILS, **known)).is_whole is is_whole


# ---- on disk


def test_a_reply_is_found_by_the_name_of_its_request(
    cache: Cache, tmp_path: Path
) -> None:
    cache.keep("h-1", kept("One").to_json())
    cache.keep("h-2", kept("Two").to_json())
    again = Cache(tmp_path / "r.sqlite", mounts=str)

    assert again.find("h-2") == kept("Two").to_json()
    assert again.find("h-3") is None
    assert again.size()[0] == 2


@pytest.mark.slow
def test_a_newer_reply_takes_the_place_of_an_older_one(cache: Cache) -> None:
    cache.keep("h-1", kept("One").to_json())
    cache.keep("h-1", kept("Two").to_json())

    assert cache.find("h-1") == kept("Two").to_json()
    assert cache.size()[0] == 1


def test_the_longest_unused_go_when_there_is_no_room(tmp_path: Path) -> None:
    size = len(kept("x" * 1000).to_json())
    cache = Cache(tmp_path / "r.sqlite", 3 * size, mounts=str)
    for name in "abc":
        cache.keep(name, kept("x" * 1000).to_json())
    cache.find("a")
    cache.keep("d", kept("x" * 1000).to_json())

    assert [name for name in "abcd" if cache.find(name)] == ["a", "c", "d"]
    assert cache.size() == (3, 3 * size)


def test_what_has_no_room_at_all_throws_nothing_away(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "r.sqlite", 2000, mounts=str)
    cache.keep("a", kept().to_json())
    cache.keep("b", kept("x" * 5000).to_json())

    assert (cache.find("a"), cache.find("b")) == (kept().to_json(), None)


def test_the_file_does_not_grow_beyond_its_bound(tmp_path: Path) -> None:
    cache, chance = Cache(tmp_path / "r.sqlite", 200_000, mounts=str), random.Random(1)
    for number in range(120):
        text = "".join(chance.choices(string.ascii_letters, k=10_000))
        cache.keep(str(number), kept(text).to_json())

    assert cache.size()[1] <= 200_000
    cache.close()
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) < 500_000


@pytest.mark.slow
def test_what_was_cleared_is_off_the_disk(cache: Cache, tmp_path: Path) -> None:
    for number in range(50):
        cache.keep(str(number), kept("a zebra " * 500).to_json())

    assert cache.clear() == 50
    assert cache.size() == (0, 0)
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"zebra" not in left
    assert len(left) < 50_000


@pytest.mark.slow
def test_a_corrupt_file_is_begun_anew_and_that_is_told_once(
    cache: Cache, tmp_path: Path
) -> None:
    cache.keep("a", kept().to_json())
    cache.close()
    (tmp_path / "r.sqlite").write_bytes(b"\xff" * 9999)

    assert cache.find("a") is None
    cache.keep("a", kept().to_json())
    assert cache.find("a") == kept().to_json()
    assert cache.pop_warning().startswith("Begun again: the cache ")
    assert cache.pop_warning() == ""


def test_a_file_that_cannot_be_used_means_memory(tmp_path: Path) -> None:
    (tmp_path / "r.sqlite").mkdir()
    cache = Cache(tmp_path / "r.sqlite", mounts=str)
    cache.keep("a", kept().to_json())

    assert cache.find("a") == kept().to_json()
    assert cache.path is None
    assert cache.pop_warning().startswith("Replies are kept in memory: the cache ")
    assert cache.clear() == 1
    cache.close()


def test_it_is_in_the_users_cache_folder(tmp_path: Path) -> None:
    cache = open_cache({"NEMOTRON_MAGIC_HOME": str(tmp_path)})

    assert cache.path == tmp_path / "replies.sqlite"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_kernels_side_by_side_lose_no_reply(tmp_path: Path) -> None:
    children = []
    for kernel in range(3):
        children.append(os.fork())
        if children[-1] == 0:
            cache = Cache(tmp_path / "r.sqlite", mounts=str)
            for number in range(25):
                cache.keep(f"{kernel}-{number}", kept(f"{kernel} {number}").to_json())
                cache.keep("shared", kept("The same.").to_json())
            os._exit(0 if cache.path else 1)
    ends = [os.waitpid(child, 0)[1] for child in children]

    cache = Cache(tmp_path / "r.sqlite", mounts=str)
    assert ends == [0, 0, 0]
    assert cache.size()[0] == 76
    assert cache.find("2-24") == kept("2 24").to_json()


# ---- in the notebook


def notebook(reply: Reply, text: Any = None, **about: Any) -> str:
    """Write a notebook that holds a reply."""
    output = {
        "output_type": "display_data",
        "data": {"text/plain": str(reply) if text is None else text},
        "metadata": {"nemotron": {**metadata(reply), **about}},
    }
    stream = {"output_type": "stream", "text": "x"}
    cells = [{"cell_type": "markdown"}, {"outputs": [stream, output]}, "odd"]
    return json.dumps({"cells": cells})


def test_a_saved_reply_is_found() -> None:
    found = saved_replies(notebook(Reply("Because.", DETAILS)))

    assert list(found) == ["h-1"]
    assert found["h-1"] == replace(kept(), source="notebook", reasoning="")


def test_a_saved_text_may_be_lines_with_more_below() -> None:
    lines = ["Bec\n", "ause.", "\n\nmore"]
    found = saved_replies(notebook(Reply("Bec\nause.", DETAILS), lines))

    assert found["h-1"].texts == ("Bec\nause.",)


def test_a_saved_reply_that_was_recalled_tells_what_it_took_when_new() -> None:
    again = replace(
        DETAILS,
        usage=Usage(0, 0, 0, 0, 0.0),
        recalled=CacheHit("disk", USAGE, DETAILS.asked_at),
        asked_at="2026-08-22T12:00:00+00:00",
    )
    found = saved_replies(notebook(Reply("Because.", again)))["h-1"]

    assert (found.usage, found.asked_at) == (USAGE, DETAILS.asked_at)


@pytest.mark.parametrize(
    "known",
    [
        {"ending": "truncated"},
        {"finish_reason": "content_filter"},
        {"choices": ("Because.", "Two")},
        {"refusal": "No."},
        {"tool_calls": (ToolCall(0),)},
        {"request_hash": ""},
    ],
)
def test_a_saved_reply_that_is_not_whole_is_not_found(known: dict[str, Any]) -> None:
    reply = Reply("Because.", replace(DETAILS, **known))

    assert saved_replies(notebook(reply)) == {}


@pytest.mark.parametrize(
    "about",
    [
        {"characters": 9},
        {"characters": -1},
        {"characters": "8"},
        {"characters": None},
        {"request_hash": 5},
    ],
)
def test_a_saved_reply_that_was_meddled_with_is_not_found(
    about: dict[str, Any],
) -> None:
    assert saved_replies(notebook(Reply("Because.", DETAILS), **about)) == {}


@pytest.mark.parametrize("text", ["", "[]", "3", "{", '{"cells": 3}', "[" * 99_999])
def test_a_file_that_is_no_notebook_holds_no_replies(text: str) -> None:
    assert saved_replies(text) == {}
