"""The faults: what the service does, one row each. What comes of it: expected.txt."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

import trustme
from scripted import Over, Pause, Read, Reset, Script, Step, Tls
from wire import DONE, HELLO, STOP, delta, event, say

READ = Read()
PART = say("Hel", "lo, ")
QUICK = {"gap_timeout_s": 0.3, "connect_timeout_s": 0.5, "total_timeout_s": 0.9}
SHORT = {"progress_timeout_s": 0.4, "total_timeout_s": 0.8, "gap_timeout_s": 5}


@dataclass(frozen=True, slots=True)
class Row:
    """One fault.

    Parameters
    ----------
    plays : sequence of Script
        One a connection; every later connection gets a whole reply.
    settings : mapping
        Of the session.
    waits : bool
        Whether the call waits in it for long, so that an interrupt must end it; then
        `settings` are those that end it without one.
    base_url : str
        Where the session is sent; `{netloc}` is the player's.
    environ : mapping
        Variables of the process; `{ca}` is the file of the authority to trust.
    then : Script, optional
        Of the connections after the fault, if not a plain whole reply.
    lasts : bool
        Whether it cannot pass while the settings are these.
    resolve : callable, optional
        In place of the system's resolver.
    """

    name: str
    plays: Sequence[Script]
    settings: Mapping[str, Any] = field(default_factory=dict)
    waits: bool = False
    question: str = "Hello"
    base_url: str = "http://{netloc}/v1"
    environ: Mapping[str, str] = field(default_factory=dict)
    then: Script | None = None
    lasts: bool = False
    resolve: Callable[[str, int], Any] | None = None


def head(*lines: str, status: str = "200 OK") -> bytes:
    """Write the head of a response."""
    lines = (f"HTTP/1.1 {status}", "Connection: close", *lines, "", "")
    return "\r\n".join(lines).encode()


SSE = "Content-Type: text/event-stream"
JSON = "Content-Type: application/json"
HTML = "Content-Type: text/html; charset=utf-8"
CHUNKED = "Transfer-Encoding: chunked"
GZIP = "Content-Encoding: gzip"
STREAM = head(SSE, CHUNKED)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def whole(body: bytes, *lines: str, status: str = "200 OK") -> Script:
    """Play one response with its length."""
    return (READ, head(f"Content-Length: {len(body)}", *lines, status=status), body)


def streamed(*steps: Step) -> Script:
    """Play a chunked stream; bytes are its chunks."""
    return (READ, STREAM, *(chunk(s) if isinstance(s, bytes) else s for s in steps))


def chunked(body: bytes, *lines: str) -> Script:
    """Play one chunk and the end, under these headers."""
    return (READ, head(*lines, CHUNKED), chunk(body), b"0\r\n\r\n")


GOOD = (READ, head(SSE, CHUNKED), chunk(HELLO), b"0\r\n\r\n")


def refused(status: str, *lines: str, said: str = "Too Many Requests") -> Script:
    """Play a refusal in the service's own form."""
    code = int(status.partition(" ")[0])
    body = json.dumps({"statusCode": code, "message": said}).encode()
    return whole(body, JSON, *lines, status=status)


def page(title: str, size: int = 0) -> bytes:
    """Write a page as a gateway does, with a script in it."""
    filler = "<p>cf-error</p>" * (size // 15)
    return (
        f"<!DOCTYPE html><html><head><title>{title}</title></head><body>"
        f"<script>alert(1)</script><h1>{title}</h1>{filler}</body></html>"
    ).encode()


def zipped(data: bytes) -> bytes:
    """Compress, and let what there is go out at once."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)


COMPLETION = json.dumps(
    {
        "model": "m",
        "choices": [{"message": {"content": "Hello, world!"}, "finish_reason": "stop"}],
    }
).encode()
FAR = "http://localhost:9/elsewhere?token=secret"
FIGURES = event({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}})
MANY = "429 Too Many Requests"

CONNECTION = (
    Row("reset before headers", [(READ, Reset())]),
    Row("closed before headers", [(READ,)]),
    Row("reset after headers", [(READ, STREAM, Pause(0.03), Reset())]),
    Row("closed after headers", [(READ, STREAM)]),
    Row("closed within the headers", [(READ, STREAM[:30])]),
    Row("reset between chunks", [streamed(PART, Pause(0.03), Reset())]),
    Row(
        "reset within a chunk",
        [(READ, STREAM, b"fff\r\n" + PART, Pause(0.03), Reset())],
    ),
    Row("closed within a chunk", [(READ, STREAM, b"fff\r\n" + PART)]),
    Row("closed without the last chunk", [streamed(PART)]),
    Row("less than Content-Length", [(READ, head(SSE, "Content-Length: 9999"), PART)]),
    Row("clean end without an end", [streamed(PART, b"")]),
    Row("closed in place of an end", [(READ, head(SSE), PART)]),
    Row("bad chunk size", [(READ, STREAM, chunk(PART), b"zz\r\n")]),
    Row("bad status line", [(READ, b"HTP/one two OK\r\n\r\n")]),
    Row("not HTTP at all", [(READ, b"SSH-2.0-OpenSSH_9.6\r\n")]),
    Row(
        "a binary greeting",
        [
            (
                READ,
                b"\x15\x03\x01\x00\x02\x02\x16",
            )
        ],
    ),
    Row(
        "bytes after the response",
        [
            (
                READ,
                head(JSON, f"Content-Length: {len(COMPLETION)}"),
                COMPLETION + head("Content-Length: 5") + b"stray",
            )
        ],
    ),
    Row("10,000 headers", [(READ, head(*(f"X-{n}: y" for n in range(10_000))))]),
    Row("a header of 1 MB", [(READ, head("X-Long: " + "x" * 2**20))]),
    Row(
        "HTTP/1.0", [(READ, b"HTTP/1.0 200 OK\r\n" + SSE.encode() + b"\r\n\r\n", HELLO)]
    ),
    Row(
        "early hints first",
        [(READ, head("Link: </x>", status="103 Early Hints"), *GOOD[1:])],
    ),
    Row(
        "switches protocols",
        [(READ, head("Upgrade: h2c", status="101 Switching Protocols"), HELLO)],
    ),
)

WAITING = (
    Row("silence before headers", [(READ, Pause())], QUICK, waits=True),
    Row("silence after headers", [(READ, STREAM, Pause())], QUICK, waits=True),
    Row("silence in mid-stream", [streamed(PART, Pause())], QUICK, waits=True),
    Row(
        "silence within a character",
        [streamed(PART + delta(content="é")[:-60], Pause())],
        QUICK,
        waits=True,
    ),
    Row(
        "silence in an error's body",
        [
            (
                READ,
                head(JSON, "Content-Length: 99", status="500 Oops"),
                b'{"mess',
                Pause(),
            )
        ],
        QUICK,
        waits=True,
    ),
    Row(
        "one byte at a time in the headers",
        [(READ, b"HTTP/1.1 200 OK\r\nX-Slow: ", Over(b"x", 0.05))],
        SHORT,
        waits=True,
    ),
    Row(
        "one byte at a time in the stream",
        [(READ, STREAM, chunk(PART), b"fff\r\n" + b"data: ", Over(b"x", 0.05))],
        SHORT,
        waits=True,
    ),
    Row(
        "one byte at a time in an error's body",
        [(READ, head("Content-Length: 9999", status="400 Bad"), Over(b" ", 0.05))],
        SHORT,
        waits=True,
    ),
    Row(
        "comments without end",
        [streamed(PART, Over(chunk(b": ping\n\n"), 0.05))],
        SHORT,
        waits=True,
    ),
    Row(
        "hints without end",
        [(READ, Over(head(status="102 Processing"), 0.05))],
        SHORT,
        waits=True,
    ),
    Row(
        "text without end",
        [(READ, STREAM, Over(chunk(say("and on ")), 0.01))],
        SHORT,
        waits=True,
    ),
    Row(
        "thinking without end",
        [(READ, STREAM, Over(chunk(delta(reasoning="hm ")), 0.01))],
        SHORT,
        waits=True,
    ),
    Row(
        "blanks without end",
        [(READ, head(JSON), Over(b" ", 0.05))],
        {**SHORT, "stream": False},
        waits=True,
    ),
    Row(
        "an error page without end",
        [
            (
                READ,
                head(HTML, CHUNKED, status="502 Bad Gateway"),
                Over(chunk(b"x" * 9000)),
            )
        ],
        SHORT,
    ),
    Row(
        "does not read the request",
        [(Pause(3, deaf=True),)],
        QUICK,
        waits=True,
        question="x" * 8_000_000,
    ),
    Row("asks to wait", [refused(MANY, "Retry-After: 20")]),
)

STREAMS = (
    Row("empty", [whole(b"", SSE)]),
    Row("empty JSON", [whole(b"", JSON)]),
    Row("no content", [(READ, head(status="204 No Content"))]),
    Row("only comments", [streamed(b": ping\n\n", b"")]),
    Row("only [DONE]", [streamed(DONE, b"")]),
    Row(
        "only a role", [streamed(delta(role="assistant", content=""), STOP + DONE, b"")]
    ),
    Row("bad gzip", [chunked(HELLO, SSE, GZIP)]),
    Row(
        "gzip damaged in mid-stream", [chunked(zipped(PART) + b"\xff" * 64, SSE, GZIP)]
    ),
    Row("gzip that stops", [chunked(zipped(PART), SSE, GZIP)]),
    Row(
        "gzip with rubbish behind it",
        [chunked(gzip.compress(HELLO) + b"rubbish", SSE, GZIP)],
    ),
    Row("an encoding nobody asked for", [chunked(HELLO, SSE, "Content-Encoding: x-y")]),
    Row("a stream labelled as text", [chunked(HELLO, "Content-Type: text/plain")]),
    Row("a stream without a label", [chunked(HELLO)]),
    Row("a stream labelled as JSON", [chunked(HELLO, JSON)]),
    Row(
        "a stream labelled as Latin-1",
        [chunked(say("é😊") + STOP + DONE, SSE + "; charset=iso-8859-1")],
    ),
    Row("JSON in place of a stream", [whole(COMPLETION, JSON)]),
    Row("JSON labelled as a stream", [whole(COMPLETION, SSE)]),
    Row("JSON cut short", [(READ, head(JSON), COMPLETION[:60])]),
    Row("a stream in place of JSON", [chunked(HELLO, SSE)], {"stream": False}),
    Row("a captive portal", [whole(page("Log in to Hotel Wi-Fi"), HTML)]),
    Row("plain text", [whole(b"It works!", "Content-Type: text/plain")]),
    Row(
        "a picture",
        [whole(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 3, "Content-Type: image/png")],
    ),
    Row("a JSON list", [whole(b"[1, 2]", JSON)]),
    Row(
        "an error with status 200",
        [whole(b'{"error":{"message":"Provider returned error","code":502}}', JSON)],
    ),
    Row("an error without a word", [streamed(PART, event({"error": {}}), b"")]),
    Row(
        "NUL and bad bytes in the text",
        [
            streamed(
                say("a\0b") + delta(content="c!d").replace(b"!", b"\xff\xfe\xc3"),
                STOP + DONE,
                b"",
            )
        ],
    ),
    Row(
        "half an emoji",
        [streamed(say("a? b").replace(b"?", b"\\ud83d"), STOP + DONE, b"")],
    ),
    Row("a byte order mark", [streamed(b"\xef\xbb\xbf" + HELLO, b"")]),
    Row(
        "a byte at a time",
        [streamed(*(HELLO[n : n + 1] for n in range(len(HELLO))), b"")],
    ),
    Row(
        "a chunk that is no JSON",
        [streamed(PART, b"data: {nope\n\n", say("a"), STOP + DONE, b"")],
    ),
    Row("a stream that is no chat", [streamed(b"data: hello\n\n", b"")]),
    Row("[DONE] twice", [streamed(HELLO, DONE, say("more"), b"")]),
    Row("open after [DONE]", [streamed(HELLO, Pause())]),
    Row(
        "open after a [DONE] that no line ends",
        [streamed(PART, delta("stop", content="a"), b"data: [DONE]", Pause())],
    ),
    Row(
        "open after a finish with the last text",
        [streamed(PART, delta("stop", content="a"), Pause())],
    ),
    Row(
        "open after a finish with all of the text",
        [streamed(delta("length", content="Hello"), Pause())],
    ),
    Row(
        "open after an event that no line ends",
        [streamed(PART, delta("stop", content="a").strip(), Pause())],
    ),
    Row(
        "open after a finish and the figures",
        [streamed(PART, delta("stop", content="a"), FIGURES, Pause())],
    ),
    Row(
        "open after a finish, with comments",
        [streamed(PART, delta("stop", content="a"), Over(chunk(b": on\n\n"), 0.1))],
    ),
    Row(
        "open after a whole completion",
        [(READ, head(JSON, CHUNKED), chunk(COMPLETION), Pause())],
    ),
    Row(
        "finish without [DONE], then a reset",
        [streamed(PART, STOP, Pause(0.03), Reset())],
    ),
    Row(
        "finish without [DONE], then silence",
        [streamed(PART, STOP, Pause())],
        QUICK,
        waits=True,
    ),
    Row(
        "a line of 17 MB",
        [(READ, STREAM, chunk(PART), *[chunk(b"x" * 2**20)] * 17, b"0\r\n\r\n")],
    ),
    Row(
        "an event of 17 MB in lines",
        [
            (
                READ,
                STREAM,
                chunk(PART),
                *[chunk(b"data: " + b"x" * 2**20 + b"\n")] * 17,
                b"0\r\n\r\n",
            )
        ],
    ),
    Row(
        "a body of 17 MB that is no stream",
        [(READ, head(JSON), *[b'{"a": "' + b"x" * 2**20] * 17)],
    ),
    Row("a gzip bomb", [chunked(gzip.compress(PART + b"x" * 2**25), SSE, GZIP)]),
)

STATUSES = (
    Row("500", [refused("500 Internal Server Error", said="engine died")]),
    Row("500, Retry-After: 1", [refused("500 E", "Retry-After: 1", said="died")]),
    Row(
        "502 in HTML",
        [whole(page("502 Bad Gateway"), HTML, status="502 Bad Gateway")],
    ),
    Row(
        "502 in 2 MB of HTML",
        [whole(page("502 Bad Gateway", 2**21), HTML, status="502 Bad Gateway")],
    ),
    Row("520 in HTML", [whole(page("520 Unknown"), HTML, status="520 Unknown")]),
    Row("521 once", [whole(page("521 Down"), HTML, status="521 Down")]),
    Row("522 for good", [whole(page("522 Timed out"), HTML, status="522 T")] * 3),
    Row("530 once", [whole(page("530 Origin DNS"), HTML, status="530 DNS")]),
    Row("524 in HTML", [whole(page("A timeout occurred"), HTML, status="524 T")]),
    Row("504", [refused("504 Gateway Timeout", said="Generation timeout")]),
    Row("503 once", [refused("503 Service Unavailable", said="Overloaded")]),
    Row("a status of 999", [refused("999 Odd", said="odd")]),
    Row("a status of 600", [refused("600 Odd", said="odd")]),
    Row("304", [(READ, head(status="304 Not Modified"))]),
    Row("429 for good", [refused(MANY)] * 3),
    Row("429 once", [refused(MANY)]),
    *(
        Row(f"429, Retry-After: {text}", [refused(MANY, f"Retry-After: {text}")])
        for text in (
            "1.5",
            "0",
            "-5",
            "nan",
            "inf",
            "abc",
            "3600",
            "86400",
            "1000000000",
        )
    ),
    Row("429, retry-after-ms", [refused(MANY, "retry-after-ms: 250")]),
    Row(
        "429, Retry-After as a date by its own clock, which is years off",
        [
            refused(
                MANY,
                f"Retry-After: {formatdate(1e9 + 7, usegmt=True)}",
                f"Date: {formatdate(1e9, usegmt=True)}",
            )
        ],
    ),
    Row(
        "429, Retry-After as a date that is past",
        [
            refused(
                MANY,
                f"Retry-After: {formatdate(1e9 - 7, usegmt=True)}",
                f"Date: {formatdate(1e9, usegmt=True)}",
            )
        ],
    ),
    Row(
        "redirect to another host",
        [(READ, head(f"Location: {FAR}", status="307 Temporary Redirect"))],
    ),
    Row("redirect by 303", [(READ, head(f"Location: {FAR}", status="303 See Other"))]),
    Row(
        "redirect to a file",
        [(READ, head("Location: file:///etc/passwd", status="302 Found"))],
    ),
    Row(
        "redirect loop",
        [(READ, head("Location: /v1/chat/completions", status="308 P"))],
    ),
    Row("redirect to nowhere", [(READ, head(status="302 Found"))]),
    Row(
        "redirect to a bad address",
        [(READ, head("Location: http://[bad/\x7f", status="302 Found"))],
    ),
)

CA, OTHER_CA = trustme.CA(), trustme.CA()
PAST = datetime(2020, 1, 1, tzinfo=UTC)


def tls(cert: trustme.LeafCert, **settings: Any) -> Tls:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cert.configure_cert(context)
    for name, value in settings.items():
        setattr(context, name, value)
    return Tls(context)


FINE = tls(CA.issue_cert("localhost", "models.example.org"))
TRUSTING = {"SSL_CERT_FILE": "{ca}"}
PROXIED = {**TRUSTING, "HTTPS_PROXY": "http://anna:geheim@{netloc}"}
TUNNEL = (READ, head(status="200 Connection established"), FINE, *GOOD)


def secure(name: str, *script: Step, waits: bool = False) -> Row:
    return Row(
        name,
        [script],
        QUICK,
        waits,
        base_url="https://localhost:{port}/v1",
        environ=TRUSTING,
        then=(FINE, *GOOD),
    )


def proxied(name: str, *script: Step, waits: bool = False) -> Row:
    return Row(
        name,
        [script],
        QUICK,
        waits,
        base_url="https://models.example.org/v1",
        environ=PROXIED,
        then=TUNNEL,
    )


def no_such_host(host: str, port: int) -> None:
    raise socket.gaierror(-2, "Name or service not known")


WAYS = (
    Row("nobody listens", [], base_url="http://127.0.0.1:9/v1", lasts=True),
    Row(
        "no such host",
        [],
        base_url="https://no.such.host/v1",
        resolve=no_such_host,
        lasts=True,
    ),
    secure("an authority nobody knows", tls(OTHER_CA.issue_cert("localhost")), *GOOD),
    secure(
        "an expired certificate",
        tls(CA.issue_cert("localhost", not_before=PAST, not_after=PAST)),
    ),
    secure("a certificate of another host", tls(CA.issue_cert("example.org"))),
    secure("no TLS at all", head(status="400 Bad Request"), Pause(0.2)),
    secure("a reset in the handshake", Pause(0.03), Reset()),
    secure("closed in the handshake", Pause(0.05)),
    secure("a silent handshake", Pause(), waits=True),
    secure("TLS that ends without a farewell", FINE, READ, STREAM, chunk(PART)),
    secure("TLS that ends so in place of an end", FINE, READ, head(SSE), PART),
    secure(
        "TLS that falls silent", FINE, READ, STREAM, chunk(PART), Pause(), waits=True
    ),
    Row(
        "a proxy that is not there",
        [],
        base_url="https://models.example.org/v1",
        environ={"HTTPS_PROXY": "http://anna:geheim@127.0.0.1:9"},
        lasts=True,
    ),
    Row(
        "a proxy that is none",
        [],
        base_url="https://models.example.org/v1",
        environ={"HTTPS_PROXY": "http://anna:geheim@proxy:port"},
        lasts=True,
    ),
    proxied("a proxy that refuses", READ, head(status="403 Forbidden")),
    proxied("a proxy that wants a login", READ, head(status="407 Login")),
    proxied("a proxy that finds nobody", READ, head(status="502 Bad Gateway")),
    proxied("a proxy that resets", READ, Reset()),
    proxied("a proxy that falls silent", READ, Pause(), waits=True),
    proxied(
        "a proxy that reads in the line",
        READ,
        head(status="200 OK"),
        tls(OTHER_CA.issue_cert("models.example.org")),
    ),
    Row(
        "a proxy that wants a login for plain HTTP",
        [whole(page("407 Login"), HTML, status="407 Login")],
        {"allow_http": True},
        base_url="http://models.example.org/v1",
        environ={"HTTP_PROXY": "http://{netloc}"},
    ),
    Row(
        "a proxy that lost the answer to plain HTTP",
        [whole(page("502 Bad Gateway"), HTML, status="502 Bad Gateway")],
        {"allow_http": True},
        base_url="http://models.example.org/v1",
        environ={"HTTP_PROXY": "http://{netloc}"},
    ),
)

ROWS = (*CONNECTION, *WAITING, *STREAMS, *STATUSES, *WAYS)
