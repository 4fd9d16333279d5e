"""Where things stand: the card of a bare `%nemotron`."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from nemotron_magic.flags import flags_table
from nemotron_magic.notebook.commands.spending import cost_of, spent_lately, tokens_of
from nemotron_magic.quantities import plural
from nemotron_magic.session import Session
from nemotron_magic.settings import Settings

if TYPE_CHECKING:
    from nemotron_magic.notebook.runner import Runner

__all__ = ["card", "flags"]


def card(runner: Runner, settings: Settings, names: Collection[str]) -> str:
    """Give what a bare `%nemotron` shows: where things stand."""
    session = runner.session
    endpoint = session.endpoint(settings)
    commands = " · ".join(f"`{name}`" for name in names)
    default = " (the default)" if settings.model_is_default else ""
    return "\n".join(
        [
            "| Nemotron | |",
            "|:--|:--|",
            f"| Model | `{settings.model}`{default} |",
            f"| Endpoint | `{endpoint.base_url}` |",
            f"| Key | {_key_state(session, settings)} |",
            f"| Conversation | {plural(len(session.turns), 'turn')} |",
            f"| Spent so far | {_spent(session)} |",
            f"| Commands | {commands} |",
            "| Ask | `%nemotron QUESTION`, or `%%nemotron` and a text below |",
            "| More | `%nemotron?` the manual · `%nemotron -h` the flags |",
        ]
    )


def flags() -> str:
    """Give what `-h` shows."""
    return f"`%nemotron [flags] QUESTION`\n\n{flags_table()}"


def _key_state(session: Session, settings: Settings) -> str:
    endpoint = session.endpoint(settings)
    key = session.key(endpoint)
    if key is not None:
        return f"found in {key.source}"
    if endpoint.is_loopback:
        return "none, and none is needed on this machine"
    return "none yet: `%nemotron login`, or try without: `%nemotron rehearse`"


def _spent(session: Session) -> str:
    """Give what this session took, and all of them lately, as the ledger has it."""
    ledger = session.ledger
    here = ledger.of_session()
    if not here.calls:
        parts = ["nothing in this session"]
    else:
        sent, received = tokens_of(here)
        tokens, cost = f"{sent} → {received} tokens", cost_of(here)
        parts = [
            plural(here.calls, "call"),
            "tokens unknown" if sent == "unknown" else tokens,
            "cost unknown" if cost == "unknown" else cost,
        ]
    return " · ".join([*parts, *spent_lately(ledger)])
