"""Where the ledger is kept, by the setting of its name."""

from __future__ import annotations

from collections.abc import Mapping

from nemotron_magic.ledger.book import Ledger
from nemotron_magic.storage import data_folder, expanded

__all__ = ["open_ledger"]

_FILE = "ledger.sqlite"


def open_ledger(setting: str, environ: Mapping[str, str], session: str = "") -> Ledger:
    """Give the ledger that a setting names; nothing is written yet.

    Parameters
    ----------
    setting : str
        `on`, `off` (in memory), or the path of a file.
    session : str
        Name of the kernel or script whose calls are added; without it, a new one.
    """
    word = setting.strip().lower()
    if word == "off":
        return Ledger(session=session)
    is_default = word == "on"
    path = data_folder(environ) / _FILE if is_default else expanded(setting)
    # A notebook may change its folder meanwhile.
    return Ledger(path.absolute(), session=session, is_default=is_default)
