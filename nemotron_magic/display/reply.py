"""What a finished reply shows: HTML, footer, notices, metadata."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from itertools import chain
from typing import Any

from nemotron_magic.context.prompt import ContextInfo
from nemotron_magic.core.parameters import BY_NAME
from nemotron_magic.core.text import (
    format_cost,
    format_tokens,
    format_usd,
    one_line,
    plural,
)
from nemotron_magic.display import WORDS
from nemotron_magic.display.insert import HIDDEN, ReplyCode
from nemotron_magic.markdown import to_html
from nemotron_magic.markdown.html import BelowCode, line_html, stylesheet, used_rules
from nemotron_magic.markdown.streaming import Block, close_open_marks
from nemotron_magic.session.reply import ORDINARY_REASONS, Reply, ReplyMetadata

_NOTICES = WORDS["notices"]
_LONGEST_NAME = 120
_MOST_NAMES = 4
_FORGED = re.compile(r"(?m)^\W*[\d.,]+ ?s\b *[^\w\s,].{0,60}\b(?:tokens|cached)\b")


def footer(reply: Reply) -> str:
    """Return time, tokens and cost in one line; what is not known is called so."""
    metadata, elapsed_s = reply.metadata, reply.metadata.elapsed_s
    ending = WORDS["broken_off"].get(metadata.ending, "")
    digits = 1 if (elapsed_s or 0) < 100 else 0
    parts = (
        f"{ending} before an answer began" if ending and not reply.strip() else ending,
        "" if elapsed_s is None else f"{elapsed_s:.{digits}f} s",
        _tokens(metadata),
        _cost(metadata),
        *_attached(metadata.context_info),
        metadata.placed,
    )
    return " · ".join(filter(None, parts))


def notices(reply: Reply) -> tuple[str, ...]:
    """Return what the user should know about this reply, one line each."""
    return tuple(chain(*_below(reply)))


def lines_below(reply: Reply) -> tuple[list[str], str, list[str]]:
    """Return what is said below a reply: at most two lines on its code, and the footer.

    The footer begins with why the reply is not whole; the other notices go on its line.
    """
    reason, others, warning = _below(reply)
    line = " · ".join([*reason, footer(reply)])
    return [*reply.metadata.remarks, *warning], line, others


def _below(reply: Reply) -> tuple[list[str], list[str], list[str]]:
    """Return why a reply is not whole, the other notices, and a warning, if any."""
    metadata, others = reply.metadata, [*reply.metadata.notices]
    if metadata.recalled is not None and metadata.recalled.source == "notebook":
        others.append(_NOTICES["saved"])
    calls = ", ".join(f"{c.name}({one_line(c.arguments)})" for c in metadata.tool_calls)
    if calls:
        others.append(f"The model called {calls}; nothing was run.")
    is_forged = _FORGED.search(unicodedata.normalize("NFKC", reply))
    reason, others = (
        [one_line(line, 500) for line in lines if line]
        for lines in ([_reason(reply)], others)
    )
    return reason, others, [_NOTICES["imitation"]] if is_forged else []


def metadata(reply: Reply) -> dict[str, Any]:
    """Return the reply's own audit trail, fit for JSON; no prompt and no key in it."""
    metadata = reply.metadata
    kept, estimated = metadata.recalled, metadata.estimated_usage
    # How much of the output is the reply, if that is all there is to it.
    more = [metadata.shown, reply.choices[1:], metadata.tool_calls, metadata.refusal]
    is_all = reply.is_whole and not any([*more, metadata.logprobs])
    cached = kept and {
        "from": kept.source,
        "asked_at": kept.asked_at,
        "usage": kept.usage.as_dict(),
    }
    names = (
        *("model", "served_model", "base_url", "request_hash", "finish_reason"),
        *("ending", "request_id", "client_request_id", "completion_id", "asked_at"),
    )
    return {
        **{name: getattr(metadata, name) or None for name in names},
        "parameters": dict(metadata.parameters),
        "sent": list(metadata.context_info.titles),
        "redacted": len(metadata.context_info.redacted),
        "usage": metadata.usage.as_dict(),
        "estimated_usage": estimated and estimated.as_dict(),
        "estimated_cost_usd": metadata.estimated_usd,
        "rehearsal": metadata.is_rehearsal,
        "cached": cached,
        "characters": len(reply) if is_all else None,
        "attempts": metadata.attempts,
        "elapsed_s": metadata.elapsed_s and round(metadata.elapsed_s, 3),
        "first_text_s": metadata.first_text_s and round(metadata.first_text_s, 3),
    }


def _tokens(metadata: ReplyMetadata) -> str:
    if metadata.recalled is None:
        return format_tokens(metadata.usage, metadata.estimated_usage)
    if metadata.recalled.source == "notebook":  # what its file says need not be true
        return "cached, from this notebook's saved outputs"
    return f"cached, from disk ({format_tokens(metadata.recalled.usage)} when asked)"


def _cost(metadata: ReplyMetadata) -> str:
    estimated_usd = metadata.estimated_usd
    if not metadata.is_rehearsal or metadata.recalled:
        return format_cost(metadata.usage.cost_usd, estimated_usd)
    if estimated_usd is None:
        return "rehearsal, costs nothing"
    return f"rehearsal, would be about {format_usd(estimated_usd)}"


def _attached(info: ContextInfo) -> list[str]:
    """Return the non-zero counts of parts sent, shortened, left out and redacted."""
    cells = sum(title.startswith("cell ") for title in info.titles)
    names = [one_line(name, _LONGEST_NAME) for name in info.files[:_MOST_NAMES]]
    if more := len(info.files) - len(names):
        names.append(f"{more} more")
    files = f" ({', '.join(names)})" if names else ""
    counts = (
        (cells, "cell", "sent"),
        (len(info.titles) - cells, "attachment", f"sent{files}"),
        (len(info.cut), "part", "shortened"),
        (len(info.left_out), "cell", "left out"),
        (len(info.redacted), "secret", "redacted"),
    )
    return [f"{plural(n, noun)} {what}" for n, noun, what in counts if n]


def _reason(reply: Reply) -> str:
    """Return why a reply is not all that it could be; empty if it is."""
    metadata, reason, has_text = reply.metadata, reply.finish_reason, reply.strip()
    if metadata.ending == "damaged":
        return _NOTICES["damaged" if has_text else "unreadable"]
    if metadata.ending != "complete":
        return ""
    is_nothing = not (has_text or metadata.refusal or metadata.tool_calls)
    if reason == "length":
        limit = metadata.parameters.get("max_tokens")
        more = int(limit or BY_NAME["max_tokens"].default) * 4
        goes_on = " Go on: %nemotron continue ·" if has_text else ""
        what = f"Cut off at max_tokens.{goes_on}"
        if is_nothing and reply.reasoning:
            what = _NOTICES["all_thought"]
        return f"{what} Allow more: --max-tokens {more}"
    if reason is None or reason in ORDINARY_REASONS:
        return "The reply is empty." if is_nothing else ""
    return WORDS["reasons"].get(reason, f"The model stopped for this reason: {reason}")


# Notebook 7 puts outputs of some 1,800 px into a box of 312 px that scrolls, while they
# grow, so that the end, which is being written, is out of sight.
_NO_INNER_SCROLL = (
    ".jp-mod-outputsScrolled .jp-Cell-outputArea:has(.nm-reply)"
    "{max-height:none;overflow-y:visible;resize:none;box-shadow:none}"
)

_ONE_LINE = "overflow:hidden;white-space:nowrap;text-overflow:ellipsis"


def reply_html(reply: Reply, code: ReplyCode | None = None) -> str:
    """Return all that is shown of a reply, as one element with its style sheet."""
    below = code.below if code else None
    texts = shown_texts(reply)
    if texts and reply.is_cut_off:
        texts[-1] = close_open_marks(texts[-1])
    parts = [to_html(text, reply.metadata.inserted, below) for text in texts]
    return document("".join([reasoning_html(reply), *parts, end_html(reply, code)]))


def reasoning_html(reply: Reply) -> str:
    """Return what is shown above a reply: its reasoning, folded."""
    if not reply.metadata.reasoning:
        return ""
    thought = f"<summary>Reasoning</summary>{to_html(reply.metadata.reasoning)}"
    return f'<details class="nm-reasoning">{thought}</details>'


def end_html(reply: Reply, code: ReplyCode | None = None) -> str:
    """Return what is shown below a reply: what was added to it, notices, the footer."""
    metadata = reply.metadata
    parts = [to_html(metadata.appended)] if metadata.appended else []
    parts += [code.rest()] if code else []
    above, line, more = lines_below(reply)
    parts += [f'<p class="nm-notice">{line_html(one)}</p>' for one in above]
    where = code.command() if code and not metadata.inserted else ""
    line = " · ".join([line_html(line) + where, *map(line_html, more)])
    parts.append(f'<div class="nm-footer">{line}</div>')
    return "".join(parts)


def reply_text(reply: Reply) -> str:
    """Return the Markdown that the model wrote; remarks only where it wrote nothing."""
    texts = filter(None, (*shown_texts(reply), reply.metadata.appended))
    return "\n\n".join(texts) or "\n".join(notices(reply)) or footer(reply)


def element(html: str, classes: str = "") -> str:
    """Return the element that makes HTML look like a reply or a piece of one."""
    # An empty line would end the HTML in a Markdown export, which begins with the text.
    html = re.sub(r"(?m)^([ \t]*)\n", r"\1&#10;", html)
    return f'<div class="{f"nm-reply {classes}".strip()}">{html}</div>'


def block_html(block: Block, folded: str = "", below: BelowCode | None = None) -> str:
    """Return one piece of a reply that is, or was, rendered in pieces."""
    if not block.source.strip():
        return ""
    return element(to_html(block.markdown, folded, below), block.classes)


def interim_html(finished: list[str], tail: Block) -> str:
    """Return blocks and a tail that will be rendered again, with formulae left as text.

    To typeset 100 of them 40 times takes a page 8.6 s.
    """
    closed = replace(tail, markdown=close_open_marks(tail.markdown))
    return f'<div class="mathjax_ignore">{"".join(finished)}{block_html(closed)}</div>'


_STATUS = (
    '<div class="nm-reply nm-status" style="'
    'color:color-mix(in srgb,currentColor 78%,transparent);font-size:.9em">'
)


def status_html(text: str, detail: str = "") -> str:
    """Return a line that tells what is being waited for, which needs no style sheet."""
    more = f'<div style="{_ONE_LINE}">{line_html(detail)}</div>' if detail else ""
    return f"{_STATUS}{line_html(text)}{more}</div>"


def is_status(html: str) -> bool:
    """Return whether this is such a line."""
    return html.startswith(_STATUS)


_SHEET = f'\n<div class="{HIDDEN}"><style>'


def document(content: str, below: str | None = "") -> str:
    """Return `content`, which is HTML, with as much of the style sheet as it needs.

    So does what is `below` it in other displays; None may come to need all of it.
    """
    html = element(content)
    css = stylesheet() + _NO_INNER_SCROLL if below is None else used_rules(html + below)
    return f"{html}{_SHEET}{css}</style></div>"


def without_style(html: str) -> str:
    """Return a document for a page that has the style sheet."""
    return html.partition(_SHEET)[0]


def shown_texts(reply: Reply) -> list[str]:
    """Return the texts in Markdown that are shown of a reply."""
    if reply.metadata.shown:
        return [reply.metadata.shown]
    if len(reply.choices) > 1:
        return [f"### Answer {i}\n\n{c}" for i, c in enumerate(reply.choices, 1)]
    return [text for text in (str(reply), reply.metadata.refusal) if text]
