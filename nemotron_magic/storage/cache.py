"""What is kept to ask less: replies, and the form of typed answers a model takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from nemotron_magic.storage.database import Schema, Storage
from nemotron_magic.storage.files import user_folder

_MOST_BYTES = 100_000_000

# `used` counts up with every use: a clock may go backwards.
# No library: `diskcache`, the usual one, unpickles what it reads, and was last released
# in 2023 (https://pypi.org/project/diskcache/, read 2026-08-21).
_SCHEMA = Schema(
    0x4E4D5231,
    1,
    """
    CREATE TABLE IF NOT EXISTS replies (
        hash TEXT PRIMARY KEY, reply TEXT, bytes INTEGER, used INTEGER
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS by_use ON replies (used, bytes)
    """,
    renewed="Begun again: the cache {}",
    forgotten="Replies are kept in memory: the cache {}",
)
_USE = "(SELECT ifnull(max(used), 0) + 1 FROM replies)"
_MAKE_ROOM = """
    DELETE FROM replies WHERE hash IN (
        SELECT hash FROM (
            SELECT hash, sum(bytes) OVER (ORDER BY used DESC) AS room FROM replies
        ) WHERE room > ?
    )
"""


class Cache(Storage):
    """Replies by the hash of their request, in memory if the file cannot be used."""

    def __init__(self, path: Path, most_bytes: int = _MOST_BYTES, **more: Any) -> None:
        super().__init__(path, _SCHEMA, **more)
        self.most_bytes = most_bytes

    def find(self, request: str) -> str | None:
        """Return the text that is kept for a request, or None."""
        ask = "SELECT reply FROM replies WHERE hash = ?"
        use = f"UPDATE replies SET used = {_USE} WHERE hash = ?"

        def work(connection: Connection) -> str | None:
            connection.execute(use, (request,))
            found = connection.execute(ask, (request,)).fetchone()
            return None if found is None else str(found[0])

        return self.write(work)

    def keep(self, request: str, text: str) -> None:
        """Keep the text of a reply; the longest unused are deleted to make room."""
        size = len(text.encode())

        def work(connection: Connection) -> None:
            add = f"INSERT OR REPLACE INTO replies VALUES (?, ?, ?, {_USE})"
            connection.execute(add, (request, text, size))
            (total,) = connection.execute("SELECT total(bytes) FROM replies").fetchone()
            if total > self.most_bytes:
                connection.execute(_MAKE_ROOM, (self.most_bytes,))

        if size <= self.most_bytes:
            self.write(work)

    def size(self) -> tuple[int, int]:
        """Return how many replies there are, and how many bytes they take."""
        ask = "SELECT count(*), total(bytes) FROM replies"
        number, size = self.read(lambda c: c.execute(ask).fetchone())
        return number, int(size)

    def clear(self) -> int:
        """Throw all replies away, off the disk, too; return how many there were."""
        delete = "DELETE FROM replies"
        number = self.write(lambda c: c.execute(delete).rowcount)
        self.shrink()
        return number


_KEPT_S = 7 * 86_400
_RUNGS = Schema(
    0x4E4D4C31,
    1,
    """
    CREATE TABLE IF NOT EXISTS rungs (
        origin TEXT, model TEXT, rung TEXT, learnt_s REAL, PRIMARY KEY (origin, model)
    ) WITHOUT ROWID
    """,
)


class RungMemory(Storage):
    """Remembers for a week which form of typed answers a model at a service takes."""

    def __init__(self, path: Path, **more: Any) -> None:
        super().__init__(path, _RUNGS, **more)

    def find(self, origin: str, model: str) -> str:
        """Return the rung to begin on; empty if nothing is known."""
        ask = "SELECT rung FROM rungs WHERE origin = ? AND model = ? AND learnt_s > ?"
        asked = (origin, model, self.now_s() - _KEPT_S)
        found = self.read(lambda c: c.execute(ask, asked).fetchone())
        return str(found[0]) if found else ""

    def keep(self, origin: str, model: str, rung: str) -> None:
        """Remember where to begin the next time."""
        put = "INSERT OR REPLACE INTO rungs VALUES (?, ?, ?, ?)"
        row = (origin, model, rung, self.now_s())
        self.write(lambda c: c.execute(put, row))


def open_cache(environ: Mapping[str, str]) -> Cache:
    """Return the user's cache; nothing is written yet."""
    return Cache(user_folder(environ, "cache") / "replies.sqlite", is_default=True)


def open_rungs(environ: Mapping[str, str], now_s: Callable[[], float]) -> RungMemory:
    """Return the user's; nothing is written yet."""
    path = user_folder(environ, "cache") / "rungs.sqlite"
    return RungMemory(path, now_s=now_s, is_default=True)
