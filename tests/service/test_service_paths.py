from __future__ import annotations

import pytest

from service import serve
from service.catalogue import RETIRED, SEED_MODEL
from service.http_reader import MODEL, body, post, request

LIVE = {
    "nvidia/nemotron-3-ultra-550b-a55b",
    "nvidia/nemotron-3-super-120b-a12b",
    "nvidia/nemotron-3-nano-30b-a3b",
    "nvidia/nemotron-3.5-lightning",
}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions"])
def test_both_chat_paths_answer(path):
    with serve() as url:
        got = post(url, body("rehearsal: say Hello"), path)

    assert (got.status, got.content) == (200, "Hello")


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/api/v1/models"])
def test_all_three_catalogue_paths_list_the_live_nemotrons(path):
    with serve(key="secret-key-1234") as url:
        rows = request(url, path).json["data"]

    ids = {row["id"] for row in rows if row["id"].startswith("nvidia/")}
    assert ids == LIVE
    assert not ids & set(RETIRED)


def test_prices_come_only_when_asked_for_and_in_every_way_of_writing_them():
    with serve() as url:
        plain = request(url, "/v1/models").json["data"]
        priced = request(url, "/v1/models?include=pricing,nonsense").json["data"]

    assert not any("pricing" in row for row in plain)
    prices = [row.get("pricing") for row in priced]
    units = [u for p in prices if p for u in p.get("units", ())]
    assert None in prices
    assert {p["kind"] for p in prices if p} == {"fixed", "variants", "variable"}
    assert {"measure", "origin"} <= {name for unit in units for name in unit}
    assert {unit["per"] for unit in units} == {1, 1_000_000}
    assert any("currency" not in p for p in prices if p)


@pytest.mark.parametrize("query", ["include=all", "details=true", "details=1"])
def test_details_are_all_sections(query):
    with serve() as url:
        rows = request(url, f"/v1/models?{query}").json["data"]

    assert {"pricing", "modalities", "capabilities"} <= rows[0].keys()


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("id=nvidia/nemotron-3-nano-30b-a3b", ["nvidia/nemotron-3-nano-30b-a3b"]),
        ("id=NEMOTRON-3-nano-30b-a3b", ["nvidia/nemotron-3-nano-30b-a3b"]),
        (
            "id=deepseek/deepseek-v3,alibaba/qwen3-32b",
            ["alibaba/qwen3-32b", "deepseek/deepseek-v3"],
        ),
        (
            "id=deepseek/deepseek-v3&id=alibaba/qwen3-32b",
            ["alibaba/qwen3-32b", "deepseek/deepseek-v3"],
        ),
        ("id=openai/gpt-4o", ["openai/gpt-4o", "openai/gpt-4o"]),
        ("id=openai/gpt-4o&type=openai/chat-completions", ["openai/gpt-4o"]),
        ("id=nobody/nothing", []),
        (f"id={SEED_MODEL}", []),
    ],
)
def test_the_catalogue_is_filtered(query, ids):
    with serve() as url:
        rows = request(url, f"/v1/models?{query}").json["data"]

    assert [row["id"] for row in rows] == ids


def test_an_unchanged_catalogue_is_not_sent_again():
    with serve() as url:
        first = request(url, "/v1/models")
        again = request(url, "/v1/models", **{"If-None-Match": first.headers["ETag"]})
        other = request(url, "/v1/models?id=x", **{"If-None-Match": "W/x"})

    assert first.headers["ETag"].startswith('W/"')
    assert (again.status, again.raw) == (304, b"")
    assert other.status == 200


def test_a_long_catalogue_is_over_a_megabyte():
    with serve(extra_models=3000) as url:
        got = request(url, "/v1/models?include=pricing")

    assert len(got.raw) > 1_300_000


@pytest.mark.parametrize(
    "dialect", ["vllm", "llamacpp", "nvidia", "litellm", "openrouter"]
)
def test_other_servers_list_models_as_openai_does(dialect):
    with serve(dialect=dialect) as url:
        rows = request(url, "/v1/models").json["data"]

    assert {row["object"] for row in rows} == {"model"}
    assert len({row["id"] for row in rows}) == len(rows)


def test_one_model_is_found_by_id_or_alias_in_any_case():
    with serve() as url:
        by_id = request(url, f"/model/{MODEL.upper()}")
        by_alias = request(url, "/model/nemotron-3-super-120b-a12b")
        missing = request(url, "/model/nobody/nothing")

    assert by_id.json == by_alias.json
    assert by_id.json["object"] == "model"
    assert by_id.json["data"]["info"]["contextLength"] == 1_000_000
    assert missing.status == 404


def test_a_balance_falls_by_what_replies_cost():
    with serve(balance_usd=1.0) as url:
        before = request(url, "/v2/billing").json
        spent = post(url, body()).json["meta"]["usage"]
        after = request(url, "/v2/billing").json
        legacy = request(url, "/v1/billing/balance").json

    assert before == {"current_balance": 1.0, "currency": "USD"}
    assert after["current_balance"] == pytest.approx(1.0 - spent["usd_spent"], abs=1e-6)
    assert legacy["balance"] == 2_000_000 - spent["credits_used"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/foo"), ("POST", "/"), ("GET", "/chat/completions")],
)
def test_other_paths_answer_as_nest_does(method, path):
    with serve() as url:
        got = request(url, path, method=method)

    message = f"Cannot {method} {path}"
    assert got.status == 404
    assert got.json == {"statusCode": 404, "message": message, "error": "Not Found"}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v2/billing"])
@pytest.mark.parametrize("sent", [{}, {"Authorization": "Bearer wrong"}])
def test_only_the_key_that_was_set_is_let_in(path, sent):
    method = "POST" if "chat" in path else "GET"
    with serve(key="right-key-5678") as url:
        refused = request(url, path, "{}", method, **sent)
        let_in = request(url, path, "{}", method, Authorization="bearer right-key-5678")

    assert refused.status == 401
    assert refused.json.keys() == {
        "requestId",
        "statusCode",
        "timestamp",
        "path",
        "message",
    }
    assert "right-key-5678" not in refused.raw.decode()
    assert let_in.status in (200, 400)


def test_a_record_shows_no_more_of_a_key_than_its_end():
    key = "sk-0123456789abcdef"
    with serve() as url:
        post(url, body(), Authorization=f"Bearer {key}", **{"X-Api-Key": key})
        post(url, body())

    first, second = url.requests
    assert first.headers["authorization"] == "Bearer ****cdef"
    assert key not in repr(url.requests)
    assert (first.authorized, second.authorized) == (True, False)
    assert first.body["model"] == MODEL
    assert (first.method, first.path) == ("POST", "/v1/chat/completions")


def test_the_inference_id_is_there_and_the_clients_id_comes_back_if_it_is_one():
    with serve() as url:
        good = post(url, body(), **{"X-Client-Request-Id": "a.B_9:-"})
        bad = post(url, body(), **{"X-Client-Request-Id": "white space"})
        stream = post(url, body(stream=True))
        error = post(url, body(temperature=9))

    assert good.headers["x-client-request-id"] == "a.B_9:-"
    assert bad.headers["x-client-request-id"] is None
    ids = {got.headers["x-inference-id"] for got in (good, bad, stream, error)}
    assert len(ids) == 4
    assert {len(name) for name in ids} == {21}


def test_only_json_says_its_cost_in_the_headers():
    with serve() as url:
        whole, stream = post(url, body()), post(url, body(stream=True))

    usage = whole.json["meta"]["usage"]
    assert whole.headers["x-aimlapi-credits-used"] == str(usage["credits_used"])
    assert float(whole.headers["x-aimlapi-usd-spent"]) == usage["usd_spent"]
    assert stream.headers["x-aimlapi-credits-used"] is None


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("stream", [True, False])
def test_success_is_200_or_201_as_told(status, stream):
    with serve(status=status) as url:
        assert post(url, body(stream=stream)).status == status


def test_the_retired_default_is_accepted_until_told_otherwise():
    asked = {**body(), "model": SEED_MODEL}
    with serve() as url:
        accepted = post(url, asked)
    with serve(retired=True) as url:
        refused = post(url, asked)

    assert accepted.status == 200
    assert refused.status == 404
    assert "0 endpoints" in refused.json["error"]["message"]


@pytest.mark.parametrize(
    ("verdict", "status", "said"),
    [
        ("accept", 200, b"Rehearsal"),
        ("404", 404, b"0 endpoints"),
        ("404-empty", 404, b""),
        ("400", 400, b"Invalid enum value. Expected 'nvidia/"),
    ],
)
def test_an_unknown_model_gets_what_was_set(verdict, status, said):
    with serve(unknown_model=verdict) as url:
        got = post(url, {**body(), "model": "nobody/nothing"})

    assert got.status == status
    assert said in got.raw
