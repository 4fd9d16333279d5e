"""A stand-in endpoint that speaks the services' wire, with no model behind it.

It plays every dialect and fault that the tests need, on this computer only. Its texts
are those of `nemotron_magic.rehearsal`.

    with service.serve() as url:
        ...  # url is a str: http://127.0.0.1:PORT/v1
        url.requests[-1].body

A reply shows what arrived: the messages, the parameters, the question; then a formula,
a list and a program. Lines of the last user message direct it otherwise:

``rehearsal: say TEXT``
    Reply with TEXT and all lines below it, as they are, up to a line
    ``rehearsal: end``, if there is one.
``rehearsal: length N``
    Reply with N tokens of Markdown of all kinds. (``max_tokens`` still cuts it.)
``rehearsal: think``
    Reason first.
``rehearsal: slow N``
    Send N tokens a second.
``rehearsal: dialect NAME``
    Write the reply as another server would.
``rehearsal: fault NAME [TIMES]``
    Fail in this way; with TIMES, only for so many requests with these very messages,
    so that a second try gets through.

`DIALECTS` and `FAULTS` are the tables of both. Some faults take a number after a
colon: ``huge-line:8`` (megabytes), ``trickle:0.3`` (seconds).

It imports nothing else of the package: it is a second opinion on the wire. Its shapes
follow https://docs.aimlapi.com as of 2026-08-21. Prices are invented.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from .dialects import DIALECTS
from .faults import FAULTS
from .options import CHAT_PATH, Options
from .request import Record
from .response import Framing
from .server import Address, Server

__all__ = ["DIALECTS", "FAULTS", "Address", "Record", "Server", "serve"]


def serve(
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    key: str | None = None,
    tokens_per_s: float | None = None,
    dialect: str = "aimlapi",
    status: int = 200,
    retired: bool = False,
    unknown_model: Literal["accept", "404", "404-empty", "400"] = "404",
    fault: str | Sequence[str] | None = None,
    fault_times: int | None = None,
    faulty_path: str = CHAT_PATH,
    body: Iterable[bytes] | None = None,
    content_type: str = "text/event-stream",
    framing: Framing = "chunked",
    slice: int | None = None,
    delay_s: float = 0.0,
    extra_models: int = 0,
    balance_usd: float = 10.0,
    on_request: Callable[[Record], None] | None = None,
) -> Server:
    """Give a server that runs inside a ``with`` block, whose value is its base URL.

    Parameters
    ----------
    port
        0 takes a free one.
    host
        A loopback address.
    key
        The one key that is let in; None lets in any, and none.
    tokens_per_s
        None: as fast as it goes.
    dialect
        A name in `DIALECTS`.
    status
        The status of success; the service has used 200 and 201.
    retired
        Whether the retired Nemotrons, the 70B among them, are refused, as the service
        does today.
    unknown_model
        What a model that is not listed gets.
    fault
        A name in `FAULTS`, or several: then each happens once, in turn.
    fault_times
        How often a single fault happens; None: always.
    faulty_path
        Faults and ``body`` happen where this is part of the path.
    body
        Pieces to be sent instead of a reply, with ``content_type`` and ``framing``
        ("chunked", "length" or "close"). A generator serves one request.
    slice, delay_s
        Every piece of every body goes out in slices of so many bytes, so many seconds
        apart.
    extra_models
        So many rows more in the catalogue.
    balance_usd
        The account's balance before the first reply.
    on_request
        Called with each request's record, in the thread that serves it.

    Raises
    ------
    ValueError
        If there is no such dialect or fault, or the host is not this computer.
    OSError
        If the port is taken (when the block is entered).
    """
    return Server(
        Options(
            port=port,
            host=host,
            key=key,
            tokens_per_s=tokens_per_s,
            dialect=dialect,
            status=status,
            retired=retired,
            unknown_model=unknown_model,
            fault=fault,
            fault_times=fault_times,
            faulty_path=faulty_path,
            body=body,
            content_type=content_type,
            framing=framing,
            slice=slice,
            delay_s=delay_s,
            extra_models=extra_models,
            balance_usd=balance_usd,
            on_request=on_request,
        )
    )
