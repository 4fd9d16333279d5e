"""Moving a corrupt file out of the way, once, however many processes find it so."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["identity", "move_aside"]


def identity(path: Path) -> tuple[int, int] | None:
    """Give device and number of a file, which stay when it is renamed; or None."""
    try:
        found = path.stat()
    except OSError:
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
    handle = os.open(path, os.O_RDONLY)
    try:
        _wait_for_others(handle)
        is_there = identity(path) == seen and os.path.samestat(
            os.fstat(handle), path.stat()
        )
        return _renamed(path, now_s) if is_there else None
    finally:
        os.close(handle)


def _wait_for_others(handle: int) -> None:
    """Let one process at a time move this very file, where the system can."""
    with suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)


def _renamed(path: Path, now_s: float) -> Path:
    date = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%d")
    aside = path.with_name(f"{path.name}.corrupt-{date}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.corrupt-{date}-{number}")
    for ending in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(
                aside.with_name(aside.name + ending)
            )
    return aside
