"""Fixtures: a service that answers as it is told, and a shell that asks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_service import Service, serving
from shells import KEYS, Shell


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    with serving() as service:
        monkeypatch.setenv("AIMLAPI_API_BASE", service.url)
        yield service


@pytest.fixture
def shell(service: Service) -> Iterator[Shell]:
    shell = Shell()
    shell.run("%load_ext nemotron_magic")
    yield shell
    shell.close()
