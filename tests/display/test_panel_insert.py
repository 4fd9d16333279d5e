"""The button that puts code into a cell, and buttons that a reply forges."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib.metadata import PackageNotFoundError

import pytest

from nemotron_magic.code.cells import CodeCell, cells_of
from nemotron_magic.display.insert import ReplyCode, may_insert
from nemotron_magic.display.reply import reply_html, without_style
from nemotron_magic.markdown import to_html
from nemotron_magic.markdown.html import line_html
from nemotron_magic.session.reply import Reply, ReplyMetadata

LINKED = (
    'data-commandlinker-command="terminal:create-new" '
    "data-commandlinker-args='{\"a\": 1}'"
)
FORGED = (
    f"<button {LINKED}>go</button>",
    f"Text <span {LINKED}>go</span> and <a href='https://a.b' {LINKED}>link</a>",
    f"| a |\n|--|\n| <b {LINKED}>go</b> |\n\n<DIV DATA-COMMANDLINKER-COMMAND=x>y</DIV>",
    f"[a](https://a.b '\"{LINKED}')\n\n```html {LINKED}\n<button {LINKED}>\n```",
    f'![x" {LINKED} y="](https://a.b/c.png)\n\n<details {LINKED}><summary {LINKED}>',
    f"$<button {LINKED}>$ \\(<i {LINKED}>\\)\n\n<svg><a {LINKED}>z</a></svg>",
    f"<img src=x {LINKED}>\n<script {LINKED}></script>\n- [ ] <input {LINKED}>",
)


class Linked(HTMLParser):
    """What a page's command linker would obey, and all buttons."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs if "commandlinker" in name.lower()]
        self.found += [tag, *names] if names or tag == "button" else []


@pytest.mark.parametrize("text", FORGED)
def test_no_reply_forges_a_button_whole_or_at_any_prefix(text: str) -> None:
    for end in range(1, len(text) + 1):
        assert Linked(to_html(text[:end])).found == []


def shown(reply: str, has_buttons: bool = True, *remarks: str) -> str:
    def cells_in(text: str) -> tuple[CodeCell, ...]:
        return cells_of(text, ["bash"])

    code = ReplyCode(cells_in(reply), lambda cell: remarks, cells_in, has_buttons)
    return without_style(reply_html(Reply(reply, ReplyMetadata()), code))


@pytest.mark.parametrize("text", FORGED)
def test_nor_its_reasoning_its_remarks_and_the_notes_on_its_code(text: str) -> None:
    details = ReplyMetadata(reasoning=text, notices=(text,), served_model=text)

    assert Linked(without_style(reply_html(Reply(text, details)))).found == []
    assert Linked(line_html(text)).found == []
    assert Linked(shown("```py\nx = 1\n```", False, text)).found == []


@pytest.mark.parametrize("text", FORGED)
@pytest.mark.parametrize("frame", ["```python\n{}\n```", "{}\n\n```python\nx = 1\n```"])
def test_only_our_own_button_is_there_and_code_stays_inside_it(
    text: str, frame: str
) -> None:
    reply = frame.format(f"x = {text!r}  # </button>")
    html = shown(reply, True, text)

    assert Linked(html).found == [
        "button",
        "data-commandlinker-command",
        "data-commandlinker-args",
    ]


PLACE = '<span class="nm-below-0"></span>'


@pytest.mark.parametrize(
    "text",
    [PLACE, f"`{PLACE}`", f"    {PLACE}", f"[a](https://b.c '{PLACE}')", f"${PLACE}$"],
)
def test_a_reply_cannot_say_where_a_button_stands(text: str) -> None:
    html = shown(f"{text}\n\n```py\nx = 1\n```")

    assert html.count("<button") == 1
    assert html.index("<button") > html.index("</pre>")


@pytest.mark.parametrize(("size", "count"), [(20_000, 1), (20_001, 0)])
def test_above_20_kb_code_has_no_button(size: int, count: int) -> None:
    html = shown(f"```py\nx = {'1' * (size - 4)}\n```")

    assert html.count("<button") == count
    assert "%nemotron code<" in html


BLOCKS = {
    "two": ("```py\nx = 1\n```\n\nThen:\n\n```py\ny = 2\n```", "PBPB"),
    "the same twice": ("```py\nx = 1\n```\n\n```py\nx = 1\n```", "PBPB"),
    "in a list": ("1. First:\n   ```py\n   x = 1\n   ```\n2. End.", "PB"),
    "in a quote": ("> ```py\n> x = 1\n> ```", "PB"),
    "a session": ("```pycon\n>>> x = 1\n>>> x\n1\n```", "PB"),
    "a shell": ("```bash\nls -l\n```", "PB"),
    "no code of Python": ("```json\n{}\n```\n\n```py\nx = 1\n```", "PPB"),
    "without a fence": ("import pandas as pd\ndf = pd.DataFrame()\nprint(df)", "B"),
    "cut": ("```py\nx = [1,\n     2]\ny = 3", "PB"),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_each_button_stands_below_its_block_or_else_below_the_reply(name: str) -> None:
    reply, order = BLOCKS[name]
    found = re.findall("<(pre|button)", shown(reply))

    assert "".join("PB"[tag == "button"] for tag in found) == order


def test_blocks_are_numbered_where_there_are_several() -> None:
    html = shown("```py\nx = 1\n```\n\n```py\ny = 2\n```", True, "line 1: <odd>")

    assert 'aria-label="Insert block 2 as a cell below"' in html
    assert "into a cell: %nemotron code<" in html
    assert html.count("line 1: &lt;odd&gt;") == 2


@pytest.mark.parametrize(
    ("choice", "versions", "shown"),
    [
        ("auto", {"jupyterlab": "4.5.7"}, True),
        ("auto", {"jupyterlab": "4.5.6"}, False),
        ("auto", {"jupyterlab": "4.10.0"}, True),
        ("auto", {"jupyterlab": "4.5.7rc1"}, False),
        ("auto", {"notebook": "7.5.6"}, True),
        ("auto", {"notebook": "7.5.5", "jupyterlab": "4.5.6"}, False),
        ("auto", {}, False),
        ("on", {}, True),
        ("off", {"jupyterlab": "4.6.0"}, False),
    ],
)
def test_a_button_is_written_where_pages_ask_first(
    choice: str, versions: dict[str, str], shown: bool
) -> None:
    def version_of(name: str) -> str:
        if name not in versions:
            raise PackageNotFoundError(name)
        return versions[name]

    assert may_insert(choice, version_of) is shown
