"""What may happen on the way, over real sockets.

Each test's docstring begins with the number of its case.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import zlib
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from wire import HELLO, KEY, STOP, say, slices

from nemotron_magic.client.client import Client
from nemotron_magic.core.errors import ConnectError, OutcomeUnknownError, RequestError


def test_a_refused_connection_names_the_host(session_at: Any) -> None:
    """Case 53."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ConnectError) as failed:
            session_at(f"http://127.0.0.1:{port}").ask("Hello")

    assert failed.value.what == f"cannot connect to 127.0.0.1:{port}"


def no_such_host(host: str, port: int) -> None:
    raise socket.gaierror(-2, "Name or service not known")


def test_an_unknown_host_is_named_and_not_tried_again(session_at: Any) -> None:
    """Case 53."""
    waits_s: list[float] = []
    client = Client(resolve=no_such_host, sleep=waits_s.append)
    with pytest.raises(ConnectError, match=r"cannot find the host no\.such\.host"):
        session_at("https://no.such.host", client, key=KEY).ask("Hello")

    assert waits_s == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    both = tmp_path_factory.mktemp("tls") / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-keyout", str(both)]
    command += ["-out", f"{both}.crt"]
    subprocess.run(command, check=True, capture_output=True)
    both.write_bytes(both.read_bytes() + Path(f"{both}.crt").read_bytes())
    return both


def test_an_untrusted_certificate_is_refused_for_good(
    session_at: Any, certificate: Path
) -> None:
    """Case 53."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with server.accept()[0] as plain, pytest.raises(ssl.SSLError):
                context.wrap_socket(plain, server_side=True)

        thread = Thread(target=accept)
        thread.start()
        with pytest.raises(ConnectError) as failed:
            session_at(f"https://127.0.0.1:{server.getsockname()[1]}").ask("Hello")
        thread.join()

    assert "certificate of 127.0.0.1" in failed.value.what
    assert failed.value.final


def test_https_to_a_service_without_it_is_told_as_such(
    served: Any, session_at: Any
) -> None:
    """Case 53."""
    url = served().replace("http:", "https:")
    with pytest.raises(ConnectError, match="no secure connection") as failed:
        session_at(url).ask("Hello")

    assert "certificate" not in str(failed.value)


def test_a_proxy_that_is_not_there_is_named(
    session_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 53."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(ConnectError) as failed:
        session_at("https://models.example.org", key=KEY).ask("Hello")

    assert failed.value.what == "cannot connect to the proxy 127.0.0.1:9 of HTTPS_PROXY"


CUTS = (
    "cut-chunked",
    "cut-content-length",
    "reset-mid-stream",
    "reset-mid-chunk",
    "bad-chunk-size",
)


@pytest.mark.parametrize("fault", CUTS)
def test_a_connection_that_breaks_off_keeps_the_text(ask: Any, fault: str) -> None:
    """Case 54."""
    told = ask("rehearsal: length 60", fault=fault)

    assert isinstance(told.error, OutcomeUnknownError)
    assert "may have been billed" in str(told.error)
    assert told.text.startswith("**Rehearsal")
    assert told.reply.metadata.ending == "failed"
    assert told.asked == 1


@pytest.mark.parametrize("fault", ["close-delimited-cut", "truncated-gzip", "no-done"])
def test_a_cut_that_looks_like_an_end_is_told(ask: Any, fault: str) -> None:
    """Case 54."""
    told = ask("rehearsal: length 60", fault=fault)

    assert told.text.startswith("**Rehearsal")
    assert told.reply.metadata.ending == "truncated"


SILENT = ("close-before-headers", "reset-before-headers", "reset-after-headers",
          "bad-status-line")  # fmt: skip


@pytest.mark.parametrize("fault", SILENT)
def test_a_break_before_any_text_is_not_repeated_in_silence(
    ask: Any, fault: str
) -> None:
    """Case 54; the design is stricter than the case."""
    told = ask(fault=fault)

    assert isinstance(told.error, OutcomeUnknownError)
    assert told.reply is None
    assert told.asked == 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["stall-before-headers:2", "stall-mid-stream:2"])
def test_silence_ends_after_its_time(ask: Any, fault: str) -> None:
    """Case 54."""
    settings = {"gap_timeout_s": 0.2, "total_timeout_s": 0.6}
    told = ask("rehearsal: say Hello", fault=fault, settings=settings)
    # Before a first byte a model may be loaded: here, for as long as it takes.
    limit = ("gap", "0.2") if "mid" in fault else ("total", "0.6")

    assert isinstance(told.error, OutcomeUnknownError)
    assert told.error.what.endswith(f" {limit[1]} s")
    assert f"%config Nemotron.{limit[0]}_timeout_s = " in told.error.hint
    assert told.asked == 1


def ticking(step_s: float) -> Any:
    """Give a clock that moves on by `step_s` with every look."""
    looks = iter(range(1_000_000))
    return lambda: next(looks) * step_s


@pytest.mark.parametrize(
    ("fault", "words"),
    [("keepalive-forever:0", "no new text came"), ("endless", "took longer than")],
)
def test_a_stream_without_end_is_ended(ask: Any, fault: str, words: str) -> None:
    """Case 54."""
    client = Client(clock_s=ticking(1.0))
    settings = {"client": client, "progress_timeout_s": 20, "total_timeout_s": 30}

    told = ask(fault=fault, settings=settings)

    assert isinstance(told.error, OutcomeUnknownError)
    assert words in told.error.what


def test_damaged_compression_is_our_error(ask: Any) -> None:
    """Case 55."""
    told = ask(fault="bad-gzip")

    assert isinstance(told.error, OutcomeUnknownError)
    assert "damaged compressed data" in told.error.what


def test_compressed_text_before_the_damage_is_kept(ask: Any) -> None:
    """Case 55."""
    packer = zlib.compressobj(wbits=31)
    good = packer.compress(say("Hello")) + packer.flush(zlib.Z_SYNC_FLUSH)

    def answer(request: httpx.Request) -> httpx.Response:
        headers = {"Content-Encoding": "gzip", "Content-Type": "text/event-stream"}
        return httpx.Response(200, headers=headers, content=iter([good, b"\xff" * 64]))

    told = ask(settings={"client": Client(httpx.MockTransport(answer))})

    assert isinstance(told.error, OutcomeUnknownError)
    assert told.text == "Hello"


def test_an_unknown_encoding_is_told(ask: Any) -> None:
    """Case 55."""
    assert "x-rehearsal" in ask(fault="unknown-encoding").error.why


# Case 56, the interrupt, is in test_interrupt.py: it needs a process of its own.


@pytest.mark.parametrize("padding", [b" \n\n  \n", b"\n" * 5000, b"\xef\xbb\xbf \r\n"])
def test_blanks_before_a_body_are_skipped(ask: Any, padding: bytes) -> None:
    """Case 57."""
    completion = {"choices": [{"message": {"content": "Hello"}}]}
    whole = json.dumps(completion).encode()

    for body in (padding + whole, padding + HELLO[:0] + say("Hello") + STOP):
        told = ask(body=slices(body, 64), content_type="application/json")
        assert told.text == "Hello"


@pytest.mark.parametrize(
    "fault", ["redirect-host", "redirect-303", "redirect-loop", "redirect-file",
              "redirect-slash"]
)  # fmt: skip
def test_a_redirect_is_named_and_not_followed(ask: Any, fault: str) -> None:
    """Case 58."""
    told = ask(fault=fault, settings={"key": KEY})

    assert isinstance(told.error, RequestError)
    assert "redirects to" in told.error.what
    assert "not followed" in told.error.why
    assert len(told.url.requests) == 1


def test_a_redirect_takes_the_key_to_no_other_host(ask: Any, served: Any) -> None:
    """Case 58."""
    other = served()
    ask(fault=f"redirect-host:{other}/chat/completions", settings={"key": KEY})

    assert other.requests == []
