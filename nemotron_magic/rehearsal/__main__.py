"""``python -m nemotron_magic.rehearsal``: the stand-in endpoint in a terminal."""

from __future__ import annotations

import sys
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence

from . import DIALECTS, FAULTS, READING_TOKENS_PER_S, Record, Server, serve
from .dialect import Dialect
from .turn import Fault

USAGE_ERROR = 2
PORT = 8765


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; give the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.list:
        print(_listing())
        return 0
    try:
        server = _server(options).start()
    except (ValueError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return USAGE_ERROR
    print(_greeting(server), flush=True)
    _wait(server)
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m nemotron_magic.rehearsal",
        description="A stand-in endpoint: the real wire, no model behind it.",
    )
    add = parser.add_argument
    add("--port", type=int, default=PORT, help=f"default {PORT}; 0 takes a free one")
    add("--host", default="127.0.0.1", help="a loopback address; others are refused")
    add("--dialect", default="aimlapi", help="whose way of streaming (see --list)")
    add("--fault", help="what should go wrong (see --list)")
    add("--fault-times", type=int, metavar="N", help="only for the first N requests")
    add("--tokens-per-s", type=float, default=READING_TOKENS_PER_S, help="0: no limit")
    add("--key", help="the one key to be let in; default: any, and none")
    add("--list", action="store_true", help="list dialects and faults, and end")
    return parser


def _server(options: Namespace) -> Server:
    return serve(
        options.port,
        host=options.host,
        key=options.key,
        tokens_per_s=options.tokens_per_s or None,
        dialect=options.dialect,
        fault=options.fault,
        fault_times=options.fault_times,
        on_request=_print_request,
    )


def _greeting(server: Server) -> str:
    return f"""\
A rehearsal is listening. No model is behind it, and nothing costs anything.

    base URL       {server.url}
    in a notebook  %load_ext nemotron_magic
                   %config Nemotron.base_url = '{server.url}'
                   %nemotron hello

Ctrl-C stops it."""


def _print_request(record: Record) -> None:
    body = record.body if isinstance(record.body, dict) else {}
    model = body.get("model", "")
    print(f"{record.method} {record.path} {model}".rstrip(), flush=True)


def _listing() -> str:
    return f"Dialects\n{_rows(DIALECTS)}\n\nFaults\n{_rows(FAULTS)}"


def _rows(table: Mapping[str, Dialect] | Mapping[str, Fault]) -> str:
    width = max(map(len, table))
    return "\n".join(f"  {name:{width}}  {row.note}" for name, row in table.items())


def _wait(server: Server) -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("\nStopped.")
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
