"""What a trial may not change or leave behind, each with a kernel of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from apart import found_by
from shells import Kernel
from test_trial import SETUP

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="trials need Linux")


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
libc.mprotect(low, 4096, 3); ctypes.memmove(low, b'x', 1)
large[0] = 9
libc.mprotect(ctypes.c_void_p(large.ctypes.data), 4096, 3); large[0] = 9
os.write(pipe[1], b'x')
os.read(pipe[0], 1)
import ctypes; ctypes.CDLL(None).prctl(1, 0); os.kill(os.getppid(), 9)
import resource; resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (9, 9))
os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)
open(f'/proc/{os.getppid()}/mem', 'r+b').write(b'x')
open(f'/proc/{os.getppid()}/fd/{pipe[1]}', 'wb').write(b'x')
import fcntl; fcntl.ioctl(rf.fileno(), 0x40086602, b'\x40\0\0\0\0\0\0\0')
import fcntl; fcntl.fcntl(rf.fileno(), 8, os.getppid())
import time; time.clock_settime(time.CLOCK_REALTIME, 1e9)
import socket; socket.sethostname('other')
for n in range(3, 200): libc.write(n, b'1\n[]\n{"error": 1}\n', 18)
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
held = open('map.bin', 'r+b')
libc.mmap.restype = ctypes.c_void_p
read = libc.mmap(None, ctypes.c_size_t(4096), 1, 1, held.fileno(), ctypes.c_long(0))
low = ctypes.c_void_p(read)
large = np.memmap('large.bin', dtype='u1', mode='w+', shape=(80 << 20,))
pipe = os.pipe()
os.write(pipe[1], b'abc')
begun_s = time.time() - time.monotonic()
def state():
    import resource
    files = {{n: (os.stat(n).st_mode, os.stat(n).st_size, os.stat(n).st_mtime_ns)
             for n in sorted(os.listdir(here))}}
    return repr([
        files, rf.tell(), os.lseek(rf.fileno(), 0, 1),
        db.execute('select count(*) from t').fetchall(), shared.buf[0], int(maps[0]),
        anonymous[0], ctypes.string_at(read, 1), int(large[0]), socket.gethostname(),
        abs(time.time() - time.monotonic() - begun_s) < 60,
        os.getcwd(), os.environ.get('LEFT'), float(df.sales.sum()),
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
            outcome = kernel.run(f"print(finished(bare.run([{action!r}]))[0].kind)")
            assert outcome.text.strip() in ("runs", "fails", "not tried"), outcome.error
            assert kernel.run("print(state())").text == before, action
        assert kernel.run("peer.sendall(b'end'); peer.close()").status == "ok"
        peer.close()
        assert peer.received == b"end"
        assert kernel.run("shared.close(); shared.unlink(); db.close()").status == "ok"
    finally:
        kernel.close()


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
        "finished(trials.run(['import time; time.sleep(60)'], say))"
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
        kernel.run("for _ in range(5):\n    finished(trials.run(['df.sum()']))")
        before = json.loads(kernel.run(look).text)
        done = kernel.run("for _ in range(40):\n    finished(trials.run(['df.sum()']))")
        after = json.loads(kernel.run(look).text)
    finally:
        kernel.close()

    assert done.status == "ok"
    assert after[0] < before[0] + 10  # the kernel opens and closes some itself
    assert after[1] - before[1] < 4096  # kB
    assert after[2] == []


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="becomes nobody")
def test_all_guards_hold_for_an_ordinary_user_too() -> None:
    cells = {
        "df.a.sum()": "runs",
        "df.to_csv('x.csv'); pd.read_csv('x.csv')": "runs",
        "df['b']": "fails",
        "open('/tmp/new-of-nobody', 'w')": "Not tried: it writes new-of-nobody.",
        "open('.ssh/key').read()": "Not tried: it reads key, which may be secret.",
        "import os; os.chmod('.', 0o700)": "Not tried: it changes modes or times",
        "socket.socket()": "Not tried: it does what a trial may not.",
    }
    program = Path(__file__).with_name("ordinary_user.py")
    said, left = found_by(program, json.dumps([*cells]))

    for (cell, words), one in zip(cells.items(), said, strict=True):
        assert words in one, (cell, one)
    assert "x.csv" not in left
    assert not os.path.exists("/tmp/new-of-nobody")


ASKS = {
    "urllib": "import urllib.request\nurllib.request.urlopen(URL).read()",
    "urllib, a built address": (
        "import urllib.request\nhost = URL.split('/')[2]\n"
        "urllib.request.urlopen('http:' + '//' + host).read()"
    ),
    "httpx": "import httpx\nhttpx.get(URL).text",
    "requests": "import requests\nrequests.get(URL).text",
    "pandas": "import pandas as pd\npd.read_csv(URL)",
    "a socket": (
        "import socket\nhost, port = URL.split('/')[2].split(':')\n"
        "socket.create_connection((host, int(port))).close()"
    ),
    "asyncio": (
        "import asyncio\nhost, port = URL.split('/')[2].split(':')\n"
        "_, writer = await asyncio.open_connection(host, int(port))\nwriter.close()"
    ),
    "swallowed": (
        "import urllib.request\ntry:\n    urllib.request.urlopen(URL)\n"
        "except OSError:\n    pass"
    ),
}


def test_what_asks_a_server_is_not_tried_and_then_really_runs(
    tmp_path_factory: pytest.TempPathFactory, loops_closed: None
) -> None:
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a,b\n1,2\n")

    kernel = Kernel(tmp_path_factory.mktemp("asks"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            kernel.run(f"{SETUP}\nURL = 'http://127.0.0.1:{server.server_port}/a.csv'")
            for name, code in ASKS.items():
                before = len(seen)
                said = kernel.run(f"print(finished(trials.run([{code!r}]))[0])").text
                assert said.startswith("Not tried: it "), (name, said)
                assert len(seen) == before, name
                assert kernel.run(code).status == "ok", name
        finally:
            kernel.close()
            server.shutdown()
            thread.join()
    assert len(seen) >= 5
