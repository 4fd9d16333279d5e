"""A Jupyter server, with JupyterLab and Notebook 7, all of it in one folder."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMIT_S = 60.0  # two busy cores start a kernel in up to 20 s
SETTINGS = {  # what would otherwise ask, pop up or write by itself
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
}
HOMES = {
    "HOME": "home",
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "XDG_CACHE_HOME": "home/.cache",
    "XDG_CONFIG_HOME": "home/.config",
    "XDG_DATA_HOME": "home/.local/share",
}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Server:
    """A running Jupyter server, serving both front ends from one folder."""

    url: str
    root: Path
    log: Path

    def api(self, method: str, path: str) -> Any:
        """Give the JSON that the server's REST interface answers."""
        request = urllib.request.Request(f"{self.url}/api/{path}", method=method)
        with urllib.request.urlopen(request, timeout=LIMIT_S) as response:
            return json.loads(response.read() or b"null")

    def shut_down_kernels(self) -> None:
        """End every session, and so every kernel."""
        for session in self.api("GET", "sessions"):
            self.api("DELETE", f"sessions/{session['id']}")


@contextmanager
def serve(folder: Path, environ: dict[str, str] | None = None) -> Iterator[Server]:
    """Run a Jupyter server whose files, settings and kernels all lie in `folder`.

    Parameters
    ----------
    environ
        More environment variables for the server and its kernels.
    """
    root, port = folder / "notebooks", _free_port()
    root.mkdir(parents=True)
    _write_settings(folder)
    server = Server(f"http://127.0.0.1:{port}", root, folder / "server.log")
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            _command(port, root),
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=root,
            env={**os.environ, **_homes(folder), **(environ or {})},
        )
        try:
            _wait_for_server(server, process)
            yield server
            server.shut_down_kernels()
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _command(port: int, root: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={root}"),
        *("--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"),
        *("--LabApp.expose_app_in_browser=True", "--LabApp.news_url="),
        "--LabApp.extension_manager=readonly",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]


def _homes(folder: Path) -> dict[str, str]:
    """Make a folder for all that a server would keep in a user's home."""
    for place in HOMES.values():
        (folder / place).mkdir(parents=True, exist_ok=True)
    homes = {name: str(folder / place) for name, place in HOMES.items()}
    return {**homes, "JUPYTER_PLATFORM_DIRS": "1"}


def _write_settings(folder: Path) -> None:
    kernel = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    _write_json(
        folder / "data/kernels/here/kernel.json",
        {"argv": kernel, "display_name": "here", "language": "python"},
    )
    for name, value in SETTINGS.items():
        path = folder / f"settings/@jupyterlab/{name}.jupyterlab-settings"
        _write_json(path, value)


def _wait_for_server(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            server.api("GET", "status")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"no Jupyter server:\n{server.log.read_text()[-2000:]}")
