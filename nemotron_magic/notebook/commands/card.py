"""Where things stand: the card of a bare `%nemotron`."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from nemotron_magic.grammar import flags_table
from nemotron_magic.notebook.commands.command import plural
from nemotron_magic.notebook.commands.spending import spent_lately
from nemotron_magic.session import Session, Spent
from nemotron_magic.settings import Settings
from nemotron_magic.summary import in_usd

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
    return f"```text\n%nemotron [flags] QUESTION\n\n{flags_table()}\n```"


def _key_state(session: Session, settings: Settings) -> str:
    endpoint = session.endpoint(settings)
    key = session.key(endpoint)
    if key is not None:
        return f"found in {key.source}"
    if endpoint.is_loopback:
        return "none, and none is needed on this machine"
    return "none yet: `%nemotron login`, or try without: `%nemotron rehearse`"


def _spent(session: Session) -> str:
    lately = spent_lately(session.ledger)
    return f"{_spent_here(session.spent)}{lately and f' · {lately}'}"


def _spent_here(spent: Spent) -> str:
    if not spent.calls:
        return "nothing in this session"
    usage, unpriced = spent.usage, spent.unpriced
    parts = [plural(spent.calls, "call")]
    if usage.prompt_tokens is not None or usage.completion_tokens is not None:
        sent, received = usage.prompt_tokens or 0, usage.completion_tokens or 0
        parts.append(f"{sent:,} → {received:,} tokens")
    parts.append("cost unknown" if usage.cost_usd is None else in_usd(usage.cost_usd))
    if unpriced and usage.cost_usd is not None:
        parts.append(f"and {plural(unpriced, 'call')} of unknown cost")
    return " · ".join(parts)
