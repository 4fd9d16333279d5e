"""The replies that this notebook's own file holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nemotron_magic.cache import Kept, saved_replies

__all__ = ["Saved"]

_MOST_BYTES = 100_000_000


class Saved:
    """Looks into the notebook's file, again only when it has changed.

    What has been seen in it once stays known: running a cell again empties its output,
    and the file is saved meanwhile.

    Parameters
    ----------
    path : callable
        Gives where the file is; "" if that is not known.
    """

    def __init__(self, path: Callable[[], str]) -> None:
        self._path = path
        self._seen: tuple[str, int, int] = ("", 0, 0)
        self._known: dict[str, Kept] = {}

    def find(self, request: str) -> Kept | None:
        """Give the reply to a request, or None."""
        path = self._path()
        if path:
            self._look_into(Path(path))
        return self._known.get(request)

    def _look_into(self, path: Path) -> None:
        try:
            found = path.stat()
            now = (str(path), found.st_mtime_ns, found.st_size)
            if now == self._seen or found.st_size > _MOST_BYTES:
                return
            text = path.read_text("utf-8", "replace")
        except OSError:
            return
        self._seen = now
        self._known |= saved_replies(text)
