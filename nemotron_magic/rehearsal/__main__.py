"""Serve the rehearsal in a terminal: ``python -m nemotron_magic.rehearsal``."""

from __future__ import annotations

import sys
import threading
from argparse import ArgumentParser
from collections.abc import Sequence
from importlib.resources import files

from nemotron_magic.rehearsal import READING_TOKENS_PER_S, serve

_PORT = 8765


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; return the exit status."""
    parser = ArgumentParser(
        prog="python -m nemotron_magic.rehearsal",
        description="A local server in the service's shape, with no model behind it.",
    )
    add = parser.add_argument
    add("--port", type=int, default=_PORT, help=f"default {_PORT}; 0 takes a free one")
    add("--tokens-per-s", type=float, default=READING_TOKENS_PER_S, help="0: no limit")
    options = parser.parse_args(arguments)
    pace = options.tokens_per_s or None
    greeting = files(__package__).joinpath("greeting.txt").read_text("utf-8").rstrip()
    try:
        with serve(options.port, tokens_per_s=pace) as url:
            print(greeting.format(url=url), flush=True)
            threading.Event().wait()
    except (OSError, OverflowError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
