"""Which form of typed answers each model takes, kept for a week."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nemotron_magic.storage.database import Schema, Storage
from nemotron_magic.storage.files import user_folder

__all__ = ["RungMemory", "open_rungs"]

_FILE = "rungs.sqlite"
_KEPT_S = 7 * 86_400
_SCHEMA = Schema(
    0x4E4D4C31,
    1,
    """
    CREATE TABLE IF NOT EXISTS rungs (
        origin TEXT, model TEXT, rung TEXT, learnt_s REAL, PRIMARY KEY (origin, model)
    ) WITHOUT ROWID
    """,
)


class RungMemory:
    """Remembers what a model at a service refused; in memory if there is no file."""

    def __init__(
        self, path: Path | None, now_s: Callable[[], float], **more: Any
    ) -> None:
        self._storage = Storage(path, _SCHEMA, **more)
        self._now_s = now_s

    def find(self, origin: str, model: str) -> str:
        """Return the rung to begin on; empty if nothing is known."""
        ask = "SELECT rung FROM rungs WHERE origin = ? AND model = ? AND learnt_s > ?"
        asked = (origin, model, self._now_s() - _KEPT_S)
        found = self._storage.read(lambda c: c.execute(ask, asked).fetchone())
        return str(found[0]) if found else ""

    def keep(self, origin: str, model: str, rung: str) -> None:
        """Remember where to begin the next time."""
        row = (origin, model, rung, self._now_s())

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO rungs VALUES (?, ?, ?, ?)", row)

        self._storage.write(work)

    def close(self) -> None:
        """Let go of what is in memory."""
        self._storage.close()


def open_rungs(environ: Mapping[str, str], now_s: Callable[[], float]) -> RungMemory:
    """Return the user's; nothing is written yet."""
    path = (user_folder(environ, "cache") / _FILE).absolute()
    return RungMemory(path, now_s, is_default=True)
