"""A small local server without a model, to try `%nemotron` with no key and no cost.

It answers in the AI/ML API's shape, streams, counts tokens and invents a cost, and
says of every reply that no model is behind it:

    with rehearsal.serve() as url:
        ...  # url is a str: http://127.0.0.1:PORT/v1

or, in a terminal, ``python -m nemotron_magic.rehearsal --port 8765``.

Lines of the question direct the reply: ``rehearsal: say TEXT`` replies with TEXT and
all lines below it, up to a line ``rehearsal: end``; ``rehearsal: length N`` with N
tokens of Markdown of all kinds, and ``rehearsal: slow N`` sends N tokens a second.

Nothing here imports the rest of the package. The shapes follow
https://docs.aimlapi.com as of 2026-08-21; the prices are invented.
"""

from __future__ import annotations

from nemotron_magic.rehearsal.server import Server

READING_TOKENS_PER_S = 60.0

serve = Server


def start(
    port: int = 0, *, tokens_per_s: float | None = READING_TOKENS_PER_S
) -> Server:
    """Start a rehearsal at a pace for readers; ``stop()`` it when done."""
    return serve(port, tokens_per_s=tokens_per_s).start()
