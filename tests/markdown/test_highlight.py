"""A reply chooses the language of its code, and not how long colouring it takes."""

from __future__ import annotations

import io
import re
import time
from html import unescape
from itertools import chain, repeat

import pytest

from nemotron_magic.display.terminal import TerminalMarkdown, markdown_console
from nemotron_magic.markdown import to_html
from nemotron_magic.markdown.highlight import LANGUAGES, bounded_tokens, highlight

WELL_KNOWN = sorted(LANGUAGES)
LINE = "def f(x: int) -> str:  # what it does\n    return f'{x + 1:>8}' + \"a\"\n"
ORDINARY = LINE * 270

SLOW = {
    "blank lines": " \n" * 10_000,
    "a gap": "a = " + " " * 19_990 + "x",
    "gaps": ("x = a" + " " * 110 + "\n") * 170,
    "one line": "x = 'a" * 17_000,
    "one name": "<<" + "A" * 19_990 + "!",
    "names": ("<<A" + "a" * 180 + "\n") * 100,
    "brackets": "([{<" * 5_000,
    "quotes": ("'\"\n" + '"""a b\\\n') * 1_500,
    "comments": "=pod\n/* (* {- <!-- --[[ #| <![CDATA[\n" + "\n" * 110 + "a\n" * 8_000,
    "fences": "```autohotkey\nx := {a: 1}\n" * 700,
    "3,000 lines": "x := {a: 1}, y.z(%q%) ; c\n" * 3_000,
}


def seconds(language: str, code: str) -> float:
    start_s = time.thread_time()
    highlight(code, language)
    return time.thread_time() - start_s


@pytest.fixture(scope="module")
def ordinary_s() -> float:
    """How long the longest block of ordinary code takes that is coloured whole."""
    assert len(ORDINARY) < 20_000
    seconds("python", "x = 1\n")
    return min(seconds("python", ORDINARY) for _ in range(3))


@pytest.mark.parametrize("language", [*WELL_KNOWN, "autohotkey", ""])
def test_no_code_takes_more_than_a_few_ordinary_blocks_or_is_lost(
    language: str, ordinary_s: float
) -> None:
    seconds(language, "x = 1\n")
    codes = {**SLOW, "ordinary": ORDINARY, "ends": "x\r\n\r\ty\r", "nothing": ""}
    took_s, lost = {}, []
    for name, code in codes.items():
        start_s = time.thread_time()
        html = highlight(code, language)
        took_s[name] = time.thread_time() - start_s
        shown = unescape(re.sub(r"<[^>]*>", "", html))
        if with_plain_ends(shown) != with_plain_ends(code):
            lost.append(name)

    assert lost == []
    assert {n: s for n, s in took_s.items() if s > 8 * ordinary_s} == {}


@pytest.mark.parametrize("name", SLOW)
@pytest.mark.parametrize("language", ["c", "autohotkey"])
def test_a_terminal_takes_no_longer_for_it(
    language: str, name: str, ordinary_s: float
) -> None:
    def printing(language: str, code: str) -> float:
        console = markdown_console(io.StringIO(), force_terminal=True, width=80)
        text = f"````{language}\n{code[:6_000]}\n````\n"
        made = TerminalMarkdown(text)
        start_s = time.thread_time()
        console.print(made)
        return time.thread_time() - start_s

    plain_s = printing("text", SLOW[name])

    assert printing(language, SLOW[name]) < 8 * (plain_s + ordinary_s)


@pytest.mark.parametrize("language", ["python", "autohotkey", "yaml"])
def test_ten_times_the_lines_take_no_ten_times_the_time(
    language: str, ordinary_s: float
) -> None:
    lines = SLOW["3,000 lines"]

    assert seconds(language, lines * 10) < 5 * (seconds(language, lines) + ordinary_s)


def with_plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


ALIASES = ["py", "ipython3", "pycon", "C++", "js", "sh", "yml", "tex", "rb"]


@pytest.mark.parametrize("language", sorted({*WELL_KNOWN, *ALIASES} - {"pytb"}))
def test_a_well_known_language_is_coloured(language: str) -> None:
    code = "<?php # x\n// x\n<a b='c'>\nif x = \"a\" { return 1; }\n% c\n"
    code += '>>> 1\n$ ls\n{"a": 1}\n-- a\nError: b\n+a\n\n# A\n'

    assert '<span class="nm-' in highlight(code, language)


@pytest.mark.parametrize(
    "language",
    [
        "autohotkey",
        "ahk",
        "html+jinja",
        "http",
        "ragel",
        "inform7",
        "text",
        "",
        "x/../y",
    ],
)
def test_any_other_language_is_plain(language: str) -> None:
    assert highlight("if x: <b>'a'\n", language) == "if x: &lt;b&gt;'a'\n"


@pytest.mark.parametrize("language", ["markdown", "rst"])
@pytest.mark.parametrize("block", ["```{}\n{}\n```", ".. code-block:: {}\n\n   {}\n"])
def test_a_text_in_markup_chooses_no_other_language(language: str, block: str) -> None:
    python, unknown = (
        highlight(block.format(name, "return 'x'"), language).replace(name, "_")
        for name in ("python", "nosuch")
    )

    assert python == unknown


def test_what_takes_too_long_is_plain_from_there_on() -> None:
    def shown(*ticks_s: float) -> list[tuple[str, str]]:
        clock = chain(ticks_s, repeat(60.0))
        text = "if x: # a\nif y: 1"
        found = bounded_tokens(text, "python", lambda: next(clock))
        return [(str(kind), text) for kind, text in found]

    assert shown(0, 0, 0, 0) == [
        ("Token.Keyword", "if"),
        ("Token.Text", " "),
        ("Token.Name", "x"),
        ("Token.Text", ": # a\nif y: 1"),
    ]
    assert len(shown(*[0.0] * 99)) == 13


@pytest.mark.parametrize(
    "tail",
    ["a" * 200, "x" + " " * 120 + "y", "\n" * 120 + "y", "a " * 500],
    ids=["a word", "a gap", "empty lines", "a line"],
)
def test_the_code_before_an_unusual_run_is_coloured(tail: str) -> None:
    html = highlight(f"return 1\n\n{tail}\nreturn 2\n", "python")

    assert html.startswith('<span class="nm-k">return</span> ')
    assert html.endswith(f"{tail}\nreturn 2\n"[-9:])
    assert html.count("<span") == 2


def test_a_long_block_is_coloured_at_its_beginning() -> None:
    html = to_html("```py\nreturn 1\n" + "x = 1\n" * 9_000 + "\n```")

    assert '<span class="nm-k">return</span>' in html
    assert html.rstrip().endswith("x = 1\n\n</code></pre>")
