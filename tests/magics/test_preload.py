"""Getting ready for the first question, behind the cell that loads the extension."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from shells import KEYS, Kernel, Shell

from nemotron_magic.magics.extension import preload

LIMIT_S = 60
READY = "import sys; print('nemotron_magic.markdown.sanitize' in sys.modules)"
LEFT = """
import threading
calls = [str(getattr(one, "function", "")) for one in threading.enumerate()]
print([one for one in calls if "preload" in one])
events = get_ipython().events.callbacks
print([c for name in ("pre_run_cell", "post_run_cell") for c in events[name]
       if "nemotron" in type(getattr(c, "__self__", None)).__module__])
"""


def test_all_that_is_preloaded_can_be() -> None:
    preload()

    assert "nemotron_magic.magics.commands" in sys.modules
    assert "nemotron_magic.markdown.sanitize" in sys.modules


def test_a_kernel_is_ready_before_the_first_question(kernel: Kernel) -> None:
    kernel.run("%load_ext nemotron_magic")
    end_s = time.monotonic() + LIMIT_S
    while "True" not in kernel.run(READY).text and time.monotonic() < end_s:
        kernel.run("import time; time.sleep(0.2)")
    ready = kernel.run(READY).text
    kernel.run("%unload_ext nemotron_magic")
    left = kernel.run(LEFT).text

    assert ready == "True\n"
    assert left.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_a_shell_that_nobody_types_into_is_left_cold(tmp_path: Path) -> None:
    at_exit = "import atexit, sys; atexit.register(lambda: print({!r} in sys.modules))"
    code = at_exit.format("nemotron_magic.code.check")
    told = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "--ext", "nemotron_magic",
         "-c", code],
        env={**{k: v for k, v in os.environ.items() if k not in KEYS},
             "IPYTHONDIR": str(tmp_path)},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    cold = Shell()
    cold.run("%load_ext nemotron_magic")
    left = cold.run(LEFT).text
    cold.close()

    assert told.stdout.endswith("False\n")
    assert left.startswith("[]\n")


def test_a_cell_that_left_no_result_is_no_error() -> None:
    shell = Shell()
    shell.run("%load_ext nemotron_magic")
    told = shell.run("get_ipython().events.trigger('post_run_cell', None)")
    shell.close()

    assert (told.status, told.text) == ("ok", "")
