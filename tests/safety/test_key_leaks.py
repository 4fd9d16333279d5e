"""The key is in nothing that is shown, kept or left behind, however a call fails."""

from __future__ import annotations

import base64
import gc
import os
import secrets
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from urllib.parse import quote

import pytest
from service import serve

import nemotron_magic
from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.core.endpoint import Endpoint, Key, SecretMapping, secret_value
from nemotron_magic.session.credentials import KeyStore

HERE_AT = Endpoint.read("http://127.0.0.1:1")
HERE = Path(__file__).parent
FAULTS = (
    *("echo-key", "401", "403-funds", "redirect-host", "redirect-loop", "corrupt-gzip"),
    *("reset-before-headers", "reset-after-headers", "cut-chunked", "html-200"),
    *("empty-200", "error-openai", "bad-chunk-size", "stall-mid-stream"),
    *("refused", "tls"),
)


def forms(key: str) -> set[bytes]:
    """Give what a key looks like, whole, half, and written in other ways."""
    half = len(key) // 2
    texts = {
        key,
        key[:half],
        key[half:],
        quote(key),
        repr(key)[1:-1],
        key.encode().hex(),
    }
    texts |= {
        base64.b64encode(b"\0" * n + key.encode()).decode()[4:-4] for n in (0, 1, 2)
    }
    texts.add(base64.b64encode(f"Bearer {key}".encode()).decode()[12:-4])
    return {text.encode() for text in texts}


@pytest.fixture(scope="module")
def key() -> str:
    return f"sk-{secrets.token_hex(24)}"


@pytest.fixture(scope="module")
def left(key: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Give all that the process printed and left, by name."""
    folder = tmp_path_factory.mktemp("planted")
    homes = ("HOME", "IPYTHONDIR", "NEMOTRON_MAGIC_HOME", "TMPDIR", "HERE")
    for name in homes:
        (folder / name).mkdir()
    done = subprocess.run(
        [sys.executable, str(HERE / "plant.py"), ",".join(FAULTS)],
        env={
            **os.environ,
            **{name: str(folder / name) for name in homes},
            "PYTHONPATH": os.pathsep.join(sys.path),
            "AIMLAPI_API_KEY": key,
            "PLANTED": key,
        },
        capture_output=True,
        timeout=240,
        check=False,
    )
    files = {str(p.relative_to(folder)): p.read_bytes()
             for p in folder.rglob("*") if p.is_file()}  # fmt: skip
    return {"stdout": done.stdout, "stderr": done.stderr, **files}


def test_all_of_it_ran(left: dict[str, bytes]) -> None:
    out = left["stdout"].decode()

    assert out.endswith("DONE\n"), left["stderr"].decode()[-3000:]
    assert "does not accept the key from AIMLAPI_API_KEY (401)" in out
    assert "a bug" in out
    assert "ipdb>" in out
    assert "you sent [key] and [key] ok" in out
    assert "found in AIMLAPI_API_KEY" in out
    assert "Traceback (most recent call last)" in out


def test_files_were_left_to_look_at(left: dict[str, bytes]) -> None:
    names = " ".join(left)

    assert "history.sqlite" in names
    assert "ledger.sqlite" in names
    assert "replies.sqlite" in names
    assert b"connect_tcp.started" in left["HERE/debug.log"]
    assert sum(name.endswith(".pickle") for name in left) >= 9


def test_the_key_is_in_none_of_it(left: dict[str, bytes], key: str) -> None:
    found = {
        (name, form.decode(), text[max(0, text.find(form) - 200) :][:300])
        for name, text in left.items()
        for form in forms(key)
        if form in text
    }

    assert found == set()


def test_what_gives_a_secret_has_no_frame_to_look_into(key: str) -> None:
    environ = {"AIMLAPI_API_KEY": key}
    for holder in (Key(key, HERE_AT.origin, "X"), SecretMapping(environ)):
        reveal = holder._reveal

        assert key in str(reveal(0))
        assert not hasattr(reveal, "__code__")
        assert key not in repr(reveal)


# ---- an error at any line that has to do with the key


ROOT = Path(nemotron_magic.__file__).parent
NEAR_THE_KEY = (
    *(
        "key.py",
        "keystore.py",
        "access.py",
        "sealing.py",
        "unseen.py",
        "client/http.py",
    ),
    *("context/redact.py", "client/deadline.py"),
)
Place = tuple[str, int]


class Trap:
    """Raises an error at one line, when it is first come to; notes all lines."""

    def __init__(self, place: Place | None = None) -> None:
        self.lines: dict[Place, None] = {}
        self._place = place
        self._files = {str(ROOT / name) for name in NEAR_THE_KEY}

    def __call__(self, frame: FrameType, event: str, argument: object) -> Trap | None:
        if frame.f_code.co_filename not in self._files:
            return None
        if event == "line":
            place = (frame.f_code.co_filename, frame.f_lineno)
            self.lines[place] = None
            if place == self._place:
                self._place = None
                sys.settrace(None)
                raise RuntimeError("a bug")
        return self


def lines_of(function: Callable[..., object]) -> set[Place]:
    code = function.__code__  # type: ignore[attr-defined]
    return {(code.co_filename, line) for _, _, line in code.co_lines() if line}


class EmptyStore:
    """A system's key store that keeps nothing and raises nothing."""

    def get_password(self, service: str, name: str) -> None:
        return None

    def set_password(self, service: str, name: str, value: str) -> None:
        pass


# Until these have put it away, an environment is as open as whoever gave it has it.
PUTTING_AWAY = lines_of(SecretMapping.__init__) | lines_of(secret_value)


def ask_with(trap: Trap, ask: Callable[[], object]) -> BaseException | None:
    before = sys.gettrace()
    sys.settrace(trap)
    try:
        ask()
    except Exception as error:
        return error
    finally:
        sys.settrace(before)
    return None


def seen_in(error: BaseException) -> Iterator[tuple[str, str, str]]:
    """Give each variable of ours that a verbose traceback could print."""
    chain: list[BaseException | None] = [error]
    while chain:
        one = chain.pop()
        if one is None:
            continue
        chain += [one.__cause__, one.__context__]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if "/tests/" not in frame.f_code.co_filename:
                for name, value in frame.f_locals.items():
                    # What was broken off while it was made may have no repr.
                    with suppress(AttributeError):
                        yield frame.f_code.co_qualname, name, repr(value)


# A socket whose opening broke off between two of our lines is left to the collector.
@pytest.mark.filterwarnings("ignore")
def test_an_error_at_any_line_near_the_key_shows_no_key(key: str) -> None:
    with serve() as url:
        environ = {"AIMLAPI_API_KEY": key, "AIMLAPI_API_BASE": str(url)}
        clients: list[Client] = []

        def ask() -> None:
            clients.append(Client(sleep=lambda wait_s: None))
            store = KeyStore(EmptyStore())
            session = Session(environ=environ, keys=store, client=clients[-1])
            session.ask("Hello")
            session.credentials.keep(session.credentials.use(lambda: key, HERE_AT))
            session.credentials.key(Endpoint.read("https://models.example.org"))

        ask_with(dry := Trap(), ask)
        places = [place for place in dry.lines if place not in PUTTING_AWAY]
        errors = [(place, ask_with(Trap(place), ask)) for place in places]
        for client in clients:
            client.close()

    assert len(errors) > 120
    assert sum(error is not None for _, error in errors) > 90
    shown = {
        (place[0][len(str(ROOT)) :], place[1], where, name)
        for place, error in errors
        if error is not None
        for where, name, text in seen_in(error)
        if key in text
    }
    del errors
    gc.collect()
    assert sorted(shown) == []
