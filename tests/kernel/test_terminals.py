"""Terminal IPython and `jupyter console`, on a terminal of their own."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pexpect
import pytest
from counting_service import CountingService
from service import serve
from shells import KEYS

LIMIT_S = 60
COLOUR = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
TRIES = 6
SIZES = ("COLUMNS", "LINES")  # pytest sets them for its own processes


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    with serve(tokens_per_s=200) as url, TemporaryDirectory() as runtime:
        yield {
            **{k: v for k, v in os.environ.items() if k not in (*KEYS, *SIZES)},
            "AIMLAPI_API_BASE": str(url),
            "IPYTHONDIR": str(tmp_path),
            "JUPYTER_RUNTIME_DIR": runtime,  # short, for names of sockets
            "TERM": "xterm",
            "PYTHONWARNINGS": "default",  # jupyter_console ends at its own
            "PROMPT_TOOLKIT_NO_CPR": "1",
        }


def start(
    environ: dict[str, str], *command: str, columns: int = 100
) -> pexpect.spawn[str]:
    """Begin a terminal program, and again if its first cell does not end.

    jupyter_console now and then misses what its kernel says of the first one.
    """
    for _ in range(TRIES):
        terminal = pexpect.spawn(
            sys.executable,
            ["-m", *command],
            env=environ,  # type: ignore[arg-type]
            encoding="utf-8",
            timeout=LIMIT_S,
            dimensions=(50, columns),
        )
        terminal.expect(r"In \[")
        if command[0] != "jupyter_console":
            return terminal
        terminal.send("0\r")
        if terminal.expect([r"In \[2", pexpect.TIMEOUT], timeout=LIMIT_S / TRIES) == 0:
            return terminal
        terminal.close(force=True)
    raise TimeoutError(f"no prompt from {command[0]}")


def ask(terminal: pexpect.spawn[str], line: str, expected: str) -> str:
    terminal.send(f"{line}\r")
    terminal.expect(expected)
    return str(terminal.before) + str(terminal.after)


@pytest.mark.parametrize(
    "command",
    [("IPython", "--no-banner", "--simple-prompt"), ("IPython", "--no-banner")],
    ids=["simple", "prompt toolkit"],
)
def test_a_reply_streams_into_terminal_ipython(
    environ: dict[str, str], command: tuple[str, ...]
) -> None:
    terminal = start(environ, *command)
    ask(terminal, "%load_ext nemotron_magic", r"In \[")
    seen = ask(terminal, "%nemotron rehearsal: say Hello **you**", r"tokens · \$")
    terminal.close(force=True)

    assert "you" in seen
    # The footer comes right after the prompt that IPython writes for a value.
    assert "Traceback" not in seen


def test_ctrl_c_in_a_terminal_keeps_what_came(environ: dict[str, str]) -> None:
    terminal = start(environ, "IPython", "--no-banner", "--simple-prompt")
    ask(terminal, "%load_ext nemotron_magic", r"In \[")
    ask(terminal, "%nemotron rehearsal: length 3000", "Rehearsal")
    terminal.sendintr()
    terminal.expect("InterruptedByUser: stopped by you")
    seen = str(terminal.before)
    kept = ask(terminal, "print('kept:', len(_nemotron) > 0)", "kept: True")
    terminal.close(force=True)

    assert re.search(r"Stopped by you · [\d.]+ s · ~\d+ → \d+ tokens", seen)
    assert "Traceback" not in kept


def test_login_asks_without_echo_and_refuses_a_wrong_key(
    environ: dict[str, str],
) -> None:
    with serve(key="right-key-1234", faulty_path="/none") as url:
        terminal = start(
            {**environ, "AIMLAPI_API_BASE": str(url)},
            *("IPython", "--no-banner", "--simple-prompt"),
        )
        ask(terminal, "%load_ext nemotron_magic", r"In \[")
        ask(terminal, "%nemotron login", "not shown")
        wrong = ask(terminal, "wrong-key-5678", r"In \[")
        ask(terminal, "%nemotron login", "not shown")
        right = ask(terminal, "right-key-1234", r"In \[")
        asked = ask(terminal, "%nemotron -q hello", r"Out\[|Error")
        terminal.close(force=True)

    assert "does not accept" in wrong
    assert "accepts the key" in right
    assert "this session only" in right or "kept in" in right
    assert "-key-" not in wrong + right + asked
    assert url.requests[-1].authorized


def test_a_reply_streams_into_jupyter_console(environ: dict[str, str]) -> None:
    pytest.importorskip("jupyter_console")
    # A port that is free when it is chosen may be taken when the kernel begins.
    terminal = start(environ, "jupyter_console", "--simple-prompt", "--transport=ipc")
    ask(terminal, "%load_ext nemotron_magic", r"In \[")
    seen = ask(terminal, "%nemotron rehearsal: say Hello **you**", r"tokens · \$")
    card = ask(terminal, "%nemotron", "the manual.*In ")
    terminal.close(force=True)

    assert "you" in seen
    assert "<div" not in seen
    assert "|:--" not in card


CODE = f"total = {' + '.join(f'some_long_name_{n}' for n in range(12))}"
WORDS = "Some words of a text that is longer than a line. " * 4


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_words_are_wrapped_at_the_width_and_lines_of_code_are_not(
    environ: dict[str, str], columns: int
) -> None:
    terminal = start(
        environ, "IPython", "--no-banner", "--simple-prompt", columns=columns
    )
    ask(terminal, "%load_ext nemotron_magic", r"In \[")
    text = f"{WORDS}\n\n```python\n{CODE}\n```\n\nThe end."
    call = f"run_cell_magic('nemotron', '', {f'rehearsal: say {text}'!r})"
    seen = ask(terminal, f"get_ipython().{call}", r"The end\..*tokens · \$")
    terminal.close(force=True)

    lines = [line.rstrip() for line in re.split(r"[\r\n]+", COLOUR.sub("", seen))]
    words = [line for line in lines if {*line.split()} <= {*WORDS.split()}]
    assert CODE in lines
    assert max(map(len, words)) <= columns < max(map(len, words)) + len("longer ")


@pytest.mark.parametrize("columns", [30, 60])
def test_the_progress_of_rows_stays_in_one_line(
    environ: dict[str, str], columns: int
) -> None:
    service = CountingService(wait_s=0.3)
    environ = {**environ, "AIMLAPI_API_BASE": service.url}
    terminal = start(
        environ, "IPython", "--no-banner", "--simple-prompt", columns=columns
    )
    ask(terminal, "%load_ext nemotron_magic", r"In \[")
    ask(terminal, "l = [f'row {n}' for n in range(25)]", r"In \[")
    flags = "--as bool --all --at-once 5 rows: l"
    call = f"run_cell_magic('nemotron', '{flags}', 'Is it?')"
    seen = ask(terminal, f"get_ipython().{call}", r"25 rows · 25 asked")
    terminal.close(force=True)
    service.close()

    steps = [one for one in re.split(r"\r\n?", seen) if " of 25" in one]
    assert len(steps) > 3
    assert max(len(one.rstrip()) for one in steps) < columns
    assert max(map(len, steps)) < columns
