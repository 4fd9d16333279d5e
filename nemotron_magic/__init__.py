"""Ask NVIDIA Nemotron from a notebook cell.

Load the magic with `%load_ext nemotron_magic`, then type `%nemotron?` for the manual.
Without a notebook, use `Session`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nemotron_magic.errors import NemotronError
    from nemotron_magic.magics import panel
    from nemotron_magic.reply import Reply
    from nemotron_magic.session import Session

__all__ = [
    "NemotronError",
    "Reply",
    "Session",
    "load_ipython_extension",
    "panel",
    "unload_ipython_extension",
]
__version__ = "0.1.0"

_HOMES = {
    "NemotronError": "errors",
    "Reply": "reply",
    "Session": "session",
    "panel": "magics",
}


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics, for `%load_ext nemotron_magic`."""
    from nemotron_magic.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Remove all that was registered, for `%unload_ext nemotron_magic`."""
    from nemotron_magic.magics import unload

    unload(shell)


def __getattr__(name: str) -> Any:
    """Load what was asked for: importing the package itself stays light."""
    from importlib import import_module

    if name == "describe":  # a room of its own: describe.register(type, function)
        return import_module(f"{__name__}.describe")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
