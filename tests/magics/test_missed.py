"""A question in the cell that loads the extension, by every way into IPython."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from service import Address
from shells import KEYS, Kernel, Shell, asked, sent

from nemotron_magic.magics.input_transformers import MISSED

LOAD = "%load_ext nemotron_magic"
ASK = "%nemotron -q why is this slow?"
Run = Callable[..., str]


@pytest.fixture
def run(service: Address, tmp_path: Path) -> Run:
    """Run IPython in a folder with files in it; give all that it said."""

    def ipython(*args: str, typed: str = "", **files: str) -> str:
        for name, text in files.items():
            (tmp_path / name.replace("_", ".")).write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "IPython", "--no-banner", "--no-confirm-exit",
             "--simple-prompt", *args],
            env={**{k: v for k, v in os.environ.items() if k not in KEYS},
                 "AIMLAPI_API_BASE": str(service), "IPYTHONDIR": str(tmp_path)},
            cwd=tmp_path,
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    return ipython


@pytest.mark.slow
def test_what_c_asks_of_a_loaded_extension_is_asked_once(
    run: Run, service: Address
) -> None:
    asks = (ASK, f"x = {ASK}", f"if 1:\n    {ASK}")
    said = run("--ext", "nemotron_magic", "-c", "\n".join(asks))

    assert MISSED not in said
    assert asked(service) == len(asks)


def test_what_c_loads_itself_is_told_of(run: Run, service: Address) -> None:
    assert run("-c", f"{LOAD}\n{ASK}").count(MISSED) == 1
    assert asked(service) == 0


@pytest.mark.parametrize("options", [(), ("-i",)])
def test_a_script_that_loads_and_asks_is_told_of(
    run: Run, service: Address, options: tuple[str, ...]
) -> None:
    said = run(*options, "a.ipy", a_ipy=f"{LOAD}\n\nx = 1\n{ASK}\n")

    assert said.count(MISSED) == 1
    assert asked(service) == 0


@pytest.mark.slow
def test_a_script_of_a_loaded_extension_asks(run: Run, service: Address) -> None:
    said = run("--ext", "nemotron_magic", "a.ipy", a_ipy=f"{LOAD}\n{ASK}\n")

    assert MISSED not in said
    assert asked(service) == 1


@pytest.mark.slow
def test_a_notebook_run_as_a_script_has_cells_of_its_own(
    run: Run, service: Address
) -> None:
    cells = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {}, "outputs": [],
         "execution_count": None, "source": source}
        for n, source in enumerate((LOAD, ASK))
    ]  # fmt: skip
    text = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    said = run("a.ipynb", a_ipynb=json.dumps(text))

    assert MISSED not in said
    assert asked(service) == 1


@pytest.mark.slow
def test_lines_that_come_one_by_one_are_cells(run: Run, service: Address) -> None:
    said = run(typed=f"{LOAD}\n{ASK}\n%reload_ext nemotron_magic\n{ASK}\n")

    assert MISSED not in said
    assert asked(service) == 2


@pytest.mark.slow
def test_a_script_that_a_cell_runs_is_told_of(run: Run, service: Address) -> None:
    said = run(typed=f"%run a.ipy\n{ASK}\n", a_ipy=f"{LOAD}\n{ASK}\n")

    assert said.count(MISSED) == 1
    assert asked(service) == 1


def test_a_cell_whose_script_loads_the_extension_is_told_of(
    plain_shell: Shell, service: Address, tmp_path: Path
) -> None:
    (tmp_path / "a.ipy").write_text(f"{LOAD}\n")
    outcome = plain_shell.run(f"%run {tmp_path / 'a.ipy'}\n{ASK}")

    assert outcome.text.count(MISSED) == 1
    assert asked(service) == 0


@pytest.mark.parametrize(
    ("cell", "times"),
    [
        (f"get_ipython().run_cell({f'{LOAD}{chr(10)}{ASK}'!r})", 1),
        (f"get_ipython().run_cell({LOAD!r})\n{ASK}", 1),
        (f"get_ipython().run_cell({LOAD!r}); get_ipython().run_cell({ASK!r})", 0),
        (f"%reload_ext nemotron_magic\n{ASK}", 1),
        (f"%reload_ext nemotron_magic\n{ASK.rstrip('?')}", 0),
        (f"{LOAD}\n%nemotron?", 0),
        (f"{LOAD}\ntext = '%nemotron why?'", 0),
    ],
)
def test_a_cell_is_told_of_as_often_as_it_is_true(
    plain_shell: Shell, cell: str, times: int
) -> None:
    assert plain_shell.run(cell).text.count(MISSED) == times


def test_a_reload_beside_a_question_misses_nothing(
    shell: Shell, service: Address
) -> None:
    outcome = shell.run(f"%reload_ext nemotron_magic\n{ASK}")

    assert MISSED not in outcome.text
    assert asked(service) == 1


@pytest.mark.usefixtures("loops_closed")
def test_a_kernel_tells_of_it_in_the_cell_that_loads(
    service: Address, tmp_path: Path
) -> None:
    kernel = Kernel(tmp_path, AIMLAPI_API_BASE=str(service))
    try:
        first, second = (kernel.run(f"{LOAD}\n{ASK}") for _ in range(2))
    finally:
        kernel.close()

    assert first.text.count(MISSED) == 1
    assert MISSED not in second.text
    assert sent(service).endswith("why is this slow?")
    assert asked(service) == 1
