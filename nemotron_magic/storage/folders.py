"""Where a user's data and caches belong, and whether SQLite may be trusted there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePath

from nemotron_magic.errors import InputError

__all__ = [
    "HOME_VARIABLE",
    "cache_folder",
    "data_folder",
    "expanded",
    "is_networked",
    "mount_table",
]

HOME_VARIABLE = "NEMOTRON_MAGIC_HOME"
_NAME = "nemotron_magic"
_NETWORKED = re.compile(
    r"(nfs|cifs|smb|afs|ncpfs|lustre|gpfs|beegfs|ceph|gluster|davfs|ocfs2|gfs2)"
    r"|fuse\.(sshfs|s3fs|gcsfuse|rclone|gluster|ceph|davfs|blobfuse)"
)


def data_folder(environ: Mapping[str, str]) -> Path:
    """Give the folder of what is to last: `NEMOTRON_MAGIC_HOME`, or the system's."""
    import platformdirs

    return _chosen(environ) or Path(platformdirs.user_data_dir(_NAME, False))


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Give the folder of what may be thrown away, likewise."""
    import platformdirs

    return _chosen(environ) or Path(platformdirs.user_cache_dir(_NAME, False))


def mount_table() -> str:
    """Give the mounted file systems as Linux lists them; "" where it cannot."""
    try:
        return Path("/proc/self/mounts").read_text("utf-8", "surrogateescape")
    except OSError:
        return ""


def is_networked(path: Path, mounts: str) -> bool:
    r"""Tell whether a file lies on a network: SQLite's locks do not hold there.

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
            f"there is no home folder for {path}", todo="Name the whole path"
        ) from None


def _unescaped(folder: str) -> str:
    r"""Read `\040` as the blank that it stands for."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), folder)
