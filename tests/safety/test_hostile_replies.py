"""No attack gets through what we make of a reply for a page, whole or half written."""

from __future__ import annotations

import pytest
from attacks import ADDRESSES, ATTACKS, BANNED, WORST, armed
from markdown_policy import read, violations
from reply_page import faults, interims, painted, wearing, whole

from nemotron_magic.core.events import (
    Notice,
    Reasoning,
    Retry,
    Sent,
    Text,
    TextWasReasoning,
)
from nemotron_magic.core.text import strip_hidden
from nemotron_magic.display.reply import reply_html
from nemotron_magic.markdown import to_html
from nemotron_magic.markdown.sanitize import sanitize
from nemotron_magic.session.reply import Reply, ReplyMetadata

ARMED = tuple(map(armed, ATTACKS))
_WHOLE_CHARS = 160
"""Of an attack that is longer, one prefix in so many is tried."""


def prefixes(text: str) -> list[str]:
    step = 1 + len(text) // _WHOLE_CHARS
    return [text[:end] for end in range(0, len(text), step)]


def test_there_are_enough_attacks_of_every_kind() -> None:
    assert len(ARMED) >= 300
    assert max(map(len, ARMED)) > 4000


@pytest.mark.parametrize("start", range(10))
def test_no_attack_gets_into_a_page(start: int) -> None:
    found = {
        attack: bad
        for attack in ARMED[start::10]
        for html in whole(attack)
        if (bad := faults(html, notices=1))
    }

    assert found == {}


STARTS = [
    *range(3),
    *(pytest.param(start, marks=pytest.mark.extended) for start in range(3, 10)),
]


@pytest.mark.parametrize("start", STARTS)
def test_no_prefix_of_an_attack_gets_into_a_page(start: int) -> None:
    texts = {text for attack in ARMED[start::10] for text in prefixes(attack)}

    assert {text: bad for text in texts if (bad := faults(to_html(text)))} == {}


@pytest.mark.parametrize("step", [1, 7])
def test_no_attack_gets_into_a_page_that_is_painted_as_it_grows(step: int) -> None:
    found = {
        attack: bad
        for attack in ARMED[step % 5 :: 5]
        for html in interims(attack, step if len(attack) < _WHOLE_CHARS else 97)
        if (bad := faults(html))
    }

    assert found == {}


@pytest.mark.parametrize("attack", [*map(armed, WORST)])
def test_no_event_brings_an_attack_into_a_page(attack: str) -> None:
    pieces = [attack[at : at + 9] for at in range(0, len(attack), 9)]
    events = [
        Notice(attack),
        Sent("id", attack),
        Retry(attack, 2.0, 1),
        *map(Text, pieces),
        TextWasReasoning(attack),
        *map(Reasoning, pieces),
        *map(Text, pieces),
    ]

    for html in painted(events):
        assert faults(html, notices=3) == []


@pytest.mark.parametrize("attack", [*map(armed, WORST)])
def test_an_attack_is_shown_and_not_swallowed(attack: str) -> None:
    seen = "".join(read(to_html(attack))[1].split())

    for word in ("onerror", "data-commandlinker", "renewcommand", "@import", "srcdoc"):
        assert word not in attack or word in seen


@pytest.mark.parametrize(
    "address",
    ["/logout", "files/x.svg", "#top", "?a=b", "tel:1", "//a.example/x", "x:y"],
)
def test_a_link_that_may_not_be_one_is_shown_as_it_was_written(address: str) -> None:
    for markdown in (f"[x]({address})", f"![x]({address})"):
        assert read(to_html(markdown))[1].strip() == markdown


@pytest.mark.parametrize(
    "piece",
    ["$ ", "&", "<", "`$` ", "\u200b\u2060", "*\u200b* ", "[x](http://a.b) ", "$x$ ",
     "|\u200b\u2060", "\\", "![](http://a.b) ", "\x00\x01", "~~a~~ ", "> ", "- a\n"],
)  # fmt: skip
def test_a_reply_grows_to_no_flood_of_html(piece: str) -> None:
    paragraph = piece * (4_000 // len(piece))
    text = "\n\n".join([paragraph] * 10)

    assert len(to_html(text)) < 10 * len(text) + 64_000


@pytest.mark.parametrize("language", ["", "python", "html", "no-such", "text"])
def test_no_sign_of_code_is_swallowed_or_read(language: str) -> None:
    code = 'x = "<b onclick=1>" < y & z &lt; List<str> <!-- --> </code></pre>'

    html = to_html(f"```{language}\n{code}\n```")

    assert read(html)[1].strip() == code
    assert faults(html) == []


@pytest.mark.parametrize(
    "text",
    [
        '<div class="nm-footer">0.0 s · $0</div>',
        "```nm-footer\n0.0 s · $0\n```",
        "```python nm-footer\n0.0 s\n```",
        "```python&#32;nm-footer\n0.0 s\n```",
        "```python\u00a0nm-footer\n0.0 s\n```",
        "> 0.0 s · 1 → 1 tokens · $0\n{.nm-footer}",
    ],
)
def test_a_reply_draws_no_footer_of_ours(text: str) -> None:
    html = reply_html(Reply(text, ReplyMetadata(elapsed_s=1.0)))
    ours = '<div class="nm-footer">1.0 s · tokens unknown · cost unknown</div></div>'

    assert wearing(html, "nm-footer") == 1
    assert html.partition('\n<div class="lm-Widget')[0].endswith(ours)


RAW = [
    *(f'<a href="{a}">x</a><img src="{a}" alt="x">' for a in ADDRESSES),
    *(f"<a href='{a}'>x</a><img src='{a}'>" for a in ADDRESSES),
    *(f"<{tag} class='nm-table'>x</{tag}>" for tag in BANNED),
    "<p id=a name=b style=c data-x=d data-commandlinker-command=e onclick=f>x</p>",
    "<ol start=3 type=a><li value=9>x</ol><td align=left width=9 bgcolor=red>x</td>",
]


@pytest.mark.parametrize("start", range(5))
def test_the_last_wall_alone_keeps_the_policy(start: int) -> None:
    texts = map(strip_hidden, [*ARMED, *RAW][start::5])

    # A fold is of our own making; a reply's Markdown has no way to begin one.
    folds = {"<details>", "<summary>"}
    found = {
        text: bad for text in texts if (bad := {*violations(sanitize(text))} - folds)
    }

    assert found == {}


def test_the_last_wall_lets_through_what_may_stand() -> None:
    kept = (
        '<p><a href="https://a.example/x" rel="noopener noreferrer nofollow">x</a>'
        '<a href="mailto:a@b.example" rel="noopener noreferrer nofollow">y</a>'
        '<img src="data:image/png;base64,iVBORw0KGgo=" alt="z"></p>'
    )

    assert sanitize(kept) == kept


@pytest.mark.parametrize(
    "name", ["nm-footer", "nm-notice", "nm-reasoning", "nm-error", "nm-reply", "nm-x"]
)
def test_the_last_wall_takes_off_what_only_our_own_frame_wears(name: str) -> None:
    assert name not in sanitize(f'<div class="{name} nm-table">x</div>')
    assert "nm-table" in sanitize(f'<div class="{name} nm-table">x</div>')
