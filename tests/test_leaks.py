"""The look for what tests leave behind finds it."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from leaks import Left


def test_nothing_left_is_nothing() -> None:
    assert Left().look() == []


def test_a_thread_is_found_until_it_ends() -> None:
    before, done = Left(), threading.Event()
    thread = threading.Thread(target=done.wait, name="forgotten")
    thread.start()

    assert before.look(0.05) == ["forgotten"]
    done.set()
    assert before.look() == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system tells not")
def test_a_socket_and_a_file_are_found_until_they_are_closed(tmp_path: Path) -> None:
    before = Left()
    with socket.socket(), (tmp_path / "a").open("w"):
        found = before.look(0.05)

    assert [one.split(":")[0] for one in found] == [str(tmp_path / "a"), "socket"]
    assert before.look() == []
