"""The button that puts code into a cell, and buttons that a reply forges."""

from __future__ import annotations

from html.parser import HTMLParser
from importlib.metadata import PackageNotFoundError

import pytest

from nemotron_magic.code.cells import CodeCell
from nemotron_magic.display.panel.ask import insert_html, may_insert
from nemotron_magic.display.reply import content_html, line_html
from nemotron_magic.markdown import to_html
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


@pytest.mark.parametrize("text", FORGED)
def test_nor_its_reasoning_its_remarks_and_the_notes_on_its_code(text: str) -> None:
    details = ReplyMetadata(reasoning=text, notices=(text,), served_model=text)
    cell = CodeCell("x")

    assert Linked(content_html(Reply(text, details))).found == []
    assert Linked(line_html(text)).found == []
    assert Linked(insert_html([(cell, [text])], button=False)).found == []


@pytest.mark.parametrize("text", FORGED)
def test_code_stays_inside_its_button(text: str) -> None:
    html = insert_html([(CodeCell(f"'{text}\"' # </button>"), [])], button=True)

    assert Linked(html).found == [
        "button",
        "data-commandlinker-command",
        "data-commandlinker-args",
    ]


@pytest.mark.parametrize(("size", "count"), [(20_000, 1), (20_001, 0)])
def test_above_20_kb_code_has_no_button(size: int, count: int) -> None:
    html = insert_html([(CodeCell("x" * size), [])], button=True)

    assert html.count("<button") == count
    assert "%nemotron code<" in html


def test_blocks_are_numbered_where_there_are_several() -> None:
    cells = [(CodeCell("x"), []), (CodeCell("y", number=2), ["line 1: <odd>"])]
    html = insert_html(cells, button=True)

    assert 'aria-label="Insert block 2 as a cell below"' in html
    assert "%nemotron code: 2<" in html
    assert "line 1: &lt;odd&gt;" in html


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
