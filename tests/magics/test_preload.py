"""Getting ready for the first question, in the background and out of everyone's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.events import EventManager, available_events
from shells import Kernel, Shell

from nemotron_magic.magics.extension import _STEPS, Preload, is_live

LIMIT_S = 60


class Steps:
    """Steps that note that they were done; the second waits until it is let go."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.begun, self.let_go = threading.Event(), threading.Event()
        self.all = [self._first, self._second, self._third]
        self.ended = threading.Event()

    def _first(self) -> None:
        self.done.append(1)

    def _second(self) -> None:
        self.begun.set()
        self.let_go.wait(LIMIT_S)
        self.done.append(2)

    def _third(self) -> None:
        self.done.append(3)
        self.ended.set()


@pytest.fixture
def shell() -> Any:
    made = SimpleNamespace()
    made.events = EventManager(made, available_events)
    return made


@pytest.fixture
def steps(shell: Any) -> Iterator[Steps]:
    made = Steps()
    yield made
    made.let_go.set()


@pytest.mark.parametrize("step", _STEPS)
def test_every_step_can_be_done(step: Callable[[], object]) -> None:
    step()


def callbacks(shell: Any) -> list[Callable[..., Any]]:
    """Give what listens to the shell's cells."""
    names = ("pre_run_cell", "post_run_cell")
    ours = (call for name in names for call in shell.events.callbacks[name])
    return [call for call in ours if type(getattr(call, "__self__", None)) is Preload]


def test_all_steps_are_done_and_then_nothing_is_left(shell: Any, steps: Steps) -> None:
    steps.let_go.set()
    warm_up = Preload(shell, steps.all, delay_s=0)
    warm_up.begin()
    assert steps.ended.wait(LIMIT_S)
    warm_up.close()

    assert steps.done == [1, 2, 3]
    assert callbacks(shell) == []
    assert "nemotron-warm-up" not in {t.name for t in threading.enumerate()}


def test_no_step_begins_while_a_cell_runs(shell: Any, steps: Steps) -> None:
    Preload(shell, steps.all, delay_s=0).begin()
    assert steps.begun.wait(LIMIT_S)
    shell.events.trigger("pre_run_cell", None)
    steps.let_go.set()

    assert not steps.ended.wait(0.2)
    shell.events.trigger("post_run_cell", None)
    assert steps.ended.wait(LIMIT_S)


def test_once_closed_it_does_no_further_step(shell: Any) -> None:
    begun, done = threading.Event(), []

    def second() -> None:
        begun.set()
        warm_up._is_over.wait(LIMIT_S)  # the step lasts until it is being closed
        done.append(2)

    steps = [lambda: done.append(1), second, lambda: done.append(3)]
    warm_up = Preload(shell, steps, delay_s=0)
    warm_up.begin()
    assert begun.wait(LIMIT_S)
    warm_up.close()
    warm_up.close()

    assert done == [1, 2]
    assert callbacks(shell) == []


def test_a_step_that_fails_troubles_nobody(shell: Any) -> None:
    done: list[int] = []
    steps = [lambda: done.append(1), lambda: 1 / 0, lambda: done.append(3)]
    warm_up = Preload(shell, steps, delay_s=0)
    warm_up.begin()
    end_s = time.monotonic() + LIMIT_S
    while not warm_up.is_over and time.monotonic() < end_s:
        time.sleep(0.01)
    shell.events.trigger("post_run_cell", None)

    assert done == [1, 3]
    assert callbacks(shell) == []


def test_a_shell_that_nobody_types_into_is_left_cold(shell: Any) -> None:
    assert not is_live(shell)
    assert is_live(SimpleNamespace(kernel=object()))
    cold = Shell()
    cold.run("%load_ext nemotron_magic")
    threads = {thread.name for thread in threading.enumerate()}
    listening = callbacks(cold.ip)
    cold.close()

    assert "nemotron-warm-up" not in threads
    assert listening == []


READY = "import sys; print('nemotron_magic.markdown.sanitize' in sys.modules)"
LEFT = """
import threading
print([t.name for t in threading.enumerate() if t.name.startswith("nemotron")])
events = get_ipython().events.callbacks
print([c for name in ("pre_run_cell", "post_run_cell") for c in events[name]
       if "nemotron" in type(getattr(c, "__self__", None)).__module__])
"""


def test_a_kernel_is_ready_before_the_first_question(kernel: Kernel) -> None:
    kernel.run("%load_ext nemotron_magic")
    end_s = time.monotonic() + LIMIT_S
    while "True" not in kernel.run(READY).text and time.monotonic() < end_s:
        time.sleep(0.5)
    ready = kernel.run(READY).text
    kernel.run("%unload_ext nemotron_magic")
    left = kernel.run(LEFT).text

    assert ready == "True\n"
    assert left == "[]\n[]\n"


def test_a_kernel_that_is_unloaded_at_once_gives_up(kernel: Kernel) -> None:
    kernel.run("%load_ext nemotron_magic")
    kernel.run("%unload_ext nemotron_magic")

    assert kernel.run(LEFT).text == "[]\n[]\n"
