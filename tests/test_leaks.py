"""The look for what tests leave behind finds it."""

from __future__ import annotations

import gc
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from leaks import Left

from nemotron_magic.storage.files import HOME_VARIABLE


def test_nothing_left_is_nothing() -> None:
    assert Left().look() == []


def test_a_session_under_test_keeps_its_files_out_of_the_real_home(
    session_at: Callable[..., Any],
) -> None:
    path = session_at("http://127.0.0.1:1").accounting.cache.path

    assert path.parent == Path(os.environ[HOME_VARIABLE])
    assert not path.is_relative_to(Path.home())


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


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system tells not")
@pytest.mark.parametrize("collections", [0, 1, 2])
def test_a_file_that_a_circle_holds_is_let_go_however_old_it_is(
    tmp_path: Path, collections: int
) -> None:
    before = Left()
    descriptor = os.open(tmp_path / "a", os.O_CREAT)

    class Owner:
        def __init__(self) -> None:
            self.own = self

        def __del__(self) -> None:
            os.close(descriptor)

    owner = Owner()
    for generation in range(collections):
        gc.collect(generation)
    del owner

    assert before.look(0.05) == []
