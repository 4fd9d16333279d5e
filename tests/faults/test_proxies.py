"""Which proxy a request goes through: the settings in every form, and no other."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrix import GOOD, HTML, page, whole
from scripted import Player, Scripted
from shells import LOAD, Kernel, Outcome, running

from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.client.network import Proxy, is_exempt, proxy_for
from nemotron_magic.core.errors import ConnectError, NemotronError

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy")
CLIENTS = "localhost,127.0.0.0/8,::1,fd00::/8,[::1],*.orb.local, .internal ,,10.0.0.0/8"
"""As network clients of this world set it; some of it is no URL."""


@pytest.fixture
def service() -> Iterator[Scripted]:
    with Player([], GOOD) as heard:
        yield heard


@pytest.fixture
def proxy() -> Iterator[Scripted]:
    """A proxy that takes all and passes nothing on; `requests` is what it got."""
    with Player([], whole(page("proxy"), HTML, status="403 Forbidden")) as heard:
        yield heard


def no_such_host(host: str, port: int) -> None:
    raise socket.gaierror(-2, "Name or service not known")


Setter = Callable[[str, str], None]


@pytest.fixture
def behind(proxy: Scripted, monkeypatch: pytest.MonkeyPatch) -> Setter:
    """Put this process behind that proxy; give what sets further variables."""
    for name in NAMES[:3]:
        monkeypatch.setenv(name, f"http://anna:geheim@{proxy.netloc}")
    return monkeypatch.setenv


def asked(session_at: Any, base_url: str, **more: Any) -> Any:
    client = Client(sleep=lambda wait_s: None, resolve=no_such_host)
    session: Session = session_at(base_url, client, key="sk-secret", **more)
    return session.ask("Hello")


LOCAL = [
    "localhost",
    "LOCALHOST",
    "model.localhost",
    "a.b.localhost.",
    "127.0.0.1",
    "127.1",
    "0x7f000001",
    "2130706433",
    "0.0.0.0",
    "[::ffff:127.0.0.1]",
]


@pytest.mark.parametrize("host", LOCAL)
def test_no_proxy_hears_of_a_question_to_this_machine(
    host: str, service: Scripted, proxy: Scripted, behind: Setter, session_at: Any
) -> None:
    reply = asked(session_at, f"http://{host}:{service.port}")

    assert reply == "Hello, world!"
    assert (service.posts, proxy.connections) == (1, 0)
    assert b"Bearer sk-secret" in service.requests[0]


@pytest.mark.parametrize("no_proxy", [CLIENTS, "fd00::/8", "[::1]", "a:b:c,://,[,*:x"])
def test_no_entry_of_no_proxy_stops_a_call(
    no_proxy: str, service: Scripted, proxy: Scripted, behind: Setter, session_at: Any
) -> None:
    behind("NO_PROXY", no_proxy)
    reply = asked(session_at, f"http://model.localhost:{service.port}")

    assert (reply, proxy.connections) == ("Hello, world!", 0)
    with pytest.raises(NemotronError, match="blocked"):
        asked(session_at, "http://models.example.org", allow_http=True)
    assert proxy.posts == 1


def test_what_is_elsewhere_goes_through_the_proxy(
    proxy: Scripted, behind: Setter, session_at: Any
) -> None:
    with pytest.raises(NemotronError, match="blocked the request"):
        asked(session_at, "http://models.example.org", allow_http=True)
    with pytest.raises(NemotronError, match="did not pass the request on"):
        asked(session_at, "https://models.example.org")

    plain, secure = proxy.requests
    assert plain.startswith(b"POST http://models.example.org/v1/chat/completions ")
    assert secure.startswith(b"CONNECT models.example.org:443 ")
    assert b"sk-secret" not in secure


@pytest.mark.parametrize(
    ("no_proxy", "base_url"),
    [
        (".example.org", "http://models.example.org"),
        ("a, *.EXAMPLE.org ,b", "http://Models.example.org"),
        ("models.example.org:8080", "http://models.example.org:8080"),
        ("*", "https://models.example.org"),
    ],
)
def test_a_host_in_no_proxy_is_looked_up_here(
    no_proxy: str, base_url: str, proxy: Scripted, behind: Setter, session_at: Any
) -> None:
    behind("no_proxy", no_proxy)
    with pytest.raises(ConnectError, match="cannot find the host"):
        asked(session_at, base_url, allow_http=True)

    assert proxy.connections == 0


def test_a_changed_variable_holds_from_the_next_call_on(
    proxy: Scripted, behind: Setter, session_at: Any
) -> None:
    client = Client(sleep=lambda wait_s: None, resolve=no_such_host)
    session = session_at("https://models.example.org", client, key="sk-a")
    for no_proxy, fault in (
        ("", "did not pass"),
        ("models.example.org", "cannot find"),
        ("elsewhere.example", "did not pass"),
    ):
        behind("NO_PROXY", no_proxy)
        with pytest.raises(ConnectError, match=fault):
            session.ask("Hello")


@pytest.mark.parametrize(
    ("host", "no_proxy"),
    [
        ("example.com", "example.com"),
        ("a.example.com", "example.com"),
        ("a.example.com", ".example.com"),
        ("example.com", ".example.com"),
        ("a.b.example.com", "*.example.com"),
        ("example.com.", "EXAMPLE.com"),
        ("EXAMPLE.com", "example.com."),
        ("a.corp.example", "x;*.corp.example"),
        ("api-corp.example", "*corp.example"),
        ("10.1.2.3", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.99/24"),
        ("0xa010203", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3", "10.*"),
        ("::ffff:10.1.2.3", "10.0.0.0/8"),
        ("10.1.2.3", "::ffff:10.1.2.3"),
        ("fd00::1", "fd00::/8"),
        ("fd00:0:0:0::1", "fd00::1"),
        ("fd00::1", "[fd00::1]"),
        ("fd00::1", "[FD00::1]:443"),
        ("example.com", "example.com:443"),
        ("example.com", "https://example.com"),
        ("example.com", "all://example.com"),
        ("example.com", " a , ,b  example.com\t"),
        ("example.com", ":::,[x,example.com"),
        ("whatever", "*"),
        ("fd00::1", "a,*"),
    ],
)
def test_no_proxy_is_understood_in_every_form(host: str, no_proxy: str) -> None:
    assert is_exempt(no_proxy, "https", host)


@pytest.mark.parametrize(
    ("host", "no_proxy"),
    [
        ("example.com", ""),
        ("example.com", ", ,;"),
        ("example.com", ".,*.,..,:443,/8,[],://"),
        ("notexample.com", "example.com"),
        ("notexample.com", "*.example.com"),
        ("example.com.evil.org", "example.com"),
        ("example.com", "a.example.com"),
        ("example.com", "example.com:80"),
        ("example.com", "http://example.com"),
        ("11.0.0.1", "10.0.0.0/8"),
        ("10.0.0.1.example.com", "10.0.0.0/8"),
        ("fe80::1", "fd00::/8"),
        ("fd00::1", "[fd00::1]:80"),
        ("fd00::1", "10.0.0.0/8"),
        ("10.0.0.1", "10.0.0.0/99,10.0.0.0/x,10.0.0.0/"),
        ("host", "1.2.3.4"),
    ],
)
def test_no_proxy_names_nothing_else(host: str, no_proxy: str) -> None:
    assert not is_exempt(no_proxy, "https", host)


@given(st.text() | st.text("0123456789abf:./[]*,% ", max_size=30), st.text(max_size=9))
def test_any_text_may_stand_in_no_proxy(no_proxy: str, host: str) -> None:
    assert is_exempt(no_proxy, "https", host) in (True, False)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, "None"),
        ({"HTTPS_PROXY": "http://p:1"}, "p:1 of HTTPS_PROXY"),
        ({"https_proxy": "p:1"}, "p:1 of https_proxy"),
        ({"HTTPS_PROXY": "http://q:1", "https_proxy": "p:1"}, "p:1 of https_proxy"),
        ({"ALL_PROXY": " u:pw@p:1 "}, "p:1 of ALL_PROXY"),
        ({"all_proxy": "socks5h://u:pw@p:1"}, "p:1 of all_proxy"),
        ({"HTTPS_PROXY": "https://u:p%40@[::1]:1/"}, "[::1]:1 of HTTPS_PROXY"),
        ({"HTTPS_PROXY": "p:1", "ALL_PROXY": "q:1"}, "p:1 of HTTPS_PROXY"),
        ({"HTTP_PROXY": "http://p:1"}, "None"),
        ({"HTTPS_PROXY": " "}, "None"),
        ({"HTTPS_PROXY": "p:1", "NO_PROXY": "h.example"}, "None"),
        ({"HTTPS_PROXY": "p:1", "no_proxy": "*.example"}, "None"),
        ({"HTTPS_PROXY": "junk:x:y", "NO_PROXY": "*"}, "None"),
    ],
)
def test_the_proxy_is_named_with_its_variable_and_without_its_password(
    environ: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert str(proxy_for("https", "h.example")) == told


@pytest.mark.parametrize(
    "url",
    [
        "nonsense://geheim@p",
        "socks://anna:geheim@p:1",
        "socks4://anna:geheim@p:1",
        "http://anna:geheim@p:port",
        "http://anna:geheim@p:99999",
        "http://anna:geheim@p:0",
        "http://anna:geheim@",
        "http://anna:12/geheim@p:1",
        "http://anna:1#geheim@p:1",
        "http://anna:1?geheim@p:1",
        "http://anna:ge/heim@p:1",
        "http://[geheim",
        "anna:geheim",
        "http://anna:geheim@p p:1",
        "http://anna:geheim@p\u200b:1",
        "http://anna:geheim@p:1 2",
    ],
)
def test_what_is_no_proxy_is_told_with_its_variable_and_not_shown(
    url: str, session_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", url)
    with pytest.raises(ConnectError) as failed:
        asked(session_at, "https://h.example")

    error = failed.value
    assert error.what == "the proxy that HTTPS_PROXY names cannot be used"
    assert error.final
    assert "heim" not in str(error)
    assert (error.__cause__, error.__context__) == (None, None)


def test_a_socks_proxy_without_its_package_is_told(
    session_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://anna:geheim@127.0.0.1:9")
    with pytest.raises(ConnectError) as failed:
        asked(session_at, "https://h.example")

    assert "geheim" not in str(failed.value)
    try:
        import socksio  # noqa: F401
    except ImportError:
        assert failed.value.what == "the proxy that ALL_PROXY names cannot be used"
        assert 'pip install "httpx[socks]"' in failed.value.why


def test_a_proxy_shows_no_password() -> None:
    proxy = Proxy("http://anna:geheim@p:1", "X")

    assert "geheim" not in f"{proxy} {proxy!r} {[proxy]}"


@pytest.fixture
def kernel_behind(proxy: Scripted, tmp_path: Path) -> Iterator[Kernel]:
    """A kernel that was started behind that proxy, as a company's are."""
    names = dict.fromkeys(NAMES, f"http://anna:geheim@{proxy.netloc}")
    at = {"AIMLAPI_API_BASE": "http://models.example.org", "AIMLAPI_API_KEY": "sk-k42"}
    cells = (f"import os\n{LOAD}", "%config Nemotron.allow_http = True")
    with running(tmp_path, *cells, **names, **at) as kernel:
        yield kernel


def ask_at(kernel: Kernel, base_url: str, no_proxy: str = "") -> Outcome:
    kernel.run(f"os.environ['NO_PROXY'] = os.environ['no_proxy'] = {no_proxy!r}")
    return kernel.run(f"%config Nemotron.base_url = {base_url!r}\n%nemotron hello")


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("host", "no_proxy"),
    [
        ("model.localhost", ""),
        ("a.b.LOCALHOST.", "localhost,fd00::/8,[::1]:x"),
        ("127.0.0.2", ""),
        ("[::ffff:127.0.0.1]", "*.example"),
    ],
)
def test_a_kernel_behind_a_proxy_asks_its_own_machine_without_it(
    host: str,
    no_proxy: str,
    service: Scripted,
    proxy: Scripted,
    kernel_behind: Kernel,
) -> None:
    told = ask_at(kernel_behind, f"http://{host}:{service.port}/v1", no_proxy)
    hears = host != "127.0.0.2"  # nothing listens there

    assert (told.status, service.posts) == (("ok", 1) if hears else ("error", 0))
    assert hears or "cannot connect to" in told.error
    assert proxy.connections == 0


@pytest.mark.kernel
@pytest.mark.parametrize("no_proxy", [CLIENTS, "[::1],:::,/,localhost"])
def test_a_kernel_sends_to_its_proxy_what_no_entry_exempts(
    no_proxy: str, proxy: Scripted, kernel_behind: Kernel
) -> None:
    told = ask_at(kernel_behind, "http://models.example.org/v1", no_proxy)
    exempt = f"{no_proxy},models.example.org"
    direct = ask_at(kernel_behind, "http://models.example.org/v1", exempt)

    assert "Invalid port" not in told.error + direct.error
    assert "blocked the request" in told.error
    assert "cannot find the host models.example.org" in direct.error
    assert (proxy.posts, proxy.connections) == (1, 1)
