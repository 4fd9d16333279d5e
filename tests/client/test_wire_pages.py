"""Catalogue and balance, in the forms that they have.

Each test's docstring begins with the number of its case.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from wire import AIMLAPI, KEY

from nemotron_magic.client.client import Client
from nemotron_magic.client.models import read_models
from nemotron_magic.core.endpoint import Endpoint, Key
from nemotron_magic.core.errors import AuthenticationError, NemotronError, RequestError


def priced(pricing: Any) -> tuple[float | None, float | None]:
    (model,) = read_models({"data": [{"id": "a", "pricing": pricing}]})
    return model.input_usd, model.output_usd


def unit(price: Any, **fields: Any) -> dict[str, Any]:
    return {"name": "token", "price": price, **fields}


@pytest.mark.parametrize(
    ("pricing", "prices"),
    [
        ({"units": [unit(1.5, measure="input", per=1_000_000)]}, (1.5, None)),
        (
            {
                "units": [
                    unit(1.95, origin="generated", per=1_000_000),
                    unit(0.1, origin="cached", per=1_000_000),
                    unit("0.65", origin="provided", per=1_000_000),
                ]
            },
            (0.65, 1.95),
        ),
        ({"units": [unit(7.8e-9, measure="output", per=1)]}, (None, 0.0078)),
        ({"units": [unit(9, origin="provided", content="image")]}, (None, None)),
        ({"prompt": "0.0000001", "completion": "0.0000005"}, (0.1, 0.5)),
        ({"kind": "variable"}, (None, None)),
        ({"kind": "variants", "variants": [{"price": 1}]}, (None, None)),
        ({"units": [unit(1, measure="input", per=0)]}, (None, None)),
        (None, (None, None)),
    ],
)
def test_a_price_is_that_of_a_million_tokens_or_unknown(
    pricing: Any, prices: tuple[float | None, float | None]
) -> None:
    """Case 67."""
    assert priced(pricing) == prices


def test_an_unchanged_catalogue_is_not_sent_again(served: Any) -> None:
    """Case 68."""
    url = served(extra_models=5000)
    endpoint = Endpoint.read(url)
    client = Client()
    first, again = client.models(endpoint, None), client.models(endpoint, None)
    client.close()

    assert again is first
    assert len(first) > 5000
    assert "if-none-match" in url.requests[-1].headers
    assert any(model.goes_by("NEMOTRON-3-super-120b-a12b") for model in first)
    assert [model.name for model in first].count("openai/gpt-4o") == 1


@pytest.mark.parametrize("dialect", ["vllm", "llamacpp", "nvidia", "openrouter"])
def test_openais_form_of_a_catalogue_is_read(
    served: Any, session_at: Any, dialect: str
) -> None:
    """Case 69."""
    models = session_at(served(dialect=dialect)).models()

    assert models[0].name == "nvidia/nemotron-3-nano-30b-a3b"
    assert models[0].input_usd is None


def answering(pages: dict[str, tuple[int, Any]]) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        status, body = pages[request.url.path]
        return httpx.Response(status, json=body)

    return httpx.MockTransport(answer)


OLD, NEW = "/v1/billing/balance", "/v2/billing"


@pytest.mark.parametrize(
    ("pages", "balance_usd"),
    [
        ({NEW: (200, {"current_balance": 123.45, "currency": "USD"})}, 123.45),
        ({NEW: (404, {}), OLD: (200, {"balance": 10_000_000})}, 5.0),
        ({NEW: (200, {"current_balance": "much"})}, None),
        ({NEW: (200, [])}, None),
    ],
)
def test_the_balance_is_in_dollars_or_unknown(
    pages: dict[str, Any], balance_usd: float | None
) -> None:
    """Case 70."""
    client = Client(answering(pages))

    assert client.balance_usd(AIMLAPI, None) == balance_usd


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AuthenticationError), (403, RequestError), (404, NemotronError)],
)
def test_a_balance_that_is_refused_is_explained(
    status: int, kind: type[NemotronError]
) -> None:
    """Case 70."""
    client = Client(answering({NEW: (status, {}), OLD: (status, {})}))
    with pytest.raises(kind, match=f"({status})"):
        client.balance_usd(AIMLAPI, Key(KEY, AIMLAPI.origin, "X"))


def test_a_service_without_a_balance_is_not_told_of_as_a_wrong_address() -> None:
    """Case 70."""
    client = Client(answering({NEW: (404, {}), OLD: (404, {})}))
    with pytest.raises(RequestError) as refused:
        client.balance_usd(AIMLAPI, None)

    assert f"{AIMLAPI.netloc} does not tell what is left (404)" in str(refused.value)
    assert "chat/completions" not in str(refused.value)
