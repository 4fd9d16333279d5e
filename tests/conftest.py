"""A service to ask, and a session that asks it: no key, no proxy, no waiting."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, settings
from places import PLACES, left_out
from service import serve
from wire import NoStore, Told, ask_once

from nemotron_magic import Session
from nemotron_magic.client.client import Client
from nemotron_magic.session.credentials import BASE_VARIABLES, KEY_VARIABLES, KeyStore
from nemotron_magic.storage.files import HOME_VARIABLE

pytest_plugins = ["leaks", "notebook_fixtures"]

# How long an example takes says something of the machine alone.
settings.register_profile(
    "patient",
    settings(),
    deadline=None,
    derandomize=True,  # tests/fuzz looks for what is new
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


SHELLS = {"kernel", "loops_closed", "plain_shell"}


def pytest_ignore_collect(
    collection_path: Path, config: pytest.Config
) -> Literal[True] | None:
    """Leave unread what is left out by its place: half of the time to collect."""
    place = collection_path.relative_to(config.rootpath).as_posix()
    skipped = f"{place}/".startswith(left_out(config.option.markexpr))
    return True if skipped else None


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    for item in items:
        for mark, places in PLACES.items():
            if item.nodeid.startswith(places):
                item.add_marker(mark)
        if SHELLS & set(item.fixturenames):
            item.add_marker(pytest.mark.kernel)
        if item.get_closest_marker("extended"):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """Keep what was collected out of every later collection of garbage.

    Each shell that is closed asks for one: over 13,000 tests it took a second.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*KEY_VARIABLES, *BASE_VARIABLES, *PROXIES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(autouse=True, scope="session")
def _interrupts_are_heard() -> None:
    """Undo what `nohup` and a script's `&` do, or kernels would inherit it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _home_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep every ledger and cache out of the real home, of kernels, too."""
    os.environ[HOME_VARIABLE] = str(tmp_path_factory.mktemp("home"))


@pytest.fixture
def served() -> Iterator[Callable[..., Any]]:
    """Begin a rehearsal; give its base URL."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(serve(**options))


@pytest.fixture
def session_at() -> Iterator[Callable[..., Session]]:
    """Give a session that asks `base_url`, and never waits."""
    with ExitStack() as stack:

        def session(
            base_url: str, client: Client | None = None, **more: Any
        ) -> Session:
            environ = {HOME_VARIABLE: os.environ[HOME_VARIABLE]}
            more = {"environ": environ, "keys": KeyStore(NoStore()), **more}
            client = client or Client(sleep=lambda wait_s: None)
            session = Session(base_url=str(base_url), client=client, **more)
            stack.callback(session.close)
            return session

        yield session


@pytest.fixture
def ask(served: Any, session_at: Any) -> Callable[..., Told]:
    """Ask a rehearsal with these options once; give all that came of it."""

    def ask_rehearsal(question: str = "Hello", *, settings: Any = None, **options: Any):
        return ask_once(session_at, served(**options), question, settings or {})

    return ask_rehearsal
