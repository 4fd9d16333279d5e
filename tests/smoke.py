"""What must work where the package is installed and nothing but what it needs.

    python tests/smoke.py

Run by `.ci/run` after the wheel, and after the source distribution, was installed into
an empty environment.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import metadata, version
from importlib.resources import files

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.io import capture_output

import nemotron_magic

CELLS = (
    "%load_ext nemotron_magic",
    "%nemotron rehearse",
    "%nemotron",
    "rows = [3, 4]\nprint(sum(rows))",
    "reply = %nemotron what is in $`rows`?",
    "%nemotron models: nano",
    "%nemotron usage",
    "%unload_ext nemotron_magic",
)


def main() -> None:
    """Go through the main job once; raise if anything is amiss."""
    shell = InteractiveShell.instance()
    with capture_output() as captured:
        for cell in CELLS:
            shell.run_cell(cell, store_history=True).raise_error()
    assert "no model is behind this reply" in shell.user_ns["reply"]
    assert "nvidia/nemotron-3-nano" in captured.stdout
    package = files("nemotron_magic")
    for name in (
        "py.typed",
        "examples/quickstart.ipynb",
        "code/effects.toml",
        "code/libraries.toml",
        "context/secrets/forms.txt",
        "context/secrets/words.txt",
        "context/looks.txt",
        "context/vocabulary.txt",
        "core/help.toml",
        "display/panel/panel.css",
        "display/panel/still.css",
        "magics/commands/manual.txt",
        "magics/words.toml",
        "rehearsal/greeting.txt",
        "rehearsal/models.json",
        "rehearsal/rules.toml",
        "rehearsal/samples.md",
        "rehearsal/tones.txt",
    ):
        assert package.joinpath(name).is_file(), name
    assert version("nemotron-magic") == nemotron_magic.__version__
    assert metadata("nemotron-magic")["License-Expression"] == "BSD-3-Clause"
    command = [sys.executable, "-m", "nemotron_magic.rehearsal", "--help"]
    helped = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--tokens-per-s" in helped.stdout
    print(f"nemotron_magic {nemotron_magic.__version__}: the smoke test passed")


if __name__ == "__main__":
    main()
