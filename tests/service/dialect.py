"""What makes up one way of writing replies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .answer import Choice

DONE = b"data: [DONE]\n\n"


def _same(choice: Choice) -> Choice:
    return choice


def _as_given(model: str) -> str:
    return model


Rewrite = Callable[[Iterator[dict[str, Any]]], Iterator[dict[str, Any]]]


def _untouched(chunks: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One way to write replies.

    Parameters
    ----------
    note
        One line for ``--list``.
    id_form
        The id of a reply; ``{n}`` is its number, ``{t}`` the time.
    first, each, last
        Fields of the first delta, of every delta, of the one with finish_reason.
    beside
        Further fields of a delta with content.
    extra
        Further fields of every chunk, and of the JSON body.
    message
        Further fields of the message in a JSON body.
    finish_null, usage_null
        Whether chunks carry these keys while they are null.
    native
        Whether ``native_finish_reason`` stands beside ``finish_reason``.
    usage
        "tail": its own chunk; "asked": that, when the request asks; "finish": on the
        finish chunk; "each": on every chunk, growing; "none".
    meta
        The cost: "tail": on the usage chunk; "own": a chunk of nothing else;
        "credits": as tail, without USD; "none".
    repeats_finish
        Whether a chunk without delta repeats the finish_reason after the usage.
    drifts
        Whether ids are empty and times move after the first chunk.
    reasoning
        "details", "content", "bare": the fields that reasoning stands in.
    thinks
        Whether replies have reasoning though nobody asked.
    drops_null
        Whether null fields are left out.
    before, between, after
        Lines put in: at the start, in turn before each chunk, before the end.
    done
        What ends the stream.
    newline, prefix, bom, multiline, ascii, at_once
        How events are spelled; ``at_once``: the whole reply in one chunk.
    answers
        "asked", or always "json", or always "sse".
    gzip, padding
        Compressed; padded in front (JSON bodies only).
    alter, served
        What becomes of each choice, and of the model's name.
    rewrite
        What becomes of the chunks of a stream, or of the one JSON body.
    openai_models
        Whether ``/v1/models`` has OpenAI's shape.
    """

    note: str
    id_form: str = "gen-{t}-{n:06}"
    first: Mapping[str, Any] = field(
        default_factory=lambda: {"role": "assistant", "content": ""}
    )
    each: Mapping[str, Any] = field(default_factory=dict)
    last: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    message: Mapping[str, Any] = field(default_factory=lambda: {"refusal": None})
    finish_null: bool = True
    usage_null: bool = True
    native: bool = False
    usage: str = "tail"
    meta: str = "none"
    costs: bool = False
    repeats_finish: bool = False
    drifts: bool = False
    reasoning: str = "details"
    thinks: bool = False
    drops_null: bool = False
    before: tuple[bytes, ...] = ()
    between: tuple[bytes, ...] = (b"",)
    after: tuple[bytes, ...] = ()
    done: bytes = DONE
    newline: bytes = b"\n"
    prefix: bytes = b"data: "
    bom: bool = False
    multiline: bool = False
    ascii: bool = False
    at_once: bool = False
    answers: str = "asked"
    gzip: bool = False
    padding: bytes = b""
    alter: Callable[[Choice], Choice] = _same
    served: Callable[[str], str] = _as_given
    rewrite: Rewrite = _untouched
    openai_models: bool = False
