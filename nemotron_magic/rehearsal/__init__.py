"""A small local server without a model, to try `%nemotron` with no key and no cost.

It answers in the AI/ML API's shape, streams, counts tokens and invents a cost, and
says of every reply that no model is behind it:

    with rehearsal.serve() as url:
        ...  # url is a str: http://127.0.0.1:PORT/v1

or, in a terminal, ``python -m nemotron_magic.rehearsal --port 8765``.

Lines of the question direct the reply:

``rehearsal: say TEXT``
    Reply with TEXT and all lines below it, as they are, up to a line
    ``rehearsal: end``, if there is one.
``rehearsal: length N``
    Reply with N tokens of Markdown of all kinds. (``max_tokens`` still cuts it.)
``rehearsal: think``
    Reason first.
``rehearsal: slow N``
    Send N tokens a second.

Nothing here imports the rest of the package. The shapes follow
https://docs.aimlapi.com as of 2026-08-21; the prices are invented.
"""

from __future__ import annotations

from nemotron_magic.rehearsal.server import Server

__all__ = [
    "Server",
    "serve",
    "start",
]


READING_TOKENS_PER_S = 60.0


def serve(
    port: int = 0, *, key: str | None = None, tokens_per_s: float | None = None
) -> Server:
    """Return a server that runs inside a ``with`` block, whose value is its base URL.

    Parameters
    ----------
    port
        0 takes a free one.
    key
        The one key that is accepted; None accepts any key, and none.
    tokens_per_s
        None: no pause between tokens.

    Raises
    ------
    OSError
        If the port is taken (when the block is entered).
    """
    return Server(port, key=key, tokens_per_s=tokens_per_s)


def start(
    port: int = 0, *, tokens_per_s: float | None = READING_TOKENS_PER_S
) -> Server:
    """Start a rehearsal at a pace for readers; ``stop()`` it when done."""
    return serve(port, tokens_per_s=tokens_per_s).start()
