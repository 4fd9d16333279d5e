"""The rehearsal that users get: one dialect over plain HTTP, and nothing besides."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from service.http_reader import begin, body, connect, post, request, wait_for_threads

from nemotron_magic import rehearsal
from nemotron_magic.core.parameters import DEFAULT_MODEL
from nemotron_magic.session.structured.specs import parse_fields

PACKAGE = Path(rehearsal.__file__).parent
NANO = "nvidia/nemotron-3-nano-30b-a3b"


@pytest.fixture
def url() -> Iterator[str]:
    with rehearsal.serve() as url:
        yield url


def test_the_value_of_the_block_is_the_url() -> None:
    with rehearsal.serve() as url:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", url)

    with pytest.raises(OSError, match="refused"):
        request(url, "/v1/models")


@pytest.mark.parametrize("stream", [True, False])
def test_a_reply_is_read_whole_with_its_usage_and_cost(url: str, stream: bool) -> None:
    got = post(url, body("rehearsal: say **a**\nb", stream=stream))
    answer = got.seen if stream else got.json
    usage = answer.usage if stream else answer["usage"]
    meta = answer.meta if stream else answer["meta"]

    assert (got.seen if stream else got).content == "**a**\nb"
    assert usage["completion_tokens"] == 2
    assert usage["total_tokens"] == usage["prompt_tokens"] + 2
    assert meta["usage"]["usd_spent"] == meta["usage"]["credits_used"] / 2_000_000


def test_max_tokens_cuts_a_reply_and_says_so(url: str) -> None:
    got = post(url, body("rehearsal: length 100", stream=True, max_tokens=7)).seen

    assert (len(got.content), got.finish) == (28, "length")


@pytest.mark.parametrize("stop", ["c", ["x", "c"]])
def test_a_reply_ends_before_a_stop_sequence(url: str, stop: Any) -> None:
    assert post(url, body("rehearsal: say abcd", stop=stop)).content == "ab"


def test_every_reply_says_that_no_model_is_behind_it(url: str) -> None:
    content = post(url, body("why?")).content

    assert content.startswith("**Rehearsal: no model is behind this reply.**")
    assert "> why?" in content


def test_json_is_replied_where_a_schema_asks_for_it(url: str) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    wanted = {"type": "json_schema", "json_schema": {"schema": schema}}
    got = post(url, body("count", response_format=wanted))

    assert json.loads(got.content) == {"n": 1}


def typed(url: str, question: str, as_: str) -> dict[str, Any]:
    """Return what is replied to a row: its form stands before it, as with `map`."""
    fields = parse_fields(as_)
    wanted = {"type": "json_schema", "json_schema": {"schema": fields.schema()}}
    asked = body(question, response_format=wanted)
    told = {"role": "system", "content": fields.prompt_line()}
    asked["messages"] = [told, *asked["messages"]]
    return fields.check(json.loads(post(url, asked).content))


@pytest.mark.parametrize(
    ("as_", "value"),
    [
        ("stars int 2..5, due date", {"stars": 2, "due": date(2026, 1, 31)}),
        ("share float ..0.5", {"share": 0.5}),
    ],
)
def test_values_lie_in_the_range_that_the_system_message_gives(
    url: str, as_: str, value: dict[str, Any]
) -> None:
    assert typed(url, "A kettle.", as_) == value


@pytest.mark.parametrize(
    ("question", "tone", "why"),
    [
        ("Is it good or bad? I LOVE it", "good", "+ good, LOVE − bad"),
        ("It broke. Great box, but useless", "bad", "+ Great − broke, useless"),
        ("Comes in blue", "mixed", "no word that it knows"),
    ],
)
def test_a_label_of_a_tone_is_by_the_words_and_says_so(
    url: str, question: str, tone: str, why: str
) -> None:
    got = typed(url, question, "tone: good|mixed|bad, why")

    assert got == {"tone": tone, "why": f"rehearsal: {why}"}


@pytest.mark.parametrize("as_", ["size: S|M|L, why", "tone: S|good, why"])
def test_a_label_of_no_tone_is_the_first(url: str, as_: str) -> None:
    got = typed(url, "It broke.", as_)

    assert [*got.values()] == ["S", "rehearsal"]


def test_without_a_label_for_no_tone_that_is_the_first(url: str) -> None:
    assert typed(url, "It is a box.", "tone: bad|good")["tone"] == "bad"


def test_the_catalogue_lists_nemotrons_with_prices(url: str) -> None:
    rows = request(url, "/v1/models").json["data"]
    prices = {row["id"]: row["pricing"]["units"][0]["price"] for row in rows}

    assert DEFAULT_MODEL in prices
    assert prices[NANO] == 0.11


@pytest.mark.parametrize(
    "wrong",
    [None, [], {}, {"model": "m"}, {"model": 1, "messages": [{"role": "user"}]}]
    + [{"model": "m", "messages": wrong} for wrong in ([], "hi", [1], [{}])],
)
def test_a_body_without_what_it_needs_is_refused(url: str, wrong: Any) -> None:
    got = post(url, wrong)

    assert got.status == 400
    assert "messages and model are required" in got.json["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": {"type": "json_schema"}},
        {"response_format": "json_object"},
        {"max_tokens": "ten"},
        {"stop": 5},
    ],
)
@pytest.mark.parametrize("streams", [True, False])
def test_a_field_that_cannot_be_read_is_refused_and_not_hung_up_on(
    url: str, fields: dict[str, Any], streams: bool
) -> None:
    got = post(url, body("why?", stream=streams, **fields))

    assert got.status == 400
    assert got.json["message"].startswith("Body validation error: ")


def test_a_request_to_go_on_with_nothing_is_refused(url: str) -> None:
    assert post(url, body("Your reply was cut off.")).status == 400


def test_another_path_is_not_found(url: str) -> None:
    assert request(url, "/v1/nothing").status == 404
    assert post(url, body(), "/v1/nothing").status == 404


def test_a_connection_is_kept_for_the_next_request(url: str) -> None:
    connection = connect(url)
    connection.request("GET", "/v1/models")
    connection.getresponse().read()
    first = connection.sock
    connection.request("GET", "/v1/models")
    connection.getresponse().read()

    assert connection.sock is first is not None
    connection.close()


def test_stop_ends_a_slow_stream_and_leaves_no_thread() -> None:
    server = rehearsal.start(tokens_per_s=0.2)
    connection, response = begin(server.url, body(stream=True))
    server.stop()

    assert wait_for_threads(0) == []
    connection.close()
    response.close()


def test_stop_ends_idle_connections() -> None:
    server = rehearsal.start()
    with socket.create_connection(("127.0.0.1", int(server.url[-8:-3]))):
        server.stop()

        assert wait_for_threads(0) == []


def test_a_port_that_is_taken_is_an_oserror_and_leaves_nothing() -> None:
    with rehearsal.serve() as url:
        port = int(url.rpartition(":")[2].removesuffix("/v1"))
        with pytest.raises(OSError, match="in use"):
            rehearsal.serve(port)

    assert wait_for_threads(0) == []


def test_many_clients_at_once_each_get_their_own(url: str) -> None:
    got: dict[int, str] = {}

    def run(number: int) -> None:
        asked = body(f"rehearsal: say {number}" * 9, stream=True)
        got[number] = post(url, asked).seen.content

    crowd = [threading.Thread(target=run, args=(n,)) for n in range(20)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()

    assert len(got) == 20
    assert all(text.startswith(str(n)) for n, text in got.items())


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to another process there")
def test_the_command_serves_until_it_is_interrupted() -> None:
    command = [sys.executable, "-m", "nemotron_magic.rehearsal", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        head = "".join(process.stdout.readline() for _ in range(8))
        found = re.search(r"http://127\.0\.0\.1:\d+/v1", head)
        assert found is not None
        answered = post(found[0], body("rehearsal: say hi")).content
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=5)

    assert answered == "hi"
    assert f"%config Nemotron.base_url = '{found[0]}'" in head
    assert rest.endswith("Stopped.\n")
    assert process.returncode == 0
