"""What all panels of a notebook share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nemotron_magic.notebook.gather import Gatherer
from nemotron_magic.session import Session

__all__ = ["Desk"]


@dataclass(frozen=True, slots=True)
class Desk:
    """What all panels of a notebook share.

    Parameters
    ----------
    shell : InteractiveShell
        Whose displays are used.
    config : Nemotron
        The settings as traits.
    """

    shell: Any
    config: Any
    session: Session
    gatherer: Gatherer
