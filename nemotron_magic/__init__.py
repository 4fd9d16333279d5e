"""Ask NVIDIA Nemotron from a notebook cell.

Load the magic with `%load_ext nemotron_magic`, then type `%nemotron?` for the manual.
Without a notebook, use `Session`. The names in `__all__` are all that is public; they
are imported when they are first used, so that importing the package stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nemotron_magic.client.models import Model
    from nemotron_magic.context.describe import describe, register, unregister
    from nemotron_magic.core.errors import (
        AuthenticationError,
        ConnectError,
        CreditError,
        InputError,
        InterruptedByUser,
        InvalidAnswerError,
        LimitError,
        ModelError,
        NemotronError,
        OutcomeUnknownError,
        RateLimitError,
        RequestError,
        ServiceError,
    )
    from nemotron_magic.core.usage import Usage
    from nemotron_magic.magics.extension import panel
    from nemotron_magic.session.reply import Reply
    from nemotron_magic.session.rows.frame import Row, Rows
    from nemotron_magic.session.session import Session
    from nemotron_magic.storage.ledger import Ledger
    from nemotron_magic.storage.records import CallRecord, Totals

__all__ = [
    "AuthenticationError",
    "CallRecord",
    "ConnectError",
    "CreditError",
    "InputError",
    "InterruptedByUser",
    "InvalidAnswerError",
    "Ledger",
    "LimitError",
    "Model",
    "ModelError",
    "NemotronError",
    "OutcomeUnknownError",
    "RateLimitError",
    "Reply",
    "RequestError",
    "Row",
    "Rows",
    "ServiceError",
    "Session",
    "Totals",
    "Usage",
    "describe",
    "load_ipython_extension",
    "panel",
    "register",
    "unload_ipython_extension",
    "unregister",
]
__version__ = "0.1.0"

_HOMES = {
    "CallRecord": "storage.records",
    "Ledger": "storage.ledger",
    "Model": "client.models",
    "Reply": "session.reply",
    "Row": "session.rows.frame",
    "Rows": "session.rows.frame",
    "Session": "session.session",
    "Totals": "storage.records",
    "Usage": "core.usage",
    "describe": "context.describe",
    "panel": "magics.extension",
    "register": "context.describe",
    "unregister": "context.describe",
}


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics, for `%load_ext nemotron_magic`."""
    from nemotron_magic.magics.extension import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Remove all that was registered, for `%unload_ext nemotron_magic`."""
    from nemotron_magic.magics.extension import unload

    unload(shell)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used; the errors live in `core.errors`."""
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"{__name__}.{_HOMES.get(name, 'core.errors')}")
    return getattr(home, name)
