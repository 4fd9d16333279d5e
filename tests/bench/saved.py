"""What the outputs of a saved notebook weigh, and how much of it is style.

    python tests/bench/saved.py

55 outputs: plain replies, replies with code and a table, and cards of our own.
"""

from __future__ import annotations

from typing import NamedTuple

from nemotron_magic.core.usage import Usage
from nemotron_magic.display.reply import document, reply_html
from nemotron_magic.markdown import to_html
from nemotron_magic.session.reply import Reply, ReplyMetadata

ABOUT = ReplyMetadata(
    finish_reason="stop", elapsed_s=1.9, usage=Usage(812, 240, cost_usd=0.0004)
)
PROSE = "A left join keeps each row on the left. With **two** matches it is doubled. "
CODE = """```python
import pandas as pd

def joined(left, right):  # rows that match
    return left.merge(right, how="left", on="key", validate="m:1")[["a", "b"]]
```
"""
TABLE = "| Join | Rows |\n|:--|--:|\n| left | 3 |\n| inner | 2 |\n\n"
MIXED = f"{PROSE}\n\n{CODE}\n{TABLE}"
CARD = "| Nemotron | |\n|:--|:--|\n| Model | `nvidia/x` |\n| Endpoint | `https://x` |\n"
KINDS = {
    "plain reply": (35, lambda: reply_html(Reply(PROSE * 8, ABOUT))),
    "code and table": (
        14,
        lambda: reply_html(Reply(MIXED, ABOUT)),
    ),
    "card": (6, lambda: document(to_html(CARD))),
}


class Weight(NamedTuple):
    """What the outputs of one kind weigh."""

    kind: str
    outputs: int
    html_bytes: int
    style_bytes: int


def weights() -> list[Weight]:
    """Give the weight of one output of each kind."""
    made = {kind: (count, make()) for kind, (count, make) in KINDS.items()}
    styles = {k: html.partition("<style>")[2][:-14] for k, (_, html) in made.items()}
    return [
        Weight(kind, count, len(html.encode()), len(styles[kind].encode()))
        for kind, (count, html) in made.items()
    ]


if __name__ == "__main__":
    found = weights()
    print(f"{'kind':<16}{'outputs':>8}{'bytes':>8}{'style':>8}")
    for one in found:
        print(f"{one.kind:<16}{one.outputs:>8}{one.html_bytes:>8}{one.style_bytes:>8}")
    whole = sum(one.outputs * one.html_bytes for one in found)
    style = sum(one.outputs * one.style_bytes for one in found)
    print(f"{'notebook':<16}{55:>8}{whole:>8}{style:>8} {style / whole:.0%}")
