"""A file of ours, and all that can be wrong with it."""

from __future__ import annotations

import gc
import os
import random
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from types import FrameType
from typing import Any

import pytest

from nemotron_magic.storage.database import Schema, Storage, prepare
from nemotron_magic.storage.files import (
    identity,
    is_networked,
    mount_table,
    quarantine,
    user_folder,
)

SCHEMA = Schema(0x7E577E57, 2, "CREATE TABLE IF NOT EXISTS words (word TEXT)")
NOON_S = 1_787_313_600.0  # 2026-08-21


def storage_at(path: Path | None, schema: Schema = SCHEMA, **more: object) -> Storage:
    more = {"mounts": str, "now_s": lambda: NOON_S, "is_default": True, **more}
    return Storage(path, schema, **more)  # type: ignore[arg-type]


def add(storage: Storage, word: str, patience_s: float = 10) -> None:
    storage.write(
        lambda c: c.execute("INSERT INTO words VALUES (?)", (word,)), patience_s
    )


def fill(storage: Storage, word: str) -> None:
    many = [(word,)] * 300
    storage.write(lambda c: c.executemany("INSERT INTO words VALUES (?)", many))


def words(storage: Storage) -> list[str]:
    rows = storage.read(lambda c: c.execute("SELECT word FROM words").fetchall())
    return [word for (word,) in rows]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "there is none" / "Ärger 日本.sqlite"


class Overtaken(sqlite3.Connection):
    """A connection to a new file that another one makes while this one looks at it."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if sql == "PRAGMA user_version":
            file = super().execute("PRAGMA database_list").fetchone()[2]
            other = sqlite3.connect(file, timeout=0, isolation_level=None)
            with suppress(sqlite3.OperationalError):  # it may have to wait
                prepare(other, SCHEMA)
            other.close()
        return super().execute(sql, *values)


def test_a_file_that_another_makes_at_the_same_moment_is_ours(tmp_path: Path) -> None:
    here = sqlite3.connect(
        tmp_path / "new.sqlite", isolation_level=None, factory=Overtaken
    )
    prepare(here, SCHEMA)
    tables = here.execute("SELECT name FROM sqlite_master").fetchall()
    here.close()

    assert tables == [("words",)]


def test_what_is_written_is_there_for_the_next_one(path: Path) -> None:
    add(storage_at(path), "one")
    add(storage_at(path), "two")

    assert words(storage_at(path)) == ["one", "two"]


@pytest.mark.parametrize(
    "word", ["half \ud83d", "caf\udce9.ipynb", "whole \ud83d\ude00"]
)
def test_text_that_cannot_be_encoded_is_written_all_the_same(
    path: Path, word: str
) -> None:
    storage = storage_at(path)
    add(storage, word)
    fill(storage, word)

    plain = word.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert words(storage_at(path)) == [plain] * 301
    assert storage.error == ""


def test_memory_is_for_one_alone() -> None:
    storage = storage_at(None)
    add(storage, "one")

    assert words(storage) == ["one"]
    assert words(storage_at(None)) == []
    storage.close()
    storage.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such rights")
def test_nobody_else_may_look(path: Path) -> None:
    storage = storage_at(path)
    beside: dict[str, int] = {}

    def look(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO words VALUES ('a')")
        beside.update({p.name: p.stat().st_mode for p in path.parent.iterdir()})

    storage.write(look)

    assert len(beside) == 3
    assert {stat.S_IMODE(mode) for mode in beside.values()} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_that_was_there_keeps_its_rights(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    add(storage_at(tmp_path / "a"), "one")

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_change_that_fails_leaves_nothing(path: Path) -> None:
    storage = storage_at(path)

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO words VALUES ('half')")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        storage.write(fail)

    assert words(storage) == []
    add(storage, "next")
    assert (words(storage), storage.error) == (["next"], "")


# ---- corrupt


def noise(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(20_000))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def zero(path: Path) -> None:
    path.write_bytes(b"\0" * 8192)


def mark(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


def scramble(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"\xff" * (len(data) - 100))


@pytest.mark.parametrize("spoil", [noise, truncate, zero, mark, scramble])
def test_a_corrupt_file_is_moved_aside_and_begun_anew(
    path: Path, spoil: Callable[[Path], None]
) -> None:
    fill(storage_at(path), "old" * 30)
    spoil(path)
    spoilt, storage = path.read_bytes(), storage_at(path)
    add(storage, "new")

    aside = path.with_name(f"{path.name}.corrupt-2026-08-21")
    assert words(storage_at(path)) == ["new"]
    assert aside.read_bytes() == spoilt
    assert storage.error == f"{path} was corrupt; it is {aside.name} now"


def test_a_second_corrupt_file_of_one_day_does_not_replace_the_first(
    path: Path,
) -> None:
    add(storage_at(path), "old")
    for _ in range(3):
        noise(path)
        add(storage_at(path), "new")

    names = sorted(p.name for p in path.parent.glob("*.corrupt-*"))
    assert names == [f"{path.name}.corrupt-2026-08-21{n}" for n in ("", "-2", "-3")]


def test_a_file_that_another_process_has_replaced_is_left_alone(path: Path) -> None:
    add(storage_at(path), "old")
    seen = identity(path)
    path.rename(f"{path}.away")
    add(storage_at(path), "new")

    assert quarantine(path, seen, NOON_S) is None
    assert words(storage_at(path)) == ["new"]


def test_an_empty_file_is_a_new_one(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    storage = storage_at(path)
    add(storage, "one")

    assert (words(storage), storage.error) == (["one"], "")


def test_random_faults_raise_nothing(path: Path) -> None:
    fill(storage_at(path), "word" * 20)
    whole, chance = path.read_bytes(), random.Random(7)
    for _ in range(50):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 10, 1000))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(
            data[: chance.choice((len(data), chance.randrange(len(data))))]
        )
        storage = storage_at(path)
        add(storage, "new")
        words(storage)  # the rest of it is looked at only now
        add(storage, "newer")
        assert "newer" in words(storage)
        storage.close()


# ---- not ours to write


def test_a_file_of_a_later_version_is_left_alone(path: Path) -> None:
    later = Schema(SCHEMA.application_id, 3, SCHEMA.script)
    add(storage_at(path, later), "later")
    storage = storage_at(path)
    add(storage, "mine")

    assert words(storage) == ["mine"]
    assert words(storage_at(path, later)) == ["later"]
    assert storage.error.endswith("(a later nemotron_magic wrote it)")


@pytest.mark.parametrize(
    "made_by",
    [
        ["CREATE TABLE theirs (a)"],
        ["CREATE TABLE theirs (a)", "PRAGMA application_id = 42"],
        ["PRAGMA user_version = 7"],
        ["PRAGMA application_id = 42"],
    ],
)
def test_another_programs_database_is_left_alone(
    path: Path, made_by: list[str]
) -> None:
    path.parent.mkdir()
    theirs = sqlite3.connect(path)
    for statement in made_by:
        theirs.execute(statement)
    theirs.close()
    before = path.read_bytes()
    storage = storage_at(path)
    add(storage, "mine")

    assert path.read_bytes() == before
    assert storage.error.endswith("(it is another program's database)")


USERS = {
    "table": b"month,sales\n1,20\n",
    "noise": bytes(range(256)) * 40,
    "nothing": b"",
    "zeros": b"\0" * 8192,
    "a beginning": b"SQLite format 3\0" + b"\xff" * 5000,
    "short": b"SQLite",
}


@pytest.mark.parametrize("name", USERS)
def test_a_users_file_is_neither_moved_nor_changed(path: Path, name: str) -> None:
    path.parent.mkdir()
    path.write_bytes(USERS[name])
    path.chmod(0o644)
    storage = storage_at(path, is_default=False)
    add(storage, "mine")

    assert words(storage) == ["mine"]
    assert storage.error == (f"{path} cannot be used (nemotron_magic did not make it)")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (USERS[name], 0o644)
    assert list(path.parent.iterdir()) == [path]


def test_a_database_that_another_program_has_open_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    theirs = sqlite3.connect(path, isolation_level=None)
    theirs.execute("PRAGMA journal_mode = WAL")
    theirs.execute("CREATE TABLE theirs (a)")
    before = {one: one.read_bytes() for one in path.parent.iterdir()}
    storage = storage_at(path, is_default=False)
    add(storage, "mine")
    after = {one: one.read_bytes() for one in path.parent.iterdir()}
    theirs.close()

    assert len(before) == 3
    assert before == after
    assert storage.path is None


@pytest.mark.parametrize("spoil", [truncate, scramble])
def test_a_corrupt_file_that_a_user_named_is_moved_if_it_was_ours(
    path: Path, spoil: Callable[[Path], None]
) -> None:
    fill(storage_at(path, is_default=False), "old" * 30)
    spoil(path)
    storage = storage_at(path, is_default=False)
    add(storage, "new")

    assert words(storage) == ["new"]
    assert path.with_name(f"{path.name}.corrupt-2026-08-21").is_file()


def test_what_lies_where_sqlite_would_write_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    log = path.with_name(f"{path.name}-wal")
    log.write_text("notes of the user's")
    storage = storage_at(path, is_default=False)
    add(storage, "mine")

    assert storage.error.endswith(f"({log.name} lies there)")
    assert log.read_text() == "notes of the user's"
    assert not path.exists()


def linked(path: Path) -> None:
    path.with_name("target").write_text("the user's")
    path.symlink_to(path.with_name("target"))


def linked_nowhere(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def linked_log(path: Path) -> None:
    path.with_name("target").write_text("the user's")
    path.with_name(f"{path.name}-wal").symlink_to(path.with_name("target"))


def piped_log(path: Path) -> None:
    os.mkfifo(path.with_name(f"{path.name}-shm"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("is_default", [True, False])
@pytest.mark.parametrize(
    ("put", "why"),
    [
        (os.mkfifo, "it is a pipe or a device"),
        (Path.mkdir, "it is a folder"),
        (linked, "it is a link"),
        (linked_nowhere, "it is a link"),
        (linked_log, "it is a link"),
        (piped_log, "it is a pipe or a device"),
    ],
)
def test_what_is_no_file_is_left_alone(
    path: Path, put: Callable[[Path], None], why: str, is_default: bool
) -> None:
    path.parent.mkdir()
    put(path)
    before = sorted(path.parent.iterdir())
    storage = storage_at(path, is_default=is_default)
    add(storage, "mine")

    assert words(storage) == ["mine"]
    assert storage.error == f"{path} cannot be used ({why})"
    assert sorted(path.parent.iterdir()) == before
    target = path.with_name("target")
    assert not target.exists() or target.read_text() == "the user's"


def test_a_file_that_a_link_takes_the_place_of_is_let_go(path: Path) -> None:
    storage = storage_at(path)
    add(storage, "mine")
    path.rename(path.with_name("away"))
    path.symlink_to(path.with_name("away"))
    add(storage, "more")

    assert words(storage) == ["more"]
    assert storage.error.endswith("(it is a link)")


def test_a_name_that_no_file_can_have_means_memory(tmp_path: Path) -> None:
    for name in ("a\0b", "n" * 300):
        storage = storage_at(tmp_path / name, is_default=False)
        add(storage, "mine")
        assert (words(storage), storage.path) == (["mine"], None)


# ---- other users


needs_other_users = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give away"
)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such rights")
@pytest.mark.parametrize("is_default", [True, False])
def test_rights_of_others_are_taken_off_our_files(path: Path, is_default: bool) -> None:
    storage_at(path).write(lambda c: None)
    other = sqlite3.connect(path)
    other.execute("INSERT INTO words VALUES ('one')")
    other.commit()
    for one in path.parent.iterdir():
        one.chmod(0o666)
    storage = storage_at(path, is_default=is_default)
    assert words(storage) == ["one"]

    modes = {stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    other.close()
    assert (modes, storage.error) == ({0o600}, "")


def others_file(path: Path) -> None:
    add(storage_at(path), "theirs")
    os.chown(path, 65534, -1)


def others_log(path: Path) -> None:
    add(storage_at(path), "theirs")
    log = path.with_name(f"{path.name}-wal")
    log.touch()
    os.chown(log, 65534, -1)


def others_folder(path: Path) -> None:
    os.chown(path.parent, 65534, -1)


def anyones_folder(path: Path) -> None:
    path.parent.chmod(0o777)


@needs_other_users
@pytest.mark.parametrize("is_default", [True, False])
@pytest.mark.parametrize(
    ("put", "why"),
    [
        (others_file, "it belongs to another user"),
        (others_log, "Ärger 日本.sqlite-wal belongs to another user"),
        (others_folder, "its folder belongs to another user"),
        (anyones_folder, "anyone may change its folder"),
    ],
)
def test_what_others_could_have_written_is_not_used(
    path: Path, put: Callable[[Path], None], why: str, is_default: bool
) -> None:
    path.parent.mkdir()
    put(path)
    storage = storage_at(path, is_default=is_default)
    add(storage, "mine")

    assert words(storage) == ["mine"]
    assert storage.error == f"{path} cannot be used ({why})"


def test_a_folder_of_everybody_in_which_none_can_rename_is_used(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    storage = storage_at(tmp_path / "a", is_default=False)
    add(storage, "mine")

    assert (words(storage), storage.path) == (["mine"], tmp_path / "a")


def test_a_column_that_came_later_is_added(path: Path) -> None:
    add(storage_at(path), "old")
    later = Schema(
        SCHEMA.application_id, SCHEMA.version, SCHEMA.script, (("words", "mark"),)
    )
    for _ in range(2):
        storage = storage_at(path, later)
        storage.write(lambda c: c.execute("UPDATE words SET mark = 1"))
        assert storage.error == ""

    storage_at(path).write(lambda c: c.execute("INSERT INTO words (word) VALUES (1)"))
    assert words(storage_at(path, later)) == ["old", "1"]


def test_a_folder_in_its_place_is_left_alone(path: Path) -> None:
    path.mkdir(parents=True)
    storage = storage_at(path)
    add(storage, "mine")

    assert (words(storage), storage.path) == (["mine"], None)
    assert str(path) in storage.error


@pytest.mark.parametrize("place", ["/proc/nothing/here/a", "/dev/null/a"])
def test_a_folder_that_cannot_be_made_means_memory(place: str) -> None:
    storage = storage_at(Path(place))
    add(storage, "mine")

    assert words(storage) == ["mine"]
    assert storage.error.startswith(f"{place} cannot be used (")


def in_a_child(work: Callable[[], bool]) -> bool:
    """Tell what `work` tells, in a process of its own."""
    child = os.fork()
    if child == 0:
        os._exit(0 if work() else 1)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_read_only_folder_means_memory(path: Path) -> None:
    add(storage_at(path), "old")
    for place, mode in ((path, 0o444), (path.parent, 0o555), (path.parents[1], 0o755)):
        place.chmod(mode)

    def work() -> bool:
        if os.getuid() == 0:
            os.chdir(path.parent)
            os.setuid(65534)
        storage = storage_at(Path(path.name))
        add(storage, "mine")
        return words(storage) == ["mine"] and "cannot be used" in storage.error

    assert in_a_child(work)
    path.parent.chmod(0o755)
    assert words(storage_at(path)) == ["old"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_full_disk_means_memory_and_no_harm(path: Path) -> None:
    add(storage_at(path), "old")

    def work() -> bool:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
        storage = storage_at(path)
        for number in range(60):
            add(storage, f"{number}" * 2000)
        return storage.path is None and len(words(storage)) > 0

    assert in_a_child(work)
    storage = storage_at(path)
    assert words(storage)[0] == "old"
    assert storage.error == ""


# ---- others


def test_two_who_write_wait_for_each_other(path: Path) -> None:
    add(storage_at(path), "first")

    def write() -> None:
        for _ in range(50):
            add(storage_at(path), "more")

    threads = [Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(words(storage_at(path))) == 201


def test_a_file_moved_while_a_thread_waits_for_another_is_let_go(path: Path) -> None:
    storage, is_held, is_moved = storage_at(path), Event(), Event()

    def hold(_: sqlite3.Connection) -> None:
        is_held.set()
        is_moved.wait(10)

    threads = [Thread(target=storage.write, args=[hold])]
    threads.append(Thread(target=add, args=[storage, "late"]))
    threads[0].start()
    is_held.wait(10)
    threads[1].start()
    time.sleep(0.1)
    path.rename(path.with_name("moved"))
    is_moved.set()
    for thread in threads:
        thread.join()

    assert words(storage) == ["late"]


def test_what_threads_wrote_into_memory_stays_when_their_file_fails(path: Path) -> None:
    storage, done = storage_at(path), []

    def write(number: int) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO words VALUES (?)", (str(number),))
            if connection.execute("PRAGMA database_list").fetchone()[2]:
                time.sleep(0.01)
                raise OSError(28, "No space left on device")

        storage.write(work)
        done.append(str(number))

    threads = [Thread(target=write, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(words(storage)) == sorted(done) == [*"01234567"]


def test_one_who_never_ends_is_not_waited_for_for_ever(path: Path) -> None:
    add(storage_at(path), "first")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    storage = storage_at(path)
    add(storage, "mine", patience_s=0)
    other.close()

    assert words(storage) == ["mine"]
    assert storage.error.endswith("(database is locked)")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_goes_on_with_the_same_file(path: Path) -> None:
    storage = storage_at(path)
    add(storage, "parent")

    def work() -> bool:
        add(storage, "child")
        return storage.error == ""

    assert in_a_child(work)
    add(storage, "parent")
    assert words(storage) == ["parent", "child", "parent"]


def test_a_file_that_was_deleted_is_made_anew(path: Path) -> None:
    storage = storage_at(path)
    add(storage, "old")
    path.unlink()
    add(storage, "new")

    assert (words(storage), storage.error) == (["new"], "")


def open_files(path: Path) -> int:
    """Count the handles that this process has on a file."""
    links = (Path("/proc/self/fd") / one for one in os.listdir("/proc/self/fd"))
    return sum(os.path.realpath(link) == str(path) for link in links)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc here")
def test_it_is_kept_open_for_a_moment_and_closed_with_its_owner(path: Path) -> None:
    storage = storage_at(path)
    for number in range(20):
        add(storage, f"{number}")
    during = open_files(path)
    storage.close()
    closed = open_files(path)
    add(storage, "after")
    del storage
    gc.collect()

    assert (during, closed, open_files(path)) == (1, 0, 0)
    assert words(storage_at(path))[-1] == "after"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc here")
def test_it_is_closed_by_itself_so_that_the_file_is_whole(path: Path) -> None:
    storage = storage_at(path)
    add(storage, "mine")
    end_s = time.monotonic() + 60
    while open_files(path) and time.monotonic() < end_s:
        time.sleep(0.05)
    copied = path.with_name("copied")
    shutil.copy(path, copied)

    assert {one.name for one in path.parent.iterdir()} == {path.name, "copied"}
    assert words(storage_at(copied)) == ["mine"]
    add(storage, "more")
    assert words(storage) == ["mine", "more"]


def interrupted_at(line: int) -> Callable[..., Any]:
    """Give a trace that interrupts once, at a line of what opens a file."""
    left = [line]

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code is not Storage._connection.__code__:
            return trace
        left[0] -= event == "line"
        if not left[0] and event == "line":
            raise KeyboardInterrupt
        return trace

    return trace


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc here")
def test_it_is_closed_by_itself_wherever_its_opening_was_interrupted(
    path: Path,
) -> None:
    storages = []
    for line in range(1, 20):
        here = path.with_name(f"{line}")
        storages.append((here, storage_at(here)))
        before = sys.gettrace()
        sys.settrace(interrupted_at(line))
        try:
            add(storages[-1][1], "first")
        except KeyboardInterrupt:
            continue
        finally:
            sys.settrace(before)
        break
    assert 5 < len(storages) < 20
    assert sum(open_files(here) for here, _ in storages) == 1
    for _, storage in storages:
        add(storage, "second")
    end_s = time.monotonic() + 60
    while any(open_files(here) for here, _ in storages) and time.monotonic() < end_s:
        time.sleep(0.05)

    assert [open_files(here) for here, _ in storages] == [0] * len(storages)
    *stopped, done = [words(one) for _, one in storages]
    assert stopped == [["second"]] * len(stopped)
    assert done == ["first", "second"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_that_ends_leaves_its_parent_s_file_alone(path: Path) -> None:
    storage = storage_at(path)
    add(storage, "parent")

    def work() -> bool:
        add(storage, "child")
        storage.close()
        return True

    for _ in range(3):
        assert in_a_child(work)
        add(storage, "parent")

    assert words(storage).count("child") == 3
    assert words(storage_at(path)) == words(storage)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_while_the_file_is_in_use_can_use_it(path: Path) -> None:
    storage = storage_at(path)
    add(storage, "parent")

    def work() -> bool:
        signal.alarm(30)  # it would wait for ever
        return words(storage) == ["parent"]

    assert storage.read(lambda c: in_a_child(work))
    assert words(storage) == ["parent"]


def test_a_log_that_an_old_file_has_left_is_thrown_away(path: Path) -> None:
    log = path.with_name(f"{path.name}-wal")
    storage = storage_at(path)
    fill(storage, "old")
    left = log.read_bytes()
    storage.close()
    path.unlink()
    log.write_bytes(left)
    storage = storage_at(path)
    add(storage, "new")

    assert len(left) > 4096
    assert (words(storage), storage.error) == (["new"], "")


def test_a_file_that_another_took_the_place_of_is_seen_at_once(path: Path) -> None:
    storage = storage_at(path)
    add(storage, "mine")
    other = storage_at(path.with_name("other"))
    add(other, "theirs")
    other.close()
    end_s = time.monotonic() + 60
    while len(list(path.parent.iterdir())) > 2 and time.monotonic() < end_s:
        time.sleep(0.05)
    path.with_name("other").replace(path)

    assert words(storage) == ["theirs"]
    add(storage, "mine")
    assert words(storage_at(path)) == ["theirs", "mine"]


# ---- where


MOUNTS = (
    "/dev/sda / ext4 rw\nsrv:/h /home nfs4 rw\nme@x: /mnt/a\\040b fuse.sshfs rw\n"
    "tmpfs /home/me/local tmpfs rw\nhost /shared 9p rw\n//pc/x /win cifs rw\nodd"
)


@pytest.mark.parametrize(
    ("place", "is_far"),
    [
        ("/home/me/x/a.sqlite", True),
        ("/home/me/local/a.sqlite", False),
        ("/mnt/a b/a.sqlite", True),
        ("/win/a.sqlite", True),
        ("/homes/a.sqlite", False),
        ("/shared/a.sqlite", False),
    ],
)
def test_a_network_is_known_by_its_mount(place: str, is_far: bool) -> None:
    assert is_networked(Path(place), MOUNTS) is is_far
    assert is_networked(Path(place), "") is False


def test_a_network_means_memory(path: Path) -> None:
    storage = storage_at(path, mounts=lambda: "srv:/x / nfs rw")
    add(storage, "mine")

    assert words(storage) == ["mine"]
    assert storage.error.endswith("(it would lie on a network file system)")
    assert not path.parent.exists()


def test_the_mounts_of_this_machine_can_be_read() -> None:
    assert (" / " in mount_table()) == Path("/proc/self/mounts").exists()


KINDS = ("data", "cache")


def test_the_environment_may_name_the_folder(tmp_path: Path) -> None:
    environ = {"NEMOTRON_MAGIC_HOME": str(tmp_path)}

    assert {user_folder(environ, kind) for kind in KINDS} == {tmp_path}
    assert "nemotron_magic" in str(user_folder({}, "data"))
    assert len({user_folder({}, kind) for kind in KINDS}) == 2


def ran(program: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that is given the file and where this module lies."""
    return subprocess.run(
        [sys.executable, "-c", program, str(path), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
def test_an_interrupt_while_waiting_for_others_comes_at_once(path: Path) -> None:
    add(storage_at(path), "first")
    program = (
        "import sys, sqlite3, pathlib, threading, _thread, time\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from test_database import add, storage_at, words\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "other = sqlite3.connect(path, isolation_level=None)\n"
        "other.execute('BEGIN IMMEDIATE')\n"
        "threading.Timer(0.3, _thread.interrupt_main).start()\n"
        "started_s = time.monotonic()\n"
        "try:\n    add(storage_at(path), 'second')\n"
        "except KeyboardInterrupt:\n    print(time.monotonic() - started_s)\n"
    )
    done = ran(program, path)

    assert float(done.stdout or "99") < 5, done.stderr
    assert words(storage_at(path)) == ["first"]


def interrupted_often(path: Path) -> int:
    """Write while interrupts come, and keep each of them; give how many came."""
    kept: list[BaseException] = []

    def press(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, press)
    storage, chance = storage_at(path), random.Random(2)
    for number in range(400):
        try:
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-5, 1e-3))
            while True:
                add(storage, f"{number}")
        except KeyboardInterrupt as pressed:
            kept.append(pressed)
    signal.setitimer(signal.ITIMER_REAL, 20)
    add(storage, "last")
    signal.setitimer(signal.ITIMER_REAL, 0)
    return len(kept)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such timer here")
def test_an_interrupt_that_is_kept_keeps_nothing_locked(path: Path) -> None:
    """A shell keeps the last error with its frames, and a frame what it holds."""
    program = (
        "import pathlib, sys\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from test_database import interrupted_often\n"
        "print(interrupted_often(pathlib.Path(sys.argv[1])))\n"
    )
    done = ran(program, path)

    assert int(done.stdout or 0) == 400, done.stderr
    assert words(storage_at(path))[-1] == "last"
