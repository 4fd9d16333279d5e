"""Whose a file is: looked at before it is opened, changed or moved.

A file is never opened here: to close a database again would drop the locks that this
process holds on it (https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["ENDINGS", "Foreign", "beside", "check_place", "check_regular", "tighten"]

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
        mode = stat.S_IMODE(one.lstat().st_mode)
        if mode & _OTHERS:
            with suppress(OSError):
                one.chmod(mode & ~_OTHERS)
            if one.lstat().st_mode & _OTHERS:
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
