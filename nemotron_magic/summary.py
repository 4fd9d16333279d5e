"""What is said below a reply, and what is written into the saved notebook about it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from nemotron_magic.parameters import BY_NAME
from nemotron_magic.quantities import cost_told, plural, tokens_told
from nemotron_magic.reply import ORDINARY_REASONS, Attached, Details, Reply
from nemotron_magic.text import one_line

__all__ = ["footer", "metadata", "remarks"]

_ENDINGS = {
    "truncated": "The stream ended before the model did. Go on: %nemotron continue",
    "interrupted": "Stopped by you; the text so far is kept. Go on: %nemotron continue",
    "failed": "Broken off; the text so far is kept. Go on: %nemotron continue",
}
_BEGINNINGS = {
    "truncated": "The stream ended before an answer began. Ask again: %nemotron retry",
    "interrupted": "Stopped by you before an answer began. Ask again: %nemotron retry",
    "failed": "Broken off before an answer began. Ask again: %nemotron retry",
}
_REASONS = {
    "content_filter": "The service's content filter stopped this reply.",
    "error": "The service reported an error at the end of this reply.",
}
_LONGEST_NAME = 120
_MOST_NAMES = 4
_SAVED = (
    "Nothing was asked: this reply is from this notebook's saved outputs, which anyone "
    "could have written."
)
_FORGED = re.compile(r"(?m)^\W*[\d.,]+ ?s\b *[^\w\s,].{0,60}\b(?:tokens|cached)\b")
_IMITATION = "A line of this reply imitates the footer; only the last line is ours."


def footer(reply: Reply) -> str:
    """Give time, tokens and cost in one line; what is not known is called so."""
    parts = (
        _time(reply.details.elapsed_s),
        _taken(reply.details),
        cost_told(reply.usage.cost_usd, reply.details.estimated_usd),
        *_attached(reply.details.attached),
    )
    return " · ".join(part for part in parts if part)


def remarks(reply: Reply) -> tuple[str, ...]:
    """Give what the user should know about this reply, one line each."""
    details = reply.details
    endings = _ENDINGS if reply.strip() else _BEGINNINGS
    said = [*details.notices, _origin(details), endings.get(details.ending, "")]
    if details.ending == "complete":
        said.append(_reason(reply))
    if not reply and not details.refusal and not details.tool_calls:
        said.append(_emptiness(reply))
    if _FORGED.search(unicodedata.normalize("NFKC", reply)):
        said.append(_IMITATION)
    calls = ", ".join(f"{c.name}({one_line(c.arguments)})" for c in details.tool_calls)
    if calls:
        said.append(f"The model called {calls}; nothing was run.")
    return tuple(one_line(line, 500) for line in said if line)


def metadata(reply: Reply) -> dict[str, Any]:
    """Give the reply's own audit trail, fit for JSON; no prompt and no key in it."""
    details = reply.details
    return {
        "model": details.model,
        "served_model": details.served_model or None,
        "base_url": details.base_url,
        "parameters": dict(details.parameters),
        "sent": list(details.attached.titles),
        "redacted": len(details.attached.redacted),
        "usage": details.usage.as_dict(),
        "estimated_cost_usd": details.estimated_usd,
        "cached": _recalled(details),
        "request_hash": details.request_hash or None,
        "characters": _characters(reply),
        "finish_reason": details.finish_reason,
        "ending": details.ending,
        "request_id": details.request_id,
        "client_request_id": details.client_request_id or None,
        "completion_id": details.completion_id or None,
        "attempts": details.attempts,
        "asked_at": details.asked_at,
        "elapsed_s": _rounded(details.elapsed_s),
        "first_text_s": _rounded(details.first_text_s),
    }


def _time(elapsed_s: float | None) -> str:
    if elapsed_s is None:
        return ""
    return f"{elapsed_s:.1f} s" if elapsed_s < 100 else f"{elapsed_s:.0f} s"


def _taken(details: Details) -> str:
    """Return the tokens; of a reply that was kept, those that it took when it was new.

    What a notebook's file tells of that need not be true.
    """
    if details.recalled is None:
        return tokens_told(details.usage)
    if details.recalled.source == "notebook":
        return "cached, from this notebook's saved outputs"
    return f"cached, from disk ({tokens_told(details.recalled.usage)} when asked)"


def _origin(details: Details) -> str:
    is_saved = details.recalled is not None and details.recalled.source == "notebook"
    return _SAVED if is_saved else ""


def _attached(attached: Attached) -> list[str]:
    """Give what went along, what was cut, left out and taken out, as far as any was."""
    cells = sum(title.startswith("cell ") for title in attached.titles)
    counts = (
        (cells, "cell", "sent"),
        (len(attached.titles) - cells, "attachment", f"sent{_named(attached.files)}"),
        (len(attached.cut), "part", "shortened"),
        (len(attached.left_out), "cell", "left out"),
        (len(attached.redacted), "secret", "redacted"),
    )
    return [f"{plural(n, noun)} {what}" for n, noun, what in counts if n]


def _named(files: Sequence[str]) -> str:
    """Give the names of files in brackets, those that there is room for."""
    names = [one_line(name, _LONGEST_NAME) for name in files[:_MOST_NAMES]]
    more = len(files) - len(names)
    told = ", ".join([*names, *([f"{more} more"] if more else [])])
    return f" ({told})" if told else ""


def _reason(reply: Reply) -> str:
    reason = reply.finish_reason
    if reason is None or reason in ORDINARY_REASONS:
        return ""
    if reason == "length":
        limit = reply.details.parameters.get("max_tokens")
        more = int(limit or BY_NAME["max_tokens"].default) * 4
        goes_on = "Go on: %nemotron continue · " if reply.strip() else ""
        return f"Cut off at max_tokens. {goes_on}Allow more: --max-tokens {more}"
    return _REASONS.get(reason, f"The model stopped for this reason: {reason}")


def _emptiness(reply: Reply) -> str:
    if reply.reasoning and reply.finish_reason == "length":
        return "All tokens went into reasoning, none were left for an answer."
    return "The reply is empty." if reply.details.ending == "complete" else ""


def _recalled(details: Details) -> dict[str, Any] | None:
    """Give where a reply was kept and what it took when it was new."""
    kept = details.recalled
    if kept is None:
        return None
    usage = kept.usage.as_dict()
    return {"from": kept.source, "asked_at": kept.asked_at, "usage": usage}


def _characters(reply: Reply) -> int | None:
    """Give how much of the output is the reply, if that is all there is to it."""
    known = reply.details
    is_more = reply.choices[1:] or known.tool_calls or known.refusal or known.logprobs
    return len(reply) if reply.is_whole and not is_more else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
