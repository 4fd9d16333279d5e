"""Write an answer as the request, or else the dialect, wants it."""

from __future__ import annotations

from dataclasses import replace

from .answer import Answer
from .completion import completion, cost_headers
from .dialect import Dialect
from .response import JSON_TYPE, Response, dumps, gzipped, to_bytes, whole
from .stream import streamed


def written(
    answer: Answer,
    dialect: Dialect,
    *,
    status: int = 200,
    tokens_per_s: float | None = None,
    stream: bool | None = None,
) -> Response:
    """Write an answer as the request, or else the dialect, wants it.

    Parameters
    ----------
    tokens_per_s
        None: as fast as it goes.
    stream
        Overrules both.
    """
    choices = tuple(dialect.alter(choice) for choice in answer.choices)
    answer = replace(answer, choices=choices)
    asked = {"json": False, "sse": True}.get(dialect.answers, answer.stream)
    if stream if stream is not None else asked:
        response = streamed(answer, dialect, status, tokens_per_s)
    else:
        response = _completed(answer, dialect, status)
    return gzipped(response) if dialect.gzip else response


def _completed(answer: Answer, dialect: Dialect, status: int) -> Response:
    body = dialect.padding + to_bytes(dumps(completion(answer, dialect)))
    framed = whole(status, JSON_TYPE, body, cost_headers(answer, dialect))
    return replace(framed, framing="chunked") if dialect.gzip else framed
