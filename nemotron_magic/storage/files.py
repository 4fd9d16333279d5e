"""Where files belong, whose they are, and how a broken one is moved aside.

A file is never opened here: to close a database again would drop the locks that this
process holds on it (https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from io import FileIO
from itertools import count
from pathlib import Path, PurePath
from tempfile import mkstemp
from typing import Literal

from nemotron_magic.core.errors import InputError

HOME_VARIABLE = "NEMOTRON_MAGIC_HOME"
_NETWORKED = re.compile(
    r"(nfs|cifs|smb|afs|ncpfs|lustre|gpfs|beegfs|ceph|gluster|davfs|ocfs2|gfs2)"
    r"|fuse\.(sshfs|s3fs|gcsfuse|rclone|gluster|ceph|davfs|blobfuse)"
)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ITSELF = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class NotOurFile(Exception):
    """The file is not ours to write; the message says why."""


def user_folder(environ: Mapping[str, str], kind: Literal["data", "cache"]) -> Path:
    """Return the folder for our files: `NEMOTRON_MAGIC_HOME`, or the system's."""
    import platformdirs

    if chosen := environ.get(HOME_VARIABLE, "").strip():
        return expanded(chosen).absolute()  # a notebook may change its folder meanwhile
    folders = platformdirs.PlatformDirs("nemotron_magic", False)
    return folders.user_data_path if kind == "data" else folders.user_cache_path


def expanded(path: str) -> Path:
    """Return a path in which `~` stands for a home folder, if there is such a home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        what = f"there is no home folder for {path}"
        raise InputError(what, hint="Name the whole path") from None


def mount_table() -> str:
    """Return the mounted file systems as Linux lists them; "" where it cannot."""
    try:
        return Path("/proc/self/mounts").read_text("utf-8", "surrogateescape")
    except OSError:
        return ""


def is_networked(path: Path, mounts: str) -> bool:
    """Return whether a file lies on a network: SQLite's locks do not hold there.

    https://www.sqlite.org/faq.html#q5 (read 2026-08-21).
    """
    rows = (line.split(" ") for line in mounts.splitlines())
    # `\040` stands for a blank.
    kinds = {
        re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), row[1]): row[2]
        for row in rows
        if len(row) > 2
    }
    real = PurePath(os.path.realpath(path))
    kind = next((kinds[str(one)] for one in real.parents if str(one) in kinds), "")
    return _NETWORKED.match(kind) is not None


def beside(path: Path) -> Iterator[Path]:
    """Yield the files that SQLite keeps beside a database, where they exist."""
    names = (path.with_name(f"{path.name}-{one}") for one in ("wal", "shm", "journal"))
    return (one for one in names if os.path.lexists(one))


def check_regular(path: Path) -> os.stat_result | None:
    """Return what is known of a regular file, if any; raise NotOurFile of a link, …."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        kinds = {stat.S_IFLNK: "link", stat.S_IFDIR: "folder"}
        kind = kinds.get(stat.S_IFMT(found.st_mode), "pipe or a device")
        raise NotOurFile(f"it is a {kind}")
    return found


def check_place(path: Path) -> os.stat_result | None:
    """Return what is known of a file, if there is one.

    Raise NotOurFile if it, what is beside it or the folder may be another user's.
    """
    found = check_regular(path)
    if os.name != "posix":
        return found
    us, whose = os.geteuid(), "belongs to another user"
    for one in (*beside(path), path):
        there = check_regular(one)
        if there and there.st_uid != us:
            raise NotOurFile(f"{'it' if one == path else one.name} {whose}")
    with suppress(FileNotFoundError):
        folder = path.parent.stat()
        if not {folder.st_uid, path.parent.lstat().st_uid} <= {us, 0}:
            raise NotOurFile(f"its folder {whose}")
        # A folder that others may write is safe if it is sticky, as /tmp is.
        if folder.st_mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH:
            raise NotOurFile("anyone may change its folder")
    return found


def tighten(path: Path) -> None:
    """Take the rights of others off our files; raise NotOurFile if they stay."""
    for one in (path, *beside(path)) if os.name == "posix" else ():
        # Whoever closed it last meanwhile took it away.
        with suppress(FileNotFoundError):
            mode = stat.S_IMODE(one.lstat().st_mode)
            if mode & _OTHERS:
                with suppress(OSError):
                    one.chmod(mode & ~_OTHERS)
                if one.lstat().st_mode & _OTHERS:
                    raise NotOurFile("others may read or change it")


def identity(path: Path | None) -> tuple[int, int] | None:
    """Return device and number of a file, which stay when it is renamed; or None."""
    try:
        found = os.lstat(path) if path else None
    except (OSError, ValueError):  # such as a name with a zero in it
        found = None
    return found and (found.st_dev, found.st_ino)


def first_bytes(path: Path, size: int) -> bytes:
    """Return the first bytes of a file."""
    with _opened(path) as file:
        return file.read(size)


def _opened(path: Path) -> FileIO:
    """Open a file to read, but no link, and never wait for who writes to a pipe."""
    # A file object, since an interrupt would leave a bare handle open.
    return open(
        path, "rb", 0, opener=lambda name, flags: os.open(name, flags | _ITSELF)
    )


def write_whole(path: Path, data: bytes, *, replaces: bool) -> None:
    """Let a file appear at once, for its owner alone, unless there is one to stay."""
    # Made with a name that nobody can foresee, and with no rights for others.
    handle, name = mkstemp(dir=path.parent, prefix=".nemotron-")
    try:
        with open(handle, "wb") as file:
            file.write(data)
        try:
            (os.replace if replaces else os.link)(name, path)
        except FileExistsError:
            pass
        except OSError:
            if replaces:
                raise
            os.rename(name, path)  # no links on this file system
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def reason(error: Exception) -> str:
    """Return why a file cannot be used, in words."""
    if isinstance(error, OSError):
        return (error.strerror or "it cannot be opened").lower()
    return str(error)


def quarantine(path: Path, seen: tuple[int, int] | None, now_s: float) -> Path | None:
    """Rename a corrupt file and what is beside it to `*.corrupt-DATE`; return the name.

    `seen` are device and number of the file that was found corrupt: if another process
    has moved it by now, the one in its place is left alone, and None returned.
    """
    with _opened(path) as file:
        with suppress(ImportError, OSError):
            import fcntl

            # One process at a time moves this very file, where the system can.
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        found = os.fstat(file.fileno())
        if not identity(path) == seen == (found.st_dev, found.st_ino):
            return None
        date = f"{datetime.fromtimestamp(now_s):%Y-%m-%d}"
        numbers = (f"-{number}" * (number > 1) for number in count(1))
        names = (path.with_name(f"{path.name}.corrupt-{date}{n}") for n in numbers)
        free = (one for one in names if not os.path.lexists(one))
        aside = next(one for one in free if not any(beside(one)))
        for one in (*beside(path), path):
            one.rename(f"{aside}{one.name.removeprefix(path.name)}")
        return aside
