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
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path, PurePath

from nemotron_magic.core.errors import InputError

__all__ = [
    "ENDINGS",
    "HOME_VARIABLE",
    "Foreign",
    "beginning",
    "beside",
    "cache_folder",
    "check_place",
    "check_regular",
    "data_folder",
    "expanded",
    "identity",
    "is_networked",
    "mount_table",
    "quarantine",
    "tighten",
]


HOME_VARIABLE = "NEMOTRON_MAGIC_HOME"
_NAME = "nemotron_magic"
_NETWORKED = re.compile(
    r"(nfs|cifs|smb|afs|ncpfs|lustre|gpfs|beegfs|ceph|gluster|davfs|ocfs2|gfs2)"
    r"|fuse\.(sshfs|s3fs|gcsfuse|rclone|gluster|ceph|davfs|blobfuse)"
)


def data_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of what is to last: `NEMOTRON_MAGIC_HOME`, or the system's."""
    import platformdirs

    return _chosen(environ) or Path(platformdirs.user_data_dir(_NAME, False))


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of what may be thrown away, likewise."""
    import platformdirs

    return _chosen(environ) or Path(platformdirs.user_cache_dir(_NAME, False))


def mount_table() -> str:
    """Return the mounted file systems as Linux lists them; "" where it cannot."""
    try:
        return Path("/proc/self/mounts").read_text("utf-8", "surrogateescape")
    except OSError:
        return ""


def is_networked(path: Path, mounts: str) -> bool:
    r"""Return whether a file lies on a network: SQLite's locks do not hold there.

    https://www.sqlite.org/faq.html#q5 (read 2026-08-21).

    Parameters
    ----------
    mounts : str
        What is mounted, one a line: device, folder, kind, ….

    Examples
    --------
    >>> is_networked(Path("/home/me/a"), "srv:/h /home nfs4 rw\n/dev/a / ext4 rw")
    True
    """
    rows = (line.split(" ") for line in mounts.splitlines())
    kinds = {_unescaped(row[1]): row[2] for row in rows if len(row) > 2}
    real = PurePath(os.path.realpath(path))
    kind = next((kinds[str(one)] for one in real.parents if str(one) in kinds), "")
    return _NETWORKED.match(kind) is not None


def _chosen(environ: Mapping[str, str]) -> Path | None:
    folder = environ.get(HOME_VARIABLE, "").strip()
    return expanded(folder) if folder else None


def expanded(path: str) -> Path:
    """Return a path in which `~` stands for a home folder.

    Raises
    ------
    InputError
        If there is no such home.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InputError(
            f"there is no home folder for {path}", hint="Name the whole path"
        ) from None


def _unescaped(folder: str) -> str:
    r"""Read `\040` as the blank that it stands for."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), folder)


ENDINGS = ("-wal", "-shm", "-journal")
"""Of the files that SQLite keeps beside a database."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Foreign(Exception):
    """The file is not ours to write, in words."""


def check_regular(path: Path) -> os.stat_result | None:
    """Return what the system knows of a regular file; None if there is no file.

    Raises
    ------
    Foreign
        If it is anything else, such as a link or a pipe; it has not been opened.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        raise Foreign("it is a link")
    if stat.S_ISDIR(found.st_mode):
        raise Foreign("it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise Foreign("it is a pipe or a device")
    return found


def beside(path: Path) -> Iterator[Path]:
    """Yield the files that SQLite keeps beside a database, those that there are."""
    for ending in ENDINGS:
        one = path.with_name(path.name + ending)
        if os.path.lexists(one):
            yield one


def check_place(path: Path) -> os.stat_result | None:
    """Return what is known of the file at `path`, if it and its folder are the user's.

    Raises
    ------
    Foreign
        If the file, what lies beside it, or the folder could be another user's doing.
    """
    for one in beside(path):
        _check_owner(check_regular(one), f"{one.name} belongs to another user")
    found = check_regular(path)
    _check_owner(found, "it belongs to another user")
    with suppress(FileNotFoundError):
        _check_folder(path.parent)
    return found


def tighten(path: Path) -> None:
    """Take the rights of others off a file of ours and what SQLite keeps beside it.

    Raises
    ------
    Foreign
        If they stay, as on file systems that know no rights.
    """
    if os.name != "posix":
        return
    for one in (path, *beside(path)):
        # Whoever closed it last meanwhile took it away.
        with suppress(FileNotFoundError):
            _tighten(one)


def _tighten(path: Path) -> None:
    mode = stat.S_IMODE(path.lstat().st_mode)
    if mode & _OTHERS:
        with suppress(OSError):
            path.chmod(mode & ~_OTHERS)
        if path.lstat().st_mode & _OTHERS:
            raise Foreign("others may read or change it")


def _check_folder(folder: Path) -> None:
    # A folder that others may write is safe if it is sticky, as /tmp is.
    for found in (folder.lstat(), folder.stat()):
        _check_owner(found, "its folder belongs to another user", or_root=True)
    if os.name == "posix" and found.st_mode & (stat.S_IWOTH | stat.S_ISVTX) == 2:
        raise Foreign("anyone may change its folder")


def _check_owner(
    found: os.stat_result | None, why: str, *, or_root: bool = False
) -> None:
    if found is None or os.name != "posix":
        return
    if found.st_uid not in {os.geteuid(), *([0] if or_root else [])}:
        raise Foreign(why)


_ITSELF = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def identity(path: Path) -> tuple[int, int] | None:
    """Return device and number of a file, which stay when it is renamed; or None."""
    try:
        found = path.lstat()
    except (OSError, ValueError):  # such as a name with a zero in it
        return None
    return (found.st_dev, found.st_ino)


def quarantine(path: Path, seen: tuple[int, int] | None, now_s: float) -> Path | None:
    """Rename a file and what SQLite keeps beside it to `*.corrupt-DATE`.

    Parameters
    ----------
    seen : (int, int) or None
        Device and number of the file that was found corrupt: if another process has
        moved it by now, the one in its place is left alone.

    Returns
    -------
    Path or None
        Its new name; None if it was not there any more.
    """
    with _opened(path) as file:
        _wait_for_others(file.fileno())
        is_there = identity(path) == seen and os.path.samestat(
            os.fstat(file.fileno()), path.lstat()
        )
        return _renamed(path, now_s) if is_there else None


def beginning(path: Path, size: int) -> bytes:
    """Return the first bytes of a file."""
    with _opened(path) as file:
        return file.read(size)


def _opened(path: Path) -> FileIO:
    """Open a file to read, but no link, and never wait for who writes to a pipe."""
    # A file object, since an interrupt would leave a bare handle open.
    return open(path, "rb", buffering=0, opener=_open_itself)


def _open_itself(path: str, flags: int) -> int:
    return os.open(path, flags | _ITSELF)


def _wait_for_others(handle: int) -> None:
    """Let one process at a time move this very file, where the system can."""
    with suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)


def _renamed(path: Path, now_s: float) -> Path:
    date = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%d")
    aside = path.with_name(f"{path.name}.corrupt-{date}")
    number = 1
    while os.path.lexists(aside) or any(beside(aside)):
        number += 1
        aside = path.with_name(f"{path.name}.corrupt-{date}-{number}")
    for one in beside(path):
        one.rename(f"{aside}{one.name.removeprefix(path.name)}")
    path.rename(aside)
    return aside
