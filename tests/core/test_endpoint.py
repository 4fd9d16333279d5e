"""One base URL in all the forms that people write it in."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemotron_magic.core.endpoint import Endpoint
from nemotron_magic.core.errors import InputError


@pytest.mark.parametrize(
    ("base_url", "chat_url"),
    [
        ("https://api.aimlapi.com", "https://api.aimlapi.com/v1"),
        ("https://api.aimlapi.com/", "https://api.aimlapi.com/v1"),
        ("https://api.aimlapi.com/v1", "https://api.aimlapi.com/v1"),
        ("https://api.aimlapi.com/v2/", "https://api.aimlapi.com/v2"),
        ("https://api.aimlapi.com/chat/completions", "https://api.aimlapi.com"),
        ("https://api.aimlapi.com/v1/chat/completions/", "https://api.aimlapi.com/v1"),
        (" HTTPS://API.aimlapi.com:443/v1\n", "https://api.aimlapi.com/v1"),
        ("http://localhost:080/v1", "http://localhost/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
        ("https://h.example/v1beta/openai", "https://h.example/v1beta/openai"),
        ("https://h.example/openai", "https://h.example/openai/v1"),
        ("https://h.example/v1alpha", "https://h.example/v1alpha/v1"),
    ],
)
def test_a_base_url_becomes_one_address(base_url: str, chat_url: str) -> None:
    endpoint = Endpoint.read(base_url)

    assert endpoint.chat_url == f"{chat_url}/chat/completions"
    assert endpoint.models_url == f"{chat_url}/models"
    assert Endpoint.read(endpoint.chat_url) == endpoint


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.aimlapi.com",
        "ftp://h.example",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https:///v1",
        "https://user:secret@h.example",
        "https://:secret@h.example",
        "https://@h.example",
        "https://h.example/v1?key=secret",
        "https://h.example/v1#secret",
        "https://h.example:0",
        "https://h.example:99999",
        "https://h.example:x",
        "https://bücher.example",
        "https://a b.example",
        "https://a\nb.example",
        "https://[::1",
        "user:secret@h.example",
    ],
)
def test_what_is_no_address_is_refused_without_a_secret(base_url: str) -> None:
    with pytest.raises(InputError) as refused:
        Endpoint.read(base_url)

    assert "secret" not in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("address", "scheme"),
    [
        ("api.example.org/v1", "https"),
        ("api.example.org:8443", "https"),
        ("localhost:8000", "http"),
        ("localhost", "http"),
        ("127.0.0.1:11434/v1", "http"),
        ("[::1]:8000", "http"),
    ],
)
def test_a_forgotten_scheme_is_put_in_front(address: str, scheme: str) -> None:
    with pytest.raises(InputError) as refused:
        Endpoint.read(address)

    assert f'base_url = "{scheme}://{address}"' in refused.value.hint


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("LOCALHOST.", True),
        ("Model.LocalHost", True),
        ("a.localhost.", True),
        ("127.0.0.1.", True),
        ("127.1", True),
        ("2130706433", True),
        ("0x7F000001", True),
        ("0x7f.0.0.1", True),
        ("0177.0.0.1", True),
        ("017700000001", True),
        ("0.0.0.0", True),
        ("0", True),
        ("[::]", True),
        ("[0:0:0:0:0:0:0:1]", True),
        ("[::ffff:127.0.0.1]", True),
        ("[::FFFF:7f00:2]", True),
        ("[::ffff:0.0.0.0]", True),
        ("[::ffff:10.0.0.1]", False),
        ("[fe80::1]", False),
        ("[::2]", False),
        ("128.0.0.1", False),
        ("0xa000001", False),
        ("0.0.0.1", False),
        ("localhost..example.org", False),
        ("localhost.localdomain", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("192.168.1.5", False),
        ("notlocalhost", False),
    ],
)
def test_only_this_machine_is_this_machine(host: str, is_here: bool) -> None:
    assert Endpoint.read(f"http://{host}:8000").is_loopback is is_here


def test_a_person_calls_it_by_host_and_port() -> None:
    endpoint = Endpoint.read("http://[::1]:8000/v1")

    assert (endpoint.netloc, endpoint.host) == ("[::1]:8000", "::1")


@given(st.text(max_size=40) | st.text("htps:/@[].?#1v\t", max_size=30))
def test_any_text_is_an_address_or_refused(base_url: str) -> None:
    try:
        endpoint = Endpoint.read(base_url)
    except InputError:
        return
    assert Endpoint.read(endpoint.base_url + "/chat/completions") == endpoint


@pytest.mark.parametrize("port", ["", ":443", ":8443"])
def test_our_origin_is_the_one_that_httpx_goes_to(port: str) -> None:
    endpoint = Endpoint.read(f"https://A.example{port}/v1")
    url = httpx.URL(endpoint.chat_url)

    assert f"{url.scheme}://{url.netloc.decode()}" == endpoint.origin
