"""What a test leaves behind counts as its failure: threads, sockets, files, tasks.

What cleans up by itself gets a moment for it. Objects that were dropped without being
closed are told by Python's own `ResourceWarning`, which is an error here.
"""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

GRACE_S = 4.0
_HANDLES = "/proc/self/fd"
_KINDS = ("socket:", "/")
_SERVER, _CONNECTION = "rehearsal-accept", "rehearsal-connection"
_OTHERS_THREADS = (
    "IPythonHistorySavingThread",  # one a process, for good
    "asyncio_",  # asyncio's pool, kept with its loop
)
_OTHERS_FILES = ("/dev/", "/proc/", "/sys/", "/memfd:")


@pytest.fixture(autouse=True)
def _leaves_nothing_behind() -> Iterator[None]:
    before = Left()
    complaints = _Complaints()
    asyncio_log = logging.getLogger("asyncio")
    asyncio_log.addHandler(complaints)
    yield
    left = before.look()
    asyncio_log.removeHandler(complaints)

    assert left == [], f"threads, sockets and files that are left: {left}"
    assert complaints.said == [], f"asyncio complains: {complaints.said}"


class Left:
    """What has come since this was made and has not gone."""

    def __init__(self) -> None:
        self._threads = set(threading.enumerate())
        self._handles = _handles()
        self._is_served = any(one.name == _SERVER for one in self._threads)

    def look(self, grace_s: float = GRACE_S) -> list[str]:
        """Look until there is nothing, or for so long; give what there is."""
        end_s = time.monotonic() + grace_s
        left = self._now()
        # First what is young: all that a worker holds takes 0.2 s to go through.
        for generation in (1, 2):
            if left:
                gc.collect(generation)
                left = self._now()
        while left and time.monotonic() < end_s:
            time.sleep(0.02)
            left = self._now()
        return left

    def _now(self) -> list[str]:
        threads = [
            one.name
            for one in threading.enumerate()
            if one not in self._threads and not one.name.startswith(_OTHERS_THREADS)
        ]
        handles = [
            what
            for number, what in _handles().items()
            if self._handles.get(number) != what
        ]
        if self._is_served:  # a server of several tests may keep its connections
            kept = threads.count(_CONNECTION)
            threads = [name for name in threads if name != _CONNECTION]
            handles = sorted(handles, key=lambda one: one.startswith("/"))[kept:]
        return sorted(threads + handles)


class _Complaints(logging.Handler):
    """What asyncio logs as errors: tasks destroyed, exceptions nobody looked at."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def _handles() -> dict[str, str]:
    """Give what sockets and files are open, by number, where the system tells."""
    found: dict[str, str] = {}
    with suppress(OSError):
        for number in os.listdir(_HANDLES):
            with suppress(OSError):
                found[number] = os.readlink(f"{_HANDLES}/{number}")
    return {
        number: what
        for number, what in found.items()
        if what.startswith(_KINDS) and not what.startswith(_OTHERS_FILES)
    }
