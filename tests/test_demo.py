"""`python -m nemotron_magic`, as the README says to type it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    keys = ("AIMLAPI_API_KEY", "AIML_API_KEY", "AIMLAPI_KEY", "AIMLAPI_API_BASE")
    environ = {k: v for k, v in os.environ.items() if k not in keys}
    environ["PYTHONPATH"] = str(ROOT)
    return subprocess.run(
        [sys.executable, "-m", "nemotron_magic", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_demo_runs_the_quickstart_without_a_key(tmp_path: Path) -> None:
    examples = tmp_path / "examples"
    examples.mkdir()
    shutil.copy(ROOT / "examples" / "quickstart.ipynb", examples)

    done = run(tmp_path)

    assert done.returncode == 0, done.stderr
    assert "the rehearsal inside this package answers" in done.stdout
    assert "why does a left join sometimes add rows?" in done.stdout
    assert "tokens · rehearsal, would be about $" in done.stdout
    executed = nbformat.read(examples / "quickstart.executed.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    assert all(c.execution_count for c in executed.cells if c.cell_type == "code")
    assert "<h1" in (examples / "quickstart.executed.html").read_text("utf-8")


def test_a_notebook_runs_in_its_own_folder_and_is_written_though_it_fails(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "data.txt").write_text("found")
    reading = "print(open('data.txt').read())\n%load_ext nemotron_magic"
    cells = [*map(nbformat.v4.new_code_cell, (reading, "%nemotron -t 9 hi"))]
    nbformat.write(  # type: ignore[no-untyped-call]
        nbformat.v4.new_notebook(cells=cells), folder / "bad.ipynb"
    )

    done = run(tmp_path, "elsewhere/bad.ipynb")

    assert done.returncode == 1
    assert "found" in done.stdout
    assert "temperature must be from 0 to 2, got 9" in done.stdout
    assert (folder / "bad.executed.ipynb").is_file()


def test_jupyterlab_gets_the_flags_that_are_its_own(tmp_path: Path) -> None:
    done = run(tmp_path, "--lab", "--version")
    refused = run(tmp_path, "--version")

    assert re.search(r"^\d+\.\d+\.\d+", done.stdout, re.MULTILINE)
    assert refused.returncode == 2
    assert "there is no --version" in refused.stderr


def test_a_notebook_that_is_not_there_is_named_without_a_traceback(
    tmp_path: Path,
) -> None:
    missing = run(tmp_path, "nope.ipynb")
    taken = run(tmp_path, "--lab", "--port", "8977")

    assert missing.returncode == taken.returncode == 2
    assert missing.stderr.endswith("error: there is no notebook nope.ipynb\n")
    assert "no notebook 8977; JupyterLab's flags take a =" in taken.stderr
