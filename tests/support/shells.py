"""A shell in this process, and kernels in processes of their own."""

from __future__ import annotations

import asyncio
import atexit
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import IPython
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager
from service import Address
from traitlets.config import Config

KEYS = ("AIMLAPI_API_KEY", "AIML_API_KEY", "AIMLAPI_KEY", "AIML_API_BASE")
LOAD = "%load_ext nemotron_magic"
NO_COLOUR = "nocolor" if IPython.version_info >= (9,) else "NoColor"


@dataclass
class Outcome:
    """What running a cell gave."""

    status: str = ""
    error: str = ""
    text: str = ""
    outputs: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    elapsed_s: float = 0.0
    next_cell: str | None = None
    replaces: bool = False


class Shell:
    """An IPython shell as in a terminal whose output goes to a file."""

    def __init__(self, config: Config | None = None) -> None:
        config = config or Config()
        config.HistoryManager.hist_file = ":memory:"
        config.InteractiveShell.colors = NO_COLOUR
        self.ip = InteractiveShell(config=config)

    def run(self, cell: str) -> Outcome:
        self.ip.rl_next_input = None
        with capture_output() as captured:
            result = self.ip.run_cell(cell, store_history=True)
        failure = result.error_before_exec or result.error_in_exec
        return Outcome(
            "ok" if failure is None else "error",
            "" if failure is None else f"{type(failure).__name__}: {failure}",
            captured.stdout + captured.stderr,
            next_cell=self.ip.rl_next_input,
        )

    def close(self) -> None:
        """End the shell now, and not when the process ends."""
        self.run("%unload_ext nemotron_magic")
        database = self.ip.history_manager.db
        # It collects garbage, which takes half the time of a test of a shell.
        self.ip.displayhook.flush = lambda: None
        self.ip.atexit_operations()
        atexit.unregister(self.ip.atexit_operations)
        database.close()

    def __getitem__(self, name: str) -> Any:
        return self.ip.user_ns[name]


class OneSpec(KernelSpecManager):
    """Knows one kernel, by any name."""

    argv: Sequence[str] = ()

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(argv=[*self.argv], display_name="Python", language="python")


class Kernel:
    """A real kernel, asked as JupyterLab asks it: every request names its cell.

    `prefix` is the command that runs the kernel's own command.
    """

    def __init__(
        self, tmp_path: Path, prefix: Sequence[str] = (), **environ: str
    ) -> None:
        self._place = TemporaryDirectory()  # short, for names of sockets
        file = f"{self._place.name}/kernel.json"
        specs = OneSpec()
        specs.argv = [
            *prefix,
            sys.executable,
            *("-m", "ipykernel_launcher", "-f", "{connection_file}"),
            *(
                "--log-level=50",
                f"--HistoryManager.hist_file={self._place.name}/h.sqlite",
            ),
        ]
        self._manager = KernelManager(connection_file=file, kernel_spec_manager=specs)
        if os.name == "posix":
            # A port that is free when it is chosen may be taken when it begins.
            self._manager.transport = "ipc"
        env = {k: v for k, v in os.environ.items() if k not in KEYS}
        own = {"NEMOTRON_MAGIC_HOME": str(tmp_path / "home")}  # and not the user's
        self._manager.start_kernel(env={**own, **env, **environ}, cwd=str(tmp_path))
        self.client = self._manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(
        self,
        code: str,
        cell_id: str | None = "cell-1",
        allow_stdin: bool = True,
        during: Callable[[dict[str, Any]], None] = lambda message: None,
        limit_s: float = 60,
    ) -> Outcome:
        """Run a cell to its end; `during` sees every message as it comes."""
        started_s = time.monotonic()
        request = self._send(code, cell_id, allow_stdin)
        outcome = self._answered(request, during, limit_s)
        reply = self.client.get_shell_msg(timeout=limit_s)
        while reply["parent_header"].get("msg_id") != request:
            reply = self.client.get_shell_msg(timeout=limit_s)
        outcome.status = reply["content"]["status"]
        for payload in reply["content"].get("payload", ()):
            if payload["source"] == "set_next_input":
                outcome.next_cell = payload["text"]
                outcome.replaces = payload["replace"]
        outcome.elapsed_s = time.monotonic() - started_s
        return outcome

    def press(self, comm_id: str) -> Outcome:
        """Press a button as a page does; return what came of it."""
        return self._answered(self.begin_press(comm_id))

    def change(self, comm_id: str, **state: Any) -> Outcome:
        """Change a widget as a page does; return what came of it."""
        change = {"method": "update", "state": state, "buffer_paths": []}
        return self._speak(comm_id, change)

    def begin_press(self, comm_id: str) -> str:
        """Press a button; return the id of the request, and wait for nothing."""
        click = {"method": "custom", "content": {"event": "click"}}
        return self._tell(comm_id, click)

    def _speak(self, comm_id: str, data: dict[str, Any]) -> Outcome:
        return self._answered(self._tell(comm_id, data))

    def _tell(self, comm_id: str, data: dict[str, Any]) -> str:
        said = {"comm_id": comm_id, "data": data}
        message = self.client.session.msg("comm_msg", said)
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def _answered(
        self,
        request: str,
        during: Callable[[dict[str, Any]], None] = lambda message: None,
        limit_s: float = 60,
    ) -> Outcome:
        """Collect what a request brings until the kernel is idle."""
        outcome = Outcome()
        while True:
            message = self.client.get_iopub_msg(timeout=limit_s)
            if message["parent_header"].get("msg_id") != request:
                continue
            outcome.messages.append(message)
            _collect(message, outcome)
            during(message)
            state = message["content"].get("execution_state")
            if message["msg_type"] == "status" and state == "idle":
                return outcome

    def interrupt(self) -> None:
        self.signal(signal.SIGINT)

    def signal(self, number: int) -> None:
        """Signal its process, from any thread: the manager would need a loop in it."""
        self._manager.provisioner.process.send_signal(number)

    def run_all(self, cells: list[str]) -> Callable[[], list[Outcome]]:
        """Send all cells at once; give a function that waits for their outcomes."""
        sent = [self._send(code, "cell-1", True) for code in cells]
        return lambda: [self._answered(request) for request in sent]

    def close(self) -> None:
        self.client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()
        self.client.context.destroy(linger=0)
        self._place.cleanup()

    def _send(self, code: str, cell_id: str | None, allow_stdin: bool) -> str:
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": allow_stdin,
            "stop_on_error": True,
        }
        metadata = {} if cell_id is None else {"cellId": cell_id}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])


@contextmanager
def running(folder: Path, *cells: str, **environ: str) -> Iterator[Kernel]:
    """Run a kernel of one's own in a folder, and these cells in it to begin with."""
    kernel = Kernel(folder, **environ)
    try:
        for cell in cells:
            assert kernel.run(cell).status == "ok", cell
        yield kernel
    finally:
        kernel.close()
        close_event_loops()


def asked_in_a_panel(
    kernel: Kernel,
    at: str = "nm-footer",
    then: Callable[[dict[str, str]], object] = lambda ids: None,
) -> list[dict[str, Any]]:
    """Ask in a panel; return all that its page was sent until the reply was there.

    Once the page shows `at`, `then` is called with the ids of the controls, by label.
    """
    opened = kernel.run("%nemotron panel", "panel")
    made = [m["content"] for m in opened.messages if m["msg_type"] == "comm_open"]
    ids = {c["data"]["state"].get("description"): c["comm_id"] for c in made}
    kernel.change(ids["Question"], value="what is it")
    messages: list[dict[str, Any]] = []
    kernel.begin_press(ids["Send"])
    has_shown = False
    while not any("nm-footer" in str(one["content"]) for one in messages):
        messages.append(kernel.client.get_iopub_msg(timeout=60))
        if at in str(messages[-1]["content"]) and not has_shown:
            has_shown = True
            then(ids)
    kernel.press(ids["Close"])
    return messages


def sent(service: Address) -> str:
    """Give the last message of the last question that reached a stand-in."""
    return str(service.requests[-1].body["messages"][-1]["content"])


def asked(service: Address) -> int:
    """Return how many questions reached a stand-in."""
    return sum(record.method == "POST" for record in service.requests)


def close_event_loops() -> None:
    """Close the loops that jupyter_client made for itself and leaves open."""
    for thing in gc.get_objects():
        # By its type: an object of another test may run code when it is asked.
        if (
            issubclass(type(thing), asyncio.AbstractEventLoop)
            and not thing.is_running()
        ):
            thing.close()


def _collect(message: dict[str, Any], outcome: Outcome) -> None:
    """Do with the outputs what a notebook does with them."""
    kind, content = message["msg_type"], message["content"]
    outputs = outcome.outputs
    if outputs and outputs[0].get("cleared") and kind != "status":
        outputs.clear()
    if kind == "clear_output":
        outputs[:] = [{"cleared": True}] if content["wait"] else []
    elif kind == "update_display_data":
        wanted = content["transient"]["display_id"]
        for output in outputs:
            if output.get("transient", {}).get("display_id") == wanted:
                output.update(content)
    elif kind in ("display_data", "execute_result", "stream", "error"):
        outputs.append({"output_type": kind, **content})
        outcome.text += content.get("text", "")
    if kind == "error":
        outcome.error = "\n".join(content["traceback"])
