"""Faults inside a stream that the connection survives.

The errors are as the servers named in the notes write them; see
https://openrouter.ai/docs/api-reference/streaming and the sources of vLLM, llama.cpp
and LiteLLM, 2026-08-21. All of these stream, whatever was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from . import bodies
from .dialect import DONE
from .response import Part, Pause, Response, dumps, to_bytes
from .turn import Fault, Turn

Act = Callable[[Turn], Response]


def after_half(*lines: bytes) -> Act:
    """Stream half of the reply, then these bytes, then end in good order."""

    def act(turn: Turn) -> Response:
        return replace(turn.good(True), parts=[*turn.half(True), *lines])

    return act


def _within(*lines: bytes) -> Act:
    """Stream the whole reply with these bytes in the middle of it."""

    def act(turn: Turn) -> Response:
        half, pieces = turn.half(True), turn.parts(True)
        return replace(turn.good(True), parts=[*half, *lines, *pieces[len(half) :]])

    return act


def _after_all(*ends: Part) -> Act:
    """Stream the whole reply, end it with one [DONE], then send these."""

    def act(turn: Turn) -> Response:
        pieces = [p for p in turn.parts(True) if not _is_done(p)]
        return replace(turn.good(True), parts=[*pieces, DONE, *ends])

    return act


def _is_done(part: Part) -> bool:
    return isinstance(part, bytes) and b"[DONE]" in part


def _first(line: bytes) -> Act:
    def act(turn: Turn) -> Response:
        return replace(turn.good(True), parts=[line, *turn.parts(True)])

    return act


def _aimlapi(turn: Turn) -> Response:
    error = bodies.shape_a(503, "Service unavailable", turn.place)
    return after_half(b"data: " + to_bytes(dumps(error)) + b"\n\n")(turn)


def delta(content: bytes) -> bytes:
    """Give an event that brings this content, which must be spelled as JSON."""
    choice = b'{"index":0,"delta":{"content":"' + content + b'"},"finish_reason":null}'
    return b'data: {"choices":[' + choice + b"]}\n\n"


_DIED = b'"message":"engine died","type":"InternalServerError","param":null,"code":500}'
_OPENAI = b'data: {"error":{' + _DIED + b"}\n\n"
_FLAT = b'data: {"object":"error",' + _DIED + b"\n\n"
_OPENROUTER = (
    b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":'
    b'{"content":""},"finish_reason":"error"}],"provider":"Rehearsal","error":'
    b'{"code":"server_error","message":"Provider disconnected unexpectedly"}}\n\n'
)
_LLAMACPP = (
    b'error: {"code":400,"message":"the request exceeds the available context size",'
    b'"type":"invalid_request_error"}\n\n'
)
_NAMED = (
    b'event: error\ndata: {"error":{"message":"Rate limit exceeded","code":429}}\n\n'
)
_LITELLM = (
    b'data: {"error":{"message":"litellm.APIError: Traceback (most recent call '
    b"last):\\n"
    b'  File \\"proxy.py\\", line 1","type":"None","param":"None","code":"500"}}\n\n'
)

MIDSTREAM: Mapping[str, Fault] = {
    "error-openrouter": Fault(
        "Half, then error beside finish_reason error", after_half(_OPENROUTER)
    ),
    "error-openai": Fault("Half, then a bare error object", after_half(_OPENAI)),
    "error-openai-done": Fault("The same, then [DONE]", after_half(_OPENAI, DONE)),
    "error-vllm-old": Fault(
        "Half, then a flat error object, [DONE]", after_half(_FLAT, DONE)
    ),
    "error-llamacpp-old": Fault(
        "Half, then an error: field, [DONE]", after_half(_LLAMACPP, DONE)
    ),
    "error-litellm": Fault(
        "Half, then an error with a traceback in it", after_half(_LITELLM)
    ),
    "error-aimlapi": Fault("Half, then an object with statusCode", _aimlapi),
    "error-named-event": Fault("Half, then event: error", after_half(_NAMED)),
    "error-string": Fault(
        "Half, then error as a string", after_half(b'data: {"error":"it broke"}\n\n')
    ),
    "error-empty": Fault("Half, then error: {}", after_half(b'data: {"error":{}}\n\n')),
    "error-null": Fault(
        "error: null in the middle, which is none",
        _within(b'data: {"choices":[],"error":null}\n\n'),
    ),
    "no-done": Fault(
        "Half, then a clean end without finish_reason and [DONE]", after_half()
    ),
    "bad-json-chunk": Fault(
        "A chunk in the middle that is no JSON", _within(b'data: {"choices":[{"ind\n\n')
    ),
    "bad-first-chunk": Fault(
        "The first chunk is no JSON", _first(b"data: <html>not a chunk</html>\n\n")
    ),
    "bad-utf8": Fault(
        "A byte that is no UTF-8, in the text", _within(delta(b"caf\xe9 "))
    ),
    "nul": Fault("A NUL character in the text", _within(delta(b"a\\u0000b "))),
    "surrogate": Fault("Half an emoji, escaped", _within(delta(b"a\\ud83d b "))),
    "after-done": Fault(
        "More text after [DONE]", _after_all(delta(b"must not be shown"))
    ),
    "double-done": Fault("[DONE] twice", _after_all(DONE)),
    "keep-open-after-done": Fault(
        "[DONE], but the connection stays", _after_all(Pause())
    ),
}
