"""Fixtures: the stand-in service, a shell, a kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from counting_service import CountingService
from panel_page import PanelPage
from service import Address, serve
from shells import KEYS, LOAD, Kernel, Shell, close_event_loops, running


@pytest.fixture
def service() -> Iterator[Address]:
    with serve() as url:
        yield url


@pytest.fixture
def counting() -> Iterator[CountingService]:
    """Yield a service that counts what it was asked of each row."""
    service = CountingService(wait_s=0.05)
    yield service
    service.close()


@pytest.fixture
def environment(
    service: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIMLAPI_API_BASE", str(service))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of this test's own for ledger and cache."""
    monkeypatch.setenv("NEMOTRON_MAGIC_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def plain_shell(environment: None) -> Iterator[Shell]:
    shell = Shell()
    yield shell
    shell.close()


@pytest.fixture
def shell(plain_shell: Shell) -> Shell:
    assert plain_shell.run("%load_ext nemotron_magic").status == "ok"
    return plain_shell


@pytest.fixture
def app(shell: Shell) -> Any:
    return shell.ip.magics_manager.magics["line"]["nemotron"].__self__.app


@pytest.fixture
def config(shell: Shell) -> Any:
    return shell.ip.magics_manager.magics["line"]["nemotron"].__self__.settings


@pytest.fixture
def open_panel(shell: Shell, app: Any) -> Callable[[], PanelPage]:
    """Open a panel from a cell; return it as its user sees it."""

    def open_one() -> PanelPage:
        shell.ip.user_ns["_app"] = app
        assert shell.run("_opened = _app.open_panel()").status == "ok"
        return PanelPage(shell["_opened"])

    return open_one


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with serve() as url:
        folder = tmp_path_factory.mktemp("kernel")
        with running(folder, LOAD, AIMLAPI_API_BASE=str(url)) as kernel:
            yield kernel


@pytest.fixture
def loops_closed() -> Iterator[None]:
    """Leave no event loop open, for tests that have kernels of their own."""
    yield
    close_event_loops()
