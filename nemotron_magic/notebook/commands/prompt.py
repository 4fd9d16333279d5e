"""What is sent: a preview of it, before or after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nemotron_magic.context.preview import preview as previewed
from nemotron_magic.errors import InputError
from nemotron_magic.notebook.commands.command import Command
from nemotron_magic.price import estimate, unpriced_field
from nemotron_magic.quantities import in_usd, plural
from nemotron_magic.session import Session
from nemotron_magic.settings import Settings
from nemotron_magic.turns import MAIN, Asked

if TYPE_CHECKING:
    from nemotron_magic.notebook.runner import Runner

__all__ = ["PROMPT", "notes", "preview"]


def preview(
    session: Session,
    asked: Asked,
    settings: Settings,
    heading: str = "What would be sent",
) -> str:
    """Give what would be sent, what goes along, and what that may cost."""
    return previewed(asked.body, notes(session, asked, settings), heading)


def notes(session: Session, asked: Asked, settings: Settings) -> list[tuple[str, str]]:
    """Give what is to be said of a request, each with how much it is."""
    attached, model = asked.attached, asked.body["model"]
    sizes = zip(attached.titles, attached.tokens, strict=True)
    return [
        *((f"of which {title}", f"about {size:,} tokens") for title, size in sizes),
        *(("shortened", title) for title in attached.cut),
        ("left out for lack of room", plural(len(attached.left_out), "cell")),
        ("secrets taken out", _counted(attached.redacted) or "none"),
        ("goes to", f"`{model}` at `{session.endpoint(settings).netloc}`"),
        ("may cost", _estimate(session, asked, settings)),
        *_kept(session, asked, settings),
    ]


def _counted(kinds: Sequence[str]) -> str:
    """Give each kind once, with how many there are of it."""
    return ", ".join(f"{number} × {kind}" for kind, number in Counter(kinds).items())


def _kept(session: Session, asked: Asked, settings: Settings) -> list[tuple[str, str]]:
    """Tell whether the reply is there already, where the cache is on."""
    if settings["cache"] == "off":
        return []
    if session.is_kept(asked, settings):
        return [
            ("kept from before", "yes: nothing would be sent, and it costs nothing")
        ]
    misses = {
        "on": "no",
        "replay": "no: it would fail, as nothing is asked in a replay",
    }
    return [("kept from before", misses[settings["cache"]])]


def _estimate(session: Session, asked: Asked, settings: Settings) -> str:
    """Give the price by the catalogue, as far as that has been listed."""
    listed = session.client.listed(session.endpoint(settings))
    may_take = estimate(listed, asked.body)
    if field := unpriced_field(asked.body):
        return f"unknown (what `{field}` may add is in no catalogue)"
    if may_take is None:
        return "unknown (`%nemotron models` shows the prices that are known)"
    most = f"at most {in_usd(may_take.reply_usd)} out"
    tokens = f"{may_take.reply_tokens:,} tokens"
    return f"{in_usd(may_take.prompt_usd)} in, {most} ({tokens})"


def _preview(runner: Runner, text: str, settings: Settings) -> str:
    last = runner.session.last
    if last is None:
        raise InputError(
            "nothing has been sent yet",
            todo="Preview a question: %nemotron --preview why is this slow?",
        )
    known = last.details
    asked = Asked(
        known.messages,
        MAIN,
        lambda now, reply: [],
        known.attached,
        fields={"model": known.model, **known.parameters},
    )
    return preview(runner.session, asked, settings, "What was sent")


PROMPT = {
    "preview": Command("What the last question sent, to the letter.", _preview),
}
