"""Code is tried on a copy of a real kernel, and all stays as it was."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shells import LOAD, Kernel, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="trials need Linux")

SETUP = """
import json, os, sys, time
import numpy as np, pandas as pd
from nemotron_magic.code.trial import Trials, finished
df = pd.DataFrame({"region": list("NSNS"), "sales": [1.0, 2.0, 3.0, 4.0]})
trials = Trials(get_ipython())
def tried(*cells):
    found = finished(trials.run(cells))
    print(json.dumps([[one.kind, str(one)] for one in found]))
class Unchecked(Trials):
    def _reason(self, cells):
        return ""
"""


@pytest.fixture(scope="module")
def trying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running(tmp_path_factory.mktemp("trial"), SETUP, LOAD) as kernel:
        yield kernel


def tried(kernel: Kernel, *cells: str) -> list[tuple[str, str]]:
    """Return the kind of each verdict, and its words."""
    outcome = kernel.run(f"tried(*{list(cells)!r})")
    assert outcome.status == "ok", outcome.error
    return [(kind, words) for kind, words in json.loads(outcome.text)]


RUNS = {
    "a value": ("df.groupby('region').sales.sum()", "gives Series of 2."),
    "a frame": ("df.assign(x=1)", "gives DataFrame 4 × 3."),
    "an array": ("np.zeros((3, 4))", "gives ndarray 3 × 4."),
    "nothing": ("total = df.sales.sum()", "s). Nothing of yours was changed."),
    "await": ("import asyncio\nawait asyncio.sleep(0)\nlen(df)", "gives int."),
    "a thread": ("import asyncio\nawait asyncio.to_thread(sum, [1])", "gives int."),
    "magics": ("%timeit -n1 -r1 df.sum()", "runs ("),
    "a cell magic": ("%%time\ndf.describe()", "gives DataFrame 8 × 1."),
    "a file, written and read": (
        "df.to_csv('new.csv', index=False)\npd.read_csv('new.csv')",
        "gives DataFrame 4 × 2.",
    ),
    "models that count processors": (
        "from sklearn.cluster import KMeans\n"
        "KMeans(2, n_init=1).fit(df[['sales']]).labels_",
        "gives ndarray of 4.",
    ),
    "models side by side": (
        "from sklearn.ensemble import RandomForestRegressor as R\n"
        "R(4, n_jobs=2).fit(df[['sales']], df.sales).predict(df[['sales']])",
        "gives ndarray of 4.",
    ),
    "a folder": ("os.makedirs('a/b')\nos.listdir('a')", "gives list of 1."),
    "a display": ("display(df)\nprint('x' * 10_000)", "runs ("),
    "a caught error": ("try:\n    df['x']\nexcept KeyError:\n    pass", "runs ("),
}


@pytest.mark.parametrize(("code", "words"), RUNS.values(), ids=RUNS)
def test_code_that_runs_is_said_to_run(trying: Kernel, code: str, words: str) -> None:
    [(kind, said)] = tried(trying, code)

    assert kind == "runs", said
    assert words in said


FAILS = {
    "a column": ("df['Region']", "KeyError 'Region', line 1"),
    "a line": ("x = 1\nfor n in range(2):\n    df.loc[9]", "KeyError 9, line 3"),
    "syntax": ("x = (", "SyntaxError"),
    "a file that is not there": ("pd.read_csv('none.csv')", "FileNotFoundError"),
    "a module": ("import no_such_module", "ModuleNotFoundError"),
    "a value that cannot be shown": (
        "class A:\n    def _repr_html_(self):\n        return 1 / 0\nA()",
        "ZeroDivisionError",
    ),
    "after an await": ("import asyncio\nawait asyncio.sleep(0)\n1 / 0", "line 3"),
    "a group": ("raise ExceptionGroup('two', [ValueError('a')])", "two"),
    "a function of the user's": ("int('1,200')", "invalid literal"),
}


@pytest.mark.parametrize(("code", "words"), FAILS.values(), ids=FAILS)
def test_code_that_fails_is_said_to_fail(trying: Kernel, code: str, words: str) -> None:
    [(kind, said)] = tried(trying, code)

    assert kind == "fails", said
    assert words in said


NOT_TRIED = {
    "network by name": ("pd.read_csv('https://x.example/a.csv')", "the network"),
    "network unseen": (
        "import socket\nsocket.create_connection(('127.0.0.1', 9))",
        "the network",
    ),
    "network, swallowed": (
        "import socket\ntry:\n    socket.getaddrinfo('x.example', 80)\n"
        "except OSError:\n    pass",
        "the network",
    ),
    "a shell": ("!ls", "a shell command"),
    "a shell's lines": ("files = !ls", "a shell command"),
    "a script": ("%%bash\nls", "a shell command"),
    "pip": ("%pip list", "a shell command"),
    "another process": ("import subprocess\nsubprocess.run(['ls'])", "process"),
    "a pool": (
        "from multiprocessing import Pool\nPool(2).map(len, ['a'])",
        "",
    ),
    "input": ("input('which? ')", "asks for input"),
    "a password": ("import getpass\ngetpass.getpass()", "asks for input"),
    "a file elsewhere": ("open('/etc/new', 'w')", "writes new"),
    "a mode": ("os.chmod('.', 0o777)", "changes modes"),
    "a signal": ("os.kill(os.getppid(), 9)", "signals"),
    "the end": ("exit()", "ends the kernel"),
    "a hard end": ("os._exit(7)", "exit 7"),
    "a crash": ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
    "much memory": ("bytearray(1 << 40)", "memory"),
    "a lock": (
        "import threading\none = threading.Lock()\none.acquire()\none.acquire()",
        "a lock",
    ),
    "a question": ("%nemotron why?", "asks a model"),
}


@pytest.mark.parametrize(("code", "words"), NOT_TRIED.values(), ids=NOT_TRIED)
def test_what_met_a_refusal_is_not_tried_and_why(
    trying: Kernel, code: str, words: str
) -> None:
    [(kind, said)] = tried(trying, code)

    assert kind == "not tried", said
    assert said.startswith("Not tried: it ")
    assert words in said


def test_what_takes_too_long_is_ended(trying: Kernel) -> None:
    outcome = trying.run(
        "short = Trials(get_ipython(), limit_s=1.5)\n"
        "print(finished(short.run(['while True: pass']))[0])"
    )

    assert outcome.text == "Not tried: it took longer than 2 s.\n"


def test_cells_are_tried_in_order_in_one_copy(trying: Kernel) -> None:
    kinds = [kind for kind, _ in tried(trying, "n = 1", "n += 1\n1 / (n - 2)", "n")]

    assert kinds == ["runs", "fails", "not tried"]


def test_connections_are_not_used(trying: Kernel) -> None:
    trying.run(
        "import sqlite3, socket\n"
        "db = sqlite3.connect('real.db')\n"
        "ends = socket.socketpair()\n"
        "def rows():\n    return db.execute('select 1').fetchall()\n"
        "class Store:\n    def __init__(self):\n        self.db = db\n"
        "store = Store()\n"
    )
    codes = ["db.execute('select 1')", "rows()", "store.db", "ends[0].send(b'x')"]

    for code in codes:
        [(kind, said)] = tried(trying, code)
        assert kind == "not tried", said
        assert "connection" in said
    assert tried(trying, "sqlite3.connect(':memory:').execute('select 1')")[0][0] == (
        "runs"
    )
    trying.run("db.close(); [end.close() for end in ends]")


def test_secrets_of_the_home_cannot_be_read(trying: Kernel, tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_rsa").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / ".ssh")
    (tmp_path / "data.csv").write_text("a\n1\n")
    trying.run(f"os.environ['HOME'] = {str(tmp_path)!r}")

    def kind_of(path: str) -> str:
        return tried(trying, f"open('{tmp_path}/{path}').read()")[0][0]

    assert kind_of(".ssh/id_rsa") == "not tried"
    assert kind_of("link/id_rsa") == "not tried"
    assert kind_of("data.csv") == "runs"


def test_no_code_runs_where_one_guard_does_not_hold(trying: Kernel) -> None:
    outcome = trying.run(
        "from nemotron_magic.code.trial.guards import GUARDS, GuardError\n"
        "def broken(place):\n    raise GuardError('this one', 38)\n"
        "for number in range(len(GUARDS)):\n"
        "    guards = [*GUARDS[:number], broken, *GUARDS[number + 1 :]]\n"
        "    [one] = finished(Trials(get_ipython(), guards=guards).run(['1 / 0']))\n"
        "    print(one)\n"
    )
    lines = outcome.text.splitlines()

    assert len(lines) == 5
    for line in lines:
        assert line.startswith("Not tried: the copy could not be guarded (GuardError")
        assert "this one" in line


def test_a_stop_ends_a_trial_at_once(trying: Kernel) -> None:
    begun: list[float] = []

    def stop(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream" and not begun:
            begun.append(time.monotonic())
            trying.interrupt()

    outcome = trying.run(
        "def say(elapsed_s):\n    print('.', flush=True)\n"
        "finished(trials.run(['import time\\ntime.sleep(30)'], say))",
        during=stop,
    )

    assert outcome.status == "error"
    assert "KeyboardInterrupt" in outcome.error
    assert tried(trying, "df.sum()")[0][0] == "runs"


def test_descriptors_that_other_threads_open_meanwhile_stay_open(
    trying: Kernel,
) -> None:
    outcome = trying.run(
        "import threading\n"
        "lost, over = [], threading.Event()\n"
        "def work():\n"
        "    while not over.is_set():\n"
        "        held = [os.open('/dev/null', os.O_RDONLY) for _ in range(20)]\n"
        "        over.wait(0.005)\n"
        "        for one in held:\n"
        "            try:\n                os.close(one)\n"
        "            except OSError as error:\n                lost.append(error)\n"
        "thread = threading.Thread(target=work)\nthread.start()\n"
        "for _ in range(25):\n    finished(trials.run(['df.sum()']))\n"
        "over.set()\nthread.join()\nprint(len(lost))",
        limit_s=120,
    )

    assert outcome.text == "0\n"


def test_what_does_not_survive_a_fork_is_told_soon(trying: Kernel) -> None:
    trying.run(
        "import threading, polars as pl\n"
        "frame = pl.DataFrame({'a': [1, 2] * 5_000, 'b': [1.0, 2.0] * 5_000})\n"
        "frame.group_by('a').agg(pl.col('b').sum())\n"
        "held, over = threading.Lock(), threading.Event()\n"
        "def hold():\n    with held:\n        over.wait()\n"
        "holder = threading.Thread(target=hold)\nholder.start()"
    )
    codes = {
        "frame.group_by('a').agg(pl.col('b').sum())": "it uses polars",
        "with held:\n    pass": "it waits for a lock",
    }
    for code, words in codes.items():
        outcome = trying.run(
            f"begun_s = time.monotonic()\n[one] = finished(trials.run([{code!r}]))\n"
            "print(time.monotonic() - begun_s < 1.2 * 3, one)"  # on a busy machine
        )
        assert outcome.text.startswith("True Not tried: " + words), outcome.text
    trying.run("over.set(); holder.join()")


def test_pools_and_sessions_are_connections(trying: Kernel) -> None:
    trying.run(
        "import sqlalchemy, httpx\n"
        "engine = sqlalchemy.create_engine('sqlite:///pooled.db')\n"
        "with engine.begin() as opened:\n"
        "    opened.exec_driver_sql('create table if not exists t (n)')\n"
        "client = httpx.Client()"
    )
    for code in ("pd.read_sql('select * from t', engine)", "client.get('x')"):
        [(kind, said)] = tried(trying, code)
        assert kind == "not tried"
        assert "uses the connection" in said
    trying.run("client.close(); engine.dispose()")
