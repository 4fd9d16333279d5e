"""The HTML of a reply as a page shows it: text, reasoning, remarks, footer."""

from __future__ import annotations

import html

from nemotron_magic.markdown import Block, stylesheet, to_html
from nemotron_magic.markdown.hidden import with_badges
from nemotron_magic.markdown.maths import isolate
from nemotron_magic.reply import Reply
from nemotron_magic.summary import footer, remarks
from nemotron_magic.text import without_smuggled

__all__ = [
    "block_html",
    "content_html",
    "document",
    "interim_html",
    "line_html",
    "reply_html",
    "reply_text",
    "status_html",
]

# Notebook 7 puts outputs of some 1,800 px into a box of 312 px that scrolls, while they
# grow, so that the end, which is being written, is out of sight.
_NO_INNER_SCROLL = (
    ".jp-mod-outputsScrolled .jp-Cell-outputArea:has(.nm-reply)"
    "{max-height:none;overflow-y:visible;resize:none;box-shadow:none}"
)

_QUIET = "color:color-mix(in srgb,currentColor 78%,transparent);font-size:.9em"


def reply_html(reply: Reply) -> str:
    """Give all that is shown of a reply, as one element with its style sheet."""
    return document(content_html(reply))


def content_html(reply: Reply) -> str:
    """Give all that is shown of a reply, for a page that has the style sheet."""
    details = reply.details
    parts = [_folded(details.reasoning) if details.reasoning else ""]
    parts += [to_html(text, details.inserted) for text in _texts(reply)]
    parts.append(to_html(details.appended))
    parts += [f'<p class="nm-notice">{line_html(line)}</p>' for line in remarks(reply)]
    parts.append(f'<div class="nm-footer">{line_html(footer(reply))}</div>')
    return "".join(parts)


def reply_text(reply: Reply) -> str:
    """Give the Markdown that the model wrote; remarks only where it wrote nothing."""
    texts = [text for text in (*_texts(reply), reply.details.appended) if text]
    return "\n\n".join(texts) or "\n".join(remarks(reply))


def block_html(block: Block) -> str:
    """Give one piece of a reply that is still growing."""
    classes = f"nm-reply {block.classes}".strip()
    return f'<div class="{classes}">{to_html(block.markdown)}</div>'


def interim_html(finished: list[str], tail: Block) -> str:
    """Give blocks and a tail that will be painted again, with formulae left as text.

    MathJax would typeset them anew with every paint: 100 formulae painted 40 times take
    a page 8.6 s.
    """
    growing = block_html(tail) if tail.source.strip() else ""
    return f'<div class="mathjax_ignore">{"".join(finished)}{growing}</div>'


def status_html(text: str) -> str:
    """Give a line that tells what is being waited for, which needs no style sheet."""
    return f'<div class="nm-reply nm-status" style="{_QUIET}">{line_html(text)}</div>'


def document(content: str) -> str:
    """Give `content`, which is HTML, with the style sheet that it needs."""
    css = stylesheet() + _NO_INNER_SCROLL
    # Last, so that a Markdown export begins with the text.
    return f'<div class="nm-reply">{content}</div>\n<style>{css}</style>'


def line_html(text: str) -> str:
    """Return a plain line as HTML: what it quotes neither hides nor is a formula."""
    plain = html.escape(without_smuggled(text), quote=False)
    return with_badges(isolate(plain))


def _texts(reply: Reply) -> list[str]:
    if len(reply.choices) > 1:
        return [f"### Answer {i}\n\n{c}" for i, c in enumerate(reply.choices, 1)]
    return [text for text in (str(reply), reply.details.refusal) if text]


def _folded(reasoning: str) -> str:
    return (
        '<details class="nm-reasoning"><summary>Reasoning</summary>'
        f"{to_html(reasoning)}</details>"
    )
