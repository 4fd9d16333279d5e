"""Serve the rehearsal in a terminal: ``python -m nemotron_magic.rehearsal``."""

from __future__ import annotations

import sys
import threading
from argparse import ArgumentParser
from collections.abc import Sequence

from nemotron_magic.rehearsal import READING_TOKENS_PER_S, serve

USAGE_ERROR = 2
PORT = 8765
LAST_PORT = 65_535


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not 0 <= options.port <= LAST_PORT:
        parser.error(f"a port is a number from 0 to {LAST_PORT}, got {options.port}")
    try:
        server = serve(
            options.port, key=options.key, tokens_per_s=options.tokens_per_s or None
        ).start()
    except OSError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return USAGE_ERROR
    print(_greeting(server.url), flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("\nStopped.")
    finally:
        server.stop()
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m nemotron_magic.rehearsal",
        description="A local server in the service's shape, with no model behind it.",
    )
    add = parser.add_argument
    add("--port", type=int, default=PORT, help=f"default {PORT}; 0 takes a free one")
    add("--tokens-per-s", type=float, default=READING_TOKENS_PER_S, help="0: no limit")
    add("--key", help="the one key to accept; default: any, and none")
    return parser


def _greeting(url: str) -> str:
    return f"""\
A rehearsal is listening. No model is behind it, and nothing costs anything.

    base URL       {url}
    in a notebook  %load_ext nemotron_magic
                   %config Nemotron.base_url = '{url}'
                   %nemotron hello

Ctrl-C stops it."""


if __name__ == "__main__":
    sys.exit(main())
