"""Try cells as a user without rights; print what is said of each, as JSON."""

from __future__ import annotations

import ctypes
import json
import os
import sys
import tempfile

from IPython.core.interactiveshell import InteractiveShell

from nemotron_magic.code.trial import Trials, child, finished

IMPORTED = child  # while that is allowed

NOBODY = 65534
DUMPABLE = 4  # prctl: without it, /proc/self belongs to root after a change of user


def main(cells: list[str]) -> None:
    """Become nobody, in a home of nobody's own, once all is imported."""
    home = tempfile.mkdtemp()
    os.chown(home, NOBODY, NOBODY)
    os.environ.update(HOME=home, IPYTHONDIR=home)
    os.chdir(home)
    shell = InteractiveShell.instance(history_manager=None)
    shell.run_cell("import pandas as pd, socket\ndf = pd.DataFrame({'a': [1]})")
    shown = "again = pd.read_csv('y.csv'); shown = repr(again), again._repr_html_()"
    shell.run_cell(f"df.to_csv('y.csv'); {shown}")
    os.remove("y.csv")
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    ctypes.CDLL(None).prctl(DUMPABLE, 1, 0, 0, 0)
    os.mkdir(".ssh")
    with open(".ssh/key", "w") as file:
        file.write("secret")
    said = [str(finished(Trials(shell).run([cell]))[0]) for cell in cells]
    print(json.dumps([said, sorted(os.listdir("."))]))
    sys.stdout.flush()
    os._exit(0)  # the history would be closed as nobody


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
