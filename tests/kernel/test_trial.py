"""Code is tried on a copy of a real kernel, and all stays as it was."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shells import Kernel, close_event_loops

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="trials need Linux")

SETUP = """
import json, os, sys, time
import numpy as np, pandas as pd
from nemotron_magic.code.trial import Trials
df = pd.DataFrame({"region": list("NSNS"), "sales": [1.0, 2.0, 3.0, 4.0]})
trials = Trials(get_ipython())
def tried(*cells):
    found = trials.run(cells)
    print(json.dumps([[one.kind, str(one)] for one in found]))
class Unchecked(Trials):
    def _reason(self, cells):
        return ""
"""


class Peer:
    """A server on loopback that keeps what it receives."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.received = b""
        self._ends: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._server.accept()
        with connection:
            while data := connection.recv(1024):
                self.received += data

    def close(self) -> None:
        self._server.close()
        self._thread.join(5)


@pytest.fixture(scope="module")
def trying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    kernel = Kernel(tmp_path_factory.mktemp("trial"))
    assert kernel.run(SETUP).status == "ok"
    kernel.run("%load_ext nemotron_magic")
    yield kernel
    kernel.close()
    close_event_loops()


def tried(kernel: Kernel, *cells: str) -> list[tuple[str, str]]:
    """Return the kind of each verdict, and its words."""
    outcome = kernel.run(f"tried(*{list(cells)!r})")
    assert outcome.status == "ok", outcome.error
    return [(kind, words) for kind, words in json.loads(outcome.text)]


RUNS = {
    "a value": ("df.groupby('region').sales.sum()", "gives Series 2."),
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
        "print(Trials(get_ipython(), limit_s=1.5).run(['while True: pass'])[0])"
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


ACTIONS = """
wf.write('x'); wf.flush()
os.write(wf.fileno(), b'x')
rf.read()
os.lseek(rf.fileno(), 3, 0)
db.execute('insert into t values (2)'); db.commit()
open('kept.txt', 'w')
os.truncate('kept.txt', 0)
os.remove('kept.txt')
os.rename('kept.txt', 'b')
os.symlink('kept.txt', 'link')
libc.unlink(b'kept.txt')
libc.chmod(b'kept.txt', 0o600)
libc.system(b'echo x > new.txt')
libc.kill(os.getppid(), 15)
os.chmod('kept.txt', 0o600)
os.utime('kept.txt', (1, 1))
os.setxattr('kept.txt', 'user.x', b'1')
df.to_parquet('new.parquet')
peer.sendall(b'COMMIT')
os.write(peer.fileno(), b'COMMIT')
peer.sendmsg([b'COMMIT'])
peer.shutdown(2)
shared.buf[0] = 9
maps[0] = 9
anonymous[0] = 9
os.write(pipe[1], b'x')
os.read(pipe[0], 1)
import ctypes; ctypes.CDLL(None).prctl(1, 0); os.kill(os.getppid(), 9)
import resource; resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (9, 9))
os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)
open(f'/proc/{os.getppid()}/mem', 'r+b').write(b'x')
open(f'/proc/{os.getppid()}/fd/{pipe[1]}', 'wb').write(b'x')
os.environ['LEFT'] = '1'
os.chdir('/')
df.loc[:, 'sales'] = 0
get_ipython().user_ns.clear()
"""

HANDLES = """
import ctypes, mmap, socket, sqlite3
from multiprocessing.shared_memory import SharedMemory
libc = ctypes.CDLL(None)
here = os.getcwd()
open('kept.txt', 'w').write('kept as it was')
open('other.txt', 'w').write('before')
wf, rf = open('other.txt', 'a'), open('kept.txt')
db = sqlite3.connect('rows.db')
db.execute('create table t (n)'); db.execute('insert into t values (1)'); db.commit()
peer = socket.create_connection(('127.0.0.1', {port}))
shared = SharedMemory(create=True, size=4096)
np.zeros(4, dtype='u1').tofile('map.bin')
maps = np.memmap('map.bin', dtype='u1', mode='r+')
anonymous = mmap.mmap(-1, 4096)
pipe = os.pipe()
os.write(pipe[1], b'abc')
def state():
    import resource
    files = {{n: (os.stat(n).st_mode, os.stat(n).st_size, os.stat(n).st_mtime_ns)
             for n in sorted(os.listdir(here))}}
    return repr([
        files, rf.tell(), os.lseek(rf.fileno(), 0, 1),
        db.execute('select count(*) from t').fetchall(), shared.buf[0], int(maps[0]),
        anonymous[0], os.getcwd(), os.environ.get('LEFT'), float(df.sales.sum()),
        resource.getrlimit(resource.RLIMIT_NOFILE), os.getpriority(0, 0),
        os.listxattr('kept.txt'),
        sorted(n for n in os.listdir('/dev/shm') if n == shared.name.strip('/')),
    ])
bare = Unchecked(get_ipython())
"""


def test_no_action_changes_anything_of_the_kernel_s_or_of_its_peers(
    tmp_path_factory: pytest.TempPathFactory, loops_closed: None
) -> None:
    peer = Peer()
    kernel = Kernel(tmp_path_factory.mktemp("handles"))
    try:
        assert kernel.run(SETUP).status == "ok"
        ready = kernel.run(HANDLES.format(port=peer.port))
        assert ready.status == "ok", ready.error
        kernel.run("state()")
        before = kernel.run("print(state())").text
        for action in ACTIONS.strip().splitlines():
            outcome = kernel.run(f"print(bare.run([{action!r}])[0].kind)")
            assert outcome.text.strip() in ("runs", "fails", "not tried"), outcome.error
            assert kernel.run("print(state())").text == before, action
        assert kernel.run("peer.sendall(b'end'); peer.close()").status == "ok"
        peer.close()
        assert peer.received == b"end"
        assert kernel.run("shared.close(); shared.unlink(); db.close()").status == "ok"
    finally:
        kernel.close()


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
        "from nemotron_magic.code.trial.guards import GUARDS\n"
        "from nemotron_magic.code.trial.system_calls import GuardError\n"
        "def broken(place):\n    raise GuardError('this one', 38)\n"
        "for number in range(len(GUARDS)):\n"
        "    guards = [*GUARDS[:number], broken, *GUARDS[number + 1 :]]\n"
        "    [one] = Trials(get_ipython(), guards=guards).run(['1 / 0'])\n"
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
        "trials.run(['import time\\ntime.sleep(30)'], say)",
        during=stop,
    )

    assert outcome.status == "error"
    assert "KeyboardInterrupt" in outcome.error
    assert tried(trying, "df.sum()")[0][0] == "runs"


def test_a_killed_kernel_leaves_no_copy_behind(
    tmp_path_factory: pytest.TempPathFactory, loops_closed: None
) -> None:
    place = tmp_path_factory.mktemp("killed")
    kernel = Kernel(place, TMPDIR=str(place))
    kernel.run(SETUP)
    parent = int(kernel.run("print(os.getpid())").text)

    def kill(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            os.kill(parent, signal.SIGKILL)
            raise StopIteration

    code = (
        "def say(elapsed_s):\n    print('.', flush=True)\n"
        "trials.run(['import time; time.sleep(60)'], say)"
    )
    with pytest.raises(StopIteration):
        kernel.run(code, during=kill)
    kernel.close()
    deadline_s = time.monotonic() + 10
    while time.monotonic() < deadline_s and _copies_of(parent):
        threading.Event().wait(0.05)

    assert _copies_of(parent) == []


def _copies_of(parent: int) -> list[str]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"nemotron-trial-{parent}-".encode() in stat.read_bytes():
                found.append(stat.parent.name)
        except OSError:
            continue
    return found


def test_many_trials_leave_descriptors_memory_and_folders_as_before(
    tmp_path_factory: pytest.TempPathFactory, loops_closed: None
) -> None:
    place = tmp_path_factory.mktemp("many")
    kernel = Kernel(place, TMPDIR=str(place))
    try:
        kernel.run(SETUP)
        look = (
            "status = open('/proc/self/status').read()\n"
            "rss = int(status.split('VmRSS:')[1].split()[0])\n"
            "children = os.listdir('/proc/self/task')\n"
            "print(json.dumps([len(os.listdir('/proc/self/fd')), rss, "
            f"[n for n in os.listdir({str(place)!r}) if n.startswith('nemotron')]]))"
        )
        kernel.run("for _ in range(5):\n    trials.run(['df.sum()'])")
        before = json.loads(kernel.run(look).text)
        done = kernel.run("for _ in range(40):\n    trials.run(['df.sum()'])")
        after = json.loads(kernel.run(look).text)
    finally:
        kernel.close()

    assert done.status == "ok"
    assert after[0] <= before[0] + 1  # the kernel's own come and go
    assert after[1] - before[1] < 4096  # kB
    assert after[2] == []
