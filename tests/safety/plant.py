"""Run in a process of its own: a shell in which everything fails, the key planted.

What it prints, and every file that it leaves, is searched for the key.
"""

from __future__ import annotations

import io
import logging
import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import IPython
from IPython.core.interactiveshell import InteractiveShell
from service import serve
from traitlets.config import Config
from wire import DONE, event

HERE = Path(os.environ["HERE"])
KEY = os.environ["PLANTED"]
OURS = ("refused", "tls")
REPEATED = (f"you sent {KEY[:9]}", f"{KEY[9:30]}", f"{KEY[30:]} and {KEY}", " ok")
DEBUGGER = "\n".join(
    ["where", "args", "pp locals()", *["up", "pp locals()"] * 25, "q\n"]
)
LOOKS = (
    "repr(_nemotron), _nemotron.metadata, vars(_nemotron), _nemotron.messages",
    "get_ipython().magics_manager.magics['line']['nemotron'].__self__.app",
    "session = APP.session; vars(session)",
    "vars(session.credentials), vars(session.credentials._keys)",
    "vars(session.redactor), vars(session.client), vars(session.client._http)",
    "[vars(one) for one in (session.accounting, APP, APP._gatherer, APP.displays)]",
    "session.credentials.key(session.endpoint()), vars(session.conversation)",
    "%whos", "%config Nemotron", "%history -n", "%nemotron", "%nemotron log",
    "%nemotron log: 1", "%nemotron usage", "%nemotron doctor", "%nemotron preview",
    "%nemotron threads", "%nemotron help", "%nemotron?", "_oh, In, Out",
)  # fmt: skip


def shell() -> InteractiveShell:
    config = Config()
    config.HistoryManager.hist_file = str(HERE / "history.sqlite")
    config.InteractiveShell.colors = (
        "nocolor" if IPython.version_info >= (9,) else "NoColor"
    )
    made = InteractiveShell.instance(config=config)
    made.run_line_magic("load_ext", "nemotron_magic")
    return made


@contextmanager
def asking(fault: str = "") -> Iterator[None]:
    """Have a service that fails so; some faults are of no service's making."""
    options = {"fault": fault} if fault and fault not in OURS else {}
    with serve(**options) as url:  # type: ignore[arg-type]
        where = str(url)
        if fault == "refused":
            where = "http://127.0.0.1:1/v1"
        elif fault == "tls":
            where = where.replace("http:", "https:")
        os.environ["AIMLAPI_API_BASE"] = where
        yield


@contextmanager
def interrupted(is_meant: bool) -> Iterator[None]:
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    if is_meant:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def run(ip: InteractiveShell, cell: str) -> None:
    print(f">>> {cell}", flush=True)
    ip.run_cell(cell, store_history=True)


def debug(ip: InteractiveShell, cell: str = "%debug") -> None:
    """Go up through all frames, and print what is in them."""
    before, sys.stdin = sys.stdin, io.StringIO(DEBUGGER)
    try:
        run(ip, cell)
    finally:
        sys.stdin = before


def fail(ip: InteractiveShell, mode: str) -> None:
    for fault in sys.argv[1].split(","):
        with asking(fault), interrupted(fault == "stall-mid-stream"):
            run(ip, f"%nemotron -c none --fresh {mode} {fault}?")
            run(ip, "%tb")
    debug(ip)


def bugs(ip: InteractiveShell) -> None:
    """Fail where no error of ours is raised: in the middle, at our own hands."""
    app = ip.user_ns["APP"]
    session = app.session

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    for place, name in (
        *((session.client, name) for name in ("_now_s", "_uniform", "_http")),
        *((session, "_clock_s"), (session.redactor, "_access")),
        *((app, "_ledgers"), (app.displays, "_publisher")),
        *((session.credentials, "_keys"), (session.accounting, "_ledger")),
    ):
        if not hasattr(place, name):
            continue
        before = getattr(place, name)
        setattr(place, name, broken)
        try:
            with asking("echo-key"):
                run(ip, "%nemotron -c none --fresh a bug?")
                run(ip, "%tb")
        finally:
            setattr(place, name, before)
    debug(ip)


def repeated(ip: InteractiveShell) -> None:
    """Ask a service that says all it was sent, in pieces, and in every name."""
    chunks = [
        {"id": KEY, "model": KEY, "choices": [{"delta": {"content": piece}}]}
        for piece in REPEATED
    ]
    tokens = [{"token": letter, "bytes": [ord(letter)]} for letter in KEY]
    chunks += [
        {"choices": [{"delta": {}, "logprobs": {"content": [one]}}]} for one in tokens
    ]
    for piece in REPEATED:
        called = {"id": KEY, "function": {"name": KEY, "arguments": piece}}
        chunks.append({"choices": [{"delta": {"tool_calls": [called]}}]})
    chunks.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    end = {"choices": [{"delta": {}, "finish_reason": KEY}]}
    with serve(body=[*map(event, [*chunks, end]), DONE]) as url:
        os.environ["AIMLAPI_API_BASE"] = str(url)
        run(ip, "%nemotron -c none --fresh what did I send?")
        run(ip, "_nemotron, _nemotron.metadata, _nemotron.model")
        run(ip, "%nemotron -c none what did you say?")


def pickled(ip: InteractiveShell) -> None:
    """Write whatever can be written."""
    app = ip.user_ns["APP"]
    session = app.session
    talk = session.conversation
    things = [session, talk.last, session.settings, session.client,
              session.accounting.ledger.of_session(),
              session.credentials, app, *talk.threads.values(), session.endpoint(),
              ip.user_ns.get("ERROR")]  # fmt: skip
    for number, thing in enumerate(things):
        try:
            data = pickle.dumps(thing)
        except Exception as error:
            data = repr(error).encode()
        (HERE / f"{number}.pickle").write_bytes(data)


def main() -> None:
    warnings.simplefilter("ignore")
    logging.basicConfig(filename=HERE / "debug.log", level=logging.DEBUG, force=True)
    for name in ("httpx", "httpcore", "asyncio", "h11", "nemotron_magic"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    ip = shell()
    owner = ip.magics_manager.magics["line"]["nemotron"].__self__
    ip.user_ns["APP"] = owner.app
    run(ip, "%config Nemotron.cache = 'on'")
    for mode in ("Plain", "Context", "Verbose", "Minimal"):
        run(ip, f"%xmode {mode}")
        fail(ip, mode)
    run(ip, "%pdb on")
    with asking("echo-key"):
        debug(ip, "%nemotron -c none --fresh pdb?")
    run(ip, "%pdb off")
    run(ip, "%config Nemotron.verbose_errors = True")
    run(ip, "%xmode Verbose")
    fail(ip, "verbose")
    bugs(ip)
    with asking():
        run(ip, "print('context')")
        run(ip, "%nemotron hello")
        run(ip, "%nemotron hello again")
        for look in LOOKS:
            run(ip, look)
    repeated(ip)
    pickled(ip)
    run(ip, "%unload_ext nemotron_magic")
    ip.history_manager.end_session()
    print("DONE")


if __name__ == "__main__":
    main()
