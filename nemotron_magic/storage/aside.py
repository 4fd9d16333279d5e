"""Moving a corrupt file out of the way, once, however many processes find it so."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from nemotron_magic.storage.own import beside

__all__ = ["beginning", "identity", "move_aside"]

_ITSELF = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def identity(path: Path) -> tuple[int, int] | None:
    """Give device and number of a file, which stay when it is renamed; or None."""
    try:
        found = path.lstat()
    except (OSError, ValueError):  # such as a name with a zero in it
        return None
    return (found.st_dev, found.st_ino)


def move_aside(path: Path, seen: tuple[int, int] | None, now_s: float) -> Path | None:
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
